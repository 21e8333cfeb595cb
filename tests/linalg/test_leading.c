/* tests/linalg/test_leading.c - the largest eigenvectors: against LAPACK, with equal values, of a low rank. */
#include "linalg/leading.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "linalg/eigen.h"
#include "util/testing.h"

static dwell_error err;

/* sum_k values[k] v_k v_k^T, v random orthonormal vectors (Gram and Schmidt). */
static double *with_spectrum(size_t n, size_t count, const double *values, uint32_t which) {
  double *a = calloc(n * n, sizeof *a), *v = calloc(count * n, sizeof *v);
  random_stream s = {.seed = 9, .purpose = RANDOM_TEST, .replica = which};
  for (size_t r = 0; r < count; r++) {
    double *row = v + r * n;
    for (size_t i = 0; i < n; i++) row[i] = random_normal(&s, (uint32_t)r, (uint32_t)i);
    for (size_t q = 0; q <= r; q++) { /* the last round is its own length */
      double sum = 0;
      for (size_t i = 0; i < n; i++) sum += row[i] * v[q * n + i];
      for (size_t i = 0; q < r && i < n; i++) row[i] -= sum * v[q * n + i];
      for (size_t i = 0; q == r && i < n; i++) row[i] /= sqrt(sum);
    }
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j < n; j++) a[i * n + j] += values[r] * row[i] * row[j];
    }
  }
  free(v);
  return a;
}

static void assert_pairs(size_t n, const double *a, size_t count, const double *values, const double *vectors) {
  for (size_t v = 0; v < count; v++) {
    const double *y = vectors + v * n;
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
      double sum = -values[v] * y[i];
      for (size_t j = 0; j < n; j++) sum += a[i * n + j] * y[j];
      worst = fmax(worst, fabs(sum));
      if (fabs(y[i]) > fabs(largest)) largest = y[i];
    }
    bool far = worst > 2e-10 * fabs(values[0]), negative = largest < 0;
    assert_false(far);
    assert_false(negative);
    for (size_t w = 0; w <= v; w++) {
      double product = 0;
      for (size_t i = 0; i < n; i++) product += y[i] * vectors[w * n + i];
      assert_near(product, v == w, 0, 1e-12);
    }
  }
}

/* Small orders go to LAPACK, large ones through the iteration; slowly and quickly falling spectra. */
static void it_agrees_with_lapack(void **state) {
  (void)state;
  static const size_t orders[] = {3, 40, 96, 97, 150, 300};
  for (uint32_t k = 0; k < 6; k++) {
    for (uint32_t slow = 0; slow < 2; slow++) {
      size_t n = orders[k];
      double *values = malloc(n * sizeof *values), found[3], *vectors = malloc(3 * n * sizeof *vectors);
      for (size_t i = 0; i < n; i++) values[i] = slow ? 2 - (double)i / (double)n : pow(0.8, (double)i);
      double *a = with_spectrum(n, n, values, 2 * k + slow), *copy = malloc(n * n * sizeof *a);
      memcpy(copy, a, n * n * sizeof *a);
      assert_ok(leading_vectors(n, a, 3, found, vectors, &err), &err);
      assert_pairs(n, a, 3, found, vectors);
      assert_ok(eigen_values(n, copy, values, &err), &err);
      for (size_t v = 0; v < 3; v++) assert_near(found[v], values[n - 1 - v], 1e-11, 0);
      free(values), free(vectors), free(a), free(copy);
    }
  }
}

static void equal_values_are_all_found(void **state) {
  (void)state;
  static const double values[] = {5, 5, 5, 5, 1, 1, 0.5};
  double found[4], vectors[4 * 200];
  double *a = with_spectrum(200, 7, values, 50);
  assert_ok(leading_vectors(200, a, 4, found, vectors, &err), &err);
  assert_pairs(200, a, 4, found, vectors);
  for (size_t v = 0; v < 4; v++) assert_near(found[v], 5, 1e-11, 0);
  free(a);
}

/* Fewer directions than are asked for, and none: the rest is 0, and the vectors are orthonormal all the same. */
static void a_low_rank(void **state) {
  (void)state;
  static const double values[] = {3, 2};
  double found[3], vectors[3 * 128];
  for (size_t rank = 0; rank <= 2; rank++) {
    double *a = with_spectrum(128, rank, values, 60);
    assert_ok(leading_vectors(128, a, 3, found, vectors, &err), &err);
    for (size_t v = 0; v < 3; v++) assert_near(found[v], v < rank ? values[v] : 0, 1e-12, 1e-12);
    if (rank > 0) assert_pairs(128, a, 3, found, vectors);
    free(a);
  }
}

static void what_is_not_finite(void **state) {
  (void)state;
  double found[3], vectors[3 * 120];
  double *a = calloc(120 * 120, sizeof *a);
  a[7] = NAN;
  assert_fails(leading_vectors(120, a, 3, found, vectors, &err), DWELL_FAILED, &err, "not finite");
  free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_agrees_with_lapack),
      cmocka_unit_test(equal_values_are_all_found),
      cmocka_unit_test(a_low_rank),
      cmocka_unit_test(what_is_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
