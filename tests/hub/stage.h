/* tests/hub/stage.h - caches and data folders, staged by hand. */
#ifndef DWELL_TESTS_HUB_STAGE_H
#define DWELL_TESTS_HUB_STAGE_H

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/testing.h"

/* Makes every folder of `path`. */
static inline void make_folders(const char *path) {
  char part[PATH_MAX];
  for (size_t i = 1; path[i - 1] != '\0'; i++) {
    if (path[i] != '/' && path[i] != '\0') continue;
    memcpy(part, path, i);
    part[i] = '\0';
    mkdir(part, 0777);
  }
}

static inline const char *put(const char *root, const char *name, const char *text) {
  const char *path = testing_format("%s/%s", root, name);
  char folder[PATH_MAX];
  strcpy(folder, path);
  *strrchr(folder, '/') = '\0';
  make_folders(folder);
  return testing_write(path, text, strlen(text));
}

#endif
