/* tests/report/test_page.c - the page of a run: the numbers are in it, nothing breaks out of it, what is missing is
 * left out, and its size stays reasonable. */
#define _POSIX_C_SOURCE 200809L /* access, strtok_r */
#include <dwell/report.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/fixture.h"

static dwell_error err;

/* Writes the page of `run` (destroyed) and returns its text (free). */
static char *page_of(dwell_run *run, const char *name) {
  const char *path = testing_format("%s/%s.html", testing_folder(), name);
  assert_ok(dwell_report_write(run, path, &err), &err);
  dwell_run_destroy(run);
  return testing_read(path, NULL);
}

static size_t count_of(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
  return n;
}

static json_t *data_of(const char *page) {
  const char *start = strstr(page, "id=\"dwell-data\">");
  assert_non_null(start);
  start += strlen("id=\"dwell-data\">");
  const char *end = strstr(start, "</script>");
  assert_non_null(end);
  json_t *data = json_loadb(start, (size_t)(end - start), 0, NULL);
  assert_non_null(data);
  return data;
}

static void test_numbers_are_exact(void **state) {
  (void)state;
  dwell_run *run = fixture_model(12, 12, 64);
  double expected[13];
  for (size_t l = 0; l < 13; l++) assert_true(dwell_run_number(run, "layers", l, "energy_b5", &expected[l]));
  char *page = page_of(run, "exact");
  json_t *data = data_of(page);
  json_t *column = json_object_get(json_object_get(json_object_get(data, "layers"), "columns"), "energy_b5");
  assert_int_equal(json_array_size(column), 13);
  for (size_t l = 0; l < 13; l++) assert_true(json_number_value(json_array_get(column, l)) == expected[l]);
  /* The final norm is no state of the series, but a diamond beside every curve that has it. */
  assert_int_equal(count_of(page, "data-series=\"final_norm.ip_mean\""), 1);
  assert_true(json_is_number(json_object_get(json_object_get(data, "final_norm"), "ip_mean")));
  assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "layers"), "steps")), 13);
  assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "blocks"), "steps")), 12);
  json_decref(data);
  free(page);
}

/* A run of later states only: positions and labels are the true numbers. */
static void test_a_run_of_later_states(void **state) {
  (void)state;
  dwell_run *run = fixture_model(4, 3, 20);
  double step;
  const char *const tables[] = {"layers", "blocks", "heads"}, *const columns[] = {"state", "block", "block"};
  for (size_t t = 0; t < 3; t++) {
    for (size_t row = 0; row < dwell_run_rows(run, tables[t]); row++) {
      if (!dwell_run_number(run, tables[t], row, columns[t], &step)) continue;
      fixture_set(run_table(run, tables[t]), row, columns[t], step + 20);
    }
  }
  char *page = page_of(run, "later");
  json_t *data = data_of(page), *layers = json_object_get(data, "layers"), *blocks = json_object_get(data, "blocks");
  assert_int_equal(json_integer_value(json_object_get(layers, "first")), 20);
  assert_int_equal(json_integer_value(json_object_get(layers, "steps")), 5);
  assert_true(json_number_value(json_array_get(json_object_get(layers, "at"), 4)) == 24);
  assert_int_equal(json_integer_value(json_object_get(blocks, "first")), 20);
  assert_true(json_number_value(json_array_get(json_object_get(blocks, "at"), 0)) == 20.5);
  json_t *labels = json_object_get(json_object_get(data, "axis"), "labels");
  assert_string_equal(json_string_value(json_array_get(labels, 0)), "20");
  assert_true(count_of(page, "data-columns=\"4\" data-first=\"20\"") > 0);
  json_decref(data);
  free(page);
}

static void test_every_figure_is_there(void **state) {
  (void)state;
  char *page = page_of(fixture_model(12, 12, 64), "figures");
  static const char *const figures[] = {"ip",      "mass90c",   "mass",   "rank", "pr",          "energy",
                                        "norm",    "meannorm",  "change", "cka",  "angle",       "neighbours",
                                        "denergy", "h-entropy", "h-sink", "hist", "hist_centred"};
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
    if (strstr(page, testing_format("id=\"f-%s\"", figures[i])) == NULL) fail_msg("no figure %s", figures[i]);
  }
  assert_null(strstr(page, "id=\"f-sphere\""));
  assert_int_equal(count_of(page, "<svg "), count_of(page, "</svg>"));
  assert_int_equal(count_of(page, "<title id"), count_of(page, "<svg ")); /* each can be read aloud */
  free(page);
}

