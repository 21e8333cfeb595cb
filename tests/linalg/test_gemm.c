/* Products: right to rounding, and with bits that depend on nothing but the operands. */
#define _POSIX_C_SOURCE 200809L
#include "linalg/gemm.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/threads.h"
#include "util/testing.h"

static const random_stream stream = {.seed = 11, .purpose = RANDOM_TEST, .replica = 1};

/* `count` uniform numbers in (-1, 1); different `which`, different numbers. */
static double *operand_f64(uint32_t which, size_t count) {
  double *a = MEM_NEW(double, count);
  assert_non_null(a);
  for (size_t i = 0; i < count; i++) a[i] = 2 * random_uniform(&stream, which, (uint32_t)i) - 1;
  return a;
}

static float *operand_f32(uint32_t which, size_t count) {
  double *wide = operand_f64(which, count);
  float *a = MEM_NEW(float, count);
  assert_non_null(a);
  for (size_t i = 0; i < count; i++) a[i] = (float)wide[i];
  mem_free(wide);
  return a;
}

static dwell_context with_threads(int threads) {
  dwell_context ctx = dwell_context_default();
  ctx.threads = threads;
  return ctx;
}

/* ---- against plain loops ---- */

/* The standard bound of a product of depth k, any order of summation, fused or not: |C - A B| <= gamma_k |A||B| with
 * gamma_k = k u / (1 - k u) (Higham 2002, 3.5); +4 for alpha, beta and the addition. */
static double bound(size_t k, double unit, double magnitude) { return ((double)k + 4) * unit * magnitude; }

typedef struct shape {
  size_t m, n, k;
} shape;

static const shape shapes[] = {{1, 1, 1},    {3, 5, 7},      {16, 16, 16},    {17, 33, 65},  {64, 64, 64}, {1, 100, 50},
                               {100, 1, 50}, {129, 257, 63}, {200, 300, 400}, {65, 1, 1000}, {4, 4, 0},    {0, 5, 3}};

/* One shape, one pair of transpositions, padded leading dimensions, and guards behind every row of C. */
static void check_f64(shape s, bool at, bool bt, double alpha, double beta) {
  size_t lda = (at ? s.m : s.k) + 3, ldb = (bt ? s.k : s.n) + 2, ldc = s.n + 5;
  double *a = operand_f64(1, lda * ((at ? s.k : s.m) + 1)), *b = operand_f64(2, ldb * ((bt ? s.n : s.k) + 1));
  double *c = operand_f64(3, ldc * (s.m + 1)), *old = mem_copy(c, ldc * (s.m + 1), sizeof(double));
  if (beta == 0) {
    for (size_t i = 0; i < s.m; i++) {
      for (size_t j = 0; j < s.n; j++) c[i * ldc + j] = NAN; /* must be overwritten, not multiplied by 0 */
    }
  }
  gemm_f64(at, bt, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c, ldc);
  for (size_t i = 0; i < s.m; i++) {
    for (size_t j = 0; j < ldc; j++) {
      double sum = 0, magnitude = 0;
      for (size_t q = 0; q < s.k && j < s.n; q++) {
        double term = (at ? a[q * lda + i] : a[i * lda + q]) * (bt ? b[j * ldb + q] : b[q * ldb + j]);
        sum += term, magnitude += fabs(term);
      }
      double before = old[i * ldc + j];
      if (j >= s.n) {
        assert_true(c[i * ldc + j] == before);
      } else {
        /* twice: the plain loop has rounding errors of its own */
        assert_near(c[i * ldc + j], alpha * sum + beta * before, 0,
                    2 * bound(s.k, DBL_EPSILON / 2, fabs(alpha) * magnitude + fabs(beta * before)));
      }
    }
  }
  mem_free(a), mem_free(b), mem_free(c), mem_free(old);
}

static void check_f32(shape s, bool bt) {
  size_t lda = s.k + 3, ldb = (bt ? s.k : s.n) + 2, ldc = s.n + 5;
  float *a = operand_f32(1, lda * (s.m + 1)), *b = operand_f32(2, ldb * ((bt ? s.n : s.k) + 1));
  float *c = operand_f32(3, ldc * (s.m + 1)), *old = mem_copy(c, ldc * (s.m + 1), sizeof(float));
  for (size_t i = 0; i < s.m; i++) {
    for (size_t j = 0; j < s.n; j++) c[i * ldc + j] = NAN; /* must be overwritten */
  }
  gemm_f32(bt, s.m, s.n, s.k, a, lda, b, ldb, c, ldc);
  for (size_t t = 0; t < s.m * ldc; t++) {
    size_t i = t / ldc, j = t % ldc;
    double sum = 0, magnitude = 0;
    for (size_t q = 0; q < s.k && j < s.n; q++) {
      double term = (double)a[i * lda + q] * (double)(bt ? b[j * ldb + q] : b[q * ldb + j]);
      sum += term, magnitude += fabs(term);
    }
    if (j >= s.n) assert_true(c[t] == old[t]);
    else assert_near((double)c[t], sum, 0, bound(s.k, FLT_EPSILON / 2, magnitude));
  }
  mem_free(a), mem_free(b), mem_free(c), mem_free(old);
}

