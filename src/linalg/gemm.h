/* linalg/gemm.h - dense products, row-major, with bits that depend on nothing but the operands.
 *
 * BLAS is called only here, always single-threaded; parallel work comes from our own loops over fixed tiles. */
#ifndef DWELL_LINALG_GEMM_H
#define DWELL_LINALG_GEMM_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>

/* C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C. Leading dimensions in elements. Single-threaded; safe inside a
 * parallel region. f32: oneDNN for large products where it was built in, OpenBLAS otherwise. The bits of C depend on
 * (m, n, k): callers that need equal bits for a varying number of tokens cut their work into tiles of fixed shape. */
void gemm_f32(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, float alpha, const float *a,
              size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
/* gemm_f32 for many small products beside large ones: oneDNN also for small ones, whose kernels it has written by then.
 * gemm_rows_warm_f32: does gemm_rows_f32 take oneDNN for a B of this shape? */
void gemm_warm_f32(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, float alpha, const float *a,
                   size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
bool gemm_rows_warm_f32(size_t k, size_t n);
void gemm_f64(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, double alpha, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc);

/* G[n,n] = X[n,d] X^T, exactly symmetric, for half the work; as gemm_f64 otherwise. gemm_gram is for large n. */
void gemm_square_f64(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg);

/* Y[rows, n] = X[rows, k] * op(B), threads over fixed row tiles: row i of Y has the same bits for any number of rows
 * and threads (a token's state must not depend on how many tokens follow it). b_transposed: B is [n,k] ("[out,in]",
 * torch Linear); otherwise [k,n] (GPT-2's Conv1D). Y must not overlap X or B. Not inside a parallel region.
 * Errors: out of memory, interrupted. */
dwell_status gemm_rows_f32(const dwell_context *ctx, size_t rows, size_t k, size_t n, const float *x, size_t ldx,
                           const float *b, size_t ldb, bool b_transposed, float *y, size_t ldy, dwell_error *err);
dwell_status gemm_rows_f64(const dwell_context *ctx, size_t rows, size_t k, size_t n, const double *x, size_t ldx,
                           const double *b, size_t ldb, bool b_transposed, double *y, size_t ldy, dwell_error *err);
/* Bytes of scratch that gemm_rows takes at most, for memory bounds. If ldx > k or ldy > n, pass those for k and n.
 * threads 0: of gemm_packed. */
size_t gemm_rows_bytes(size_t k, size_t n, size_t real_size, int threads);

/* The same product, to the bit, with a B that was laid out for it once. gemm_packed_elements: floats that takes; 0: B
 * is too small for that (or there is no oneDNN), take gemm_rows_f32. gemm_pack_f32 lays out `values` [rows, columns],
 * which is the part of B as it is stored ([n,k] if transposed, else [k,n]) that begins at (row, column); parts can be
 * laid out by several threads at once. */
enum { GEMM_PACK_ROWS = 16 }; /* parts of whole multiples of these rows are laid out fastest */
size_t gemm_packed_elements(size_t k, size_t n);
void gemm_pack_f32(size_t k, size_t n, bool b_transposed, size_t row, size_t column, size_t rows, size_t columns,
                   const float *values, float *packed);
dwell_status gemm_packed_f32(const dwell_context *ctx, size_t rows, size_t k, size_t n, const float *x, size_t ldx,
                             const float *packed, float *y, size_t ldy, dwell_error *err);

/* G[n,n] = X[n,d] X^T in double, both triangles, exactly symmetric; threads over fixed tiles. */
dwell_status gemm_gram(const dwell_context *ctx, size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg,
                       dwell_error *err);

/* Compares the products and the symmetric eigen-solver with plain loops on awkward shapes (a few milliseconds).
 * DWELL_CHECK_FAILED names the kernel and the remedy (OPENBLAS_CORETYPE=...). `quick` false: more shapes (doctor). */
dwell_status gemm_selfcheck(bool quick, dwell_error *err);

/* The OPENBLAS_CORETYPE that serves this CPU better than the kernels OpenBLAS has chosen, which are older than AVX2;
 * NULL: they are fine, or the variable is set. It must be set before OpenBLAS is loaded. */
const char *gemm_better_kernels(void);

/* "OpenBLAS 0.3.21 ... Cooperlake" and, where built in, "oneDNN 2.6.3 (AVX-512)". Static storage. */
const char *gemm_library(void);

#endif
