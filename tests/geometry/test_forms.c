/* tests/geometry/test_forms.c - robust and normed states against their definitions, written out. */
#include "geometry/forms.h"

#include "util/clouds.h"

/* The middle of the values by counting, the mean of the two middle ones. */
static double naive_median(const double *values, size_t n) {
  double low = 0, high = 0;
  for (size_t i = 0; i < n; i++) {
    size_t below = 0, upto = 0;
    for (size_t j = 0; j < n; j++) below += values[j] < values[i], upto += values[j] <= values[i];
    if (below <= (n - 1) / 2 && upto > (n - 1) / 2) low = values[i];
    if (below <= n / 2 && upto > n / 2) high = values[i];
  }
  return (low + high) / 2;
}

static void check_robust(size_t n, size_t d, uint32_t which) {
  double *x = clouds_normal(n + 2, d, 1, which), *y = malloc(n * d * sizeof *y), *column = malloc(n * sizeof *column);
  size_t *rows = malloc(n * sizeof *rows);
  for (size_t i = 0; i < n; i++) rows[i] = n + 1 - i; /* another order, and not all of them */
  for (size_t k = 0; k < d; k++) x[3 * d + k] *= 100; /* one long token: clipped */
  dwell_error err;
  assert_ok(form_robust(x, d, rows, n, y, &err), &err);
  size_t clipped = 0;
  for (size_t k = 0; k < d; k++) {
    for (size_t i = 0; i < n; i++) column[i] = x[rows[i] * d + k];
    double middle = naive_median(column, n);
    for (size_t i = 0; i < n; i++) column[i] = fabs(x[rows[i] * d + k] - middle);
    double unit = 1.4826 * naive_median(column, n);
    for (size_t i = 0; i < n; i++) {
      double z = fmax(-5, fmin(5, (x[rows[i] * d + k] - middle) / unit));
      assert_near(y[i * d + k], z, 1e-12, 1e-15);
      clipped += fabs(z) == 5;
    }
  }
  assert_true(clipped > d / 2);
  free(x), free(y), free(column), free(rows);
}

static void test_robust(void **state) {
  (void)state;
  check_robust(9, 5, 1);
  check_robust(10, 17, 2);
  check_robust(31, 4, 3);
}

/* More than half of the tokens agree in a coordinate, or all in all: it carries nothing. */
static void test_robust_without_spread(void **state) {
  (void)state;
  static const double x[] = {1, 7, 1, 7, 1, 8, 4, 9}; /* [4,2] */
  static const size_t rows[] = {0, 1, 2, 3};
  double y[8];
  assert_ok(form_robust(x, 2, rows, 4, y, NULL), NULL);
  for (size_t i = 0; i < 4; i++) assert_true(y[2 * i] == 0);
  assert_near(y[1], -0.5 / (1.4826 * 0.5), 1e-14, 0);
  assert_near(y[7], 1.5 / (1.4826 * 0.5), 1e-14, 0);
  assert_ok(form_robust(x, 2, rows, 1, y, NULL), NULL);
  assert_true(y[0] == 0 && y[1] == 0);
}

static void test_normed(void **state) {
  (void)state;
  enum { N = 6, D = 7 };
  double *x = clouds_normal(N, D, 0, 4), gain[D], bias[D], y[2 * D];
  static const size_t rows[] = {4, 1};
  for (size_t k = 0; k < D; k++) gain[k] = 1 + 0.1 * (double)k, bias[k] = 0.3 - 0.2 * (double)k;
  for (int rms = 0; rms < 2; rms++) {
    dwell_norm norm = {.rms = rms, .epsilon = 0.01, .gain = gain, .bias = rms ? NULL : bias};
    form_normed(x, D, rows, 2, &norm, y);
    for (size_t i = 0; i < 2; i++) {
      const double *from = x + rows[i] * D;
      double sum = 0, squares = 0;
      for (size_t k = 0; k < D; k++) sum += from[k], squares += from[k] * from[k];
      double mean = rms ? 0 : sum / D, unit = sqrt(squares / D - mean * mean + 0.01);
      for (size_t k = 0; k < D; k++)
        assert_near(y[i * D + k], (from[k] - mean) / unit * gain[k] + (rms ? 0 : bias[k]), 1e-12, 1e-14);
    }
  }
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_robust), cmocka_unit_test(test_robust_without_spread),
                                     cmocka_unit_test(test_normed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
