/* tests/instrument/test_golden.c - the exact golden values of every instrument. Tolerance of the goldens' README: 1e-6
 * relative, 1e-9 absolute (they were computed in double from differently ordered sums). */
#include <string.h>

#include "instrument/instrument.h"
#include "util/instrument_golden.h"

static const double RELATIVE = 1e-6, ABSOLUTE = 1e-9;

enum { MOST_COLUMNS = 16 };
typedef struct measured {
  const instrument *m;
  value values[MOST_COLUMNS];
} measured;

static value get(const measured *got, const char *column) {
  for (size_t c = 0; c < got->m->column_count; c++) {
    if (strcmp(got->m->columns[c].name, column) == 0) return got->values[c];
  }
  fail_msg("%s has no column %s", got->m->name, column);
  return UNDEFINED("");
}

/* A number must be met; null must be undefined with a reason. `lenient`: golden values of collapsed states, where both
 * null and a number are right (README of the goldens). */
static size_t compared;
static void check(const measured *got, const char *column, json_t *expected, bool lenient) {
  value v = get(got, column);
  compared++;
  if (v.undefined != NULL && (lenient || json_is_null(expected))) return;
  if (v.undefined != NULL || !json_is_number(expected))
    fail_msg("%s: got %s %.17g", column, v.undefined ? v.undefined : "the number", v.number);
  testing_near(v.number, json_number_value(expected), RELATIVE, ABSOLUTE, column, __FILE__, __LINE__);
}

/* The goldens' energies assume states of f32 precision; beta as calibrated by the golden itself, or NaN. */
static instrument_setting setting_of(json_t *exact) {
  json_t *beta = json_object_get(exact, "beta_cal");
  return (instrument_setting){.epsilon = 6e-8, .beta = json_is_number(beta) ? json_number_value(beta) : NAN};
}

static measured measure_state(const char *name, geometry *g, representation r, instrument_setting s) {
  measured got = {.m = instrument_find(name)};
  dwell_error err;
  assert_ok(got.m->state(g, r, &s, got.values, &err), &err);
  return got;
}

static measured measure_step(const char *name, geometry *a, geometry *b, instrument_setting s) {
  measured got = {.m = instrument_find(name)};
  dwell_error err;
  assert_ok(got.m->step(a, b, &s, got.values, &err), &err);
  return got;
}

static void check_histogram(geometry *g, representation r, json_t *expected) {
  const instrument *m = instrument_find("ip");
  int64_t bins[50], sum = 0;
  assert_string_equal(m->array_name, "hist");
  assert_int_equal(m->array_length, 50);
  assert_ok(m->array(g, r, bins, NULL), NULL);
  for (size_t b = 0; b < 50; b++) {
    assert_int_equal(bins[b], json_integer_value(json_array_get(expected, b)));
    sum += bins[b];
  }
  assert_int_equal(sum, geometry_n(g) * (geometry_n(g) - 1) / 2);
}

static void check_representation(geometry *g, representation r, json_t *expected, instrument_setting s) {
  measured ip = measure_state("ip", g, r, s), rank = measure_state("rank", g, r, s);
  bool lenient = r == CENTRED && geometry_collapsed(g);
  static const char *const columns[] = {"ip_mean", "ip_std", "mass90", "mass999"};
  for (size_t c = 0; c < 4; c++) check(&ip, columns[c], golden_key(expected, columns[c]), lenient);
  check(&rank, "effective_rank", golden_key(expected, "erank"), false);
  check(&rank, "participation_ratio", golden_key(expected, "pr"), false);
  check_histogram(g, r, golden_key(expected, "hist"));
}

static void check_neighbours(geometry *g, json_t *expected) {
  const uint32_t *order;
  size_t k;
  assert_ok(geometry_neighbours(g, CENTRED, &order, &k, NULL), NULL);
  for (size_t i = 0; i < geometry_n(g); i++)
    assert_int_equal(order[i * k], json_integer_value(json_array_get(expected, i)));
}

