/* linalg/gemm.h - dense products, row-major, with bits that depend on nothing but the operands.
 *
 * BLAS is called only here, always single-threaded; parallel work comes from our own loops over fixed tiles. */
#ifndef DWELL_LINALG_GEMM_H
#define DWELL_LINALG_GEMM_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>

/* C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C. Leading dimensions in elements. Single-threaded; safe inside a
 * parallel region. The bits of C depend on (m, n, k): callers that need equal bits for a varying number of tokens cut
 * their work into tiles of fixed shape, or take panels.h. */
void gemm_f64(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, double alpha, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc);
/* C[m,n] = A[m,k] * op(B)[k,n] in float, by panels.h: what is said there of bits holds. */
void gemm_f32(bool b_transposed, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              float *c, size_t ldc);

/* G[n,n] = X[n,d] X^T, exactly symmetric, for half the work; as gemm_f64 otherwise. gemm_gram is for large n. */
void gemm_square_f64(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg);

/* G[n,n] = X[n,d] X^T in double, both triangles, exactly symmetric; threads over fixed tiles. */
dwell_status gemm_gram(const dwell_context *ctx, size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg,
                       dwell_error *err);

/* Compares the products and the symmetric eigen-solver with plain loops on awkward shapes (a few milliseconds).
 * DWELL_CHECK_FAILED names the kernel and the remedy (OPENBLAS_CORETYPE=...). `quick` false: more shapes (doctor). */
dwell_status gemm_selfcheck(bool quick, dwell_error *err);

/* The OPENBLAS_CORETYPE that serves this CPU better than the kernels OpenBLAS has chosen, which are older than AVX2;
 * NULL: they are fine, or the variable is set. It must be set before OpenBLAS is loaded. */
const char *gemm_better_kernels(void);

/* "OpenBLAS 0.3.21 (OpenMP, kernels Haswell)". Static storage. */
const char *gemm_library(void);

#endif
