/* tests/flow/orbiting.h - integrates a system from tokens that the test made. */
#ifndef DWELL_TESTS_ORBITING_H
#define DWELL_TESTS_ORBITING_H

#include "flow/capture.h"

#include "base/random.h"
#include "flow/field.h"
#include "flow/integrate.h"

static inline void unit_rows(size_t n, size_t d, double *x) {
  for (size_t i = 0; i < n; i++) {
    double norm = sqrt(dot(d, x + i * d, x + i * d));
    for (size_t k = 0; k < d; k++) x[i * d + k] /= norm;
  }
}

static inline double *random_tokens(size_t n, size_t d, uint32_t which) {
  random_stream s = {11, RANDOM_TEST, which};
  double *x = malloc(n * d * sizeof(double));
  assert_non_null(x);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) x[i * d + k] = random_normal(&s, (uint32_t)i, (uint32_t)k);
  unit_rows(n, d, x);
  return x;
}

/* Where keep_states puts what integrate() emits: [count, n, d]. */
typedef struct kept_states {
  size_t size, count;
  double *x;
} kept_states;

static inline dwell_status keep_state(void *self, size_t index, const double *x, dwell_error *err) {
  (void)err;
  kept_states *k = self;
  assert_int_equal(index, k->count);
  memcpy(k->x + k->count++ * k->size, x, k->size * sizeof(double));
  return DWELL_OK;
}

/* All requested states of the plan from `start` (untouched); release with free. */
static inline double *run_plan(const flow_plan *plan, const double *start, certificate *ret_certificate) {
  size_t size = plan->system.n * plan->system.d;
  kept_states kept = {size, 0, malloc(plan->count * size * sizeof(double))};
  double *x = malloc(size * sizeof(double));
  integrate_host host = {.emit = keep_state, .self = &kept};
  dwell_error err = {.offset = -1};
  assert_true(kept.x != NULL && x != NULL);
  memcpy(x, start, size * sizeof(double));
  assert_ok(integrate(plan, &host, x, ret_certificate, &err), &err);
  assert_int_equal(kept.count, plan->count);
  free(x);
  return kept.x;
}

static inline double *equal_masses(size_t n) {
  double *m = malloc(n * sizeof(double));
  assert_non_null(m);
  for (size_t i = 0; i < n; i++) m[i] = 1 / (double)n;
  return m;
}

static inline double largest_difference(size_t size, const double *a, const double *b) {
  double worst = 0;
  for (size_t e = 0; e < size; e++) worst = fmax(worst, fabs(a[e] - b[e]));
  return worst;
}

#endif
