/* The symmetric eigen-solver on matrices whose spectra are known in closed form, and by its defining equations. */
#include "linalg/eigen.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "util/testing.h"

static const double PI = 3.14159265358979323846;

static double *new_matrix(size_t n) {
  double *a = mem_zero(n * n, sizeof(double));
  assert_non_null(a);
  return a;
}

/* dsyevd is backward stable: every eigenvalue is exact for a matrix within p(n) u ||A|| of the given one, p a modest
 * polynomial (LAPACK Users' Guide, 4.7), in practice a few sqrt(n). 4 n u ||A|| leaves room. */
static double allowed(size_t n, double norm) { return 4 * (double)n * DBL_EPSILON * norm; }

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* `a` (destroyed) must have the eigenvalues `expected`, in any order. */
static void check_spectrum(size_t n, double *a, double *expected, double norm) {
  dwell_error err;
  double *values = MEM_NEW(double, n);
  assert_ok(eigen_values(n, a, values, &err), &err);
  qsort(expected, n, sizeof(double), compare);
  for (size_t i = 0; i < n; i++) assert_near(values[i], expected[i], 0, allowed(n, norm));
  for (size_t i = 1; i < n; i++) assert_true(values[i - 1] <= values[i]);
  mem_free(values);
}

/* Laplacians: path 2 - 2 cos(pi k / n), cycle 2 - 2 cos(2 pi k / n), complete graph 0 and n (n - 1 times). Only the
 * lower triangle is set; the upper holds junk that must not be read. */
static void add_edge(double *a, size_t n, size_t i, size_t j) {
  size_t low = i > j ? i : j, left = i > j ? j : i;
  a[low * n + left] -= 1;
  a[i * n + i] += 1;
  a[j * n + j] += 1;
}

static void spoil_upper(double *a, size_t n) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) a[i * n + j] = NAN;
  }
}

static void known_graphs(void **state) {
  (void)state;
  static const size_t orders[] = {1, 2, 3, 10, 64, 129};
  for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
    size_t n = orders[o];
    double *path = new_matrix(n), *cycle = new_matrix(n), *complete = new_matrix(n), *expected = MEM_NEW(double, n);
    for (size_t i = 0; i + 1 < n; i++) add_edge(path, n, i, i + 1);
    for (size_t i = 0; i < n && n > 2; i++) add_edge(cycle, n, i, (i + 1) % n);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j < i; j++) add_edge(complete, n, i, j);
    }
    spoil_upper(path, n), spoil_upper(cycle, n), spoil_upper(complete, n);
    for (size_t k = 0; k < n; k++) expected[k] = 2 - 2 * cos(PI * (double)k / (double)n);
    check_spectrum(n, path, expected, 4);
    for (size_t k = 0; k < n && n > 2; k++) expected[k] = 2 - 2 * cos(2 * PI * (double)k / (double)n);
    if (n > 2) check_spectrum(n, cycle, expected, 4);
    for (size_t k = 0; k < n; k++) expected[k] = k == 0 ? 0 : (double)n;
    check_spectrum(n, complete, expected, (double)n);
    mem_free(path), mem_free(cycle), mem_free(complete), mem_free(expected);
  }
}

static void degenerate_matrices(void **state) {
  (void)state;
  enum { N = 50 };
  double *a = new_matrix(N), expected[N] = {0};
  check_spectrum(N, a, expected, 0); /* the zero matrix: exactly zero */
  for (size_t i = 0; i < N; i++) memset(a + i * N, 0, N * sizeof(double)), a[i * N + i] = expected[i] = 1;
  check_spectrum(N, a, expected, 0); /* the identity: exactly 1 */
  for (size_t i = 0; i < N * N; i++) a[i] = 1;
  for (size_t i = 0; i < N; i++) expected[i] = i == 0 ? N : 0;
  check_spectrum(N, a, expected, N);
  for (size_t i = 0; i < N; i++) { /* far apart: relative to the largest */
    memset(a + i * N, 0, N * sizeof(double));
    a[i * N + i] = expected[i] = ldexp(1, 4 * (int)i);
  }
  check_spectrum(N, a, expected, ldexp(1, 4 * N));
  mem_free(a);
}

static double *random_symmetric(size_t n, uint32_t which) {
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST, .replica = which};
  double *a = new_matrix(n);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random_normal(&s, (uint32_t)i, (uint32_t)j);
  }
  return a;
}

