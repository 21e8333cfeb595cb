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

/* Of all that the hub's settings are read from. */
static inline void clear_environment(void) {
  static const char *const names[] = {"HF_HUB_CACHE",
                                      "HUGGINGFACE_HUB_CACHE",
                                      "HF_HOME",
                                      "XDG_CACHE_HOME",
                                      "DWELL_DATA",
                                      "HF_TOKEN",
                                      "HUGGING_FACE_HUB_TOKEN",
                                      "HF_TOKEN_PATH",
                                      "HF_HUB_OFFLINE",
                                      "TRANSFORMERS_OFFLINE",
                                      "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                      "HF_HUB_DOWNLOAD_TIMEOUT",
                                      "SSL_CERT_FILE"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
}

#endif
