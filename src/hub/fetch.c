/* hub/fetch.c - one file of a repository into the cache. */
#define _POSIX_C_SOURCE 200809L /* pread */
#include "hub/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "file/bytes.h"

enum { CHUNK = 1 << 18, MOST_ROUNDS = 4 };

/* ---- hashes ---- */

fetch_check fetch_check_of(const char *hash) {
  return repo_hex(hash, 64) ? FETCH_SHA256 : repo_hex(hash, 40) ? FETCH_GIT : FETCH_SIZE;
}

/* A digest that has taken what comes before the contents. */
static dwell_status start_digest(const repo_file *file, digest **ret_digest, dwell_error *err) {
  bool git = fetch_check_of(file->hash) == FETCH_GIT;
  dwell_status status = digest_create(git ? DIGEST_SHA1 : DIGEST_SHA256, ret_digest, err);
  if (status != DWELL_OK || !git) return status;
  char header[40];
  int length = snprintf(header, sizeof header, "blob %lld", (long long)file->size);
  digest_add(*ret_digest, header, (size_t)length + 1); /* with the NUL */
  return DWELL_OK;
}

/* Adds the first `size` bytes of an open file. */
static dwell_status add_file(digest *d, int fd, int64_t size, const char *path, const dwell_context *ctx,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  char *chunk = mem_alloc(CHUNK, 1);
  TRY_ALLOC(chunk, "a read buffer");
  for (int64_t at = 0; at < size; at += CHUNK) {
    size_t count = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
    TRY(context_interrupted(ctx, err));
    TRY(bytes_read_at(fd, chunk, count, (uint64_t)at, path, err));
    digest_add(d, chunk, count);
  }
done:
  mem_free(chunk);
  return status;
}

bool fetch_is(const char *path, const repo_file *file) {
  int fd;
  uint64_t size;
  digest *d = NULL;
  char hex[DIGEST_SIZE];
  if (bytes_open(path, &fd, &size, NULL) != DWELL_OK) return false;
  bool same = (int64_t)size == file->size && start_digest(file, &d, NULL) == DWELL_OK &&
              add_file(d, fd, file->size, path, NULL, NULL) == DWELL_OK && digest_end(d, hex, NULL) == DWELL_OK &&
              str_equal(hex, file->hash);
  digest_destroy(d);
  close(fd);
  return same;
}

/* ---- what is there ---- */

/* Size of a regular file, or -1. */
static int64_t size_of(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

int64_t fetch_present(const cache_writer *cache, const repo_file *file) {
  char *blob = NULL, *part = NULL;
  int64_t size = -1;
  if (cache_blob_path(cache, file->hash, &blob, NULL) == DWELL_OK) size = size_of(blob);
  if (size != file->size && cache_part_path(cache, file->hash, &part, NULL) == DWELL_OK) size = size_of(part);
  mem_free(blob);
  mem_free(part);
  return size > 0 && size <= file->size ? size : 0;
}

/* ---- receiving ---- */

typedef struct receiving {
  const fetch_job *job;
  cache_part part;
  digest *digest; /* of the first part.size bytes; NULL: not begun */
  bool continued; /* some of it came by an earlier call */
  bool misplaced; /* the server sent another range than was asked for */
  bool spoilt;    /* what is there is of no use */
} receiving;

static void report(const receiving *r, int64_t bytes) {
  if (r->job->progress != NULL) r->job->progress(r->job->self, bytes);
}

/* From the beginning. */
static dwell_status restart(receiving *r, dwell_error *err) {
  report(r, -r->part.size);
  r->continued = r->spoilt = false;
  digest_destroy(r->digest);
  r->digest = NULL;
  dwell_status status = cache_part_clear(&r->part, err);
  return status == DWELL_OK ? start_digest(r->job->file, &r->digest, err) : status;
}

static dwell_status begin(void *self, int64_t *ret_from, dwell_error *err) {
  receiving *r = self;
  const repo_file *file = r->job->file;
  dwell_status status = DWELL_OK;
  if (r->part.size > file->size) status = restart(r, err);
  if (status == DWELL_OK && r->digest == NULL) {
    status = start_digest(file, &r->digest, err);
    if (status == DWELL_OK) status = add_file(r->digest, r->part.fd, r->part.size, r->part.path, r->job->ctx, err);
    r->continued = r->part.size > 0;
  }
  *ret_from = r->part.size < file->size || file->size == 0 ? r->part.size : -1;
  return status;
}

static dwell_status other_size(const receiving *r, dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "the server sends a file of another size than the %lld bytes of its list",
            (long long)r->job->file->size);
  error_remedy(err, "Run the same command again; if it stays so, the hub or a proxy on the way is at fault");
  return DWELL_BAD_INPUT;
}

