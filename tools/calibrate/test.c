/* tools/calibrate/test.c - the cluster tests on one cloud. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "null/null.h"

size_t column_named(const instrument *what, const char *name) {
  size_t k = 0;
  while (k < what->column_count && strcmp(what->columns[k].name, name) != 0) k++;
  return k;
}

double calibrate_normal(uint64_t run, uint32_t what, size_t i, size_t j) {
  const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = what};
  return random_normal(&s, (uint32_t)i, (uint32_t)j);
}

/* ---- any numbers of a cloud under the twin ---- */

static dwell_status draw_all(const null_model *null, const null_setting *setting, const void *prepared, size_t draws,
                             twin_measure measure, const void *how, size_t count, const double *seen, double *ret_p,
                             double *ret_mean, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double drawn[TWIN_NUMBERS];
  for (size_t c = 0; c < count; c++) ret_p[c] = 1, ret_mean[c] = 0;
  for (size_t k = 0; status == DWELL_OK && k < draws; k++) {
    void *draw = NULL;
    geometry *g = NULL;
    status = null->begin_draw(setting, k, &draw, err);
    if (status == DWELL_OK) status = null->surrogate(prepared, draw, &g, err);
    if (status == DWELL_OK) status = measure(how, g, drawn, err);
    for (size_t c = 0; status == DWELL_OK && c < count; c++) {
      ret_p[c] += drawn[c] >= seen[c] - 1e-12;
      ret_mean[c] += drawn[c] / (double)draws;
    }
    geometry_destroy(g);
    null->end_draw(draw);
  }
  for (size_t c = 0; c < count; c++) ret_p[c] /= (double)(draws + 1);
  return status;
}

dwell_status twin_compare(size_t n, size_t d, const double *x, bool ordered, uint64_t seed, size_t draws,
                          twin_measure measure, const void *how, size_t count, double *ret_seen, double *ret_p,
                          double *ret_mean, dwell_error *err) {
  const null_model *null = null_find("gaussian_twin");
  const null_setting setting = {.seed = seed, .n = n, .ordered = ordered};
  const char *reason = NULL;
  void *prepared = NULL;
  geometry *g = NULL;
  dwell_status status = DWELL_OK;
  size_t *rows = MEM_NEW(size_t, n);
  TRY_ALLOC(rows, "the rows of a cloud");
  for (size_t i = 0; i < n; i++) rows[i] = i;
  TRY(geometry_create(x, d, rows, n, &g, err));
  TRY(measure(how, g, ret_seen, err));
  TRY(null->prepare(&setting, g, &prepared, &reason, err));
  if (prepared == NULL) TRY(error_set(err, DWELL_BAD_INPUT, "no twin of this cloud: %s", reason));
  TRY(draw_all(null, &setting, prepared, draws, measure, how, count, ret_seen, ret_p, ret_mean, err));
done:
  if (prepared != NULL) null->release(prepared);
  geometry_destroy(g);
  mem_free(rows);
  return status;
}

/* ---- T and the silhouette ---- */

enum { EXCESS, SILHOUETTE, EXCESS_COUNT, SILHOUETTE_COUNT, NUMBERS };

/* NaN: undefined, and the status says so where there is no such column. */
static double column_of(const instrument *what, const value *values, const char *name, dwell_status *status,
                        dwell_error *err) {
  size_t k = column_named(what, name);
  if (k < what->column_count) return values[k].undefined == NULL ? values[k].number : NAN;
  *status = error_set(err, DWELL_USAGE, "there is no column %s", name);
  return NAN;
}

static dwell_status measure_clusters(const void *how, geometry *g, double *ret_numbers, dwell_error *err) {
  (void)how;
  value values[16];
  instrument_setting setting = {.epsilon = 1e-15};
  const instrument *cluster = instrument_find("cluster"), *silhouette = instrument_find("silhouette");
  dwell_status status = DWELL_OK;
  TRY(cluster->state(g, RAW, &setting, values, err));
  ret_numbers[EXCESS] = column_of(cluster, values, "cluster_T", &status, err);
  ret_numbers[EXCESS_COUNT] = fmax(0, column_of(cluster, values, "cluster_count", &status, err));
  TRY(status);
  TRY(silhouette->state(g, RAW, &setting, values, err));
  ret_numbers[SILHOUETTE] = column_of(silhouette, values, "silhouette", &status, err);
  ret_numbers[SILHOUETTE_COUNT] = fmax(0, column_of(silhouette, values, "silhouette_k", &status, err));
done:
  return status;
}

dwell_status cluster_test_run(size_t n, size_t d, const double *x, bool ordered, uint64_t seed, size_t draws,
                              cluster_test *ret_test, dwell_error *err) {
  double seen[NUMBERS], p[NUMBERS], mean[NUMBERS];
  dwell_status status =
      twin_compare(n, d, x, ordered, seed, draws, measure_clusters, NULL, NUMBERS, seen, p, mean, err);
  if (status != DWELL_OK) return status;
  bool excess = p[EXCESS] <= 0.05, silhouette = p[SILHOUETTE] <= 0.05;
  *ret_test =
      (cluster_test){.excess = excess, .silhouette = silhouette, .effect = seen[EXCESS] - mean[EXCESS], .count = 1};
  if (!excess || seen[EXCESS_COUNT] < 2) return DWELL_OK;
  ret_test->count = (size_t)seen[silhouette ? SILHOUETTE_COUNT : EXCESS_COUNT];
  return DWELL_OK;
}

dwell_status calibrate_open_config(const char *config, const dwell_context *ctx, dwell_model **ret_model,
                                   dwell_error *err) {
  char folder[] = "/tmp/calibrate-XXXXXX", file[64];
  if (mkdtemp(folder) == NULL) return error_set(err, DWELL_BAD_INPUT, "cannot make a folder below /tmp");
  snprintf(file, sizeof file, "%s/config.json", folder);
  FILE *stream = fopen(file, "w");
  bool written = stream != NULL && fputs(config, stream) >= 0;
  if (stream != NULL) written = fclose(stream) == 0 && written;
  dwell_status status = written ? dwell_model_open(folder, ctx, ret_model, err)
                                : error_set(err, DWELL_BAD_INPUT, "cannot write %s", file);
  unlink(file), rmdir(folder);
  return status;
}
