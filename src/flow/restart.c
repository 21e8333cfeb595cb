/* flow/restart.c - the moment between two steps on disk. */
#define _GNU_SOURCE
#include "flow/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "file/npy.h"

enum { PATH = 4400, NUMBERS = sizeof(restart_moment) / sizeof(double), TOTALS = sizeof(certificate) / sizeof(double) };

struct restart {
  char path[PATH], states_path[PATH], identity[DIGEST_SIZE];
  double seconds, saved; /* between two saves; when the last one was */
  size_t state, states, replica;
  certificate total;
  const dwell_context *ctx;
  npz *from; /* a moment not taken yet */
  int file;  /* of the states; -1: not the first process, which only reads */
};

static bool is_writer(const restart *r) { return r->ctx == NULL || r->ctx->ranks == NULL || r->ctx->ranks->rank == 0; }

/* ---- reading ---- */

static dwell_status damaged(const restart *r, dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "is not a moment to go on from, or damaged");
  error_in_file(err, r->path);
  return error_remedy(err, "Remove it to begin the run again");
}

/* Member `name`, of `count` numbers. */
static dwell_status read_member(const restart *r, const char *name, size_t count, double *ret, dwell_error *err) {
  size_t i;
  if (!npz_find(r->from, name, &i) || npz_header(r->from, i)->count != count) return damaged(r, err);
  return npz_read_f64(r->from, i, 0, count, ret, err);
}

static dwell_status check_identity(const restart *r, dwell_error *err) {
  char text[DIGEST_SIZE + 1];
  size_t i;
  if (!npz_find(r->from, "identity", &i) || npz_header(r->from, i)->type != NPY_BYTES ||
      npz_header(r->from, i)->item_size != DIGEST_SIZE - 1)
    return damaged(r, err);
  dwell_status status = npz_read_text(r->from, i, 0, text, sizeof text, err);
  if (status != DWELL_OK || strcmp(text, r->identity) == 0) return status;
  error_set(err, DWELL_USAGE, "is of a run with other options, or by another build of dwell");
  error_in_file(err, r->path);
  return error_remedy(err, "Give the same options, or remove it to begin again");
}

/* Structures are kept as numbers, eight bytes each, whatever is in them: the same build reads them. */
static dwell_status read_head(restart *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double counts[2], total[TOTALS];
  TRY(npz_open(r->path, &r->from, err));
  TRY(check_identity(r, err));
  TRY(read_member(r, "counts", 2, counts, err));
  TRY(read_member(r, "total", TOTALS, total, err));
  if (!(counts[0] >= 0 && counts[0] < 1e15 && counts[1] >= 0 && counts[1] < 1e15)) TRY(damaged(r, err));
  r->states = (size_t)counts[0], r->replica = (size_t)counts[1];
  memcpy(&r->total, total, sizeof total);
done:
  return status;
}

/* All processes must have found the same. */
static dwell_status agree(const restart *r, dwell_status mine, dwell_error *err) {
  size_t count = ranks_count(r->ctx), mismatch = 0;
  if (count == 1) return mine;
  double *found = mem_zero(count, 3 * sizeof(double));
  size_t *bounds = MEM_NEW(size_t, count + 1);
  if (found == NULL || bounds == NULL) mine = error_no_memory(err, "the moment to go on from");
  for (size_t k = 0; k <= count && bounds != NULL; k++) bounds[k] = k;
  if (found != NULL) {
    double *own = found + 3 * r->ctx->ranks->rank;
    own[0] = r->from != NULL, own[1] = (double)r->states, own[2] = (double)r->replica;
  }
  ranks_array array = {found, 3};
  dwell_status status = ranks_exchange(r->ctx, mine, bounds, 1, &array, err);
  for (size_t k = 0; k < 3 * count && status == DWELL_OK; k++) mismatch += found[k] != found[k % 3];
  mem_free(found);
  mem_free(bounds);
  if (status != DWELL_OK || mismatch == 0) return status;
  error_set(err, DWELL_FAILED, "not every process sees the moment to go on from");
  return error_remedy(err, "Put -o on a file system that all machines share");
}

static dwell_status open_states(restart *r, dwell_error *err) {
  r->file = open(r->states_path, is_writer(r) ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0666);
  if (r->file < 0 && (is_writer(r) || r->states > 0)) return error_system(err, DWELL_FAILED, "open", r->states_path);
  off_t whole = (off_t)(r->states * r->state * sizeof(double));
  if (r->file >= 0 && lseek(r->file, 0, SEEK_END) < whole) return damaged(r, err);
  if (!is_writer(r)) return DWELL_OK;
  if (ftruncate(r->file, whole) != 0 || lseek(r->file, whole, SEEK_SET) != whole)
    return error_system(err, DWELL_FAILED, "write", r->states_path);
  return DWELL_OK;
}