/* The golden has no heights where there are too few tokens for two clusters. */
static void check_heights(geometry *g, const instrument *m, json_t *expected, bool undefined) {
  double heights[64];
  assert_ok(m->array(g, RAW, heights, NULL), NULL);
  for (size_t k = 0; undefined && k + 1 < geometry_n(g); k++) assert_true(isnan(heights[k]));
  if (json_array_size(expected) == 0) return;
  assert_int_equal(json_array_size(expected), geometry_n(g) - 1);
  for (size_t k = 0; k + 1 < geometry_n(g); k++)
    assert_near(heights[k], json_number_value(json_array_get(expected, k)), RELATIVE, ABSOLUTE);
}

/* Clusters, presence and number. The labels: -1 and numbers by the smallest token, as the golden numbers them. */
static void check_clusters(geometry *g, json_t *expected, instrument_setting s) {
  measured cluster = measure_state("cluster", g, RAW, s);
  bool lenient = geometry_clusters_undefined(g) != NULL;
  check(&cluster, "cluster_T", golden_key(expected, "T"), lenient);
  check(&cluster, "cluster_count", golden_key(expected, "k_raw"), lenient);
  check(&cluster, "unassigned", golden_key(expected, "unassigned"), lenient);
  measured silhouette = measure_state("silhouette", g, RAW, s);
  check(&silhouette, "silhouette", golden_key(expected, "sil"), lenient);
  check(&silhouette, "silhouette_k", golden_key(expected, "k_sil"), lenient);
  check_heights(g, silhouette.m, golden_key(expected, "merge_heights"), lenient);
  int64_t labels[64];
  assert_true(geometry_n(g) <= 64 && cluster.m->array_kind == ARRAY_PER_TOKEN);
  assert_ok(cluster.m->array(g, RAW, labels, NULL), NULL);
  for (size_t i = 0; i < geometry_n(g); i++)
    assert_int_equal(labels[i], json_integer_value(golden_item(expected, "labels", i)));
}

/* README of the goldens: a margin below 1e-3 is known to 1e-5 only. */
static void check_cap(geometry *g, json_t *expected, instrument_setting s) {
  measured margin = measure_state("margin", g, RAW, s), dimension = measure_state("dimension", g, RAW, s);
  double golden_margin = json_number_value(golden_key(expected, "margin"));
  if (golden_margin < 1e-3) assert_near(get(&margin, "margin").number, golden_margin, 0, 1e-5);
  else check(&margin, "margin", golden_key(expected, "margin"), false);
  double mean = json_number_value(golden_key(expected, "mean_norm"));
  value ratio = get(&margin, "margin_ratio");
  if (mean > 0) assert_near(ratio.number, golden_margin / mean, 2 * RELATIVE, ABSOLUTE);
  else assert_string_equal(ratio.undefined, "mean_norm <= 1e-5");
  check(&dimension, "two_nn", golden_key(expected, "two_nn"), false);
}

static void check_state(geometry *g, json_t *exact, size_t l) {
  json_t *expected = golden_item(exact, "states", l);
  instrument_setting s = setting_of(exact);
  check_representation(g, RAW, golden_key(expected, "raw"), s);
  check_representation(g, CENTRED, golden_key(expected, "centred"), s);
  measured norm = measure_state("norm", g, RAW, s), cloud = measure_state("cloud", g, RAW, s);
  check(&norm, "norm_median", golden_key(expected, "norm_median"), false);
  static const char *const columns[] = {"states_erank", "pr_unbiased", "mean_norm"};
  for (size_t c = 0; c < 3; c++) check(&cloud, columns[c], golden_key(expected, columns[c]), false);
  measured energy = measure_state("energy", g, RAW, s);
  static const char *const betas[] = {"b0.1", "b1", "b2", "b5"};
  for (size_t b = 0; b < 4; b++) {
    check(&energy, testing_format("energy_%s", betas[b]), golden_item(expected, "energy", b), false);
    check(&energy, testing_format("founding_%s", betas[b]), golden_item(expected, "founding", b), false);
    json_t *floor = golden_item(expected, "energy_floor", b);
    value got = get(&energy, testing_format("energy_floor_%s", betas[b]));
    assert_near(got.number, json_number_value(floor), RELATIVE, 0); /* all floors are below the absolute 1e-9 */
  }
  json_t *calibrated = json_object_get(exact, "energy_calibrated");
  if (json_is_object(calibrated)) check(&energy, "energy_calibrated", golden_item(calibrated, "energy", l), false);
  else assert_string_equal(get(&energy, "energy_calibrated").undefined, "beta_uncalibrated");
  assert_int_equal(geometry_centred_undefined(g), json_integer_value(golden_key(expected, "centred_undefined")));
  check_cap(g, expected, s);
  if (!geometry_collapsed(g)) check_neighbours(g, golden_key(expected, "nn"));
  check_clusters(g, golden_key(expected, "cluster"), s);
}

