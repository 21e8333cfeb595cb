/* linalg/gemm.c - dense products: in double on top of OpenBLAS, in float on our own panels. */
#include "linalg/gemm.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/threads.h"
#include "linalg/panels.h"
#include "linalg/serial.h"

/* ---- one product, one thread ---- */

/* Sizes beyond BLAS's int cannot be passed to it; such a product is done by plain loops: slow, but right. */
static bool fits_blas(size_t m, size_t n, size_t k, size_t lda, size_t ldb, size_t ldc) {
  return m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX;
}

static void plain_f64(bool at, bool bt, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
                      const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t q = 0; q < k; q++)
        sum += (at ? a[q * lda + i] : a[i * lda + q]) * (bt ? b[j * ldb + q] : b[q * ldb + j]);
      c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);
    }
  }
}
static CBLAS_TRANSPOSE transpose(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

/* BLAS wants a leading dimension of at least 1 even for empty operands. */
static int leading(size_t ld) { return ld > 0 ? (int)ld : 1; }

/* Columns and depth of the part of B that is laid out at a time, on the stack: 48 kB. */
enum { WIDTH = PANEL_F32, DEPTH = 256 };

void gemm_f32(bool b_transposed, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              float *c, size_t ldc) {
  alignas(64) float part[DEPTH * WIDTH];
  for (size_t j = 0; j < n; j += WIDTH) {
    size_t wide = n - j < WIDTH ? n - j : WIDTH, deep;
    for (size_t q = 0; q == 0 || q < k; q += DEPTH) {
      deep = k - q < DEPTH ? k - q : DEPTH;
      const float *from = b + (b_transposed ? j * ldb + q : q * ldb + j);
      panels_pack_f32(deep, wide, b_transposed, 0, 0, b_transposed ? wide : deep, b_transposed ? deep : wide, from, ldb,
                      part);
      panels_multiply_f32(m, deep, wide, a + q, lda, part, deep, c + j, ldc, q > 0);
    }
  }
}

void gemm_f64(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, double alpha, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  if (!fits_blas(m, n, k, lda, ldb, ldc)) {
    plain_f64(a_transposed, b_transposed, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  int kept = serial_begin();
  cblas_dgemm(CblasRowMajor, transpose(a_transposed), transpose(b_transposed), (int)m, (int)n, (int)k, alpha, a,
              leading(lda), b, leading(ldb), beta, c, leading(ldc));
  serial_end(kept);
}

void gemm_square_f64(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg) {
  if (!fits_blas(n, n, d, ldx, ldx, ldg)) {
    plain_f64(false, true, n, n, d, 1, x, ldx, x, ldx, 0, g, ldg);
    return;
  }
  int kept = serial_begin();
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)d, 1, x, leading(ldx), 0, g, leading(ldg));
  serial_end(kept);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) g[j * ldg + i] = g[i * ldg + j];
  }
}

/* ---- Gram matrix ---- */

enum { GRAM_TILE = 128 };

typedef struct gram_job {
  size_t n, d, ldx, ldg;
  const double *x;
  double *g;
} gram_job;

/* Item t is the tile pair (I, J), J <= I, counted row by row: (0,0) (1,0) (1,1) (2,0) ... */
static dwell_status gram_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const gram_job *job = arg;
  size_t row = 0, column = item;
  while (column > row) row++, column -= row;
  size_t i0 = row * GRAM_TILE, j0 = column * GRAM_TILE;
  size_t high = job->n - i0 < GRAM_TILE ? job->n - i0 : GRAM_TILE;
  size_t wide = job->n - j0 < GRAM_TILE ? job->n - j0 : GRAM_TILE;
  gemm_f64(false, true, high, wide, job->d, 1, job->x + i0 * job->ldx, job->ldx, job->x + j0 * job->ldx, job->ldx, 0,
           job->g + i0 * job->ldg + j0, job->ldg);
  for (size_t i = i0; i < i0 + high; i++) { /* the upper triangle is a copy, hence exactly equal */
    for (size_t j = j0; j < j0 + wide && j < i; j++) job->g[j * job->ldg + i] = job->g[i * job->ldg + j];
  }
  return DWELL_OK;
}

dwell_status gemm_gram(const dwell_context *ctx, size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg,
                       dwell_error *err) {
  gram_job job = {.n = n, .d = d, .x = x, .ldx = ldx, .g = g, .ldg = ldg};
  size_t tiles = (n + GRAM_TILE - 1) / GRAM_TILE;
  return threads_for(ctx, tiles * (tiles + 1) / 2, gram_item, &job, err);
}

/* ---- names ---- */

const char *gemm_better_kernels(void) {
#if defined(__x86_64__)
  static const char *const before_avx2[] = {"Prescott", "Core2", "Penryn", "Nehalem", "Sandybridge", "Generic"};
  if (getenv("OPENBLAS_CORETYPE") != NULL) return NULL;
  if (strstr(openblas_get_config(), "DYNAMIC_ARCH") == NULL) return NULL; /* there are no others */
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  for (size_t i = 0; i < sizeof before_avx2 / sizeof before_avx2[0]; i++) {
    if (strcasecmp(openblas_get_corename(), before_avx2[i]) == 0) return "Haswell";
  }
#endif
  return NULL;
}

static char library_name[160];
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void name_library(void) {
  static const char *const threads[] = {"serial", "pthreads", "OpenMP"};
  int parallel = openblas_get_parallel();
  char version[32] = "OpenBLAS";
  sscanf(openblas_get_config(), "OpenBLAS %20s", version);
  snprintf(library_name, sizeof library_name, "OpenBLAS %s (%s, kernels %s)", version,
           parallel >= 0 && parallel <= 2 ? threads[parallel] : "?", openblas_get_corename());
}

/* The name is found once and never changes afterwards. */
const char *gemm_library(void) {
  pthread_once(&library_once, name_library);
  return library_name;
}
