/* The check of the installed BLAS: passes here, and finds every kind of fault it is meant for. */
#include "linalg/selfcheck.h"

#include <string.h>

#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "util/testing.h"

static void passes_here(void **state) {
  (void)state;
  dwell_error err;
  assert_ok(gemm_selfcheck(true, &err), &err);
  assert_ok(gemm_selfcheck(false, &err), &err);
}

/* ---- faulty libraries ---- */

/* One entry off in the 5th digit (f32: far above its rounding; f64 as well). */
static void f64_one_entry(bool at, bool bt, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                          const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  gemm_f64(at, bt, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m == 17 && bt) c[16 * ldc + 32] += 1e-5;
}

static void f32_one_entry(bool bt, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                          float *c, size_t ldc) {
  gemm_f32(bt, m, n, k, a, lda, b, ldb, c, ldc);
  if (m == 33 && bt) c[0] += 1e-3f;
}

/* Multiplies what was in C by beta = 0: NaN stays. */
static void f64_keeps_nan(bool at, bool bt, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                          const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  double old = c[0];
  gemm_f64(at, bt, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  c[0] += beta == 0 ? 0 * old : 0;
}

/* Writes one column too many. */
static void f32_runs_over(bool bt, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                          float *c, size_t ldc) {
  gemm_f32(bt, m, n, k, a, lda, b, ldb, c, ldc);
  c[n] = 0;
}

/* Forgets the second transposition. */
static void f64_ignores_transposition(bool at, bool bt, size_t m, size_t n, size_t k, double alpha, const double *a,
                                      size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  gemm_f64(at, false, m, n, k, alpha, a, lda, b, bt ? n : ldb, beta, c, ldc);
}

static dwell_status values_slightly_off(size_t n, double *a, double *values, dwell_error *err) {
  dwell_status status = eigen_values(n, a, values, err);
  values[n / 2] *= 1 + 1e-10;
  return status;
}

/* The upper triangle of one entry is forgotten. */
static void square_half_done(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg) {
  gemm_square_f64(n, d, x, ldx, g, ldg);
  if (n == 33) g[5 * ldg + 7] = 0;
}

static void faults_are_found(void **state) {
  (void)state;
  dwell_error err;
  selfcheck_functions f = {gemm_f32, f64_one_entry, eigen_values, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "entry (16, 32) is off by 1e-05");
  assert_non_null(strstr(err.message, "C[17,33] = A[17,65] B^T[65,33]"));
  assert_non_null(strstr(err.message, "OpenBLAS"));
  assert_non_null(strstr(err.remedy, "OPENBLAS_CORETYPE=Haswell"));
  f = (selfcheck_functions){f32_one_entry, gemm_f64, eigen_values, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err,
               "wrong f32 product: C[33,48] = A[33,70] B^T[70,48]");
  assert_non_null(strstr(err.remedy, "dwell's own"));
  f = (selfcheck_functions){gemm_f32, f64_keeps_nan, eigen_values, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "wrong f64 product");
  f = (selfcheck_functions){f32_runs_over, gemm_f64, eigen_values, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "wrong f32 product");
  f = (selfcheck_functions){gemm_f32, f64_ignores_transposition, eigen_values, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "B^T");
  f = (selfcheck_functions){gemm_f32, gemm_f64, values_slightly_off, gemm_square_f64};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "wrong eigenvalues: number 18");
  f = (selfcheck_functions){gemm_f32, gemm_f64, eigen_values, square_half_done};
  assert_fails(selfcheck_run(&f, true, &err), DWELL_CHECK_FAILED, &err, "B^T[70,33], entry (5, 7)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passes_here),
      cmocka_unit_test(faults_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
