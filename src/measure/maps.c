/* measure/maps.c - attention matrices of at most 48 x 48: queries and keys in runs of equal length; an entry is the
 * share of the attention of a query of its run that goes to a run of keys, in the mean over the queries. So rows of a
 * map add up to what rows of the matrix do. */
#include "measure/maps.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { LARGEST_MAP = 48 };

static size_t side_of(size_t n) { return n < LARGEST_MAP ? n : LARGEST_MAP; }

static bool wanted(const dwell_trajectory *t, const dwell_measure_options *o) {
  return (o->save_attention || o->save_attention_map) && t->heads > 0;
}

uint64_t maps_bytes(const dwell_trajectory *t, const dwell_measure_options *options) {
  uint64_t side = side_of(t->n);
  return wanted(t, options) ? (uint64_t)(t->states - 1) * t->heads * side * side * sizeof(float) : 0;
}

dwell_status maps_make_room(measurement *s, dwell_error *err) {
  size_t side = side_of(s->t->n);
  if (!wanted(s->t, s->options)) return DWELL_OK;
  s->maps = mem_zero(s->blocks * s->t->heads, side * side * sizeof(float));
  return s->maps != NULL ? DWELL_OK : error_no_memory(err, "the maps of attention");
}

/* Tokens first .. end - 1 belong to place k of `side`. */
static size_t first_of(size_t k, size_t side, size_t n) { return (k * n + side - 1) / side; }

static double entry(const void *attention, dwell_dtype dtype, size_t at) {
  return dtype == DWELL_F32 ? (double)((const float *)attention)[at] : ((const double *)attention)[at];
}

void maps_add(measurement *s, size_t block, size_t head, const void *attention) {
  if (s->maps == NULL) return;
  size_t n = s->t->n, side = side_of(n);
  float *map = s->maps + (block * s->t->heads + head) * side * side;
  for (size_t q = 0; q < side; q++) {
    double sums[LARGEST_MAP] = {0};
    size_t first = first_of(q, side, n), end = first_of(q + 1, side, n);
    for (size_t i = first; i < end; i++) {
      for (size_t j = 0; j < n; j++) sums[j * side / n] += entry(attention, s->t->dtype, i * n + j);
    }
    for (size_t k = 0; k < side; k++) map[q * side + k] = (float)(sums[k] / (double)(end - first));
  }
}

dwell_status maps_keep(measurement *s, dwell_error *err) {
  size_t side = side_of(s->t->n);
  const size_t shape[4] = {s->blocks, s->t->heads, side, side};
  float *maps = s->maps; /* the run owns it from here, also on failure */
  if (maps == NULL) return DWELL_OK;
  s->maps = NULL;
  return run_add_array(s->run, "attention_map", NPY_FLOAT, sizeof(float), 4, shape, maps, err);
}
