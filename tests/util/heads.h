/* tests/util/heads.h - attention matrices for tests. */
#ifndef DWELL_TESTS_HEADS_H
#define DWELL_TESTS_HEADS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "instrument/instrument.h"
#include "util/testing.h"

/* Softmax of the rows of `scores` [n,n] over the allowed keys, in place; 0 elsewhere. */
static inline void heads_softmax(size_t n, double *scores, bool causal) {
  for (size_t i = 0; i < n; i++) {
    size_t allowed = causal ? i + 1 : n;
    double *row = scores + i * n, sum = 0;
    for (size_t j = 0; j < n; j++) row[j] = j < allowed ? exp(row[j]) : 0;
    for (size_t j = 0; j < allowed; j++) sum += row[j];
    for (size_t j = 0; j < allowed; j++) row[j] /= sum;
  }
}

/* Softmax of normal scores of standard deviation `spread`. Release with free. */
static inline double *heads_random(size_t n, double spread, bool causal, uint32_t which) {
  random_stream s = {.seed = 30, .purpose = RANDOM_TEST, .replica = which};
  double *a = malloc(n * n * sizeof *a);
  assert_non_null(a);
  for (size_t e = 0; e < n * n; e++) a[e] = spread * random_normal(&s, (uint32_t)(e / n), (uint32_t)(e % n));
  heads_softmax(n, a, causal);
  return a;
}

/* A column of a head instrument. */
static inline value heads_value(const char *name, const instrument_head *h) {
  const instrument *m = instrument_find(name);
  value values[16];
  dwell_error err;
  assert_non_null(m);
  assert_ok(m->head(h, values, &err), &err);
  for (size_t c = 0; c < m->column_count; c++) {
    if (strcmp(m->columns[c].name, name) == 0) return values[c];
  }
  fail_msg("no column %s", name);
  return UNDEFINED("");
}

static inline void heads_undefined(const char *name, const instrument_head *h, const char *reason) {
  value v = heads_value(name, h);
  assert_non_null(v.undefined);
  assert_string_equal(v.undefined, reason);
}

#endif
