/* `dwell measure --states` on the golden vectors: the whole way from the npz to the tables, against values of an
 * independent implementation (tests/golden/instruments/README.md). 1e-6 relative, 1e-9 absolute, as that file says. */
#include <dwell/measure.h>
#include <string.h>

#include "base/mem.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/clouds.h"
#include "util/instrument_golden.h"

static const double RELATIVE = 1e-6, ABSOLUTE = 1e-9;

static dwell_run *measure(const char *name, dwell_measure_options options) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  dwell_source *source;
  dwell_run *run;
  const char *path = testing_source(testing_format("tests/golden/instruments/%s.npz", name));
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

static size_t compared;
static double worst; /* of the relative differences of what is above ABSOLUTE */
static char worst_cell[80];

static void keep_worst(double got, double expected, const char *column, size_t row) {
  double relative = fabs(got - expected) / fabs(expected);
  if (!(fabs(expected) > ABSOLUTE) || !(relative > worst)) return;
  worst = relative;
  snprintf(worst_cell, sizeof worst_cell, "%s[%zu]", column, row);
}

static void print_worst(const char *name, const char *section) {
  print_message("%s, %s: %zu values, at most %.1e relative (%s)\n", name, section, compared, worst, worst_cell);
  worst = 0, worst_cell[0] = '\0';
}

/* The cell must hold the golden number, or be empty where the golden is null. */
static void check(const dwell_run *run, const char *name, size_t row, const char *column, json_t *expected) {
  double got;
  bool there = dwell_run_number(run, name, row, column, &got);
  if (table_find(run_table(run, name), column) == SIZE_MAX) fail_msg("%s has no column %s", name, column);
  compared++;
  if (json_is_null(expected)) {
    if (there) fail_msg("%s row %zu, %s: %.17g, expected an empty cell", name, row, column, got);
    return;
  }
  if (!there) fail_msg("%s row %zu, %s is empty", name, row, column);
  keep_worst(got, json_number_value(expected), column, row);
  testing_near(got, json_number_value(expected), RELATIVE, ABSOLUTE, testing_format("%s[%zu].%s", name, row, column),
               __FILE__, __LINE__);
}

/* Collapsed states: centred quantities are rounding there, so they are left out (README of the goldens). */
static bool collapsed(json_t *state) { return json_integer_value(golden_key(state, "centred_undefined")) > 0; }

static void check_clusters(const dwell_run *run, size_t l, json_t *cluster) {
  static const char *const keys[][2] = {{"T", "cluster_T"},
                                        {"k_raw", "cluster_count"},
                                        {"unassigned", "unassigned"},
                                        {"sil", "silhouette"},
                                        {"k_sil", "silhouette_k"}};
  for (size_t k = 0; k < 5; k++) check(run, "layers", l, keys[k][1], golden_key(cluster, keys[k][0]));
}

/* README of the goldens: a margin below 1e-3 is known to 1e-5 only. */
static void check_margin(const dwell_run *run, size_t l, json_t *expected) {
  double got;
  assert_true(dwell_run_number(run, "layers", l, "margin", &got));
  double least = json_number_value(expected) < 1e-3 ? 1e-5 : ABSOLUTE;
  assert_near(got, json_number_value(expected), RELATIVE, least);
}

static void check_state(const dwell_run *run, size_t l, json_t *state) {
  static const char *const keys[][2] = {{"ip_mean", "ip_mean"},      {"ip_std", "ip_std"},
                                        {"mass90", "mass90"},        {"mass999", "mass999"},
                                        {"erank", "effective_rank"}, {"pr", "participation_ratio"}};
  static const char *const betas[] = {"0.1", "1", "2", "5"};
  json_t *raw = golden_key(state, "raw"), *centred = golden_key(state, "centred");
  for (size_t k = 0; k < 6; k++) {
    check(run, "layers", l, keys[k][1], golden_key(raw, keys[k][0]));
    if (!collapsed(state))
      check(run, "layers", l, testing_format("%s_centred", keys[k][1]), golden_key(centred, keys[k][0]));
  }
  static const char *const plain[] = {"norm_median", "states_erank", "mean_norm", "pr_unbiased", "two_nn"};
  for (size_t k = 0; k < 5; k++) check(run, "layers", l, plain[k], golden_key(state, plain[k]));
  check_margin(run, l, golden_key(state, "margin"));
  for (size_t k = 0; k < 4; k++) {
    check(run, "layers", l, testing_format("energy_b%s", betas[k]), golden_item(state, "energy", k));
    check(run, "layers", l, testing_format("founding_b%s", betas[k]), golden_item(state, "founding", k));
  }
  if (!collapsed(state)) check_clusters(run, l, golden_key(state, "cluster"));
}