dwell_status restart_open(const char *folder, double seconds, const char *identity, size_t state,
                          const dwell_context *ctx, restart **ret_restart, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_restart = NULL;
  restart *r = MEM_ZERO(restart, 1);
  if (r == NULL) return error_no_memory(err, "the moment to go on from");
  r->ctx = ctx, r->seconds = seconds, r->state = state, r->file = -1, r->saved = clock_seconds();
  r->total = certificate_start();
  snprintf(r->identity, sizeof r->identity, "%s", identity);
  if ((size_t)snprintf(r->path, PATH, "%s/restart.npz", folder) >= PATH - 20) status = DWELL_USAGE;
  snprintf(r->states_path, PATH, "%.4300s/restart.states", folder);
  if (status != DWELL_OK) error_set(err, status, "the name of the folder is too long");
  if (status == DWELL_OK && access(r->path, F_OK) == 0) status = read_head(r, err);
  status = agree(r, status, err);
  if (status == DWELL_OK) status = open_states(r, err);
  if (status != DWELL_OK) restart_close(r), r = NULL;
  *ret_restart = r;
  return status;
}

void restart_close(restart *r) {
  if (r == NULL) return;
  npz_close(r->from);
  if (r->file >= 0) close(r->file);
  mem_free(r);
}

size_t restart_states(const restart *r) { return r->states; }
size_t restart_replica(const restart *r) { return r->replica; }
certificate restart_total(const restart *r) { return r->total; }

dwell_status restart_read(restart *r, size_t k, double *ret_x, dwell_error *err) {
  size_t size = r->state * sizeof(double), done = 0;
  while (done < size) {
    ssize_t got = pread(r->file, (char *)ret_x + done, size - done, (off_t)(k * size + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return error_system(err, DWELL_FAILED, "read", r->states_path);
    done += (size_t)got;
  }
  return DWELL_OK;
}

/* ---- writing ---- */

dwell_status restart_keep(restart *r, const double *x, dwell_error *err) {
  size_t size = r->state * sizeof(double), done = 0;
  r->states++;
  while (done < size && is_writer(r)) {
    ssize_t put = write(r->file, (const char *)x + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return error_system(err, DWELL_FAILED, "write", r->states_path);
    done += (size_t)put;
  }
  return DWELL_OK;
}

void restart_next(restart *r, size_t replica, const certificate *total) { r->replica = replica, r->total = *total; }

bool restart_is_due(const restart *r) { return is_writer(r) && clock_seconds() - r->saved >= r->seconds; }

static dwell_status add(npz_writer *w, const char *name, size_t count, const void *data, dwell_error *err) {
  return npz_writer_add(w, name, NPY_FLOAT, sizeof(double), 1, &count, data, err);
}

dwell_status restart_save(restart *r, const restart_moment *moment, size_t size, const double *x, dwell_error *err) {
  dwell_status status = DWELL_OK;
  npz_writer *w = NULL;
  double counts[2] = {(double)r->states, (double)r->replica};
  if (!is_writer(r)) return DWELL_OK;
  if (fdatasync(r->file) != 0) return error_system(err, DWELL_FAILED, "write", r->states_path);
  TRY(npz_writer_open(r->path, &w, err));
  TRY(npz_writer_add(w, "identity", NPY_BYTES, DIGEST_SIZE - 1, 0, NULL, r->identity, err));
  TRY(add(w, "counts", 2, counts, err));
  TRY(add(w, "total", TOTALS, &r->total, err));
  TRY(add(w, "moment", NUMBERS, moment, err));
  TRY(add(w, "x", size, x, err));
  status = npz_writer_commit(w, err);
  w = NULL;
  r->saved = clock_seconds();
done:
  npz_writer_abort(w);
  return status;
}

dwell_status restart_take(restart *r, restart_moment *ret_moment, size_t size, double *ret_x, bool *ret_there,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  double numbers[NUMBERS];
  *ret_there = r->from != NULL;
  if (r->from == NULL) return DWELL_OK;
  TRY(read_member(r, "moment", NUMBERS, numbers, err));
  TRY(read_member(r, "x", size, ret_x, err));
  memcpy(ret_moment, numbers, sizeof numbers);
done:
  npz_close(r->from);
  r->from = NULL;
  return status;
}