/* Names of tokens come from files; so does whatever stands in a detail. */
/* A twin without spread has a band of no height: a line, and words that say where. */
static void test_a_twin_that_never_varies(void **state) {
  (void)state;
  static const char line[] = "data-series=\"layers.mass90_centred_null_mean\"", words[] = ">twin: always 0</text>";
  dwell_run *run = fixture_model(12, 12, 64);
  char *page = page_of(run, "spread");
  assert_int_equal(count_of(page, line), 1);
  assert_int_equal(count_of(page, words), 0);
  free(page);
  run = fixture_model(12, 12, 64);
  table *t = run_table(run, "layers");
  for (size_t row = 0; row < t->rows; row++) {
    fixture_set(t, row, "mass90_centred_null_mean", 0);
    fixture_set(t, row, "mass90_centred_null_sd", 0);
  }
  page = page_of(run, "flat");
  assert_int_equal(count_of(page, line), 1);
  assert_int_equal(count_of(page, words), 1);
  free(page);
  run = fixture_model(12, 12, 64);
  t = run_table(run, "layers");
  for (size_t row = 0; row < t->rows; row++) {
    fixture_set(t, row, "mass90_centred_null_mean", NAN);
    fixture_set(t, row, "mass90_centred_null_sd", NAN);
  }
  page = page_of(run, "twinless"); /* few tokens: there is no twin anywhere */
  assert_int_equal(count_of(page, ">twin: always"), 0);
  free(page);
}

static void test_events(void **state) {
  (void)state;
  dwell_run *run = fixture_model(3, 2, 14);
  char *page = page_of(run, "quiet");
  assert_null(strstr(page, "id=\"s-events\"")); /* nothing happened */
  free(page);
  static const char *const names[] = {"kind", "first", "last", "value", "null_p", "detail"};
  run = fixture_model(3, 2, 14);
  table *t = run_table(run, "events");
  for (size_t k = 0; k < 6; k++) assert_ok(table_add_column(t, names[k], NULL, NULL), NULL);
  for (size_t row = 0; row < 203; row++) {
    assert_ok(table_add_row(t, NULL, NULL), NULL);
    assert_ok(table_set_text(t, row, 0, "merge", NULL), NULL);
    table_set_number(t, row, 1, 2);
    table_set_number(t, row, 4, 0.025);
    assert_ok(table_set_text(t, row, 5, EVIL, NULL), NULL);
  }
  page = page_of(run, "events");
  assert_int_equal(count_of(page, "<bdi>merge</bdi></td><td>2</td><td></td><td></td><td>0.025</td>"), 200);
  assert_non_null(strstr(page, "id=\"s-events\""));
  assert_non_null(strstr(page, "and 3 more in events.csv"));
  assert_int_equal(count_of(page, "<script"), 4);
  assert_null(strstr(page, "<img"));
  free(page);
}

static void test_nothing_breaks_out(void **state) {
  (void)state;
  char *page = page_of(fixture_model(3, 2, 14), "evil");
  assert_null(strstr(page, EVIL));
  assert_null(strstr(page, "<img"));
  assert_null(strstr(page, "gpt2<x>"));
  assert_non_null(strstr(page, "gpt2&lt;x&gt;"));
  assert_non_null(strstr(page, "&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"));
  assert_null(strstr(page, "\u202e")); /* bidi override, raw */
  assert_non_null(strstr(page, "\\u202e"));
  assert_null(strchr(page, '\x1b'));
  assert_null(strstr(page, "<!--"));
  assert_int_equal(count_of(page, "<script"), 4);
  assert_int_equal(count_of(page, "</script>"), 4);
  assert_non_null(strstr(page, "default-src 'none'"));
  assert_null(strstr(page, "http://www.w3.org/1999")); /* no address but SVG's name space */
  assert_int_equal(count_of(page, "http:") + count_of(page, "https:"), count_of(page, "http://www.w3.org/2000/svg"));
  free(page);
}