/* Steps b of `exact`; neighbours in a collapsed state are rounding, and left out. */
static void check_step(const dwell_run *run, size_t b, json_t *exact) {
  static const char *const keys[] = {"cka", "cka_u", "angle_mean", "nn_stability", "knn_overlap", "ari"};
  json_t *step = golden_item(exact, "steps", b);
  bool part = collapsed(golden_item(exact, "states", b)) || collapsed(golden_item(exact, "states", b + 1));
  for (size_t k = 0; k < (part ? 3 : 6); k++) check(run, "blocks", b, keys[k], golden_key(step, keys[k]));
  if (part) return;
  check(run, "blocks", b, "knn_overlap_null_mean", golden_key(step, "knn_null"));
  check(run, "blocks", b, "change", golden_item(exact, "change", b));
}

static void check_alignment(const dwell_run *run, size_t row, json_t *align) {
  static const char *const keys[][2] = {
      {"align", "inside"}, {"align_null_mean", "null_mean"}, {"align_null_sd", "null_sd"}, {"align_p", "p"}};
  for (size_t k = 0; k < 4; k++) {
    check(run, "heads", row, keys[k][0], json_is_null(align) ? align : golden_key(align, keys[k][1]));
  }
}

static void check_heads(const dwell_run *run, json_t *attention) {
  static const char *const keys[] = {"entropy",  "entropy_norm", "sink",     "sink_uniform", "self_mass",
                                     "previous", "tv_mean",      "beta_eff", "beta_r2",      "beta_rows"};
  size_t row = 0;
  for (size_t b = 0; b < json_array_size(attention); b++) {
    json_t *block = json_array_get(attention, b);
    for (size_t h = 0; h < json_array_size(block); h++, row++) {
      for (size_t k = 0; k < 10; k++) check(run, "heads", row, keys[k], golden_key(json_array_get(block, h), keys[k]));
      check_alignment(run, row, golden_key(json_array_get(block, h), "align"));
    }
  }
  assert_int_equal(row, dwell_run_rows(run, "heads"));
}

/* The energies at the temperature of the heads, and what run.json says of it. */
static void check_calibration(const dwell_run *run, json_t *exact) {
  char *whole = malloc(run->manifest_body.length + 3);
  sprintf(whole, "{%s}", run->manifest_body.data);
  json_t *manifest = json_loads(whole, 0, NULL);
  free(whole);
  json_t *beta = golden_key(exact, "beta_cal");
  json_t *got = golden_key(golden_key(manifest, "summaries"), "beta_cal");
  if (json_is_null(beta)) assert_true(json_is_null(got));
  else assert_near(json_number_value(got), json_number_value(beta), RELATIVE, 0);
  compared++;
  json_t *energy = golden_key(exact, "energy_calibrated");
  for (size_t l = 0; l < dwell_run_rows(run, "layers"); l++) {
    check(run, "layers", l, "energy_calibrated", json_is_null(energy) ? energy : golden_item(energy, "energy", l));
  }
  json_decref(manifest);
}

static void check_histograms(const dwell_run *run, json_t *exact) {
  double *hist;
  size_t rank, shape[4];
  dwell_error err;
  assert_ok(run_read_array(run, "hist", &hist, &rank, shape, &err), &err);
  for (size_t l = 0; l < shape[0]; l++) {
    json_t *expected = golden_key(golden_key(golden_item(exact, "states", l), "raw"), "hist");
    for (size_t k = 0; k < 50; k++)
      assert_int_equal((int)hist[l * 50 + k], json_integer_value(json_array_get(expected, k)));
  }
  mem_free(hist);
}