/* The head of an answer: is it of the file that was listed, and of the part that was asked for? */
static dwell_status check_head(receiving *r, const http_reply *reply, dwell_error *err) {
  const repo_file *file = r->job->file;
  bool comparable = fetch_check_of(reply->etag) != FETCH_SIZE && strlen(reply->etag) == strlen(file->hash);
  if (comparable && !str_equal(reply->etag, file->hash)) {
    error_set(err, DWELL_BAD_INPUT, "the file on the hub is not the one of its list any more");
    error_remedy(err, "Run the same command again");
    return DWELL_BAD_INPUT;
  }
  if (reply->code == 206 && reply->begin != r->part.size) {
    r->misplaced = true;
    return error_set(err, DWELL_BAD_INPUT, "the server sends another part of the file than was asked for");
  }
  if (reply->code == 200 && r->part.size > 0) {
    dwell_status status = restart(r, err);
    if (status != DWELL_OK) return status;
  }
  if (reply->length >= 0 && r->part.size + reply->length != file->size) return other_size(r, err);
  return DWELL_OK;
}

static dwell_status take(void *self, const http_reply *reply, const void *data, size_t size, dwell_error *err) {
  receiving *r = self;
  if (size == 0) return check_head(r, reply, err);
  if ((int64_t)size > r->job->file->size - r->part.size) return r->spoilt = true, other_size(r, err);
  dwell_status status = cache_part_append(&r->part, data, size, err);
  if (status != DWELL_OK) return status;
  digest_add(r->digest, data, size);
  report(r, (int64_t)size);
  return DWELL_OK;
}

/* The whole file is there: is it the right one? */
static dwell_status verify(receiving *r, bool *ret_right, dwell_error *err) {
  char hex[DIGEST_SIZE];
  dwell_status status = digest_end(r->digest, hex, err);
  *ret_right = fetch_check_of(r->job->file->hash) == FETCH_SIZE || str_equal(hex, r->job->file->hash);
  return status;
}

static dwell_status wrong_hash(receiving *r, dwell_error *err) {
  bool git = fetch_check_of(r->job->file->hash) == FETCH_GIT;
  r->spoilt = true;
  error_set(err, DWELL_BAD_INPUT, "what arrived does not have the %s that the hub states, and was dropped",
            git ? "git blob id" : "SHA-256");
  error_remedy(err, "Run the same command again; if it stays so, the hub or a proxy on the way is at fault");
  return DWELL_BAD_INPUT;
}

static dwell_status ended_early(const receiving *r, dwell_error *err) {
  error_set(err, DWELL_FAILED, "the server ends after %lld of %lld bytes", (long long)r->part.size,
            (long long)r->job->file->size);
  error_remedy(err, "Run the same command again to go on");
  return DWELL_FAILED;
}

/* One round of requests. *ret_again: from the beginning, or from where it ended, the next may go better. */
static dwell_status round_of_requests(receiving *r, bool *ret_again, dwell_error *err) {
  http_request request = {.path = r->job->address, .begin = begin, .take = take, .self = r};
  http_reply reply;
  bool right;
  r->misplaced = false;
  *ret_again = false;
  dwell_status status = http_get(r->job->session, &request, &reply, err);
  if (status != DWELL_OK) { /* 416: there is nothing from this byte on */
    *ret_again = r->misplaced || (reply.code == 416 && r->part.size > 0);
    return status;
  }
  if (r->part.size < r->job->file->size) {
    *ret_again = true;
    return ended_early(r, err);
  }
  status = verify(r, &right, err);
  if (status != DWELL_OK || right) return status;
  *ret_again = r->continued;
  return wrong_hash(r, err);
}

static dwell_status receive(receiving *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (int round = 1; round <= MOST_ROUNDS; round++) {
    bool again;
    status = round_of_requests(r, &again, err);
    if (status == DWELL_OK || !again) break;
    if (status == DWELL_BAD_INPUT) {
      dwell_error second;
      dwell_status cleared = restart(r, &second);
      if (cleared != DWELL_OK) break;
    }
  }
  return status;
}

dwell_status fetch_blob(const fetch_job *job, bool *ret_fetched, dwell_error *err) {
  receiving r = {.job = job};
  dwell_status status;
  bool drop = false;
  *ret_fetched = false;
  TRY(cache_part_open(job->cache, job->file->hash, job->ctx, &r.part, err));
  if (!job->again && size_of(r.part.blob) == job->file->size) { /* also if somebody else made it meanwhile */
    drop = true;
    goto done;
  }
  if (job->again) TRY(cache_part_clear(&r.part, err));
  status = receive(&r, err);
  if (status == DWELL_OK) status = cache_part_commit(&r.part, err);
  *ret_fetched = status == DWELL_OK;
  drop = status != DWELL_OK && (r.spoilt || r.part.size == 0);
done:
  if (status != DWELL_OK) error_in_file(err, job->file->path);
  cache_part_close(&r.part, drop);
  digest_destroy(r.digest);
  return status;
}
