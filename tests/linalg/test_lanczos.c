/* tests/linalg/test_lanczos.c - against the dense solver, and where iterations go wrong. */
#include "linalg/lanczos.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "linalg/eigen.h"
#include "linalg/matvec.h"
#include "util/testing.h"

/* ---- matvec ---- */

static void products_are_plain_loops(void **state) {
  (void)state;
  random_stream s = {.seed = 5, .purpose = RANDOM_TEST};
  for (size_t rows = 0; rows < 14; rows++) {
    for (size_t columns = 1; columns < 35; columns += 3) {
      double a[14 * 40], x[40], y[40], z[40];
      for (uint32_t e = 0; e < 14 * 40; e++) a[e] = random_normal(&s, 0, e);
      for (uint32_t e = 0; e < 40; e++) x[e] = random_normal(&s, 1, e);
      matvec(rows, columns, a, 40, x, y);
      matvec_transposed(rows, columns, a, 40, x, z);
      for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < columns; k++) sum += a[i * 40 + k] * x[k];
        assert_near(y[i], sum, 1e-13, 1e-13); /* 40 terms of size 1 */
      }
      for (size_t k = 0; k < columns; k++) {
        double sum = 0;
        for (size_t i = 0; i < rows; i++) sum += a[i * 40 + k] * x[i];
        assert_near(z[k], sum, 1e-13, 1e-13);
      }
    }
  }
}

/* ---- lanczos ---- */

typedef struct dense {
  size_t n, products;
  double *a;
} dense;

static void apply(const void *self, const double *x, double *y) {
  const dense *m = self;
  ((dense *)(uintptr_t)self)->products++;
  matvec(m->n, m->n, m->a, m->n, x, y);
}

/* Q diag(values) Q^T with a random orthogonal Q by Householder reflections. */
static dense with_spectrum(size_t n, const double *values, uint32_t which) {
  dense m = {.n = n, .a = calloc(n * n, sizeof(double))};
  double *v = malloc(n * sizeof *v), *w = malloc(n * sizeof *w);
  random_stream s = {.seed = 6, .purpose = RANDOM_TEST, .replica = which};
  for (size_t i = 0; i < n; i++) m.a[i * n + i] = values[i];
  for (uint32_t turn = 0; turn < 3; turn++) {
    double square = 0, form = 0;
    for (size_t i = 0; i < n; i++) v[i] = random_normal(&s, turn, (uint32_t)i), square += v[i] * v[i];
    matvec(n, n, m.a, n, v, w);
    for (size_t i = 0; i < n; i++) form += v[i] * w[i];
    for (size_t i = 0; i < n; i++) { /* (I - 2 vv/|v|^2) A (I - 2 vv/|v|^2) */
      for (size_t j = 0; j < n; j++) {
        m.a[i * n + j] += -2 / square * (v[i] * w[j] + w[i] * v[j]) + 4 * form / (square * square) * v[i] * v[j];
      }
    }
  }
  free(v), free(w);
  return m;
}

static double solve(dense *m, const double *deflated, double tolerance, bool *ret_converged) {
  lanczos_problem p = {.n = m->n, .apply = apply, .self = m, .deflated = deflated, .tolerance = tolerance};
  double value = NAN;
  dwell_error err;
  assert_ok(lanczos_largest(&p, &value, ret_converged, &err), &err);
  return value;
}

/* Random spectra with and without a gap, orders from 1: converged means right, and nearly all converge. */
static void it_agrees_with_the_dense_solver(void **state) {
  (void)state;
  size_t converged_ones = 0, all = 0;
  for (uint32_t which = 0; which < 60; which++) {
    size_t n = which < 10 ? 1 + which : 20 + which * 5;
    double *values = malloc(n * sizeof *values), *copy = malloc(n * n * sizeof *copy);
    random_stream s = {.seed = 7, .purpose = RANDOM_TEST, .replica = which};
    for (size_t i = 0; i < n; i++) values[i] = random_normal(&s, 0, (uint32_t)i);
    if (which % 3 == 0) values[0] = 5;
    if (which % 3 == 1 && n > 1) values[0] = values[1] = 4; /* twice */
    dense m = with_spectrum(n, values, which);
    memcpy(copy, m.a, n * n * sizeof *copy);
    assert_ok(eigen_values(n, copy, values, NULL), NULL);
    bool converged;
    double value = solve(&m, NULL, 1e-10, &converged);
    if (converged) assert_near(value, values[n - 1], 0, 2e-10); /* the tolerance, and rounding */
    assert_true(value <= values[n - 1] + 1e-12);
    converged_ones += converged, all++;
    free(values), free(copy), free(m.a);
  }
  assert_true(converged_ones >= all - 6);
}

