/* tests/flow/capture.h - runs a flow and keeps every state. */
#ifndef DWELL_TESTS_CAPTURE_H
#define DWELL_TESTS_CAPTURE_H

#include "util/testing.h"

#include <dwell/flow.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct capture {
  size_t n, d, states, replicas, count; /* count: states received */
  double *x;                            /* [replicas, states, n, d] */
  double *log_times;                    /* [replicas, states] */
  bool ended;
} capture;

static dwell_status capture_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)err;
  capture *c = self;
  size_t size = c->n * c->d;
  assert_true(c->count < c->replicas * c->states);
  assert_int_equal(frame->replica, c->count / c->states);
  assert_int_equal(frame->state, c->count % c->states);
  assert_string_equal(frame->tap, "resid");
  assert_true(frame->has_time && x->n == c->n && x->d == c->d);
  for (size_t e = 0; e < size; e++)
    c->x[c->count * size + e] =
        x->dtype == DWELL_F64 ? ((const double *)x->data)[e] : (double)((const float *)x->data)[e];
  c->log_times[c->count++] = frame->log_time;
  return DWELL_OK;
}

static dwell_status capture_end(void *self, dwell_error *err) {
  (void)err;
  ((capture *)self)->ended = true;
  return DWELL_OK;
}

static inline void capture_free(capture *c) {
  free(c->x);
  free(c->log_times);
}

static inline const double *capture_at(const capture *c, size_t replica, size_t state) {
  return c->x + (replica * c->states + state) * c->n * c->d;
}

static inline capture capture_source(dwell_source *source, const dwell_context *ctx) {
  dwell_error err = {.offset = -1};
  const dwell_trajectory *t = dwell_source_trajectory(source);
  capture c = {.n = t->n, .d = t->d, .states = t->states, .replicas = t->replicas};
  c.x = malloc(c.replicas * c.states * c.n * c.d * sizeof(double));
  c.log_times = malloc(c.replicas * c.states * sizeof(double));
  assert_true(c.x != NULL && c.log_times != NULL);
  dwell_sink sink = {.self = &c, .on_state = capture_state, .on_end = capture_end};
  assert_ok(dwell_source_run(source, ctx, &sink, &err), &err);
  assert_true(c.ended);
  assert_int_equal(c.count, c.replicas * c.states);
  return c;
}

static inline capture capture_flow(const dwell_flow_options *options, int threads) {
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = threads, .seed = 7};
  dwell_source *source = NULL;
  assert_ok(dwell_flow_open(options, &ctx, &source, &err), &err);
  capture c = capture_source(source, &ctx);
  dwell_source_destroy(source);
  return c;
}

static inline double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

#endif
