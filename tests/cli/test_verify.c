/* tests/cli/test_verify.c - dwell verify as scripts see it. */
#include <jansson.h>

#include "util/program.h"

static json_t *parsed(const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  if (root == NULL) fail_msg("not JSON: %s", error.text);
  return root;
}

static void rows_as_json(void **state) {
  (void)state;
  program_result r = assert_done("verify --quick --json T9 T5.spread");
  json_t *root = parsed(r.out), *rows = json_object_get(root, "rows"), *row;
  size_t i;
  assert_int_equal(json_array_size(rows), 10);
  json_array_foreach(rows, i, row) {
    assert_true(json_is_string(json_object_get(row, "name")) && json_is_string(json_object_get(row, "source")));
    assert_true(json_is_number(json_object_get(row, "predicted")) && json_is_number(json_object_get(row, "measured")));
    assert_true(json_is_number(json_object_get(row, "tolerance")) && json_is_true(json_object_get(row, "pass")));
  }
  json_decref(root);
  program_free(&r);
}

static void rows_as_text(void **state) {
  (void)state;
  program_result r = assert_done("verify T9.d2");
  assert_non_null(strstr(r.out, "T9.d2"));
  assert_non_null(strstr(r.out, "1 rows, 1 hold, 0 fail"));
  assert_string_equal(r.words, "");
  program_free(&r);
}

static void names_nobody_knows(void **state) {
  (void)state;
  assert_refused("verify T999", 2, "no theorem or row");
  assert_refused("verify T9 T9.d", 2, "T9.d2"); /* a remedy */
}

/* The same bytes for any number of threads. */
static void threads_do_not_matter(void **state) {
  (void)state;
  program_result one = assert_done("verify --json -t 1 T5 E"), two = assert_done("verify --json -t 2 T5 E");
  assert_string_equal(one.out, two.out);
  program_free(&one);
  program_free(&two);
}

static void listed(void **state) {
  (void)state;
  program_result r = assert_done("list theorems --json");
  json_t *root = parsed(r.out), *theorem;
  size_t i, rows = 0;
  json_array_foreach(root, i, theorem) {
    assert_true(json_is_string(json_object_get(theorem, "name")));
    rows += json_array_size(json_object_get(theorem, "rows"));
  }
  assert_true(rows >= 60);
  json_decref(root);
  program_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_as_json),          cmocka_unit_test(rows_as_text), cmocka_unit_test(names_nobody_knows),
      cmocka_unit_test(threads_do_not_matter), cmocka_unit_test(listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