/* Drawings hold no NaN, no infinity and no negative zero that a browser would stumble on. */
static void assert_drawable(const char *page) {
  for (const char *svg = strstr(page, "<svg "); svg != NULL; svg = strstr(svg + 1, "<svg ")) {
    const char *end = strstr(svg, "</svg>");
    const char *bad[] = {"nan", "inf\"", "inf ", "\"-0\""};
    for (size_t i = 0; i < 4; i++) {
      const char *at = strstr(svg, bad[i]);
      if (at != NULL && at < end) fail_msg("'%s' in a drawing: %.60s", bad[i], at - 20);
    }
  }
}

static void test_gaps(void **state) {
  (void)state;
  char *page = page_of(fixture_model(12, 2, 64), "gaps");
  const char *path = strstr(page, "data-series=\"layers.mass90_centred\"");
  assert_non_null(path);
  size_t moves = 0;
  for (const char *d = strstr(path, " d=\"") + 4; *d != '"'; d++) moves += *d == 'M';
  assert_int_equal(moves, 2); /* state 4 is undefined */
  json_t *data = data_of(page);
  json_t *column = json_object_get(json_object_get(json_object_get(data, "layers"), "columns"), "mass90_centred");
  assert_true(json_is_null(json_array_get(column, 4)));
  json_decref(data);
  assert_drawable(page);
  free(page);
}

static void test_flow_on_logarithmic_axis(void **state) {
  (void)state;
  char *page = page_of(fixture_flow(24, 3, 41, 1, true), "flow-log");
  json_t *data = data_of(page), *axis = json_object_get(data, "axis");
  assert_string_equal(json_string_value(json_object_get(axis, "column")), "log_time");
  assert_true(json_is_number(json_object_get(axis, "zero")));
  assert_non_null(strstr(page, "data-x-kind=\"ln\""));
  assert_non_null(strstr(page, "id=\"f-sphere\""));
  assert_int_equal(count_of(page, "data-film=\"1\""), 6);
  assert_null(strstr(page, "id=\"f-norm\"")); /* on the sphere all norms are 1 */
  assert_non_null(strstr(page, "<title>SA flow, β = 9, 24 tokens on S^2 · dwell</title>"));
  assert_non_null(strstr(page, "<h1>SA flow, β = 9, 24 tokens on S<sup>2</sup></h1>"));
  assert_int_equal(count_of(page, "data-series=\"final_norm"), 0);
  assert_drawable(page);
  json_decref(data);
  free(page);
}

static void test_flow_on_linear_axis_in_the_plane(void **state) {
  (void)state;
  char *page = page_of(fixture_flow(16, 2, 31, 1, false), "flow-circle");
  assert_non_null(strstr(page, "data-x-kind=\"linear\""));
  assert_non_null(strstr(page, "id=\"f-angles\""));
  assert_drawable(page);
  free(page);
}

static void test_replicas(void **state) {
  (void)state;
  char *page = page_of(fixture_flow(8, 3, 12, 20, false), "replicas");
  json_t *data = data_of(page);
  assert_int_equal(json_integer_value(json_object_get(data, "replicas")), 20);
  assert_int_equal(json_integer_value(json_object_get(data, "drawn")), 16);
  json_t *column = json_object_get(json_object_get(json_object_get(data, "layers"), "columns"), "ip_mean");
  assert_int_equal(json_array_size(column), 16 * 12);
  assert_int_equal(json_array_size(json_object_get(json_object_get(data, "medians"), "layers.ip_mean")), 12);
  assert_int_equal(count_of(page, "data-series=\"layers.ip_mean\""), 16);
  assert_int_equal(count_of(page, "data-series=\"layers.ip_mean:median\""), 1);
  json_decref(data);
  free(page);
}

static void test_missing_tables(void **state) {
  (void)state;
  dwell_run *run;
  assert_ok(run_create(&run, &err), &err);
  fixture_columns(&run->layers, "replica,state,tap,time,log_time,n,d,ip_mean");
  size_t row;
  assert_ok(table_add_row(&run->layers, &row, &err), &err);
  fixture_set(&run->layers, row, "replica", 0);
  fixture_set(&run->layers, row, "state", 0);
  fixture_set(&run->layers, row, "ip_mean", 0.5);
  char *page = page_of(run, "least");
  assert_non_null(strstr(page, "id=\"f-ip\""));
  assert_null(strstr(page, "id=\"f-change\""));
  assert_null(strstr(page, "id=\"s-heads\""));
  assert_drawable(page);
  free(page);
}

