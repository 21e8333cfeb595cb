/* Tables: what is written is what pandas.read_csv expects, and reads back cell by cell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "file/csv.h"
#include "util/testing.h"

static const char *write_text(const char *text, size_t size) {
  return testing_write(testing_format("%s/table.csv", testing_folder()), text, size);
}

static void test_written_bytes(void **state) {
  (void)state;
  strbuf out = {0};
  csv_writer w = {.out = &out};
  csv_text(&w, "name");
  csv_text(&w, "value");
  csv_text(&w, "n");
  csv_end_row(&w);
  csv_text(&w, "a, \"b\"\r\nc");
  csv_double(&w, 0.1);
  csv_int(&w, INT64_MIN);
  csv_end_row(&w);
  csv_text(&w, NULL);
  csv_double(&w, NAN);
  csv_empty(&w);
  csv_end_row(&w);
  csv_text(&w, "bad \xFF");
  csv_double(&w, -INFINITY);
  csv_int(&w, 0);
  csv_end_row(&w);
  assert_string_equal(out.data,
                      "name,value,n\n\"a, \"\"b\"\"\r\nc\",0.1,-9223372036854775808\n,,\nbad \xEF\xBF\xBD,,0\n");
  strbuf_free(&out);
}

/* One column: an undefined value must not become a blank line, which pandas would skip. */
static void test_single_column(void **state) {
  (void)state;
  strbuf out = {0};
  csv_writer w = {.out = &out};
  csv_text(&w, "x");
  csv_end_row(&w);
  csv_double(&w, NAN);
  csv_end_row(&w);
  csv_double(&w, 2);
  csv_end_row(&w);
  assert_string_equal(out.data, "x\n\"\"\n2\n");
  dwell_error err;
  csv_table t;
  double value;
  assert_ok(csv_read(write_text(out.data, out.length), &t, &err), &err);
  assert_int_equal(t.rows, 2);
  assert_false(csv_number(&t, 0, 0, &value));
  assert_true(csv_number(&t, 1, 0, &value) && value == 2);
  csv_free(&t);
  strbuf_free(&out);
}

static void test_reading(void **state) {
  (void)state;
  static const char text[] =
      "\xEF\xBB\xBF"
      "a,b,\"c,\"\"d\"\"\"\r\n1,,x y\n\"\",\"2\n3\",\" q\"\"\"\n-0.5,1e999,nan";
  dwell_error err;
  csv_table t;
  double value;
  assert_ok(csv_read(write_text(text, sizeof text - 1), &t, &err), &err);
  assert_true(t.columns == 3 && t.rows == 3);
  static const char *const expected[] = {"1", "", "x y", "", "2\n3", " q\"", "-0.5", "1e999", "nan"};
  for (size_t i = 0; i < 9; i++) assert_string_equal(t.cells[i], expected[i]);
  assert_int_equal(csv_column(&t, "c,\"d\""), 2);
  assert_true(csv_column(&t, "d") == SIZE_MAX);
  assert_true(csv_number(&t, 2, 0, &value) && value == -0.5);
  static const size_t none[][2] = {{0, 1}, {0, 2}, {2, 1}, {2, 2}, {3, 0}, {0, 3}};
  for (size_t i = 0; i < 6; i++) assert_false(csv_number(&t, none[i][0], none[i][1], &value));
  csv_free(&t);
  csv_free(&t); /* legal twice */
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
    size_t size;
  } rows[] = {{"", "not even a header line", 0},
              {"\xEF\xBB\xBF", "not even a header line", 3},
              {"a,b\n1\n", "line 2 has 1 cells, the header 2", 6},
              {"a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, the header 2", 14},
              {"a,b\n\"1\n\n\",2\n3\n", "line 5 has 1 cells", 14},
              {"a\n\n1\n", "line 2: the line is blank", 5},
              {"\na\n", "line 1: the line is blank", 3},
              {"a,b\n1,2\n\r\n", "line 3: the line is blank", 10},
              {"a,b\n1,\"2", "line 2: a quote is not closed", 8},
              {"a,b\n1,\"2\"x\n", "line 2: a cell is followed by neither", 11},
              {"a,b\n1,2\"\n", "line 2: a quote stands in a cell", 9},
              {"a,b\n1\r2,3\n", "line 2: a cell is followed by neither", 10},
              {"a,a\n1,2\n", "a: two columns have this name", 8},
              {"a,b\n1,\xFF\n", "not UTF-8 text (byte 6)", 8},
              {"a,b\n1,\0\n", "not UTF-8 text (byte 6)", 8}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    csv_table t;
    assert_fails(csv_read(write_text(rows[i].text, rows[i].size), &t, &err), DWELL_BAD_INPUT, &err, rows[i].words);
    assert_null(t.storage);
    assert_non_null(strstr(err.file, "table.csv"));
  }
  dwell_error err;
  csv_table t;
  assert_fails(csv_read("/nowhere/x.csv", &t, &err), DWELL_BAD_INPUT, &err, "cannot open");
}

/* Random tables of awkward texts and numbers come back the same, bit for bit. */
static void test_round_trip(void **state) {
  (void)state;
  static const char *const texts[] = {"", "plain", "a,b", "\"", "\"\"", "\n", "\r\n", "x\r", " ", "\xC3\xA9", ",", "1"};
  enum { ROWS = 200, COLUMNS = 5 };
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  strbuf out = {0};
  csv_writer w = {.out = &out};
  for (int j = 0; j < COLUMNS; j++) csv_text(&w, testing_format("column %d", j));
  csv_end_row(&w);
  for (uint32_t i = 0; i < ROWS; i++) {
    for (uint32_t j = 0; j + 1 < COLUMNS; j++)
      csv_text(&w, texts[random_below(&s, i, j, sizeof texts / sizeof texts[0])]);
    csv_double(&w, random_normal(&s, i, 99) * exp2(200 * random_normal(&s, i, 100)));
    csv_end_row(&w);
  }
  dwell_error err;
  csv_table t;
  assert_ok(csv_read(write_text(out.data, out.length), &t, &err), &err);
  assert_true(t.rows == ROWS && t.columns == COLUMNS);
  for (uint32_t i = 0; i < ROWS; i++) {
    double value, expected = random_normal(&s, i, 99) * exp2(200 * random_normal(&s, i, 100));
    for (uint32_t j = 0; j + 1 < COLUMNS; j++) {
      assert_string_equal(t.cells[i * COLUMNS + j], texts[random_below(&s, i, j, sizeof texts / sizeof texts[0])]);
    }
    assert_true(csv_number(&t, i, COLUMNS - 1, &value) == (isfinite(expected) != 0));
    if (isfinite(expected)) assert_memory_equal(&value, &expected, sizeof value);
  }
  csv_free(&t);
  strbuf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_written_bytes), cmocka_unit_test(test_single_column), cmocka_unit_test(test_reading),
      cmocka_unit_test(test_refused),       cmocka_unit_test(test_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
