/* tests/detect/test_golden.c - every detector on the golden vectors. Detectors get the golden's own series, so what is
 * compared is the detector alone: 1e-6 relative, 1e-9 absolute (README of the goldens); with given draws 1e-5. */
#include <string.h>

#include "detect/detect.h"
#include "util/instrument_golden.h"

static const double RELATIVE = 1e-6, ABSOLUTE = 1e-9;

static size_t compared;

static void check_number(double got, json_t *expected, const char *what) {
  compared++;
  if (!json_is_number(expected)) fail_msg("%s: got %.17g, expected none", what, got);
  testing_near(got, json_number_value(expected), RELATIVE, ABSOLUTE, what, __FILE__, __LINE__);
}

static void check_value(value got, json_t *expected, const char *what) {
  compared++;
  if (got.undefined != NULL && json_is_null(expected)) return;
  if (got.undefined != NULL) fail_msg("%s: %s", what, got.undefined);
  check_number(got.number, expected, what);
}

static void check_index(size_t got, json_t *expected, const char *what) {
  compared++;
  if (json_is_null(expected)) assert_true(got == SIZE_MAX);
  else if ((json_int_t)got != json_integer_value(expected)) fail_msg("%s: got %zu", what, got);
}

/* A column of the states: path "raw", "ip_mean" or "energy", NULL with an index. */
static double *series(json_t *exact, const char *key, const char *sub, size_t index) {
  json_t *states = golden_key(exact, "states");
  double *x = malloc((json_array_size(states) + 1) * sizeof *x);
  for (size_t l = 0; l < json_array_size(states); l++) {
    json_t *at = golden_key(json_array_get(states, l), key);
    at = sub != NULL ? golden_key(at, sub) : json_is_array(at) ? json_array_get(at, index) : at;
    x[l] = json_number_value(at);
  }
  return x;
}

/* ln of the state index. */
static double *log_index(size_t states) {
  double *t = malloc((states + 1) * sizeof *t);
  for (size_t l = 0; l < states; l++) t[l] = log((double)l);
  return t;
}

/* ---- tracking ---- */

static int32_t *labels_of(json_t *exact, size_t n) {
  json_t *states = golden_key(exact, "states");
  int32_t *labels = malloc((json_array_size(states) * n + 1) * sizeof *labels);
  for (size_t l = 0; l < json_array_size(states); l++) {
    json_t *row = golden_key(golden_key(json_array_get(states, l), "cluster"), "labels");
    for (size_t i = 0; i < n; i++) labels[l * n + i] = (int32_t)json_integer_value(json_array_get(row, i));
  }
  return labels;
}

static void check_lives(const tracking *t, json_t *expected) {
  json_t *lives = golden_key(expected, "lives"), *events = golden_key(expected, "events");
  assert_int_equal(t->life_count, json_array_size(lives));
  for (size_t k = 0; k < t->life_count; k++) {
    json_t *life = json_array_get(lives, k);
    size_t id = (size_t)json_integer_value(golden_key(life, "id"));
    check_index(t->lives[id].born, golden_key(life, "born"), "born");
    check_index(t->lives[id].last, golden_key(life, "last"), "last");
  }
  assert_int_equal(t->event_count, json_array_size(events));
  for (size_t k = 0; k < t->event_count; k++) {
    json_t *e = json_array_get(events, k);
    assert_int_equal(t->events[k].state, json_integer_value(golden_key(e, "state")));
    assert_string_equal(track_kind_name(t->events[k].kind), json_string_value(golden_key(e, "kind")));
    assert_int_equal(t->events[k].id, json_integer_value(golden_key(e, "id")));
    assert_int_equal(t->events[k].other, json_integer_value(golden_key(e, "into")));
    compared += 4;
  }
}

static void check_tracking(json_t *exact) {
  size_t states = json_array_size(golden_key(exact, "states"));
  size_t n = (size_t)json_integer_value(golden_key(exact, "n_used"));
  json_t *expected = golden_key(exact, "tracking"), *ids = golden_key(expected, "ids");
  int32_t *labels = labels_of(exact, n);
  dwell_error err;
  tracking t;
  assert_ok(detect_tracking(labels, states, n, &t, &err), &err);
  check_lives(&t, expected);
  for (size_t l = 0; l < states; l++) {
    for (size_t i = 0; i < n; i++)
      assert_int_equal(t.ids[l * n + i], json_integer_value(json_array_get(json_array_get(ids, l), i)));
  }
  tracking_free(&t);
  free(labels);
}

/* ---- energies ---- */

