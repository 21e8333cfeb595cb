/* Controls: what other runs of the same shape give stands beside each column as smallest, median and largest. */
#include <dwell/measure.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

static dwell_source *open_golden(const char *name) {
  dwell_source *source;
  dwell_error err;
  const char *path = testing_source(testing_format("tests/golden/instruments/%s.npz", name));
  assert_ok(dwell_import_open_states(path, 0, SIZE_MAX, NULL, &source, &err), &err);
  return source;
}

static dwell_run *measure(const dwell_control *controls, size_t count, int threads) {
  dwell_source *source = open_golden("bidirectional");
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_run *run;
  dwell_error err;
  ctx.threads = threads;
  options.null_draws = 3, options.controls = controls, options.control_count = count;
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

static double cell(const dwell_run *run, const char *file, size_t row, const char *column) {
  double x = NAN;
  return dwell_run_number(run, file, row, column, &x) ? x : NAN;
}

/* A control that is the run itself gives the run's own values, in every table and in all three columns. */
static void a_run_as_its_own_control(void **state) {
  (void)state;
  dwell_control control = {.source = open_golden("bidirectional"), .kind = "self", .detail = "the same file"};
  dwell_run *run = measure(&control, 1, 2);
  static const char *const columns[][2] = {{"layers", "ip_mean"},
                                           {"layers", "cluster_T"},
                                           {"layers", "cluster_T_types"},
                                           {"blocks", "cka_u"},
                                           {"heads", "sink"}};
  static const char *const parts[] = {"min", "median", "max"};
  for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
    const char *file = columns[c][0], *name = columns[c][1];
    assert_true(dwell_run_rows(run, file) > 2);
    for (size_t row = 0; row < dwell_run_rows(run, file); row++) {
      for (size_t k = 0; k < 3; k++) {
        double band = cell(run, file, row, testing_format("%s_self_%s", name, parts[k]));
        assert_true(band == cell(run, file, row, name));
      }
    }
  }
  assert_non_null(strstr(run->manifest_body.data, "\"detail\": \"the same file\""));
  dwell_run_destroy(run);
  dwell_source_destroy(control.source);
}

/* Kinds are kept apart; nulls are the run's own, not the controls'. */
static void kinds_are_kept_apart(void **state) {
  (void)state;
  dwell_control controls[] = {{open_golden("bidirectional"), "one", NULL},
                              {open_golden("bidirectional"), "two", NULL},
                              {open_golden("bidirectional"), "one", NULL}};
  dwell_run *run = measure(controls, 3, 1), *alone = measure(NULL, 0, 1);
  assert_true(cell(run, "layers", 1, "ip_mean_one_max") == cell(run, "layers", 1, "ip_mean_two_min"));
  assert_true(cell(run, "layers", 1, "mass90_centred_p") == cell(alone, "layers", 1, "mass90_centred_p"));
  assert_true(isnan(cell(run, "layers", 1, "mass90_centred_null_mean_one_min")));
  assert_true(isnan(cell(alone, "layers", 1, "ip_mean_one_max")));
  dwell_run_destroy(run), dwell_run_destroy(alone);
  for (size_t k = 0; k < 3; k++) dwell_source_destroy(controls[k].source);
}

/* States and attention of 24 tokens, one of which is massive, and left out by a run of its own. */
static dwell_source *open_with_massive(size_t massive) {
  enum { L = 3, N = 24, D = 8 };
  static double x[(L + 1) * N * D], attention[L * N * N];
  const size_t shape[] = {L + 1, N, D}, weights[] = {L, 1, N, N};
  const random_stream s = {.seed = 12, .purpose = RANDOM_TEST};
  const char *path = testing_format("%s/massive-%zu.npz", testing_folder(), massive);
  dwell_source *source;
  dwell_error err;
  npz_writer *w;
  for (size_t e = 0; e < (L + 1) * N * D; e++)
    x[e] = random_normal(&s, (uint32_t)massive, (uint32_t)e) * (e / D % N == massive ? 100 : 1);
  for (size_t e = 0; e < L * N * N; e++) attention[e] = 1.0 / N;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  assert_ok(npz_writer_add(w, "attention", NPY_FLOAT, 8, 4, weights, attention, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_import_open_states(path, 0, SIZE_MAX, NULL, &source, &err), &err);
  return source;
}

/* A control is measured at the run's tokens, also where its own rules would leave out another one, and as many; whether
 * instruments of heads have made cosines of these before or not. */
static void a_control_has_the_tokens_of_the_run(void **state) {
  (void)state;
  static const char *const instruments[] = {"ip", "ip,temperature"};
  double mean[2];
  for (size_t k = 0; k < 2; k++) {
    dwell_source *source = open_with_massive(3);
    dwell_control control = {.source = open_with_massive(5), .kind = "other"};
    dwell_measure_options options = dwell_measure_options_default();
    dwell_context ctx = dwell_context_default();
    dwell_run *run;
    dwell_error err;
    options.null_draws = 0, options.controls = &control, options.control_count = 1;
    options.instruments = instruments[k];
    assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
    mean[k] = cell(run, "layers", 1, "ip_mean_other_max");
    dwell_run_destroy(run);
    dwell_source_destroy(source), dwell_source_destroy(control.source);
  }
  assert_true(isfinite(mean[0]) && mean[0] == mean[1]);
}

static void a_control_of_another_shape_is_refused(void **state) {
  (void)state;
  dwell_source *source = open_golden("bidirectional");
  dwell_control control = {.source = open_golden("edge"), .kind = "other"};
  dwell_measure_options options = dwell_measure_options_default();
  dwell_context ctx = dwell_context_default();
  dwell_run *run = NULL;
  dwell_error err;
  options.controls = &control, options.control_count = 1;
  assert_fails(dwell_measure(&ctx, source, &options, &run, &err), DWELL_USAGE, &err, "must have the shape of the run");
  assert_null(run);
  dwell_source_destroy(source), dwell_source_destroy(control.source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_as_its_own_control),
      cmocka_unit_test(kinds_are_kept_apart),
      cmocka_unit_test(a_control_has_the_tokens_of_the_run),
      cmocka_unit_test(a_control_of_another_shape_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
