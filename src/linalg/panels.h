/* linalg/panels.h - products Y = X B with a B that was laid out for them: weights, and the keys and values of a head.
 *
 * B [k, n] lies in panels of PANEL_BYTES a row: [panels][k][48 floats or 24 doubles], the last panel filled up with
 * zeros. An entry of Y is the sum of its k products in their order, fused where the CPU can, in blocks of DEPTH
 * (panels_real.inc). Nothing else enters: a row has the same bits for any number of rows, columns and threads, and on
 * every CPU with fused multiply-add. Operands must not overlap Y. Leading dimensions are in elements. */
#ifndef DWELL_LINALG_PANELS_H
#define DWELL_LINALG_PANELS_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>

enum { PANEL_BYTES = 192, PANEL_F32 = PANEL_BYTES / sizeof(float), PANEL_F64 = PANEL_BYTES / sizeof(double) };

/* Elements that B takes; 0: more than a size_t can count. */
size_t panels_elements(size_t k, size_t n, size_t real_size);

/* Lays out `values` [rows, columns], which is the part of B as it is stored ([n,k] if transposed, torch's Linear, else
 * [k,n], GPT-2's Conv1D) that begins at (row, column). Parts may be laid out by several threads at once. The filling of
 * the last panel is set with its last column. Parts of whole multiples of PANELS_ROWS rows are laid out fastest. */
enum { PANELS_ROWS = 16 };
void panels_pack_f32(size_t k, size_t n, bool transposed, size_t row, size_t column, size_t rows, size_t columns,
                     const float *values, size_t ld, float *packed);
void panels_pack_f64(size_t k, size_t n, bool transposed, size_t row, size_t column, size_t rows, size_t columns,
                     const double *values, size_t ld, double *packed);

/* to[columns, rows] = from[rows, columns] transposed, both in rows. */
void panels_transpose_f32(size_t rows, size_t columns, const float *from, size_t ld_from, float *to, size_t ld_to);
void panels_transpose_f64(size_t rows, size_t columns, const double *from, size_t ld_from, double *to, size_t ld_to);

/* Y[rows, n] = X[rows, k] B, or Y += if `add`, in this thread. B may have more columns, and `depth` >= k rows, of which
 * the first ones are taken. */
void panels_multiply_f32(size_t rows, size_t k, size_t n, const float *x, size_t ldx, const float *packed, size_t depth,
                         float *y, size_t ldy, bool add);
void panels_multiply_f64(size_t rows, size_t k, size_t n, const double *x, size_t ldx, const double *packed,
                         size_t depth, double *y, size_t ldy, bool add);

/* The same with X given transposed, [k, rows]. */
void panels_multiply_turned_f32(size_t rows, size_t k, size_t n, const float *x, size_t ldx, const float *packed,
                                size_t depth, float *y, size_t ldy, bool add);
void panels_multiply_turned_f64(size_t rows, size_t k, size_t n, const double *x, size_t ldx, const double *packed,
                                size_t depth, double *y, size_t ldy, bool add);

/* Y = X B as above on all threads. opt_finish gets every part of Y, [rows, columns] from `column` on, when it is done
 * and still in cache (bias and activation). Not inside a parallel region. Errors: interrupted. */
typedef struct panels_product {
  size_t rows, k, n;
  const void *x;
  size_t ldx;
  const void *packed;
  void *y;
  size_t ldy;
  void (*opt_finish)(const void *arg, size_t column, size_t rows, size_t columns, void *y, size_t ldy);
  const void *finish_arg;
} panels_product;
dwell_status panels_product_f32(const dwell_context *ctx, const panels_product *p, dwell_error *err);
dwell_status panels_product_f64(const dwell_context *ctx, const panels_product *p, dwell_error *err);

/* Y[rows, columns] = X[rows, k] B, or Y += if `add`, for the first columns of one panel [k, PANEL_F32 or _F64]; X lies
 * transposed if it is `turned`. kernel_of: the one for an instruction set ("avx512", "avx2", "baseline"; NULL: the best
 * one of this CPU, which the products take), or NULL if this CPU has not got it. */
typedef void panels_kernel_f32(size_t rows, size_t columns, size_t k, const float *x, size_t ldx, const float *panel,
                               float *y, size_t ldy, bool add);
typedef void panels_kernel_f64(size_t rows, size_t columns, size_t k, const double *x, size_t ldx, const double *panel,
                               double *y, size_t ldy, bool add);
panels_kernel_f32 *panels_kernel_of_f32(const char *isa, bool turned);
panels_kernel_f64 *panels_kernel_of_f64(const char *isa, bool turned);

#endif
