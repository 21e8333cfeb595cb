/* trajectory/spool.c - all states of a trajectory, in memory or in an unlinked temporary file. */
#define _GNU_SOURCE /* mkostemp */
#include "trajectory/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

struct spool {
  size_t n, d, room, count; /* room: frames there is space for */
  dwell_dtype dtype;
  size_t frame_bytes;
  dwell_frame *frames;
  unsigned char *memory; /* NULL: the states are in `file` */
  int file;              /* -1: in memory */
};

static size_t frames_of(const dwell_trajectory *t) { return t->replicas * (t->states + (t->has_final_norm ? 1 : 0)); }

uint64_t spool_bytes(const dwell_trajectory *t) { return (uint64_t)frames_of(t) * t->n * t->d * (uint64_t)t->dtype; }

/* A file that has no name any more, so that nothing is left behind however the process ends. */
static dwell_status open_unnamed(int *ret_file, dwell_error *err) {
  const char *folder = getenv("TMPDIR");
  char path[4096];
  if (folder == NULL || folder[0] == '\0') folder = "/tmp";
  int length = snprintf(path, sizeof path, "%s/dwell-spool-XXXXXX", folder);
  if (length < 0 || (size_t)length >= sizeof path) return error_set(err, DWELL_FAILED, "TMPDIR is too long a name");
  *ret_file = mkostemp(path, O_CLOEXEC);
  if (*ret_file < 0) {
    error_system(err, DWELL_FAILED, "make a temporary file", folder);
    error_remedy(err, "Set TMPDIR to a folder with room for the states");
    return DWELL_FAILED;
  }
  unlink(path);
  return DWELL_OK;
}

dwell_status spool_create(const dwell_trajectory *t, uint64_t memory_bytes, spool **ret_spool, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t bytes, all;
  *ret_spool = NULL;
  spool *s = MEM_ZERO(spool, 1);
  TRY_ALLOC(s, "the spool");
  *s = (spool){.n = t->n, .d = t->d, .room = frames_of(t), .dtype = t->dtype, .file = -1};
  if (!size_mul(t->n, t->d, &bytes) || !size_mul(bytes, (size_t)t->dtype, &s->frame_bytes) ||
      !size_mul(s->frame_bytes, s->room, &all)) {
    status = error_set(err, DWELL_NO_MEMORY, "%zu states of %zu x %zu are too large", s->room, t->n, t->d);
    goto done;
  }
  s->frames = MEM_ZERO(dwell_frame, s->room);
  TRY_ALLOC(s->frames, "the spool");
  if (all <= memory_bytes) {
    s->memory = mem_alloc(s->room, s->frame_bytes);
    TRY_ALLOC(s->memory, "the states");
  } else {
    TRY(open_unnamed(&s->file, err));
  }
  *ret_spool = s;
done:
  if (status != DWELL_OK) spool_destroy(s);
  return status;
}

void spool_destroy(spool *s) {
  if (s == NULL) return;
  if (s->file >= 0) close(s->file);
  mem_free(s->frames);
  mem_free(s->memory);
  mem_free(s);
}

/* Index of the first NaN or Inf, or count. */
static size_t first_bad(const void *data, dwell_dtype dtype, size_t count) {
  size_t i = 0;
  if (dtype == DWELL_F32) {
    for (const float *x = data; i < count && isfinite(x[i]); i++) {
    }
  } else {
    for (const double *x = data; i < count && isfinite(x[i]); i++) {
    }
  }
  return i;
}

static dwell_status write_at(int file, const void *data, size_t size, off_t at, dwell_error *err) {
  for (const unsigned char *p = data; size > 0;) {
    ssize_t wrote = pwrite(file, p, size, at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return error_system(err, DWELL_FAILED, "write the temporary file of states", NULL);
    p += wrote, at += wrote, size -= (size_t)wrote;
  }
  return DWELL_OK;
}

static dwell_status read_at(int file, void *data, size_t size, off_t at, dwell_error *err) {
  for (unsigned char *p = data; size > 0;) {
    ssize_t got = pread(file, p, size, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return error_system(err, DWELL_FAILED, "read the temporary file of states", NULL);
    p += got, at += got, size -= (size_t)got;
  }
  return DWELL_OK;
}

dwell_status spool_on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  spool *s = self;
  if (x->n != s->n || x->d != s->d || x->dtype != s->dtype || s->count == s->room) {
    return error_set(err, DWELL_FAILED, "a source pushed a state of another shape than it announced");
  }
  size_t bad = first_bad(x->data, x->dtype, x->n * x->d);
  if (bad < x->n * x->d) {
    error_set(err, DWELL_BAD_INPUT, "state %zu (%s) is not finite at token %zu, dimension %zu", frame->state,
              frame->tap, bad / x->d, bad % x->d);
    error_remedy(err, "Weights or states with NaN or Inf cannot be measured");
    return DWELL_BAD_INPUT;
  }
  s->frames[s->count] = *frame;
  if (s->memory != NULL) {
    memcpy(s->memory + s->count * s->frame_bytes, x->data, s->frame_bytes);
  } else {
    dwell_status status = write_at(s->file, x->data, s->frame_bytes, (off_t)(s->count * s->frame_bytes), err);
    if (status != DWELL_OK) return status;
  }
  s->count++;
  return DWELL_OK;
}

size_t spool_frames(const spool *s) { return s->count; }

const dwell_frame *spool_frame(const spool *s, size_t i) { return &s->frames[i]; }

static dwell_status read_bytes(const spool *s, size_t at, size_t size, void *ret_x, dwell_error *err) {
  if (s->memory == NULL) return read_at(s->file, ret_x, size, (off_t)at, err);
  memcpy(ret_x, s->memory + at, size);
  return DWELL_OK;
}

dwell_status spool_read_raw(const spool *s, size_t i, void *ret_x, dwell_error *err) {
  return read_bytes(s, i * s->frame_bytes, s->frame_bytes, ret_x, err);
}

dwell_status spool_read_rows(const spool *s, size_t i, size_t first, size_t rows, double *ret_x, dwell_error *err) {
  size_t count = rows * s->d, at = i * s->frame_bytes + first * s->d * (size_t)s->dtype;
  /* Floats go to the upper half of the buffer, then are widened from the front: never overwritten unread. */
  float *raw = (float *)ret_x + count;
  if (s->dtype == DWELL_F64) return read_bytes(s, at, count * sizeof *ret_x, ret_x, err);
  dwell_status status = read_bytes(s, at, count * sizeof *raw, raw, err);
  for (size_t k = 0; status == DWELL_OK && k < count; k++) {
    float x;
    memcpy(&x, raw + k, sizeof x);
    ret_x[k] = x;
  }
  return status;
}

dwell_status spool_read(const spool *s, size_t i, double *ret_x, dwell_error *err) {
  return spool_read_rows(s, i, 0, s->n, ret_x, err);
}
