/* tests/cli/test_figure.c - dwell figure as scripts see it. */
#include <jansson.h>
#include <unistd.h>

#include "util/program.h"

static json_t *parsed(const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  if (root == NULL) fail_msg("not JSON: %s", error.text);
  return root;
}

static bool there(const char *path) { return access(path, F_OK) == 0; }

static void all_three_files(void **state) {
  (void)state;
  const char *name = testing_format("%s/stairs", testing_folder());
  program_result r = assert_done(testing_format("figure staircase --quick --json -o '%s'", name));
  json_t *root = parsed(r.out), *check;
  size_t i;
  assert_int_equal(json_array_size(json_object_get(root, "files")), 3);
  assert_true(json_array_size(json_object_get(root, "checks")) >= 4);
  json_array_foreach(json_object_get(root, "checks"), i, check) {
    assert_true(json_is_true(json_object_get(check, "pass")));
  }
  assert_true(there(testing_format("%s.svg", name)) && there(testing_format("%s.html", name)));
  assert_true(there(testing_format("%s.npz", name)) && !there(testing_format("%s.partial", name)));
  json_decref(root);
  program_free(&r);
}

static void one_file(void **state) {
  (void)state;
  const char *path = testing_format("%s/one.svg", testing_folder());
  program_result r = assert_done(testing_format("figure normalisation --quick -o '%s'", path));
  assert_non_null(strstr(r.out, "T16.post"));
  assert_true(there(path) && !there(testing_format("%s.html", path)));
  program_free(&r);
  assert_refused(testing_format("figure normalisation --quick -o '%s'", path), 2, "already there");
  r = assert_done(testing_format("figure normalisation --quick --force -o '%s'", path));
  program_free(&r);
}

static void refusals(void **state) {
  (void)state;
  assert_refused("figure", 2, "name a figure");
  assert_refused("figure stair-case", 2, "staircase");
  assert_refused("figure frontier --quick -o /nowhere/at/all.svg", 1, "/nowhere/at");
}

static void listed(void **state) {
  (void)state;
  program_result r = assert_done("list figures --json");
  json_t *root = parsed(r.out), *f;
  size_t i;
  json_array_foreach(root, i, f) {
    assert_true(json_is_string(json_object_get(f, "name")) && json_is_string(json_object_get(f, "source")));
    assert_true(json_is_string(json_object_get(f, "shows")) && json_is_string(json_object_get(f, "ours")));
  }
  assert_true(i >= 8);
  json_decref(root);
  program_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_three_files), cmocka_unit_test(one_file),
                                     cmocka_unit_test(refusals), cmocka_unit_test(listed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
