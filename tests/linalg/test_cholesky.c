/* tests/linalg/test_cholesky.c - systems with positive definite matrices, and the refusal of others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "linalg/cholesky.h"
#include "util/testing.h"

/* Y Y^T + ridge of random rows [n,k]: definite if k >= n or ridge > 0. */
static double *random_gram(size_t n, size_t k, double ridge) {
  random_stream s = {.seed = 1, .purpose = RANDOM_TEST, .replica = (uint32_t)n};
  double *y = malloc(n * k * sizeof *y), *a = malloc(n * n * sizeof *a);
  assert_true(y != NULL && a != NULL);
  for (size_t e = 0; e < n * k; e++) y[e] = random_normal(&s, 0, (uint32_t)e);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      a[i * n + j] = i == j ? ridge : 0;
      for (size_t q = 0; q < k; q++) a[i * n + j] += y[i * k + q] * y[j * k + q];
    }
  }
  free(y);
  return a;
}

static void test_solves(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 17, 64, 130, 257};
  for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
    size_t n = sizes[c];
    double *a = random_gram(n, n + 3, 0.5), *work = malloc(n * n * sizeof *work), *x = malloc(n * sizeof *x);
    memcpy(work, a, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) work[i * n + j] = NAN; /* the upper triangle is not read */
      x[i] = cos((double)i);
    }
    assert_true(cholesky_solve(n, work, x));
    for (size_t i = 0; i < n; i++) { /* backward stable: a residual of rounding times |A| |x| < 1e4 */
      double b = 0;
      for (size_t j = 0; j < n; j++) b += a[i * n + j] * x[j];
      assert_near(b, cos((double)i), 0, 1e-11);
    }
    free(a), free(work), free(x);
  }
  assert_true(cholesky_solve(0, NULL, NULL));
}

static void test_refuses(void **state) {
  (void)state;
  double indefinite[] = {1, 0, 2, 1}, zero[] = {0}, b[] = {3, 4}, with_nan[] = {1, 0, NAN, 1};
  assert_false(cholesky_solve(2, indefinite, b));
  assert_true(b[0] == 3 && b[1] == 4);
  assert_false(cholesky_solve(1, zero, b));
  assert_false(cholesky_solve(2, with_nan, b));
  assert_true(b[0] == 3 && b[1] == 4);
  assert_false(cholesky_solve(50000, indefinite, b)); /* beyond an int: not looked at */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_solves), cmocka_unit_test(test_refuses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
