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

typedef void (*product_f32)(bool at, bool bt, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                            const float *b, size_t ldb, float beta, float *c, size_t ldc);

static void check_f32(product_f32 product, shape s, bool at, bool bt, float alpha, float beta) {
  size_t lda = (at ? s.m : s.k) + 3, ldb = (bt ? s.k : s.n) + 2, ldc = s.n + 5;
  float *a = operand_f32(1, lda * ((at ? s.k : s.m) + 1)), *b = operand_f32(2, ldb * ((bt ? s.n : s.k) + 1));
  float *c = operand_f32(3, ldc * (s.m + 1)), *old = mem_copy(c, ldc * (s.m + 1), sizeof(float));
  if (beta == 0) {
    for (size_t i = 0; i < s.m; i++) {
      for (size_t j = 0; j < s.n; j++) c[i * ldc + j] = NAN;
    }
  }
  product(at, bt, s.m, s.n, s.k, alpha, a, lda, b, ldb, beta, c, ldc);
  for (size_t i = 0; i < s.m; i++) {
    for (size_t j = 0; j < ldc; j++) {
      double sum = 0, magnitude = 0;
      for (size_t q = 0; q < s.k && j < s.n; q++) {
        double term = (double)(at ? a[q * lda + i] : a[i * lda + q]) * (bt ? b[j * ldb + q] : b[q * ldb + j]);
        sum += term, magnitude += fabs(term);
      }
      double before = old[i * ldc + j];
      if (j >= s.n) {
        assert_true((double)c[i * ldc + j] == before);
      } else {
        assert_near((double)c[i * ldc + j], alpha * sum + beta * before, 0,
                    bound(s.k, FLT_EPSILON / 2, fabs((double)alpha) * magnitude + fabs(beta * before)));
      }
    }
  }
  mem_free(a), mem_free(b), mem_free(c), mem_free(old);
}

static void products_are_right(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int pair = 0; pair < 4; pair++) {
      check_f64(shapes[i], pair & 1, pair & 2, 1, 0);
      check_f64(shapes[i], pair & 1, pair & 2, -0.7, 0.5);
      check_f32(gemm_f32, shapes[i], pair & 1, pair & 2, 1, 0);
      check_f32(gemm_f32, shapes[i], pair & 1, pair & 2, -0.7f, 0.5f);
      check_f32(gemm_warm_f32, shapes[i], pair & 1, pair & 2, 1, 0);
      check_f32(gemm_warm_f32, shapes[i], pair & 1, pair & 2, -0.7f, 0.5f);
    }
  }
}

/* NaN in one row of A reaches that row of C and no other. */
static void nan_stays_in_its_row(void **state) {
  (void)state;
  enum { M = 70, N = 300, K = 450 };
  float *a = operand_f32(1, M * K), *b = operand_f32(2, K * N), *c = MEM_NEW(float, M *N);
  a[33 * K + 5] = NAN;
  gemm_f32(false, false, M, N, K, 1, a, K, b, N, 0, c, N);
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
  gemm_f32(false, false, M, N, K, 1, fa, K, fb, N, 0, fc, N);
  assert_int_equal(omp_get_max_threads(), 2); /* the caller's setting is restored */
  for (int threads = 1; threads <= 2; threads++) {
#pragma omp parallel num_threads(threads)
#pragma omp single
    {
      gemm_f64(false, false, M, N, K, 1, a, K, b, N, 0, d, N);
      gemm_f32(false, false, M, N, K, 1, fa, K, fb, N, 0, fd, N);
    }
    assert_memory_equal(c, d, M * N * sizeof(double));
    assert_memory_equal(fc, fd, M * N * sizeof(float));
  }
  omp_set_num_threads(kept);
  mem_free(a), mem_free(b), mem_free(c), mem_free(d), mem_free(fa), mem_free(fb), mem_free(fc), mem_free(fd);
}

/* ---- rows ---- */