static void test_what_cannot_be_reported(void **state) {
  (void)state;
  dwell_run *run;
  assert_ok(run_create(&run, &err), &err);
  const char *path = testing_format("%s/none.html", testing_folder());
  assert_fails(dwell_report_write(run, path, &err), DWELL_BAD_INPUT, &err, "no states");
  fixture_columns(&run->layers, "replica,state,ip_mean");
  size_t row;
  assert_ok(table_add_row(&run->layers, &row, &err), &err);
  fixture_set(&run->layers, row, "replica", 0);
  fixture_set(&run->layers, row, "state", 0);
  assert_ok(table_add_row(&run->layers, &row, &err), &err);
  fixture_set(&run->layers, row, "replica", 0);
  fixture_set(&run->layers, row, "state", 9000000); /* must not become an allocation */
  assert_fails(dwell_report_write(run, path, &err), DWELL_BAD_INPUT, &err, "2 rows only");
  strbuf_puts(&run->manifest, "{\"a\":");
  assert_fails(dwell_report_write(run, path, &err), DWELL_BAD_INPUT, &err, "run.json");
  assert_int_not_equal(access(path, F_OK), 0);
  dwell_run_destroy(run);
  run = fixture_model(3, 0, 8);
  assert_fails(dwell_report_write(run, testing_format("%s/absent/x.html", testing_folder()), &err), DWELL_FAILED, &err,
               "absent");
  dwell_run_destroy(run);
}

static size_t size_of_page(dwell_run *run, const char *name) {
  struct stat info;
  free(page_of(run, name));
  assert_int_equal(stat(testing_format("%s/%s.html", testing_folder(), name), &info), 0);
  return (size_t)info.st_size;
}

static void fixture_labels(dwell_run *run, size_t states, size_t n) {
  double *labels = MEM_NEW(double, states *n), *keep = MEM_NEW(double, n);
  const size_t shape[] = {states, n}, one[] = {n};
  for (size_t i = 0; i < states * n; i++) labels[i] = i % 2 == 0 ? (double)(i % 8 / 2) : -1;
  for (size_t i = 0; i < n; i++) keep[i] = 1;
  fixture_array(run, "labels", 2, shape, labels);
  fixture_array(run, "keep", 1, one, keep);
  mem_free(labels), mem_free(keep);
}

/* What a measured run has besides: coordinates, and small maps of attention. */
static void fixture_cloud(dwell_run *run, size_t states, size_t n, size_t heads) {
  enum { SIDE = 48 };
  const size_t points[] = {states, n, 3}, shares[] = {states, 3}, maps[] = {states - 1, heads, SIDE, SIDE};
  size_t cells = (states - 1) * heads * SIDE * SIDE;
  double *x = MEM_NEW(double, states *n * 3), *share = MEM_NEW(double, states * 3), *map = MEM_NEW(double, cells);
  for (size_t i = 0; i < states * n * 3; i++) x[i] = fixture_wave(i, 0.4);
  for (size_t i = 0; i < states * 3; i++) share[i] = 0.3 - 0.1 * (double)(i % 3);
  for (size_t i = 0; i < cells; i++) map[i] = (double)(i % 97) / 96;
  fixture_array(run, "pca", 3, points, x);
  fixture_array(run, "pca_share", 2, shares, share);
  if (heads > 0) fixture_array(run, "attention_map", 4, maps, map);
  mem_free(x), mem_free(share), mem_free(map);
}

/* Points of the measured tokens beside the text, whose pieces try to break out; clusters keep their colours. */
static void test_cloud_and_text(void **state) {
  (void)state;
  dwell_run *run = fixture_model(5, 3, 21);
  fixture_labels(run, 6, 21);
  fixture_cloud(run, 6, 21, 3);
  char *page = page_of(run, "cloud");
  static const char *const there[] = {"id=\"ball\"",          "id=\"passage\"",  "id=\"alluvial\"",
                                      "id=\"f-h-attention\"", "data-film=\"1\"", "class=\"def\""};
  for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
    if (strstr(page, there[i]) == NULL) fail_msg("no %s", there[i]);
  }
  assert_int_equal(count_of(page, "role=\"option\""), 21);
  assert_null(strstr(page, EVIL));
  assert_null(strstr(page, "<img"));
  assert_null(strstr(page, "<!--"));
  assert_null(strstr(page, "\u202e")); /* bidi override, raw */
  json_t *data = data_of(page), *cloud = json_object_get(data, "cloud");
  assert_int_equal(json_integer_value(json_object_get(cloud, "n")), 20); /* the first one is not measured */
  assert_int_equal(json_array_size(json_object_get(cloud, "states")), 6);
  assert_int_equal(json_array_size(json_object_get(data, "identities")), 6);
  assert_int_equal(json_string_length(json_object_get(data, "kinds")), 21);
  assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "attention"), "side")), 48);
  const json_t *tints = json_object_get(data, "tints");
  for (size_t k = 0; k < json_array_size(tints); k++) assert_true(json_integer_value(json_array_get(tints, k)) < 6);
  json_decref(data);
  free(page);
}

