/* linalg/gemm.c - dense products, on our own panels; in double and with a transposed or few rows on top of OpenBLAS. */
#include "linalg/gemm.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
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

/* Depth of the part of B that is laid out at a time, on the stack: 48 kB. For fewer rows laying it out costs more than
 * panels gain on OpenBLAS. */
enum { DEPTH = 256, ROWS_LEAST = 32 };

/* C = A op(B), or C += if `add`, panel by panel. */
#define DEFINE_BY_PANELS(name, real, suffix, width)                                                                  \
  static void name(bool b_transposed, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b,        \
                   size_t ldb, bool add, real *c, size_t ldc) {                                                      \
    alignas(64) real part[DEPTH * (width)];                                                                          \
    for (size_t j = 0; j < n; j += (width)) {                                                                        \
      size_t wide = n - j < (width) ? n - j : (width), deep;                                                         \
      for (size_t q = 0; q == 0 || q < k; q += DEPTH) {                                                              \
        deep = k - q < DEPTH ? k - q : DEPTH;                                                                        \
        const real *from = b + (b_transposed ? j * ldb + q : q * ldb + j);                                           \
        panels_pack_##suffix(deep, wide, b_transposed, 0, 0, b_transposed ? wide : deep, b_transposed ? deep : wide, \
                             from, ldb, part);                                                                       \
        panels_multiply_##suffix(m, deep, wide, a + q, lda, part, deep, c + j, ldc, add || q > 0);                   \
      }                                                                                                              \
    }                                                                                                                \
  }
DEFINE_BY_PANELS(by_panels_f32, float, f32, PANEL_F32)
DEFINE_BY_PANELS(by_panels_f64, double, f64, PANEL_F64)

void gemm_f32(bool b_transposed, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              float *c, size_t ldc) {
  by_panels_f32(b_transposed, m, n, k, a, lda, b, ldb, false, c, ldc);
}

void gemm_f64(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, double alpha, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  if (!a_transposed && alpha == 1 && (beta == 0 || beta == 1) && m >= ROWS_LEAST) {
    by_panels_f64(b_transposed, m, n, k, a, lda, b, ldb, beta == 1, c, ldc);
    return;
  }
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

/* Columns of an item: whole panels; few enough that most of the work above the diagonal is left out. Rows that meet all
 * of them while they are in the second-level cache. */
enum { GRAM_STRIPE = 4 * PANEL_F64, GRAM_ROWS = 64, GRAM_TILE = 8 };

typedef struct gram_job {
  size_t n, d, ldx, ldg;
  const double *x;
  double *g;
} gram_job;

/* Columns first .. end-1 of the lower triangle, from row `first` on, as by_panels_f64 would make them. */
static dwell_status gram_stripe(const gram_job *job, size_t first, size_t end, dwell_error *err) {
  size_t n = job->n, d = job->d, wide = end - first, most = d < DEPTH ? d : DEPTH;
  double *part = mem_alloc(panels_elements(most, wide, sizeof(double)), sizeof *part);
  if (part == NULL) return error_no_memory(err, "a Gram matrix");
  for (size_t q = 0; q == 0 || q < d; q += DEPTH) {
    size_t deep = d - q < DEPTH ? d - q : DEPTH;
    panels_pack_f64(deep, wide, true, 0, 0, wide, deep, job->x + first * job->ldx + q, job->ldx, part);
    for (size_t i = first; i < n; i += GRAM_ROWS) {
      size_t rows = n - i < GRAM_ROWS ? n - i : GRAM_ROWS;
      panels_multiply_f64(rows, deep, wide, job->x + i * job->ldx + q, job->ldx, part, deep,
                          job->g + i * job->ldg + first, job->ldg, q > 0);
    }
  }
  mem_free(part);
  return DWELL_OK;
}

/* A stripe and its mirror image: an entry is the same sum wherever the stripes begin, and exactly the one across the
 * diagonal. */
static dwell_status gram_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const gram_job *job = arg;
  size_t first = item * GRAM_STRIPE, end = job->n - first < GRAM_STRIPE ? job->n : first + GRAM_STRIPE;
  dwell_status status = gram_stripe(job, first, end, err);
  if (status != DWELL_OK) return status;
  for (size_t i0 = first; i0 < job->n; i0 += GRAM_TILE) { /* tile by tile, for the cache */
    for (size_t j0 = first; j0 < end && j0 <= i0; j0 += GRAM_TILE) {
      for (size_t i = i0; i < job->n && i < i0 + GRAM_TILE; i++) {
        for (size_t j = j0; j < end && j < j0 + GRAM_TILE && j < i; j++)
          job->g[j * job->ldg + i] = job->g[i * job->ldg + j];
      }
    }
  }
  return DWELL_OK;
}

dwell_status gemm_gram(const dwell_context *ctx, size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg,
                       dwell_error *err) {
  gram_job job = {.n = n, .d = d, .x = x, .ldx = ldx, .g = g, .ldg = ldg};
  return threads_for(ctx, (n + GRAM_STRIPE - 1) / GRAM_STRIPE, gram_item, &job, err);
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