/* gemm_rows for f32 or f64 behind one signature. */
typedef struct rows_case {
  size_t k, n, ldx, ldb, ldy;
  bool transposed, wide; /* wide: f64 */
  void *x, *b;
} rows_case;

enum { MOST_ROWS = 200 };

static rows_case make_case(size_t k, size_t n, bool transposed, bool wide, size_t gap) {
  rows_case c = {.k = k,
                 .n = n,
                 .ldx = k + gap,
                 .ldb = (transposed ? k : n) + gap,
                 .ldy = n + gap,
                 .transposed = transposed,
                 .wide = wide};
  size_t x = MOST_ROWS * c.ldx, b = (transposed ? n : k) * c.ldb;
  c.x = wide ? (void *)operand_f64(4, x) : (void *)operand_f32(4, x);
  c.b = wide ? (void *)operand_f64(5, b) : (void *)operand_f32(5, b);
  return c;
}

static void *multiply(const rows_case *c, size_t rows, int threads) {
  dwell_context ctx = with_threads(threads);
  dwell_error err;
  void *y = mem_zero(rows * c->ldy + 1, c->wide ? sizeof(double) : sizeof(float));
  assert_non_null(y);
  if (c->wide) {
    assert_ok(gemm_rows_f64(&ctx, rows, c->k, c->n, c->x, c->ldx, c->b, c->ldb, c->transposed, y, c->ldy, &err), &err);
  } else {
    assert_ok(gemm_rows_f32(&ctx, rows, c->k, c->n, c->x, c->ldx, c->b, c->ldb, c->transposed, y, c->ldy, &err), &err);
  }
  return y;
}

/* Right to rounding on a sample of entries; the gap behind each row of Y stays as it was (zero). */
static void check_values(const rows_case *c, const void *y, size_t rows) {
  double unit = (c->wide ? DBL_EPSILON : FLT_EPSILON) / 2;
  const double *x64 = c->x, *b64 = c->b, *y64 = y;
  const float *x32 = c->x, *b32 = c->b, *y32 = y;
  for (size_t t = 0; t < rows * c->ldy; t += 1 + t % 7) {
    size_t i = t / c->ldy, j = t % c->ldy;
    double got = c->wide ? y64[t] : (double)y32[t], sum = 0, magnitude = 0;
    for (size_t q = 0; q < c->k && j < c->n; q++) {
      size_t at_x = i * c->ldx + q, at_b = c->transposed ? j * c->ldb + q : q * c->ldb + j;
      double term = c->wide ? x64[at_x] * b64[at_b] : (double)x32[at_x] * (double)b32[at_b];
      sum += term, magnitude += fabs(term);
    }
    assert_near(got, sum, 0, 2 * bound(c->k, unit, magnitude));
  }
}

/* The heart of the matter: row i has the same bits for any number of rows and threads. */
static void check_rows(size_t k, size_t n, bool transposed, bool wide, size_t gap) {
  rows_case c = make_case(k, n, transposed, wide, gap);
  size_t row_bytes = c.ldy * (wide ? sizeof(double) : sizeof(float));
  char *all = multiply(&c, MOST_ROWS, 1);
  check_values(&c, all, MOST_ROWS);
  static const size_t counts[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 129, 160, 199, 200};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    char *some = multiply(&c, counts[i], i % 3 == 0 ? 1 : 2);
    assert_memory_equal(some, all, counts[i] * row_bytes);
    mem_free(some);
  }
  mem_free(all), mem_free(c.x), mem_free(c.b);
}

static void rows_do_not_depend_on_their_number(void **state) {
  (void)state;
  static const size_t widths[][2] = {{48, 144}, {64, 64}, {1, 5}, {257, 500}, {256, 1024}, {384, 384}, {771, 97}};
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    for (int kind = 0; kind < 4; kind++) check_rows(widths[i][0], widths[i][1], kind & 1, kind & 2, i % 2 * 8);
  }
  for (int transposed = 0; transposed < 2; transposed++) {
    check_rows(768, 2304, transposed, false, 0);
    check_rows(1536, 192, transposed, false, 3);
  }
}

