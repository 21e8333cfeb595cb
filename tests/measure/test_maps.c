/* tests/measure/test_maps.c - pictures of attention against sums by hand, and that they come when they are asked for.
 */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

enum { L = 3, H = 2, N = 100, D = 4, M = 48 };

static dwell_error err;

static const char *states_with_attention(size_t n, const double *attention) {
  static int files;
  const size_t shape[] = {L + 1, n, D}, weights[] = {L, H, n, n};
  const char *path = testing_format("%s/attention%d.npz", testing_folder(), files++);
  double *x = calloc((L + 1) * n * D, sizeof *x);
  random_stream s = {.seed = 8, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < (L + 1) * n * D; i++) x[i] = random_normal(&s, 0, (uint32_t)i);
  npz_writer *w;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  if (attention != NULL) assert_ok(npz_writer_add(w, "attention", NPY_FLOAT, 8, 4, weights, attention, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  free(x);
  return path;
}

/* Rows that sum to 1. */
static double *attention_of(size_t n) {
  double *a = calloc(L * H * n * n, sizeof *a);
  random_stream s = {.seed = 9, .purpose = RANDOM_TEST};
  for (size_t row = 0; row < L * H * n; row++) {
    double sum = 0;
    for (size_t j = 0; j < n; j++) sum += a[row * n + j] = exp(2 * random_normal(&s, (uint32_t)row, (uint32_t)j));
    for (size_t j = 0; j < n; j++) a[row * n + j] /= sum;
  }
  return a;
}

static dwell_status measure(const char *path, bool map, bool whole, dwell_run **ret_run) {
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source;
  options.null_draws = 0, options.save_attention_map = map, options.save_attention = whole;
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  dwell_status status = dwell_measure(&ctx, source, &options, ret_run, &err);
  dwell_source_destroy(source);
  return status;
}

static void compare(size_t n, bool map, bool whole) {
  double *a = attention_of(n), *got;
  size_t rank, shape[4], side = n < M ? n : M;
  dwell_run *run;
  assert_ok(measure(states_with_attention(n, a), map, whole, &run), &err);
  assert_ok(run_read_array(run, "attention_map", &got, &rank, shape, &err), &err);
  assert_non_null(got);
  assert_true(rank == 4 && shape[0] == L && shape[1] == H && shape[2] == side && shape[3] == side);
  for (size_t at = 0; at < L * H; at++) {
    for (size_t cell = 0; cell < side * side; cell++) {
      double sum = 0, queries = 0;
      for (size_t i = 0; i < n; i++) {
        if (i * side / n != cell / side) continue;
        queries++;
        for (size_t j = 0; j < n; j++) sum += j * side / n == cell % side ? a[(at * n + i) * n + j] : 0;
      }
      assert_near(got[at * side * side + cell], sum / queries, 1e-6, 0); /* kept as floats */
    }
  }
  mem_free(got);
  free(a);
  dwell_run_destroy(run);
}

static void they_are_means_of_sums(void **state) {
  (void)state;
  compare(N, true, false);
  compare(20, true, false);
  compare(49, false, true);
}

static void only_where_asked_for(void **state) {
  (void)state;
  double *a = attention_of(20), *got;
  size_t rank, shape[4];
  dwell_run *run;
  assert_ok(measure(states_with_attention(20, a), false, false, &run), &err);
  assert_ok(run_read_array(run, "attention_map", &got, &rank, shape, &err), &err);
  assert_null(got);
  dwell_run_destroy(run);
  assert_fails(measure(states_with_attention(20, NULL), true, false, &run), DWELL_USAGE, &err, "no attention");
  free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_are_means_of_sums),
      cmocka_unit_test(only_where_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
