/* tools/calibrate/test.c - the cluster tests on one cloud. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "null/null.h"

enum { TESTED = 2 }; /* T, silhouette */

typedef struct tested {
  double number[TESTED];
  size_t excess_count, silhouette_count;
} tested;

size_t column_named(const instrument *what, const char *name) {
  size_t k = 0;
  while (k < what->column_count && strcmp(what->columns[k].name, name) != 0) k++;
  return k;
}

double calibrate_normal(uint64_t run, uint32_t what, size_t i, size_t j) {
  const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = what};
  return random_normal(&s, (uint32_t)i, (uint32_t)j);
}

/* NaN: undefined, and the status says so where there is no such column. */
static double column_of(const instrument *what, const value *values, const char *name, dwell_status *status,
                        dwell_error *err) {
  size_t k = column_named(what, name);
  if (k < what->column_count) return values[k].undefined == NULL ? values[k].number : NAN;
  *status = error_set(err, DWELL_USAGE, "there is no column %s", name);
  return NAN;
}

static dwell_status measure(geometry *g, tested *ret_tested, dwell_error *err) {
  value values[16];
  instrument_setting setting = {.epsilon = 1e-15};
  const instrument *cluster = instrument_find("cluster"), *silhouette = instrument_find("silhouette");
  dwell_status status = DWELL_OK;
  TRY(cluster->state(g, RAW, &setting, values, err));
  ret_tested->number[0] = column_of(cluster, values, "cluster_T", &status, err);
  ret_tested->excess_count = (size_t)fmax(0, column_of(cluster, values, "cluster_count", &status, err));
  TRY(status);
  TRY(silhouette->state(g, RAW, &setting, values, err));
  ret_tested->number[1] = column_of(silhouette, values, "silhouette", &status, err);
  ret_tested->silhouette_count = (size_t)fmax(0, column_of(silhouette, values, "silhouette_k", &status, err));
done:
  return status;
}

/* Counts the draws that reach the observed values, and sums T. */
static dwell_status draw_all(const null_model *null, const null_setting *setting, const void *prepared, size_t draws,
                             const tested *seen, size_t above[TESTED], double *ret_sum, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < draws; k++) {
    void *draw = NULL;
    geometry *g = NULL;
    tested t;
    status = null->begin_draw(setting, k, &draw, err);
    if (status == DWELL_OK) status = null->surrogate(prepared, draw, &g, err);
    if (status == DWELL_OK) status = measure(g, &t, err);
    for (size_t c = 0; status == DWELL_OK && c < TESTED; c++) above[c] += t.number[c] >= seen->number[c] - 1e-12;
    if (status == DWELL_OK) *ret_sum += t.number[0];
    geometry_destroy(g);
    null->end_draw(draw);
  }
  return status;
}

static void decide(const tested *seen, const size_t above[TESTED], double mean, size_t draws, cluster_test *ret_test) {
  bool small[TESTED];
  for (size_t c = 0; c < TESTED; c++) small[c] = (double)(1 + above[c]) / (double)(draws + 1) <= 0.05;
  *ret_test = (cluster_test){.excess = small[0], .silhouette = small[1], .effect = seen->number[0] - mean, .count = 1};
  if (!small[0] || seen->excess_count < 2) return;
  ret_test->count = small[1] ? seen->silhouette_count : seen->excess_count;
}

dwell_status cluster_test_run(size_t n, size_t d, const double *x, bool ordered, uint64_t seed, size_t draws,
                              cluster_test *ret_test, dwell_error *err) {
  const null_model *null = null_find("gaussian_twin");
  const null_setting setting = {.seed = seed, .n = n, .ordered = ordered};
  const char *reason = NULL;
  void *prepared = NULL;
  geometry *g = NULL;
  tested seen;
  size_t above[TESTED] = {0};
  double sum = 0;
  dwell_status status = DWELL_OK;
  size_t *rows = MEM_NEW(size_t, n);
  TRY_ALLOC(rows, "the rows of a cloud");
  for (size_t i = 0; i < n; i++) rows[i] = i;
  TRY(geometry_create(x, d, rows, n, &g, err));
  TRY(measure(g, &seen, err));
  TRY(null->prepare(&setting, g, &prepared, &reason, err));
  if (prepared == NULL) TRY(error_set(err, DWELL_BAD_INPUT, "no twin of this cloud: %s", reason));
  TRY(draw_all(null, &setting, prepared, draws, &seen, above, &sum, err));
  decide(&seen, above, sum / (double)draws, draws, ret_test);
done:
  if (prepared != NULL) null->release(prepared);
  geometry_destroy(g);
  mem_free(rows);
  return status;
}