/* With the leading vector deflated: the second eigenvalue, also where it equals the first. */
static void the_second_one(void **state) {
  (void)state;
  for (uint32_t which = 0; which < 20; which++) {
    size_t n = 2 + which * 9;
    double *values = malloc(n * sizeof *values), *vectors = malloc(n * n * sizeof *vectors);
    random_stream s = {.seed = 8, .purpose = RANDOM_TEST, .replica = which};
    for (size_t i = 0; i < n; i++) values[i] = random_uniform(&s, 0, (uint32_t)i);
    values[0] = 2, values[1] = which % 2 ? 2 : 1.5;
    dense m = with_spectrum(n, values, 100 + which);
    memcpy(vectors, m.a, n * n * sizeof *vectors);
    assert_ok(eigen_vectors(n, vectors, values, NULL), NULL);
    bool converged;
    double value = solve(&m, vectors + (n - 1) * n, 1e-11, &converged);
    assert_true(converged);
    assert_near(value, which % 2 ? 2 : 1.5, 0, 1e-10);
    free(values), free(vectors), free(m.a);
  }
}

/* Multiples of the identity end after one product, a projection after two. */
static void invariant_subspaces_end_it(void **state) {
  (void)state;
  enum { N = 30 };
  double values[N];
  bool converged;
  for (size_t i = 0; i < N; i++) values[i] = 0.5;
  dense m = with_spectrum(N, values, 200);
  assert_near(solve(&m, NULL, 1e-12, &converged), 0.5, 0, 1e-12);
  assert_true(converged && m.products <= 3);
  free(m.a);
  for (size_t i = 0; i < N; i++) values[i] = i < 4;
  m = with_spectrum(N, values, 201);
  assert_near(solve(&m, NULL, 1e-12, &converged), 1, 0, 1e-12);
  assert_true(converged && m.products <= 4);
  free(m.a);
  m = (dense){.n = N, .a = calloc(N * N, sizeof(double))};
  assert_near(solve(&m, NULL, 1e-12, &converged), 0, 0, 0);
  assert_true(converged);
  free(m.a);
}

/* An end of the spectrum that is too dense for the steps there are is not vouched for. */
static void no_convergence_is_told(void **state) {
  (void)state;
  enum { N = 600 };
  double *values = malloc(N * sizeof *values);
  bool converged;
  for (size_t i = 0; i < N; i++) values[i] = 1 - 1e-7 * (double)i;
  values[N - 1] = -1;
  dense m = with_spectrum(N, values, 300);
  double value = solve(&m, NULL, 1e-14, &converged);
  assert_false(converged);
  assert_near(value, 1, 0, 1e-4);
  assert_int_equal(m.products, LANCZOS_MOST_STEPS);
  free(values), free(m.a);
}

static void not_a_number_is_an_error(void **state) {
  (void)state;
  double a[4] = {1, NAN, NAN, 1}, value;
  bool converged;
  dense m = {.n = 2, .a = a};
  lanczos_problem p = {.n = 2, .apply = apply, .self = &m, .tolerance = 1e-10};
  assert_int_equal(lanczos_largest(&p, &value, &converged, NULL), DWELL_FAILED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_are_plain_loops), cmocka_unit_test(it_agrees_with_the_dense_solver),
      cmocka_unit_test(the_second_one),           cmocka_unit_test(invariant_subspaces_end_it),
      cmocka_unit_test(no_convergence_is_told),   cmocka_unit_test(not_a_number_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
