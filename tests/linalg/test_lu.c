/* tests/linalg/test_lu.c - general systems, and the refusal of singular ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "linalg/lu.h"
#include "util/testing.h"

enum { MOST = 130, SIDES = 3 };

static void test_solves(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 17, 64, 130};
  static double a[MOST * MOST], kept[MOST * MOST], b[SIDES * MOST], x[SIDES * MOST];
  static int pivots[MOST];
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
    size_t n = sizes[c];
    for (size_t e = 0; e < n * n; e++) a[e] = kept[e] = random_normal(&s, (uint32_t)c, (uint32_t)e);
    for (size_t e = 0; e < SIDES * n; e++) b[e] = x[e] = random_normal(&s, 100 + (uint32_t)c, (uint32_t)e);
    assert_true(lu_solve(n, a, SIDES, x, pivots));
    for (size_t k = 0; k < SIDES; k++)
      for (size_t i = 0; i < n; i++) {
        double sum = 0, size = 0;
        for (size_t j = 0; j < n; j++)
          sum += kept[i * n + j] * x[k * n + j], size += fabs(kept[i * n + j] * x[k * n + j]);
        assert_near(sum, b[k * n + i], 0, 1e-15 * (double)(n + 10) * (size + 1)); /* backward stable: n roundings */
      }
  }
  assert_true(lu_solve(0, NULL, 1, NULL, NULL));
}

static void test_refuses(void **state) {
  (void)state;
  double flat[4] = {1, 2, 2, 4}, broken[1] = {NAN}, b[2] = {1, 1};
  int pivots[2];
  assert_false(lu_solve(2, flat, 1, b, pivots));
  assert_false(lu_solve(1, broken, 1, b, pivots));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_solves), cmocka_unit_test(test_refuses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
