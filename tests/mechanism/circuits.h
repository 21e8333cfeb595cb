/* tests/mechanism/circuits.h - the numbers of a product against golden ones, and heads made by hand. */
#ifndef DWELL_TESTS_CIRCUITS_H
#define DWELL_TESTS_CIRCUITS_H

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mechanism/mechanism.h"
#include "util/testing.h"

static const char *const KEY_NAMES[CIRCUIT_KEYS] = {"radius", "trace",     "max_re",  "min_re", "norm",
                                                    "fro",    "sym_share", "attract", "henrici"};

/* Eigenvalues and singular values are good to rounding times the norm; shares are of order 1. The number under the
 * root of henrici is a difference of numbers of order 1. */
enum { CLOSE = 10 }; /* digits */
static inline void numbers_equal(const value got[CIRCUIT_KEYS], const double want[CIRCUIT_KEYS], const char *what) {
  double fro = want[CIRCUIT_FRO] > 0 ? want[CIRCUIT_FRO] : 1;
  for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) {
    if ((got[k].undefined != NULL) != isnan(want[k])) fail_msg("%s: %s is there in one only", what, KEY_NAMES[k]);
    if (got[k].undefined != NULL) continue;
    double off = k == CIRCUIT_HENRICI ? got[k].number * got[k].number - want[k] * want[k] : got[k].number - want[k];
    if (!(fabs(off) <= pow(10, -CLOSE) * (k <= CIRCUIT_FRO ? fro : 1)))
      fail_msg("%s: %s is %.17g, not %.17g", what, KEY_NAMES[k], got[k].number, want[k]);
  }
}

static inline void read_numbers(const json_t *object, double ret_want[CIRCUIT_KEYS]) {
  for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) {
    const json_t *x = json_object_get(object, KEY_NAMES[k]);
    ret_want[k] = json_is_number(x) ? json_number_value(x) : NAN;
  }
}

static inline json_t *open_circuits(void) {
  json_error_t problem;
  json_t *all = json_load_file(testing_source("tests/golden/mechanism/circuits.json"), 0, &problem);
  if (all == NULL) fail_msg("circuits.json: %s", problem.text);
  return all;
}

static inline double normal(uint32_t which, size_t i, size_t j) {
  const random_stream s = {.seed = 77, .purpose = RANDOM_TEST, .replica = which};
  return random_normal(&s, (uint32_t)i, (uint32_t)j);
}

static inline double *normals(uint32_t which, size_t rows, size_t columns) {
  double *x = malloc(rows * columns * sizeof *x);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) x[i * columns + j] = normal(which, i, j);
  }
  return x;
}

/* Weights of random heads; every array is the caller's to change, and made_free releases them. */
typedef struct made {
  dwell_weights w;
  double *query, *key, *value, *output, *gain;
} made;

static inline made make_weights(size_t d, size_t head_size, size_t heads, size_t kv_heads, bool before,
                                uint32_t which) {
  made m = {.query = normals(which, heads * head_size, d),
            .key = normals(which + 1, kv_heads * head_size, d),
            .value = normals(which + 2, kv_heads * head_size, d),
            .output = normals(which + 3, heads * head_size, d),
            .gain = normals(which + 4, 1, d)};
  double *biases = normals(which + 5, 1, 2 * (heads + 2 * kv_heads) * head_size + d);
  m.w = (dwell_weights){.d = d, .head_size = head_size, .heads = heads, .kv_heads = kv_heads, .storage = biases};
  m.w.query = m.query, m.w.key = m.key, m.w.value = m.value, m.w.output = m.output;
  m.w.query_bias = biases, m.w.key_bias = biases + heads * head_size;
  m.w.value_bias = m.w.key_bias + kv_heads * head_size, m.w.output_bias = m.w.value_bias + kv_heads * head_size;
  m.w.opt_gain = before ? m.gain : NULL, m.w.centred_in = before, m.w.centred_out = true;
  m.w.score_scale = 1 / sqrt((double)head_size);
  return m;
}

static inline void made_free(made *m) {
  free(m->query), free(m->key), free(m->value), free(m->output), free(m->gain), free(m->w.storage);
}

/* The slow twin: the whole d x d product of a head, entry by entry from the definition. */
static inline double *dense_product(const dwell_weights *w, circuit_kind kind, size_t head) {
  size_t d = w->d, r = w->head_size;
  double *a = malloc(r * d * sizeof *a), *b = malloc(r * d * sizeof *b), *m = calloc(d * d, sizeof *m);
  circuit_factors(w, kind, head, a, b);
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) {
      for (size_t k = 0; k < r; k++) m[i * d + j] += a[k * d + i] * b[k * d + j];
    }
  }
  free(a), free(b);
  return m;
}

#endif
