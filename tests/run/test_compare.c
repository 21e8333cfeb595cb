/* Two runs in memory: which column differs most, where, and by how much; what only one of them has. */
#include <math.h>

#include "run/compare.h"
#include "util/testing.h"

/* Three states of columns `names`, values 10 * column + state. */
static dwell_run *make(const char *const *names, size_t count, size_t states) {
  dwell_run *run;
  dwell_error err;
  assert_ok(run_create(&run, &err), &err);
  assert_ok(table_add_column(&run->layers, "state", NULL, &err), &err);
  for (size_t k = 0; k < count; k++) assert_ok(table_add_column(&run->layers, names[k], NULL, &err), &err);
  for (size_t l = 0; l < states; l++) {
    assert_ok(table_add_row(&run->layers, NULL, &err), &err);
    table_set_number(&run->layers, l, 0, (double)l);
    for (size_t k = 0; k < count; k++) table_set_number(&run->layers, l, k + 1, 10 * (double)k + (double)l);
  }
  return run;
}

static void differences(void **state) {
  static const char *const of_a[] = {"same", "small", "large", "only_a"}, *const of_b[] = {"same", "small", "large",
                                                                                           "only_b"};
  dwell_run *a = make(of_a, 4, 3), *b = make(of_b, 4, 5);
  run_comparison c;
  dwell_error err;
  char name[80];
  (void)state;
  table_set_number(&b->layers, 1, 2, 11.5); /* of 12: 1/24, for 11.5 itself is not the largest */
  table_set_number(&b->layers, 2, 3, 11);   /* 22 against 11 */
  assert_ok(run_compare(a, b, &c, &err), &err);
  assert_int_equal(c.count, 3);
  assert_int_equal(c.rows_a, 3);
  assert_int_equal(c.rows_b, 5);
  assert_int_equal(c.only_a, 1);
  assert_int_equal(c.only_b, 1);
  assert_string_equal(c.items[0].column, "large");
  assert_int_equal(c.items[0].row, 2);
  assert_near(c.items[0].relative, 0.5, 0, 0);
  assert_near(c.items[0].a, 22, 0, 0);
  assert_int_equal(c.items[0].differing, 1);
  assert_string_equal(c.items[1].column, "small");
  assert_near(c.items[1].relative, 0.5 / 12, 1e-15, 0);
  assert_near(c.items[2].relative, 0, 0, 0);
  run_row_name(a, "layers", 2, name, sizeof name);
  assert_string_equal(name, "state 2");
  run_comparison_free(&c);
  table_set_number(&b->layers, 0, 1, NAN); /* a cell that one of them has not */
  assert_ok(run_compare(a, b, &c, &err), &err);
  assert_string_equal(c.items[0].column, "same");
  assert_true(isinf(c.items[0].relative) && isnan(c.items[0].b));
  run_comparison_free(&c);
  assert_ok(run_compare(a, a, &c, &err), &err);
  for (size_t k = 0; k < c.count; k++) assert_near(c.items[k].relative, 0, 0, 0);
  run_comparison_free(&c);
  dwell_run_destroy(a), dwell_run_destroy(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(differences)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
