/* The real Schur form by what defines it: block triangular, with the eigenvalues and the norm of the matrix. */
#include "linalg/schur.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "linalg/eigen.h"
#include "util/testing.h"

static double frobenius(size_t n, const double *a) {
  double sum = 0;
  for (size_t i = 0; i < n * n; i++) sum += a[i] * a[i];
  return sqrt(sum);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Real parts and squared moduli of the blocks of t. */
static void read_blocks(size_t n, const double *t, double *real, double *modulus) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j + 1 < i; j++) assert_true(t[i * n + j] == 0);
    bool first = i + 1 < n && t[(i + 1) * n + i] != 0, second = i > 0 && t[i * n + i - 1] != 0;
    assert_false(first && second);
    real[i] = t[i * n + i], modulus[i] = real[i] * real[i];
    size_t at = first ? i : i - 1;
    if (!first && !second) continue;
    double across = t[at * n + at + 1] * t[(at + 1) * n + at];
    assert_true(across < 0 && t[at * n + at] == t[(at + 1) * n + at + 1]);
    modulus[i] -= across;
  }
}

static void form_of_random_matrices(void **state) {
  (void)state;
  static const size_t orders[] = {1, 2, 3, 7, 32, 65};
  for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
    size_t n = orders[o], square = n * n;
    dwell_error err;
    double *a = MEM_NEW(double, 2 * square + 4 * n), *copy = a + square, *real = copy + square, *im = real + n;
    assert_non_null(a);
    for (size_t i = 0; i < square; i++)
      a[i] = copy[i] = random_normal(&(random_stream){.seed = 3, .purpose = RANDOM_TEST}, (uint32_t)n, (uint32_t)i);
    double norm = frobenius(n, a);
    assert_ok(schur_form(n, a, &err), &err);
    assert_near(frobenius(n, a), norm, 1e-13, 0);
    read_blocks(n, a, im + n, im + 2 * n);
    assert_ok(eigen_general(n, copy, real, im, &err), &err);
    for (size_t i = 0; i < n; i++) im[i] = real[i] * real[i] + im[i] * im[i];
    qsort(real, n, sizeof *real, compare);
    qsort(im, n, sizeof *im, compare);
    qsort(im + n, n, sizeof *im, compare);
    qsort(im + 2 * n, n, sizeof *im, compare);
    /* Two backward stable solvers; random matrices of these orders have eigenvalues of condition below 1e3. */
    for (size_t i = 0; i < n; i++) {
      assert_near(im[n + i], real[i], 0, 1e-11 * norm);
      assert_near(im[2 * n + i], im[i], 0, 1e-11 * norm * norm);
    }
    mem_free(a);
  }
}

/* What is triangular already stays; its transpose has the same diagonal and nothing below it. */
static void orientation(void **state) {
  (void)state;
  double upper[9] = {1, 5, 6, 0, 2, 7, 0, 0, 3};
  dwell_error err;
  assert_ok(schur_form(3, upper, &err), &err);
  assert_true(upper[3] == 0 && upper[6] == 0 && upper[7] == 0);
  double spin[4] = {0, -2, 2, 0};
  assert_ok(schur_form(2, spin, &err), &err);
  assert_near(spin[1] * spin[2], -4, 1e-14, 0);
}

static void refusals(void **state) {
  (void)state;
  dwell_error err;
  double bad[4] = {1, 2, NAN, 4};
  assert_fails(schur_form(2, bad, &err), DWELL_FAILED, &err, "not finite");
  assert_fails(schur_form(40000, bad, &err), DWELL_UNSUPPORTED, &err, "40000");
  assert_ok(schur_form(0, bad, &err), &err);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(form_of_random_matrices), cmocka_unit_test(orientation),
                                     cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
