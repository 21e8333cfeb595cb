/* hub/repo_list.h - what a hub says is in a repository: the answer of /api/models/NAME/revision/REV?blobs=true. Nothing
 * in it is trusted: names that could lead out of a folder are passed over, hashes and sizes must have their form. */
#ifndef DWELL_HUB_REPO_LIST_H
#define DWELL_HUB_REPO_LIST_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"

typedef struct repo_file {
  const char *path;       /* below the repository, safe to put below a folder */
  int64_t size;           /* bytes; -1: not stated */
  char hash[DIGEST_SIZE]; /* 64 digits: SHA-256 of a large file; 40: git's blob id of a small one; "": not stated */
} repo_file;

typedef struct repo_list {
  char commit[DIGEST_SIZE]; /* 40 digits */
  repo_file *files;         /* [count] in the order of the answer; texts lie in `storage` */
  size_t count, capacity;
  arena storage;
} repo_list;

enum { REPO_MOST_BYTES = 1 << 26, REPO_MOST_FILES = 100000 };

/* DWELL_BAD_INPUT, with the byte, for what is no such answer. Release with repo_list_free, also after a failure. */
dwell_status repo_list_parse(const char *text, size_t size, repo_list *ret_list, dwell_error *err);
void repo_list_free(repo_list *list);
repo_file *repo_list_find(const repo_list *list, const char *path); /* NULL: not there */

/* Whether `path` [length] is a path of a file below a folder: UTF-8 without control characters, backslashes, empty
 * components, "." and "..". */
bool repo_path(const char *path, size_t length);
/* Whether `text` is `length` lower-case hexadecimal digits. */
bool repo_hex(const char *text, size_t length);

#endif