static void check_step(geometry *a, geometry *b, json_t *exact, size_t block) {
  json_t *expected = golden_item(exact, "steps", block);
  instrument_setting s = setting_of(exact);
  measured cka = measure_step("cka", a, b, s), motion = measure_step("motion", a, b, s);
  measured neighbours = measure_step("neighbours", a, b, s), change = measure_step("energy_change", a, b, s);
  bool lenient = geometry_collapsed(a) || geometry_collapsed(b);
  check(&cka, "cka", golden_key(expected, "cka"), false);
  check(&cka, "cka_u", golden_key(expected, "cka_u"), false);
  check(&cka, "change", golden_item(exact, "change", block), false);
  check(&neighbours, "nn_stability", golden_key(expected, "nn_stability"), lenient);
  check(&neighbours, "knn_overlap", golden_key(expected, "knn_overlap"), lenient);
  check(&motion, "angle_mean", golden_key(expected, "angle_mean"), false);
  measured ari = measure_step("ari", a, b, s);
  check(&ari, "ari", golden_key(expected, "ari"), lenient);
  assert_near(neighbours.m->columns[1].chance(geometry_n(a)), json_number_value(golden_key(expected, "knn_null")),
              1e-15, 0);
  json_t *before = golden_item(exact, "states", block), *after = golden_item(exact, "states", block + 1);
  for (size_t k = 0; k < 4; k++)
    assert_near(
        change.values[k].number,
        json_number_value(golden_item(after, "energy", k)) - json_number_value(golden_item(before, "energy", k)),
        RELATIVE, ABSOLUTE);
}

static void check_heads(const golden *g, json_t *exact) {
  static const char *const columns[] = {"entropy", "entropy_norm", "sink", "sink_uniform", "self_mass", "previous"};
  const instrument *m = instrument_find("attention");
  float *narrow = malloc(g->n * g->n * sizeof *narrow);
  for (size_t e = 0; e < g->blocks * g->heads; e++) {
    const double *a = g->attention + e * g->n * g->n;
    json_t *expected = json_array_get(golden_item(exact, "attention", e / g->heads), e % g->heads);
    instrument_head head = {.n = g->n, .dtype = DWELL_F64, .attention = a, .causal = g->causal};
    measured got = {.m = m}, got_f32 = {.m = m};
    assert_ok(m->head(&head, got.values, NULL), NULL);
    for (size_t c = 0; c < 6; c++) check(&got, columns[c], golden_key(expected, columns[c]), false);
    for (size_t k = 0; k < g->n * g->n; k++) narrow[k] = (float)a[k];
    head.dtype = DWELL_F32, head.attention = narrow;
    assert_ok(m->head(&head, got_f32.values, NULL), NULL);
    for (size_t c = 0; c < 6; c++) /* weights rounded to 6e-8 */
      assert_near(got_f32.values[c].number, got.values[c].number, 1e-6, 1e-7);
  }
  free(narrow);
}

/* Measures that read the state at the block's input. */
static void check_heads_with_input(const golden *g, json_t *exact) {
  static const char *const columns[][2] = {
      {"spread", "tv_mean"}, {"temperature", "beta_eff"}, {"temperature", "beta_r2"}, {"temperature", "beta_rows"}};
  for (size_t e = 0; e < g->blocks * g->heads; e++) {
    geometry *input = golden_geometry(g, e / g->heads, false);
    instrument_head head = {.n = g->n, .dtype = DWELL_F64, .causal = g->causal};
    head.attention = g->attention + e * g->n * g->n;
    head.kept = g->selected.all, head.kept_count = g->selected.all_count;
    assert_ok(geometry_cosines(input, RAW, &head.cosines, NULL), NULL);
    json_t *expected = json_array_get(golden_item(exact, "attention", e / g->heads), e % g->heads);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
      measured got = {.m = instrument_find(columns[c][0])};
      assert_ok(got.m->head(&head, got.values, NULL), NULL);
      check(&got, columns[c][1], golden_key(expected, columns[c][1]), false);
    }
    geometry_destroy(input);
  }
}