static void check_path(const double *energy, const double *floor, size_t states, json_t *expected) {
  dwell_error err;
  energy_path got;
  assert_ok(detect_violations(energy, floor, states, &got, &err), &err);
  check_value(got.index, golden_key(expected, "index"), "index");
  check_number(got.drawdown_rel, golden_key(expected, "drawdown_rel"), "drawdown_rel");
  check_number(got.max_drop_rel, golden_key(expected, "max_drop_rel"), "max_drop_rel");
  check_index(got.peak, golden_key(expected, "drawdown_peak"), "drawdown_peak");
  check_index(got.trough, golden_key(expected, "drawdown_trough"), "drawdown_trough");
  check_index(got.worst_step, golden_key(expected, "worst_step"), "worst_step");
  check_index(got.drops, golden_key(expected, "drops"), "drops");
  check_index(got.steps, golden_key(expected, "steps"), "steps");
  check_index(got.below_floor, golden_key(expected, "below_floor"), "below_floor");
}

static void check_energies(json_t *exact, size_t states) {
  for (size_t b = 0; b < 4; b++) {
    double *energy = series(exact, "energy", NULL, b), *floor = series(exact, "energy_floor", NULL, b);
    check_path(energy, floor, states, golden_item(exact, "energy_monotone", b));
    free(energy), free(floor);
  }
  json_t *calibrated = json_object_get(exact, "energy_calibrated");
  if (!json_is_object(calibrated)) return;
  double energy[16], floor[16];
  for (size_t l = 0; l < states; l++) {
    energy[l] = json_number_value(golden_item(calibrated, "energy", l));
    floor[l] = json_number_value(golden_item(calibrated, "energy_floor", l));
  }
  check_path(energy, floor, states, calibrated);
}

/* ---- plateaus, collapse, staircase ---- */

static void check_plateaus(json_t *exact, json_t *monte_carlo) {
  double changes[16];
  json_t *change = golden_key(exact, "change"), *expected = golden_key(exact, "plateaus");
  for (size_t b = 0; b < json_array_size(change); b++) changes[b] = json_number_value(json_array_get(change, b));
  dwell_error err;
  plateaus got;
  assert_ok(detect_plateaus(changes, json_array_size(change), NULL, &PLATEAU_SETTING, &got, &err), &err);
  assert_int_equal(got.count, json_array_size(golden_key(expected, "runs")));
  check_index(got.longest, golden_key(expected, "longest"), "longest");
  json_t *p = golden_key(monte_carlo, "plateau_p");
  /* all that the goldens hold are 1 (no run of two steps) and null (fewer than four) */
  check_value(got.p, p, "plateau_p");
  plateaus_free(&got);
}

static void check_collapse(json_t *exact, size_t states) {
  double *ip = series(exact, "raw", "ip_mean", 0), *t = log_index(states);
  dwell_error err;
  collapse got;
  assert_ok(detect_collapse(ip, t, states, &got, &err), &err);
  json_t *fitted = golden_key(exact, "collapse");
  check_value(got.rate, golden_key(exact, "collapse_rate"), "collapse_rate");
  check_value(got.half_time, golden_key(exact, "half_time"), "half_time");
  if (json_is_null(fitted)) assert_non_null(got.fit_rate.undefined);
  if (json_is_object(fitted)) {
    check_value(got.fit_rate, golden_key(fitted, "rate"), "rate");
    check_value(got.fit_se, golden_key(fitted, "se"), "se");
    check_value(got.fit_r2, golden_key(fitted, "r2"), "r2");
    check_value(got.fit_half_life, golden_key(fitted, "half_life"), "half_life");
  }
  free(ip), free(t);
}

static void check_staircase(json_t *exact, size_t states) {
  size_t counts[16];
  json_t *expected = golden_key(exact, "staircase");
  double *t = log_index(states);
  dwell_error err;
  staircase got;
  for (size_t l = 0; l < states; l++) counts[l] = (size_t)json_integer_value(golden_item(exact, "components999", l));
  assert_ok(detect_staircase(counts, t, states, &got, &err), &err);
  check_number(exp(got.log_ratio), golden_key(expected, "ratio"), "staircase");
  assert_true(json_is_null(golden_key(expected, "k")) == (got.best == SIZE_MAX));
  staircase_free(&got);
  free(t);
}

/* Components of the goldens' states, from the states themselves. */
static void check_components(const golden *g, json_t *exact, bool types) {
  const instrument *m = instrument_find("components999");
  const instrument_setting setting = {.epsilon = 6e-8, .beta = NAN};
  for (size_t l = 0; l < g->states; l++) {
    geometry *at = golden_geometry(g, l, types);
    value v;
    assert_ok(m->state(at, RAW, &setting, &v, NULL), NULL);
    check_value(v, golden_item(exact, "components999", l), "components999");
    geometry_destroy(at);
  }
}