/* The golden has no heights where there are too few tokens for two clusters. */
static void check_heights(const dwell_run *run, json_t *exact) {
  double *heights;
  size_t rank, shape[4];
  dwell_error err;
  assert_ok(run_read_array(run, "merge_heights", &heights, &rank, shape, &err), &err);
  for (size_t l = 0; l < shape[0]; l++) {
    json_t *expected = golden_key(golden_key(golden_item(exact, "states", l), "cluster"), "merge_heights");
    if (json_array_size(expected) > 0) assert_int_equal(json_array_size(expected), shape[1]);
    for (size_t k = 0; k < json_array_size(expected); k++)
      assert_near(heights[l * shape[1] + k], json_number_value(json_array_get(expected, k)), RELATIVE, ABSOLUTE);
  }
  mem_free(heights);
}

/* Labels are written for every token of the trajectory, -1 for those not measured. */
static void check_labels(const dwell_run *run, const golden *g, json_t *exact) {
  double *labels;
  size_t rank, shape[4];
  dwell_error err;
  assert_ok(run_read_array(run, "labels", &labels, &rank, shape, &err), &err);
  assert_true(rank == 2 && shape[0] == g->states && shape[1] == g->n);
  for (size_t l = 0; l < g->states; l++) {
    json_t *expected = golden_key(golden_key(golden_item(exact, "states", l), "cluster"), "labels");
    for (size_t i = 0, k = 0; i < g->n; i++) {
      bool measured = k < g->selected.all_count && g->selected.all[k] == i;
      assert_int_equal((int)labels[l * g->n + i], measured ? json_integer_value(json_array_get(expected, k)) : -1);
      k += measured;
    }
  }
  mem_free(labels);
}

static void check_exact(const dwell_run *run, const golden *g, json_t *exact) {
  for (size_t l = 0; l < json_array_size(golden_key(exact, "states")); l++)
    check_state(run, l, golden_item(exact, "states", l));
  for (size_t b = 0; b < json_array_size(golden_key(exact, "steps")); b++) check_step(run, b, exact);
  check_histograms(run, exact);
  check_labels(run, g, exact);
  check_heights(run, exact);
  if (json_object_get(exact, "attention") == NULL) return;
  check_heads(run, golden_key(exact, "attention"));
  check_calibration(run, exact);
}

/* Null mean, sd and p of a column, against a member of monte_carlo.states[l]. */
static void check_null(const dwell_run *run, size_t l, const char *column, json_t *expected) {
  double mean, sd, p;
  if (expected == NULL || !json_is_number(json_object_get(expected, "null_mean"))) return;
  assert_true(dwell_run_number(run, "layers", l, testing_format("%s_null_mean", column), &mean));
  assert_true(dwell_run_number(run, "layers", l, testing_format("%s_null_sd", column), &sd));
  assert_true(dwell_run_number(run, "layers", l, testing_format("%s_p", column), &p));
  keep_worst(mean, json_number_value(golden_key(expected, "null_mean")), column, l);
  keep_worst(sd, json_number_value(golden_key(expected, "null_sd")), column, l);
  assert_near(mean, json_number_value(golden_key(expected, "null_mean")), 1e-5, 1e-9);
  assert_near(sd, json_number_value(golden_key(expected, "null_sd")), 1e-5, 1e-9);
  assert_near(p, json_number_value(golden_key(expected, "p")), 1e-12, 0);
  compared += 3;
}

/* Drawn where T is significant only; the golden has it everywhere. */
static void check_silhouette_null(const dwell_run *run, size_t l, json_t *expected) {
  double p, mean;
  if (!dwell_run_number(run, "layers", l, "cluster_T_p", &p)) return;
  if (p <= 0.05) check_null(run, l, "silhouette", expected);
  else assert_false(dwell_run_number(run, "layers", l, "silhouette_null_mean", &mean));
}