/* Three particles: 0 and 2 merge at ln t = 1, the rest at 3. A merger that names nobody ends the tree. */
static void test_tree_of_mergers(void **state) {
  (void)state;
  for (int broken = 0; broken < 2; broken++) {
    dwell_run *run = fixture_flow(3, 3, 12, 1, true);
    const double times[] = {1, 3}, pairs[] = {0, 2, broken ? 9 : 1, 3};
    const size_t one[] = {2}, two[] = {2, 2};
    fixture_array(run, "merge_log_times", 1, one, times);
    fixture_array(run, "merge_pairs", 2, two, pairs);
    char *page = page_of(run, broken ? "broken-tree" : "tree");
    json_t *data = data_of(page), *mergers = json_object_get(data, "mergers");
    assert_int_equal(json_array_size(json_object_get(mergers, "log_time")), broken ? 1 : 2);
    assert_non_null(strstr(page, "id=\"plot-tree\""));
    assert_drawable(page);
    json_decref(data);
    free(page);
  }
}

static void test_sizes(void **state) {
  (void)state;
  assert_true(size_of_page(fixture_model(12, 12, 512), "big-model") < 1000000);
  /* 1024 tokens, 48 blocks of 16 heads, every token in a cluster or in none by turns: the worst for their picture. */
  dwell_run *run = fixture_model(48, 16, 1024);
  fixture_labels(run, 49, 1024);
  fixture_cloud(run, 49, 1024, 16);
  assert_true(size_of_page(run, "largest-model") < 3000000);
  assert_true(size_of_page(fixture_flow(32, 3, 101, 1, false), "usual-flow") < 700000);
  assert_true(size_of_page(fixture_flow(16, 3, 600, 1, true), "many-frames") < 1500000);
}

/* The animation is thinned by frames and by points, and keeps both ends. */
static void test_frames_are_thinned(void **state) {
  (void)state;
  char *page = page_of(fixture_flow(16, 3, 600, 1, true), "thinned");
  json_t *data = data_of(page), *states = json_object_get(json_object_get(data, "sphere"), "states");
  assert_int_equal(json_array_size(states), 200);
  assert_int_equal(json_integer_value(json_array_get(states, 0)), 0);
  assert_int_equal(json_integer_value(json_array_get(states, 199)), 599);
  json_decref(data);
  free(page);
  page = page_of(fixture_flow(400, 3, 160, 1, false), "crowded");
  data = data_of(page);
  assert_int_equal(json_array_size(json_object_get(json_object_get(data, "sphere"), "states")), 150);
  json_decref(data);
  free(page);
}

static void test_same_bytes_again(void **state) {
  (void)state;
  char *a = page_of(fixture_flow(8, 3, 12, 2, false), "again-a"),
       *b = page_of(fixture_flow(8, 3, 12, 2, false), "again-b");
  assert_string_equal(a, b);
  free(a);
  free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_run_of_later_states),
      cmocka_unit_test(test_numbers_are_exact),
      cmocka_unit_test(test_every_figure_is_there),
      cmocka_unit_test(test_a_twin_that_never_varies),
      cmocka_unit_test(test_events),
      cmocka_unit_test(test_nothing_breaks_out),
      cmocka_unit_test(test_gaps),
      cmocka_unit_test(test_flow_on_logarithmic_axis),
      cmocka_unit_test(test_flow_on_linear_axis_in_the_plane),
      cmocka_unit_test(test_replicas),
      cmocka_unit_test(test_missing_tables),
      cmocka_unit_test(test_what_cannot_be_reported),
      cmocka_unit_test(test_cloud_and_text),
      cmocka_unit_test(test_tree_of_mergers),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_frames_are_thinned),
      cmocka_unit_test(test_same_bytes_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
