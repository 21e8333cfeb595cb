/* hub/fetch.h - one file of a repository into the cache: continued where an earlier attempt ended, and checked. */
#ifndef DWELL_HUB_FETCH_H
#define DWELL_HUB_FETCH_H

#include "hub/cache_write.h"
#include "hub/http.h"
#include "hub/repo_list.h"

/* How a file is known to be the right one. */
typedef enum fetch_check { FETCH_SIZE, FETCH_GIT, FETCH_SHA256 } fetch_check;
/* By the form of its hash: 64 digits, 40 digits (git's blob id: SHA-1 of a header and the contents), or anything. */
fetch_check fetch_check_of(const char *hash);

typedef struct fetch_job {
  http *session;
  const cache_writer *cache;
  const dwell_context *ctx;
  const char *address;   /* as http_request.path */
  const repo_file *file; /* size and hash are known */
  bool again;            /* even if the blob is there */
  /* Bytes that have arrived since the last call; negative where the file is begun anew. May be NULL. */
  void (*progress)(void *self, int64_t bytes);
  void *self;
} fetch_job;

/* Whether the file at `path` has the size and the hash of `file`. */
bool fetch_is(const char *path, const repo_file *file);
/* Bytes of the file that are in the cache already, whole or in part. */
int64_t fetch_present(const cache_writer *cache, const repo_file *file);

/* Receives the blob. *ret_fetched: something was downloaded; false: it was there.
 * Errors as http_get; DWELL_BAD_INPUT if the server sends something else than was listed (what arrived is dropped);
 * DWELL_FAILED if it cannot be written. What has arrived otherwise stays for the next time. */
dwell_status fetch_blob(const fetch_job *job, bool *ret_fetched, dwell_error *err);

#endif
