/* linalg/eigen.h - eigenvalues of dense matrices (LAPACK dsyevd and dgeev through OpenBLAS's own symbols), always
 * single-threaded: with two threads the last bits differ. Parallelise over matrices. */
#ifndef DWELL_LINALG_EIGEN_H
#define DWELL_LINALG_EIGEN_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

/* Eigenvalues in ascending order of the symmetric a[n,n] (row-major, lower triangle read, destroyed).
 * n == 0 is fine. Errors: DWELL_FAILED if it does not converge or an entry is not finite, DWELL_UNSUPPORTED if
 * n > 32000, DWELL_NO_MEMORY. */
dwell_status eigen_values(size_t n, double *a, double *ret_values, dwell_error *err);

/* The same with vectors: on return row k of `a` (a[k*n .. k*n+n-1]) is the unit eigenvector of ret_values[k]. Signs
 * are fixed: the entry of largest magnitude (the first of equals) is positive. */
dwell_status eigen_vectors(size_t n, double *a, double *ret_values, dwell_error *err);

/* Eigenvalues of any a[n,n] (row-major, destroyed), in no order: real and imaginary parts, complex ones in conjugate
 * pairs. Errors as above. */
dwell_status eigen_general(size_t n, double *a, double *ret_real, double *ret_imaginary, dwell_error *err);

/* A symmetric matrix reduced to a tridiagonal one, T = Q^T A Q by dsytrd, with Q fixing the last axis: the leading
 * blocks of T and of A of the order n - 1 have the same eigenvalues. For several questions about one matrix. */
typedef struct eigen_reduced eigen_reduced;

/* Of a[n,n] (row-major, lower triangle read), taken over, also on failure. Errors as above. */
dwell_status eigen_reduce(size_t n, double *a, eigen_reduced **ret_reduced, dwell_error *err);
void eigen_reduced_destroy(eigen_reduced *r);
uint64_t eigen_reduced_bytes(size_t n); /* a included */

/* The leading block of order n or n - 1 of a reduced matrix, and where its eigenvalues belong. */
typedef struct eigen_block {
  const eigen_reduced *of;
  size_t order;
  double *values; /* [order] filled, ascending */
} eigen_block;

/* Eigenvalues of `count` <= TRIDIAGONAL_MOST blocks, in the time of the largest one (tridiagonal.h). */
dwell_status eigen_block_values(size_t count, const eigen_block *blocks, dwell_error *err);
/* The same and unit eigenvectors of the leading block of order m = n - 1: row k of ret_vectors [m, n], whose last
 * column is set to 0. By divide and conquer (dstedc), so that values may differ from those above by rounding. */
dwell_status eigen_reduced_vectors(const eigen_reduced *r, double *ret_values, double *ret_vectors, dwell_error *err);

/* Bytes of work space of any of these for order n (SIZE_MAX: n is above the limit). */
size_t eigen_bytes(size_t n, int with_vectors);

#endif
