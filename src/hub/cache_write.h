/* hub/cache_write.h - putting files into the local Hugging Face cache, in the layout of cache.h, so that every other
 * program that uses it finds them. Only `dwell pull` does so.
 *
 * A file is received into blobs/HASH.incomplete under a lock (.locks/models--ORG--NAME/HASH.lock by flock, which
 * huggingface_hub honours too), renamed to blobs/HASH when it is whole, and linked from snapshots/COMMIT/PATH.
 * refs/REV comes last. Each step is atomic; a process that dies leaves a partial file that the next one continues. */
#ifndef DWELL_HUB_CACHE_WRITE_H
#define DWELL_HUB_CACHE_WRITE_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>

typedef struct cache_writer {
  char *repository; /* CACHE/models--ORG--NAME, owned */
  char *locks;      /* CACHE/.locks/models--ORG--NAME, owned */
} cache_writer;

/* `folder` as of cache_parse_name. Makes nothing yet: each folder is made with the first file in it. Release with
 * cache_writer_close. */
dwell_status cache_writer_open(const char *folder, cache_writer *ret_writer, dwell_error *err);
void cache_writer_close(cache_writer *w);

/* Paths, owned by the caller (mem_free). */
dwell_status cache_blob_path(const cache_writer *w, const char *hash, char **ret_path, dwell_error *err);
dwell_status cache_part_path(const cache_writer *w, const char *hash, char **ret_path, dwell_error *err);
dwell_status cache_snapshot_path(const cache_writer *w, const char *commit, const char *path, char **ret_path,
                                 dwell_error *err);

/* DWELL_FAILED if the file system has less room than `bytes`. */
dwell_status cache_check_space(const cache_writer *w, uint64_t bytes, dwell_error *err);

/* One blob being received. */
typedef struct cache_part {
  char *path, *blob; /* blobs/HASH.incomplete and blobs/HASH, owned */
  int lock, fd;      /* -1: none */
  int64_t size;      /* bytes that are there */
} cache_part;

/* Takes the lock, waiting for whoever has it (says so once; ends with DWELL_INTERRUPTED), and opens the partial file.
 * Release with cache_part_close, also after a failure: what has arrived stays. */
dwell_status cache_part_open(const cache_writer *w, const char *hash, const dwell_context *ctx, cache_part *ret_part,
                             dwell_error *err);
dwell_status cache_part_append(cache_part *part, const void *data, size_t size, dwell_error *err);
dwell_status cache_part_clear(cache_part *part, dwell_error *err);
/* The partial file becomes the blob. */
dwell_status cache_part_commit(cache_part *part, dwell_error *err);
/* Also removes the partial file, if `drop`. */
void cache_part_close(cache_part *part, bool drop);

/* Makes snapshots/COMMIT/PATH lead to the blob: a relative link or, where links cannot be (or `links` is false), the
 * blob itself, moved there. */
dwell_status cache_place(const cache_writer *w, const char *commit, const char *path, const char *hash, bool links,
                         dwell_error *err);
/* Makes refs/REVISION name the commit. */
dwell_status cache_set_ref(const cache_writer *w, const char *revision, const char *commit, dwell_error *err);

#endif