/* ---- with given draws ---- */

static void check_max_t(json_t *monte_carlo, size_t states) {
  size_t draws = (size_t)json_integer_value(golden_key(monte_carlo, "draws"));
  double observed[16], *drawn = malloc(draws * states * sizeof *drawn), z[16];
  for (size_t l = 0; l < states; l++) {
    json_t *t = golden_key(golden_item(monte_carlo, "states", l), "T");
    observed[l] = json_number_value(golden_key(t, "obs"));
    for (size_t k = 0; k < draws; k++) drawn[k * states + l] = json_number_value(golden_item(t, "draws", k));
  }
  dwell_error err;
  max_t got;
  assert_ok(detect_max_t(observed, drawn, draws, states, z, &got, &err), &err);
  assert_near(got.p.number, json_number_value(golden_key(monte_carlo, "p_any_state")), 1e-5, 0);
  check_index(got.best, golden_key(monte_carlo, "best_state"), "best_state");
  for (size_t l = 0; l < states; l++) {
    json_t *t = golden_key(golden_item(monte_carlo, "states", l), "T");
    double sd = json_number_value(golden_key(t, "null_sd"));
    if (sd == 0) assert_true(isnan(z[l]));
    else assert_near(z[l], (observed[l] - json_number_value(golden_key(t, "null_mean"))) / sd, 1e-5, 0);
  }
  free(drawn);
}

static void check_scales(const golden *g, json_t *exact, json_t *monte_carlo) {
  json_t *expected = golden_key(monte_carlo, "two_timescales");
  size_t best = (size_t)json_integer_value(golden_key(monte_carlo, "best_state"));
  int32_t *labels = labels_of(exact, g->selected.all_count);
  double within[16], between[16], *t = log_index(g->states);
  for (size_t l = 0; l < g->states; l++) {
    geometry *at = golden_geometry(g, l, false);
    const double *cosines;
    assert_ok(geometry_cosines(at, RAW, &cosines, NULL), NULL);
    detect_within_between(geometry_n(at), cosines, labels + best * geometry_n(at), &within[l], &between[l]);
    check_number(within[l], golden_item(expected, "within", l), "within");
    check_number(between[l], golden_item(expected, "between", l), "between");
    geometry_destroy(at);
  }
  dwell_error err;
  two_timescales got;
  assert_ok(detect_two_timescales(within, between, t, g->states, &got, &err), &err);
  check_number(exp(got.log_ratio.number), golden_key(expected, "ratio"), "ratio");
  check_number(exp(got.log_form.number), golden_key(expected, "t_form"), "t_form");
  assert_int_equal(got.censored, json_is_true(golden_key(expected, "censored")));
  if (!got.censored) check_number(exp(got.log_merge.number), golden_key(expected, "t_merge"), "t_merge");
  else assert_true(json_is_null(golden_key(expected, "t_merge")));
  free(labels), free(t);
}

/* ---- the files ---- */

static void check_section(const golden *g, json_t *section, bool types) {
  json_t *exact = golden_key(section, "exact"), *monte_carlo = golden_key(section, "monte_carlo");
  check_tracking(exact);
  check_energies(exact, g->states);
  check_plateaus(exact, monte_carlo);
  check_collapse(exact, g->states);
  check_staircase(exact, g->states);
  check_components(g, exact, types);
}

static void check_file(const char *name, bool with_types, bool with_draws, size_t at_least) {
  golden g = golden_open(name);
  compared = 0;
  check_section(&g, g.json, false);
  if (with_types) check_section(&g, golden_key(g.json, "types"), true);
  if (with_draws) {
    check_max_t(golden_key(g.json, "monte_carlo"), g.states);
    check_scales(&g, golden_key(g.json, "exact"), golden_key(g.json, "monte_carlo"));
  }
  assert_true(compared >= at_least); /* the loops above did run */
  golden_close(&g);
}

static void test_bidirectional(void **state) {
  (void)state;
  check_file("bidirectional", true, true, 2 * (4 * 9 + 2 + 6 + 5) + 6 + 16 + 9 + 14);
}
static void test_causal(void **state) {
  (void)state;
  check_file("causal", false, true, 4 * 9 + 2 + 6 + 4 + 4 + 8 + 10);
}
static void test_edge(void **state) {
  (void)state;
  check_file("edge", false, false, 4 * 9 + 2 + 2 + 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bidirectional),
      cmocka_unit_test(test_causal),
      cmocka_unit_test(test_edge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
