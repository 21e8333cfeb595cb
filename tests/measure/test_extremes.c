/* States at the ends of what a double holds: measures of directions do not notice, lengths scale, nothing is NaN. */
#include <dwell/measure.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

enum { L = 3, N = 20, D = 5 };

static void fill(double *x, double scale) {
  random_stream s = {.seed = 7, .purpose = RANDOM_SELFCHECK};
  for (size_t i = 0; i < L * N * D; i++) x[i] = scale * (random_uniform(&s, 0, (uint32_t)i) - 0.4);
}

/* Writes the states (and phases [3, columns], if columns > 0) and measures them with three draws. */
static dwell_run *measure(double scale, size_t columns) {
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  const char *path = testing_format("%s/states.npz", testing_folder());
  const size_t shape[] = {L, N, D}, phase_shape[] = {3, columns};
  double x[L * N * D], phases[3 * (N + 1)] = {0};
  dwell_error err;
  npz_writer *w;
  dwell_source *source;
  dwell_run *run;
  fill(x, scale);
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  if (columns > 0) assert_ok(npz_writer_add(w, "phases", NPY_FLOAT, 8, 2, phase_shape, phases, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  options.null_draws = 3;
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

/* Every cell but the lengths, which scale. The norm of an extreme row is summed in another order and so rounds
 * otherwise, by 1e-15; a spectrum or an energy change can lose a few more digits to that. */
static void compare(const dwell_run *run, const dwell_run *plain, const char *name, double scale) {
  for (size_t c = 0; c < dwell_run_columns(plain, name); c++) {
    const char *column = dwell_run_column_name(plain, name, c);
    double factor = strncmp(column, "norm_", 5) == 0 ? scale : 1;
    for (size_t row = 0; row < dwell_run_rows(plain, name); row++) {
      double a = 0, b = 0;
      bool there = dwell_run_number(plain, name, row, column, &a);
      assert_true(dwell_run_number(run, name, row, column, &b) == there);
      if (there) testing_near(b / factor, a, 1e-11, 1e-12, column, __FILE__, __LINE__);
    }
  }
}

static void scale_is_not_noticed(void **state) {
  (void)state;
  const double scales[] = {0x1p1000, 0x1p600, 0x1p-600, 0x1p-900};
  dwell_run *plain = measure(1, 0);
  for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++) {
    dwell_run *run = measure(scales[k], 0);
    compare(run, plain, "layers", scales[k]);
    compare(run, plain, "blocks", scales[k]);
    dwell_run_destroy(run);
  }
  dwell_run_destroy(plain);
}

/* The manifest says where the draws came from; phases for another number of tokens are not used. */
static void phases_are_named_as_used(void **state) {
  (void)state;
  dwell_run *fits = measure(1, N / 2 + 1), *other = measure(1, N / 2);
  assert_non_null(strstr(fits->manifest_body.data, "phases of the file"));
  assert_null(strstr(other->manifest_body.data, "phases of the file"));
  dwell_run_destroy(fits);
  dwell_run_destroy(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(scale_is_not_noticed),
                                     cmocka_unit_test(phases_are_named_as_used)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