/* Laid out in parts of any size, in any order: the same bits as laid out for the product. */
static void packed_rows_are_the_same(void **state) {
  (void)state;
  static const shape all[] = {{1, 256, 256}, {70, 500, 131}, {33, 193, 700}, {5, 384, 1152}};
  for (size_t i = 0; i < 2 * sizeof all / sizeof all[0]; i++) {
    shape s = all[i / 2];
    bool transposed = i % 2;
    size_t rows = transposed ? s.n : s.k, columns = transposed ? s.k : s.n, count = gemm_packed_elements(s.k, s.n);
    if (count == 0) continue; /* no oneDNN, or too small */
    float *x = operand_f32(1, s.m * s.k), *b = operand_f32(2, s.k * s.n), *packed = MEM_NEW(float, count);
    size_t all_b = s.k * s.n, all_y = s.m * s.n;
    float *part = MEM_NEW(float, all_b), *y = MEM_NEW(float, all_y), *expected = MEM_NEW(float, all_y);
    dwell_context ctx = with_threads(2);
    dwell_error err;
    for (size_t end = rows, first; end > 0; end = first) {
      first = end > 37 ? end - 37 : 0;
      for (size_t column = 0, wide; column < columns; column += wide) {
        wide = columns - column < 101 ? columns - column : 101;
        for (size_t r = first; r < end; r++) {
          memcpy(part + (r - first) * wide, b + r * columns + column, wide * sizeof(float));
        }
        gemm_pack_f32(s.k, s.n, transposed, first, column, end - first, wide, part, packed);
      }
    }
    assert_ok(gemm_rows_f32(&ctx, s.m, s.k, s.n, x, s.k, b, columns, transposed, expected, s.n, &err), &err);
    assert_ok(gemm_packed_f32(&ctx, s.m, s.k, s.n, x, s.k, packed, y, s.n, &err), &err);
    assert_memory_equal(y, expected, s.m * s.n * sizeof(float));
    mem_free(x), mem_free(b), mem_free(packed), mem_free(part), mem_free(y), mem_free(expected);
  }
}

static void empty_products(void **state) {
  (void)state;
  dwell_error err;
  float x[4] = {1, 2, 3, 4}, y[4] = {5, 6, 7, 8};
  assert_ok(gemm_rows_f32(NULL, 0, 2, 2, x, 2, x, 2, false, y, 2, &err), &err);
  assert_ok(gemm_rows_f32(NULL, 2, 2, 0, x, 2, x, 2, false, y, 2, &err), &err);
  assert_true(y[0] == 5 && y[3] == 8);
  assert_ok(gemm_rows_f32(NULL, 2, 0, 2, x, 2, x, 2, false, y, 2, &err), &err); /* an empty sum is 0 */
  for (int i = 0; i < 4; i++) assert_true(y[i] == 0);
}

static int always(void *self) {
  (void)self;
  return 1;
}

static void rows_can_be_interrupted(void **state) {
  (void)state;
  dwell_context ctx = with_threads(2);
  ctx.interrupted = always;
  dwell_error err;
  float *x = operand_f32(1, 512 * 64), *y = MEM_NEW(float, 512 * 512);
  assert_fails(gemm_rows_f32(&ctx, 512, 64, 512, x, 64, x, 64, true, y, 512, &err), DWELL_INTERRUPTED, &err,
               "interrupted");
  mem_free(x), mem_free(y);
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
#ifdef DWELL_HAVE_ONEDNN
  assert_non_null(strstr(gemm_library(), "oneDNN"));
#endif
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
      cmocka_unit_test(surroundings_do_not_matter), cmocka_unit_test(rows_do_not_depend_on_their_number),
      cmocka_unit_test(packed_rows_are_the_same),   cmocka_unit_test(empty_products),
      cmocka_unit_test(rows_can_be_interrupted),    cmocka_unit_test(gram_is_right_and_symmetric),
      cmocka_unit_test(library_has_a_name),         cmocka_unit_test(better_kernels_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