/* The symmetric graph of a causal head is not measured, but its number is known: that of the matrix as it is. */
static void check_fiedler(const golden *g, json_t *exact) {
  for (size_t e = 0; e < g->blocks * g->heads; e++) {
    json_t *expected = json_array_get(golden_item(exact, "attention", e / g->heads), e % g->heads);
    instrument_head head = {.n = g->n, .dtype = DWELL_F64, .attention = g->attention + e * g->n * g->n};
    measured got = {.m = instrument_find("fiedler")};
    assert_ok(got.m->head(&head, got.values, NULL), NULL);
    check(&got, "fiedler_sym", golden_key(expected, "fiedler_sym"), false);
    head.causal = g->causal;
    assert_ok(got.m->head(&head, got.values, NULL), NULL);
    check(&got, "fiedler_co", golden_key(expected, "fiedler_co"), false);
  }
}

/* Labels of the kept tokens by the golden itself. */
static void check_alignment(const golden *g, json_t *exact) {
  static const char *const keys[] = {"inside", "null_mean", "null_sd", "p"};
  static const char *const columns[] = {"align", "align_null_mean", "align_null_sd", "align_p"};
  int32_t *labels = malloc(g->n * sizeof *labels);
  for (size_t e = 0; e < g->blocks * g->heads; e++) {
    json_t *given = golden_key(golden_key(golden_item(exact, "states", e / g->heads), "cluster"), "labels");
    for (size_t i = 0; i < g->n; i++) labels[i] = -1;
    for (size_t k = 0; k < g->selected.all_count; k++) {
      labels[g->selected.all[k]] = (int32_t)json_integer_value(json_array_get(given, k));
    }
    instrument_head head = {.n = g->n, .dtype = DWELL_F64, .causal = g->causal, .labels = labels};
    head.attention = g->attention + e * g->n * g->n;
    measured got = {.m = instrument_find("alignment")};
    assert_ok(got.m->head(&head, got.values, NULL), NULL);
    json_t *expected = golden_key(json_array_get(golden_item(exact, "attention", e / g->heads), e % g->heads), "align");
    for (size_t c = 0; c < 4; c++) {
      check(&got, columns[c], json_is_null(expected) ? expected : golden_key(expected, keys[c]), false);
    }
  }
  free(labels);
}

static void check_section(const golden *g, json_t *exact, bool types) {
  geometry *before = NULL;
  assert_int_equal(types ? g->selected.types_count : g->selected.all_count,
                   json_integer_value(golden_key(exact, "n_used")));
  for (size_t l = 0; l < g->states; l++) {
    geometry *after = golden_geometry(g, l, types);
    check_state(after, exact, l);
    if (l > 0) check_step(before, after, exact, l - 1);
    geometry_destroy(before);
    before = after;
  }
  geometry_destroy(before);
}

static void check_file(const char *name, bool with_types, size_t at_least) {
  golden g = golden_open(name);
  compared = 0;
  check_section(&g, golden_key(g.json, "exact"), false);
  if (with_types) check_section(&g, golden_key(golden_key(g.json, "types"), "exact"), true);
  if (g.attention != NULL) {
    check_heads(&g, golden_key(g.json, "exact"));
    check_heads_with_input(&g, golden_key(g.json, "exact"));
    check_alignment(&g, golden_key(g.json, "exact"));
    check_fiedler(&g, golden_key(g.json, "exact"));
  }
  assert_true(compared >= at_least); /* the loops above did run */
  golden_close(&g);
}

static void test_bidirectional(void **state) {
  (void)state;
  check_file("bidirectional", true, 2 * (5 * 31 + 4 * 7) + 8 * 16);
}
static void test_causal(void **state) {
  (void)state;
  check_file("causal", false, 4 * 31 + 3 * 7 + 9 * 16);
}
static void test_edge(void **state) {
  (void)state;
  check_file("edge", false, 3 * 30 + 2 * 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bidirectional),
      cmocka_unit_test(test_causal),
      cmocka_unit_test(test_edge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
