/* tests/report/test_text.c - reports for a terminal: blocks stand for the numbers, lines fit, foreign text is harmless.
 */
#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "report/text.h"

#include "report/fixture.h"

static dwell_error err;

/* The report of `run` (destroyed); release with free. */
static char *text_of(dwell_run *run, size_t width) {
  strbuf out = {0};
  assert_ok(report_text(run, width, &out, &err), &err);
  dwell_run_destroy(run);
  assert_false(out.failed);
  return out.data;
}

static size_t columns_of(const char *line, size_t length) {
  size_t n = 0;
  for (size_t i = 0; i < length; i++) n += ((unsigned char)line[i] & 0xC0) != 0x80;
  return n;
}

/* Five states whose mean cosines are 0, 1/4, 1/2, 3/4, 1 on an axis from 0 to 1. */
static dwell_run *stairs(void) {
  dwell_run *run;
  assert_ok(run_create(&run, &err), &err);
  fixture_columns(&run->layers, "state,ip_mean");
  for (size_t l = 0; l < 5; l++) {
    size_t row;
    assert_ok(table_add_row(&run->layers, &row, &err), &err);
    fixture_set(&run->layers, row, "state", (double)l);
    fixture_set(&run->layers, row, "ip_mean", 0.25 * (double)l);
  }
  return run;
}

/* A row of the chart is a fifth of the axis: 1/4 fills one row and a quarter of the next, two eighths. */
static void test_blocks_stand_for_numbers(void **state) {
  (void)state;
  char *text = text_of(stairs(), 100);
  assert_non_null(strstr(text,
                         "         1 ┤                ████\n"
                         "           │            ▆▆▆▆████\n"
                         "           │        ▄▄▄▄████████\n"
                         "           │    ▂▂▂▂████████████\n"
                         "         0 ┤    ████████████████\n"
                         "            0                  4  state l\n"));
  free(text);
}

/* The twin's band lies in the lowest row: over the bars where they cover it. */
static void test_chance_is_shaded(void **state) {
  (void)state;
  dwell_run *run = fixture_model(12, 12, 64);
  table *t = run_table(run, "layers");
  for (size_t row = 0; row < t->rows; row++) {
    fixture_set(t, row, "mass90_centred", row < 6 ? 0 : 0.5);
    fixture_set(t, row, "mass90_centred_null_mean", 0.01);
    fixture_set(t, row, "mass90_centred_null_sd", 0);
    fixture_set(t, row, "mass90_centred_p", row < 6 ? 1 : 0.025);
  }
  char *text = text_of(run, 100);
  assert_non_null(strstr(text, "         0 ┤░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓\n"));
  assert_non_null(strstr(text, "p≤.05                          •   •   •   •   •   •   •   \n"));
  free(text);
}

/* Two heads, three blocks: shades by fifths of the axis, a blank where there is no value. */
static void test_maps_of_heads(void **state) {
  (void)state;
  dwell_run *run = stairs();
  static const double values[2][3] = {{0.05, 0.25, 0.45}, {0.65, NAN, 0.95}};
  fixture_columns(&run->heads, "block,head,entropy_norm");
  for (size_t k = 0; k < 6; k++) {
    size_t row;
    assert_ok(table_add_row(&run->heads, &row, &err), &err);
    fixture_set(&run->heads, row, "block", (double)(k % 3));
    fixture_set(&run->heads, row, "head", (double)(k / 3));
    fixture_set(&run->heads, row, "entropy_norm", values[k / 3][k % 3]);
  }
  char *text = text_of(run, 60);
  assert_non_null(strstr(text,
                         "Attention entropy (share): · 0 to █ 1\n"
                         "    0 ···░░░▒▒▒\n"
                         "    1 ▓▓▓   ███\n"
                         "      0 to 2  block; one row per head\n"));
  free(text);
}

static void assert_fits(char *text, size_t width) {
  size_t charts = 0;
  for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    if (strstr(line, "┤") == NULL && strstr(line, "│") == NULL && strstr(line, "→") == NULL) continue;
    if (columns_of(line, strlen(line)) > width) fail_msg("%zu columns: %s", width, line);
    charts++;
  }
  assert_true(charts > 20);
}

static void test_lines_fit(void **state) {
  (void)state;
  static const size_t widths[] = {40, 60, 100, 120};
  for (size_t k = 0; k < 4; k++) {
    char *text = text_of(fixture_model(300, 2, 20), widths[k]);
    assert_fits(text, widths[k]);
    free(text);
    text = text_of(fixture_flow(8, 3, 90, 3, true), widths[k]);
    assert_non_null(strstr(text, "medians of 3 replicas"));
    assert_fits(text, widths[k]);
    free(text);
  }
}

static void test_foreign_text(void **state) {
  (void)state;
  char *text = text_of(fixture_model(3, 2, 14), 80);
  assert_null(strchr(text, '\x1b'));
  assert_non_null(strstr(text, "gpt2<x>"));
  free(text);
  strbuf out = {0};
  text_cell(&out, "a\x1b[31m", 12);
  assert_string_equal(out.data, "a\\x1b[31m   ");
  out.length = 0;
  text_cell(&out, "abcdefgh", 5);
  assert_string_equal(out.data, "abcd…");
  out.length = 0;
  text_cell(&out, "βλ", 5);
  assert_string_equal(out.data, "βλ   ");
  strbuf_free(&out);
}

static void test_what_cannot_be_reported(void **state) {
  (void)state;
  dwell_run *run;
  strbuf out = {0};
  assert_ok(run_create(&run, &err), &err);
  assert_fails(report_text(run, 80, &out, &err), DWELL_BAD_INPUT, &err, "no states");
  dwell_run_destroy(run);
  strbuf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blocks_stand_for_numbers),
      cmocka_unit_test(test_chance_is_shaded),
      cmocka_unit_test(test_maps_of_heads),
      cmocka_unit_test(test_lines_fit),
      cmocka_unit_test(test_foreign_text),
      cmocka_unit_test(test_what_cannot_be_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