/* Nulls with the phases of the file are deterministic, so 1e-5 relative as the README says. */
static void check_nulls(const dwell_run *run, json_t *states) {
  for (size_t l = 0; l < json_array_size(states); l++) {
    json_t *state = json_array_get(states, l);
    check_null(run, l, "mass90_centred", json_object_get(state, "mass90_centred"));
    check_null(run, l, "margin", json_object_get(state, "margin"));
    check_null(run, l, "two_nn", json_object_get(state, "two_nn"));
    check_null(run, l, "cluster_T", json_object_get(state, "T"));
    check_silhouette_null(run, l, json_object_get(state, "sil"));
    check(run, "layers", l, "clusters", golden_key(state, "k"));
  }
}

static void check_file(const char *name, size_t least) {
  golden g = golden_open(name);
  compared = 0;
  dwell_run *run = measure(name, dwell_measure_options_default());
  check_exact(run, &g, golden_key(g.json, "exact"));
  print_worst(name, "exact");
  json_t *states = json_object_get(golden_key(g.json, "monte_carlo"), "states");
  if (states != NULL) check_nulls(run, states);
  print_worst(name, "with nulls");
  assert_null(strstr(run->manifest_body.data, "k_capped")); /* none of theirs is */
  assert_true(compared >= least);
  dwell_run_destroy(run);
  golden_close(&g);
}

static void bidirectional(void **state) {
  (void)state;
  check_file("bidirectional", 250);
}

static void causal(void **state) {
  (void)state;
  check_file("causal", 225);
}

static void edge(void **state) {
  (void)state;
  check_file("edge", 40);
}

static void types(void **state) {
  (void)state;
  golden g = golden_open("bidirectional");
  dwell_measure_options options = dwell_measure_options_default();
  options.types = true;
  options.null_draws = 0;
  dwell_run *run = measure("bidirectional", options);
  json_t *exact = golden_key(golden_key(g.json, "types"), "exact");
  for (size_t l = 0; l < 5; l++) check_state(run, l, golden_item(exact, "states", l));
  for (size_t b = 0; b < 4; b++) check_step(run, b, exact);
  dwell_run_destroy(run);
  golden_close(&g);
}

/* Ten groups, of which the silhouette can say eight: noted, where it is by the silhouette that there are so many. */
static void as_many_clusters_as_were_tried(void **state) {
  (void)state;
  enum { N = 80, D = 16, GROUPS = 10 };
  dwell_measure_options options = dwell_measure_options_default();
  dwell_context ctx = dwell_context_default();
  const size_t shape[] = {1, N, D};
  double *x = clouds_normal(N, D, 0, 50), *centres = clouds_normal(GROUPS, D, 0, 51), clusters;
  const char *path = testing_format("%s/groups.npz", testing_folder());
  dwell_source *source;
  dwell_error err;
  dwell_run *run;
  npz_writer *w;
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++) x[i * D + k] = 0.05 * x[i * D + k] + centres[i * i * 7 % 83 % GROUPS * D + k];
  }
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  options.drop_special = false;
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  assert_true(dwell_run_number(run, "layers", 0, "clusters", &clusters) && clusters == 8);
  assert_non_null(strstr(run->manifest_body.data, "\"k_capped\""));
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  free(x), free(centres);
}

/* One instrument, or one column, is all that is written when only that is asked for. */
static void only_what_is_asked(void **state) {
  (void)state;
  dwell_measure_options options = dwell_measure_options_default();
  options.instruments = "cka_u,ip_mean_centred";
  dwell_run *run = measure("bidirectional", options);
  assert_int_equal(dwell_run_columns(run, "layers"), 7 + 1);
  assert_string_equal(dwell_run_column_name(run, "layers", 7), "ip_mean_centred");
  assert_int_equal(dwell_run_columns(run, "blocks"), 2 + 2);
  assert_string_equal(dwell_run_column_name(run, "blocks", 2), "cka_u");
  assert_string_equal(dwell_run_column_name(run, "blocks", 3), "cka_u_null_mean");
  assert_int_equal(dwell_run_columns(run, "heads"), 0);
  dwell_run_destroy(run);
}

/* Two means and two sds over 19 draws each, from other permutations: means within 4 standard errors of their difference
 * (README of the goldens); sds, whose error is a sixth, within a factor of 2.5. */
