/* base/atomic_file.h - a file appears whole or not at all: written under a temporary name in the same folder
 * (".NAME.tmp-PID", so it never ends in .csv or .npz), synced, renamed, folder synced. */
#ifndef DWELL_BASE_ATOMIC_FILE_H
#define DWELL_BASE_ATOMIC_FILE_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct atomic_file {
  FILE *stream;    /* write here */
  char *path;      /* final name (owned) */
  char *temporary; /* name while being written (owned) */
} atomic_file;

dwell_status atomic_file_open(const char *path, atomic_file *ret_file, dwell_error *err);
/* Flushes, syncs and renames. On failure nothing is left behind. The object is finished either way. */
dwell_status atomic_file_commit(atomic_file *file, dwell_error *err);
/* Drops the temporary file. Legal on a finished or zeroed object. */
void atomic_file_abort(atomic_file *file);

/* Writes `size` bytes as the whole file `path`. */
dwell_status atomic_file_write(const char *path, const void *data, size_t size, dwell_error *err);

/* Gives the whole and synced file `from` the name `to` on the same file system, in place of what is there, durably.
 * DWELL_FAILED. */
dwell_status atomic_file_rename(const char *from, const char *to, dwell_error *err);

/* Is `name` (without a folder) the temporary name of the file `of`? */
bool atomic_file_is_temporary(const char *name, const char *of);
/* Removes the temporary files that interrupted writers of the file `name` left in `folder`. */
void atomic_file_sweep(const char *folder, const char *name);

#endif
