/* Events of whole runs: the file is there, says what happened, and nothing that did not. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "run/run.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static dwell_run *run_of(const char *arguments, const char *name) {
  dwell_error err;
  dwell_run *run;
  program_result r = assert_done(testing_format("%s -q -o '%s'", arguments, folder_of(name)));
  program_free(&r);
  assert_ok(dwell_run_load(folder_of(name), &run, &err), &err);
  return run;
}

static size_t rows_of(const dwell_run *run, const char *kind) {
  const table *t = run_table(run, "events");
  size_t count = 0, column = table_find(t, "kind");
  for (size_t row = 0; row < t->rows; row++) count += strcmp(table_at(t, row, column)->text, kind) == 0;
  return count;
}

/* A member of the first replica's object, by a path such as "staircase", "ratio". */
static double detected(const dwell_run *run, const char *what, const char *key) {
  json_t *manifest = json_loads(dwell_run_manifest(run), 0, NULL);
  json_t *found = json_object_get(json_object_get(json_array_get(json_object_get(manifest, "detected"), 0), what), key);
  double number = json_is_number(found) ? json_number_value(found) : NAN;
  json_decref(manifest);
  return number;
}

/* beta = 9 gathers into groups that stay and then join; beta = 1 goes straight into one point. */
static void merges_and_stairs_need_metastability(void **state) {
  (void)state;
  dwell_run *nine = run_of("simulate --n 32 --d 3 --beta 9 --until 1e6 --log-times --seed 1", "nine");
  dwell_run *one = run_of("simulate --n 32 --d 3 --beta 1 --until 1e6 --log-times --seed 1", "one");
  assert_true(detected(nine, "staircase", "ratio") > 2);
  assert_true(rows_of(nine, "merge") > 0);
  assert_true(detected(nine, "two_timescales", "ratio") > 5);
  assert_true(detected(one, "staircase", "ratio") < 2);
  assert_int_equal(rows_of(one, "merge"), 0);
  bool two_scales = detected(one, "two_timescales", "ratio") > 5; /* no number: not so */
  assert_false(two_scales);
  assert_true(rows_of(one, "collapse") == 1 && detected(one, "collapse", "half_time") > 0);
  assert_int_equal(rows_of(nine, "plateau"), 0); /* uneven times */
  dwell_run_destroy(nine), dwell_run_destroy(one);
}

/* Each identity has one row; it starts by a birth or a split unless it was there, and ends in one way. */
static void identities_add_up(void **state) {
  (void)state;
  dwell_run *run = run_of("simulate --n 32 --d 3 --beta 9 --until 1e6 --log-times --seed 1", "identities");
  const table *t = run_table(run, "events");
  size_t from_start = 0, to_end = 0;
  for (size_t row = 0; row < t->rows; row++) {
    if (strcmp(table_at(t, row, table_find(t, "kind"))->text, "cluster") != 0) continue;
    const table_cell *first = table_at(t, row, table_find(t, "first")), *last = table_at(t, row, table_find(t, "last"));
    from_start += first->number == 0, to_end += last->number == 100;
    assert_near(table_at(t, row, table_find(t, "value"))->number, last->number - first->number + 1, 0, 0);
  }
  size_t identities = rows_of(run, "cluster");
  assert_true(identities >= 2);
  assert_int_equal(identities, from_start + rows_of(run, "birth") + rows_of(run, "split"));
  assert_int_equal(identities, to_end + rows_of(run, "death") + rows_of(run, "merge"));
  dwell_run_destroy(run);
}

/* 40 starts that hardly move: independent points on a sphere, no clusters. Nominal 5 %; with 39 draws the largest of
 * several states is up to 7 %: 3 standard errors above that are 8 of 40. */
static void structureless_clouds_have_no_events(void **state) {
  (void)state;
  enum { STARTS = 40, MOST = 8 };
  dwell_run *run = run_of("simulate --n 48 --d 8 --until 0.01 --frames 4 --replicas 40 --instruments cluster", "cloud");
  json_t *manifest = json_loads(dwell_run_manifest(run), 0, NULL), *all = json_object_get(manifest, "detected");
  static const char *const keys[] = {"p_any_state", "births_p", "deaths_p", "merges_p", "splits_p"};
  assert_int_equal(json_array_size(all), STARTS);
  for (size_t k = 0; k < 5; k++) {
    int found = 0;
    for (size_t r = 0; r < STARTS; r++) {
      json_t *p = json_object_get(json_object_get(json_array_get(all, r), "clusters"), keys[k]);
      if (!json_is_number(p)) fail_msg("start %zu has no %s", r, keys[k]);
      assert_true(json_number_value(p) >= 1 / 40. - 1e-12 && json_number_value(p) <= 1);
      found += json_number_value(p) <= 0.05 + 1e-12;
    }
    if (found > MOST) fail_msg("%s is at most .05 in %d of %d starts", keys[k], found, STARTS);
  }
  json_decref(manifest);
  dwell_run_destroy(run);
}