static void check_fiedler_null(const dwell_run *run, size_t row, const char *column, json_t *expected,
                               const char *kind) {
  double mean, sd, golden_mean = json_number_value(golden_key(expected, testing_format("%s_null", kind)));
  double golden_sd = json_number_value(golden_key(expected, testing_format("%s_sd", kind)));
  assert_true(dwell_run_number(run, "heads", row, testing_format("%s_null_mean", column), &mean));
  assert_true(dwell_run_number(run, "heads", row, testing_format("%s_null_sd", column), &sd));
  assert_near(mean, golden_mean, 0, 4 * sqrt((sd * sd + golden_sd * golden_sd) / 19));
  assert_true(sd < 2.5 * golden_sd && golden_sd < 2.5 * sd);
}

static void check_fiedler(const char *name) {
  golden g = golden_open(name);
  dwell_measure_options options = dwell_measure_options_default();
  options.instruments = "fiedler";
  dwell_run *run = measure(name, options);
  json_t *exact = golden_key(golden_key(g.json, "exact"), "attention");
  json_t *drawn = golden_key(golden_key(g.json, "monte_carlo"), "attention");
  double x;
  for (size_t row = 0; row < dwell_run_rows(run, "heads"); row++) {
    size_t b = row / g.heads, h = row % g.heads;
    json_t *values = json_array_get(json_array_get(exact, b), h), *nulls = json_array_get(json_array_get(drawn, b), h);
    check(run, "heads", row, "fiedler_co", golden_key(values, "fiedler_co"));
    check_fiedler_null(run, row, "fiedler_co", nulls, "co");
    if (g.causal) { /* not of a triangular matrix */
      assert_false(dwell_run_number(run, "heads", row, "fiedler_sym", &x));
      continue;
    }
    check(run, "heads", row, "fiedler_sym", golden_key(values, "fiedler_sym"));
    check_fiedler_null(run, row, "fiedler_sym", nulls, "sym");
  }
  assert_int_equal(dwell_run_rows(run, "heads"), g.blocks * g.heads);
  dwell_run_destroy(run);
  golden_close(&g);
}

/* Measured where it is named, with its null; not by default. */
static void graphs_of_heads(void **state) {
  (void)state;
  check_fiedler("bidirectional");
  check_fiedler("causal");
  dwell_measure_options options = dwell_measure_options_default();
  dwell_run *run = measure("causal", options);
  assert_true(table_find(run_table(run, "heads"), "fiedler_co") == SIZE_MAX);
  assert_true(table_find(run_table(run, "heads"), "tv_mean") != SIZE_MAX);
  dwell_run_destroy(run);
  options.instruments = "fiedler_co,fiedler_co_null_mean", options.null_draws = 0;
  run = measure("causal", options);
  double x;
  assert_int_equal(dwell_run_columns(run, "heads"), 3 + 2);
  assert_true(dwell_run_number(run, "heads", 0, "fiedler_co", &x));
  assert_false(dwell_run_number(run, "heads", 0, "fiedler_co_null_mean", &x));
  dwell_run_destroy(run);
}

/* What is calibrated does not depend on what is printed: energies alone give the same as all. */
static void energies_alone(void **state) {
  (void)state;
  golden g = golden_open("bidirectional");
  dwell_measure_options options = dwell_measure_options_default();
  options.instruments = "energy_calibrated";
  dwell_run *run = measure("bidirectional", options);
  assert_int_equal(dwell_run_columns(run, "layers"), 7 + 1);
  assert_int_equal(dwell_run_columns(run, "heads"), 0);
  check_calibration(run, golden_key(g.json, "exact"));
  dwell_run_destroy(run);
  golden_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bidirectional),
                                     cmocka_unit_test(causal),
                                     cmocka_unit_test(edge),
                                     cmocka_unit_test(types),
                                     cmocka_unit_test(as_many_clusters_as_were_tried),
                                     cmocka_unit_test(only_what_is_asked),
                                     cmocka_unit_test(energies_alone),
                                     cmocka_unit_test(graphs_of_heads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
