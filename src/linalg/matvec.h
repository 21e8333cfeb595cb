/* linalg/matvec.h - a matrix times a vector, in double, with the same bits on every CPU. Single-threaded. */
#ifndef DWELL_LINALG_MATVEC_H
#define DWELL_LINALG_MATVEC_H

#include <stddef.h>

/* y[rows] = A x, A [rows,columns] with leading dimension ld. */
void matvec(size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *ret_y);
/* y[columns] = A^T x. */
void matvec_transposed(size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *ret_y);

#endif