/* The p of a row is that of the number of rows of its kind. */
static void rows_carry_the_p_of_their_kind(void **state) {
  (void)state;
  dwell_run *run = run_of("simulate --n 32 --d 3 --beta 9 --until 1e6 --log-times --seed 1", "kinds");
  const table *t = run_table(run, "events");
  static const char *const kinds[] = {"birth", "death", "merge", "split"}, *const plural[] = {"births", "deaths",
                                                                                              "merges", "splits"};
  for (size_t k = 0; k < 4; k++) {
    double p = detected(run, "clusters", testing_format("%s_p", plural[k]));
    assert_near(detected(run, "clusters", plural[k]), (double)rows_of(run, kinds[k]), 0, 0);
    for (size_t row = 0; row < t->rows; row++) {
      if (strcmp(table_at(t, row, table_find(t, "kind"))->text, kinds[k]) != 0) continue;
      assert_near(table_at(t, row, table_find(t, "null_p"))->number, p, 0, 0);
    }
  }
  assert_true(detected(run, "clusters", "merges_p") <= 0.05);
  dwell_run_destroy(run);
}

/* From the states to run.json, with the phases of the file: as the goldens, which know neither dwell nor its files. */
static void goldens_through_a_whole_run(void **state) {
  (void)state;
  json_t *golden = json_load_file(testing_source("tests/golden/instruments/causal.json"), 0, NULL);
  json_t *exact = json_object_get(golden, "exact"), *drawn = json_object_get(golden, "monte_carlo");
  json_t *scales = json_object_get(drawn, "two_timescales");
  dwell_run *run =
      run_of(testing_format("measure --states '%s'", testing_source("tests/golden/instruments/causal.npz")), "golden");
  const struct {
    const char *what, *key;
    json_t *expected;
  } numbers[] = {
      {"clusters", "p_any_state", json_object_get(drawn, "p_any_state")},
      {"clusters", "best_state", json_object_get(drawn, "best_state")},
      {"two_timescales", "groups_of_state", json_object_get(drawn, "best_state")},
      {"two_timescales", "ratio", json_object_get(scales, "ratio")},
      {"two_timescales", "t_form", json_object_get(scales, "t_form")},
      {"collapse", "collapse_rate", json_object_get(exact, "collapse_rate")},
      {"collapse", "fit_rate", json_object_get(json_object_get(exact, "collapse"), "rate")},
      {"staircase", "ratio", json_object_get(json_object_get(exact, "staircase"), "ratio")},
  };
  for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
    assert_true(json_is_number(numbers[k].expected));
    double got = detected(run, numbers[k].what, numbers[k].key);
    testing_near(got, json_number_value(numbers[k].expected), 1e-6, 1e-9, numbers[k].key, __FILE__, __LINE__);
  }
  assert_int_equal(rows_of(run, "energy_drop"), 0);
  dwell_run_destroy(run);
  json_decref(golden);
}

static void the_header_is_always_there(void **state) {
  (void)state;
  static const char *const columns[] = {"kind", "first", "last", "value", "null_p", "detail"};
  dwell_run *run = run_of("simulate --n 4 --frames 2 --nulls 0 --instruments norm", "few");
  const table *t = run_table(run, "events");
  assert_int_equal(t->rows, 0);
  assert_int_equal(t->columns, 6);
  for (size_t k = 0; k < 6; k++) assert_string_equal(t->names[k], columns[k]);
  assert_non_null(strstr(dwell_run_manifest(run), "\"events.csv\""));
  dwell_run_destroy(run);
  run = run_of("simulate --n 4 --frames 3 --replicas 2", "two");
  assert_string_equal(run_table(run, "events")->names[0], "replica");
  dwell_run_destroy(run);
  const char *tiny = testing_source("tests/golden/model/gpt2-tiny");
  run = run_of(testing_format("measure '%s' --ids 1,2,3,4,5 --instruments attention", tiny), "attention");
  assert_int_equal(run_table(run, "events")->columns, 6);
  dwell_run_destroy(run);
}

/* The energy of a network falls somewhere; the pairs behind it are named, also where a piece has commas and quotes. */
static void falls_name_their_tokens(void **state) {
  (void)state;
  const char *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (model == NULL) testing_skip_absent("models/bert-minilm-l6");
  dwell_run *run = run_of(
      testing_format("measure '%s' -p 'She said, \"no\", and meant it; he said \"yes\", and left.'", model), "falls");
  const table *t = run_table(run, "events");
  size_t falls = 0;
  for (size_t row = 0; row < t->rows; row++) {
    if (strcmp(table_at(t, row, table_find(t, "kind"))->text, "energy_drop") != 0) continue;
    falls++;
    assert_true(table_at(t, row, table_find(t, "value"))->number < 0);
    assert_non_null(strstr(table_at(t, row, table_find(t, "detail"))->text, " & "));
    assert_non_null(strstr(table_at(t, row, table_find(t, "detail"))->text, "same_id="));
  }
  assert_true(falls > 0);
  dwell_run_destroy(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(merges_and_stairs_need_metastability),
      cmocka_unit_test(identities_add_up),
      cmocka_unit_test(structureless_clouds_have_no_events),
      cmocka_unit_test(rows_carry_the_p_of_their_kind),
      cmocka_unit_test(goldens_through_a_whole_run),
      cmocka_unit_test(the_header_is_always_there),
      cmocka_unit_test(falls_name_their_tokens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
