/* Order and medians of numbers. */
#include "base/sort.h"

#include <float.h>

#include "util/testing.h"

static void ascending(void **state) {
  (void)state;
  double values[] = {3, -1, 2, -0.5, 2};
  static const double sorted[] = {-1, -0.5, 2, 2, 3};
  sort_doubles(values, 5);
  for (size_t i = 0; i < 5; i++) assert_true(values[i] == sorted[i]);
  sort_doubles(NULL, 0);
}

static void medians(void **state) {
  (void)state;
  assert_true(sort_median((const double[]){7}, 1) == 7);
  assert_true(sort_median((const double[]){1, 2, 4}, 3) == 2);
  assert_true(sort_median((const double[]){1, 2, 4, 100}, 4) == 3);
  assert_true(sort_median((const double[]){DBL_MAX, DBL_MAX}, 2) == DBL_MAX); /* no overflow */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ascending), cmocka_unit_test(medians)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