/* A v = lambda v, v orthonormal, sum of lambda = trace, sum of lambda^2 = |A|_F^2, same values as without vectors. */
static void check_vectors(size_t n) {
  double *a = random_symmetric(n, (uint32_t)n), *v = mem_copy(a, n * n, sizeof(double));
  double *copy = mem_copy(a, n * n, sizeof(double)), *values = MEM_NEW(double, n), *only = MEM_NEW(double, n);
  dwell_error err;
  assert_ok(eigen_vectors(n, v, values, &err), &err);
  assert_ok(eigen_values(n, copy, only, &err), &err);
  double norm = fmax(fabs(values[0]), fabs(values[n - 1])), trace = 0, sum = 0, frobenius = 0, squares = 0;
  for (size_t k = 0; k < n; k++) {
    const double *row = v + k * n;
    size_t largest = 0;
    for (size_t i = 0; i < n; i++) {
      double image = 0;
      for (size_t j = 0; j < n; j++) image += a[i * n + j] * row[j];
      assert_near(image, values[k] * row[i], 0, allowed(n, norm));
      if (fabs(row[i]) > fabs(row[largest])) largest = i;
    }
    assert_true(row[largest] > 0);
    for (size_t l = 0; l <= k; l++) {
      double dot = 0;
      for (size_t j = 0; j < n; j++) dot += row[j] * v[l * n + j];
      assert_near(dot, k == l ? 1 : 0, 0, allowed(n, 1));
    }
    assert_near(values[k], only[k], 0, allowed(n, norm));
    trace += a[k * n + k], sum += values[k], squares += values[k] * values[k];
  }
  for (size_t i = 0; i < n * n; i++) frobenius += a[i] * a[i];
  assert_near(sum, trace, 0, allowed(n, norm) * sqrt((double)n));
  assert_near(squares, frobenius, allowed(n, 1), 0);
  mem_free(a), mem_free(v), mem_free(copy), mem_free(values), mem_free(only);
}

static void vectors_satisfy_their_equations(void **state) {
  (void)state;
  static const size_t orders[] = {1, 2, 5, 33, 100, 200};
  for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) check_vectors(orders[o]);
}

/* With two threads inside, dsyevd's bits differ at these orders. */
static void surroundings_do_not_matter(void **state) {
  (void)state;
  enum { N = 256 };
  double *source = random_symmetric(N, 77), *first = MEM_NEW(double, N), *runs[2], *values[2];
  double *a = mem_copy(source, N * N, sizeof(double));
  dwell_error err;
  int kept = omp_get_max_threads();
  omp_set_num_threads(2);
  assert_ok(eigen_values(N, a, first, &err), &err);
  for (int i = 0; i < 2; i++) runs[i] = mem_copy(source, N * N, sizeof(double)), values[i] = MEM_NEW(double, N);
  dwell_status status[2];
#pragma omp parallel for num_threads(2) /* two at once: nothing hidden is shared */
  for (int i = 0; i < 2; i++) status[i] = eigen_values(N, runs[i], values[i], NULL);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(status[i], DWELL_OK);
    assert_memory_equal(values[i], first, N * sizeof(double));
    memcpy(runs[i], source, N * N * sizeof(double));
  }
  assert_ok(eigen_vectors(N, runs[0], values[0], &err), &err);
  omp_set_num_threads(1);
  assert_ok(eigen_vectors(N, runs[1], values[1], &err), &err);
  assert_memory_equal(runs[0], runs[1], N * N * sizeof(double));
  assert_memory_equal(values[0], values[1], N * sizeof(double));
  omp_set_num_threads(kept);
  for (int i = 0; i < 2; i++) mem_free(runs[i]), mem_free(values[i]);
  mem_free(source), mem_free(first), mem_free(a);
}

static void refusals(void **state) {
  (void)state;
  dwell_error err;
  double a[9] = {1, 0, 0, 0, 1, 0, 0, NAN, 1}, values[3];
  assert_ok(eigen_values(0, NULL, NULL, &err), &err);
  assert_ok(eigen_vectors(0, NULL, NULL, &err), &err);
  assert_fails(eigen_values(3, a, values, &err), DWELL_FAILED, &err, "entry (2, 1) of the 3 x 3 matrix is not finite");
  a[7] = INFINITY;
  assert_fails(eigen_vectors(3, a, values, &err), DWELL_FAILED, &err, "not finite");
  assert_fails(eigen_values(40000, a, values, &err), DWELL_UNSUPPORTED, &err, "order 40000");
  assert_true(eigen_bytes(100, 1) >= (1 + 600 + 20000) * sizeof(double));
  assert_true(eigen_bytes(100, 0) >= 201 * sizeof(double));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_graphs),
      cmocka_unit_test(degenerate_matrices),
      cmocka_unit_test(vectors_satisfy_their_equations),
      cmocka_unit_test(surroundings_do_not_matter),
      cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
