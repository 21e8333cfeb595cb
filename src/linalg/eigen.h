/* linalg/eigen.h - eigenvalues of dense matrices (LAPACK dsyevd and dgeev through OpenBLAS's own symbols), always
 * single-threaded: with two threads the last bits differ. Parallelise over matrices. */
#ifndef DWELL_LINALG_EIGEN_H
#define DWELL_LINALG_EIGEN_H

#include <dwell/status.h>
#include <stddef.h>

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

/* Bytes of work space for order n (SIZE_MAX: n is above the limit). */
size_t eigen_bytes(size_t n, int with_vectors);

#endif