static void products_are_right(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int pair = 0; pair < 4; pair++) {
      check_f64(shapes[i], pair & 1, pair & 2, 1, 0);
      check_f64(shapes[i], pair & 1, pair & 2, -0.7, 0.5);
    }
    check_f32(shapes[i], false);
    check_f32(shapes[i], true);
  }
}

/* NaN in one row of A reaches that row of C and no other. */
static void nan_stays_in_its_row(void **state) {
  (void)state;
  enum { M = 70, N = 300, K = 450 };
  float *a = operand_f32(1, M * K), *b = operand_f32(2, K * N), *c = MEM_NEW(float, M *N);
  a[33 * K + 5] = NAN;
  gemm_f32(false, M, N, K, a, K, b, N, c, N);
  for (size_t i = 0; i < M * N; i++) assert_true((c[i] != c[i]) == (i / N == 33));
  mem_free(a), mem_free(b), mem_free(c);
}

/* ---- one thread inside, whatever surrounds the call ---- */

static void surroundings_do_not_matter(void **state) {
  (void)state;
  enum { M = 511, N = 771, K = 769 }; /* OpenBLAS differs between 1 and 2 threads here */
  double *a = operand_f64(1, M * K), *b = operand_f64(2, K * N), *c = MEM_NEW(double, M *N);
  float *fa = operand_f32(1, M * K), *fb = operand_f32(2, K * N), *fc = MEM_NEW(float, M *N);
  double *d = MEM_NEW(double, M *N);
  float *fd = MEM_NEW(float, M *N);
  int kept = omp_get_max_threads();
  omp_set_num_threads(2);
  gemm_f64(false, false, M, N, K, 1, a, K, b, N, 0, c, N);
  gemm_f32(false, M, N, K, fa, K, fb, N, fc, N);
  assert_int_equal(omp_get_max_threads(), 2); /* the caller's setting is restored */
  for (int threads = 1; threads <= 2; threads++) {
#pragma omp parallel num_threads(threads)
#pragma omp single
    {
      gemm_f64(false, false, M, N, K, 1, a, K, b, N, 0, d, N);
      gemm_f32(false, M, N, K, fa, K, fb, N, fd, N);
    }
    assert_memory_equal(c, d, M * N * sizeof(double));
    assert_memory_equal(fc, fd, M * N * sizeof(float));
  }
  omp_set_num_threads(kept);
  mem_free(a), mem_free(b), mem_free(c), mem_free(d), mem_free(fa), mem_free(fb), mem_free(fc), mem_free(fd);
}

/* ---- Gram ---- */

static void check_gram(size_t n, size_t d) {
  size_t ldx = d + 1, ldg = n + 3;
  double *x = operand_f64(7, n * ldx + 1), *g = mem_zero(n * ldg + 1, sizeof(double));
  double *h = mem_zero(n * ldg + 1, sizeof(double));
  dwell_context one = with_threads(1), two = with_threads(2);
  dwell_error err;
  assert_ok(gemm_gram(&one, n, d, x, ldx, g, ldg, &err), &err);
  assert_ok(gemm_gram(&two, n, d, x, ldx, h, ldg, &err), &err);
  assert_memory_equal(g, h, n * ldg * sizeof(double));
  gemm_square_f64(n, d, x, ldx, h, ldg);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      double sum = 0, magnitude = 0;
      for (size_t q = 0; q < d; q++) {
        double term = x[i * ldx + q] * x[j * ldx + q];
        sum += term, magnitude += fabs(term);
      }
      assert_near(g[i * ldg + j], sum, 0, 2 * bound(d, DBL_EPSILON / 2, magnitude));
      assert_near(h[i * ldg + j], sum, 0, 2 * bound(d, DBL_EPSILON / 2, magnitude));
      assert_true(g[i * ldg + j] == g[j * ldg + i] && h[i * ldg + j] == h[j * ldg + i]);
    }
    for (size_t j = n; j < ldg; j++) assert_true(g[i * ldg + j] == 0 && h[i * ldg + j] == 0);
  }
  mem_free(x), mem_free(g), mem_free(h);
}

static void gram_is_right_and_symmetric(void **state) {
  (void)state;
  check_gram(0, 4);
  check_gram(1, 1);
  check_gram(5, 3);
  check_gram(127, 64);
  check_gram(128, 16);
  check_gram(300, 100);
}

static void library_has_a_name(void **state) {
  (void)state;
  assert_non_null(strstr(gemm_library(), "OpenBLAS"));
  print_message("%s\n", gemm_library());
}

/* What the user has set is not touched. */
static void better_kernels_are_known(void **state) {
  (void)state;
  const char *better = gemm_better_kernels();
  assert_true(better == NULL || strcmp(better, "Haswell") == 0);
  if (better == NULL) return;
  setenv("OPENBLAS_CORETYPE", "Nehalem", 1); /* OpenBLAS has read it long ago */
  assert_null(gemm_better_kernels());
  unsetenv("OPENBLAS_CORETYPE");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_are_right),         cmocka_unit_test(nan_stays_in_its_row),
      cmocka_unit_test(surroundings_do_not_matter), cmocka_unit_test(gram_is_right_and_symmetric),
      cmocka_unit_test(library_has_a_name),         cmocka_unit_test(better_kernels_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
