/* linalg/leading.h - the few largest eigenvalues of a dense symmetric matrix, with their vectors. */
#ifndef DWELL_LINALG_LEADING_H
#define DWELL_LINALG_LEADING_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

enum { LEADING_MOST = 4 };

/* The `count` <= LEADING_MOST largest eigenvalues of the symmetric a[n,n] (row-major, both triangles read, kept), in
 * descending order, and their unit eigenvectors in the rows of ret_vectors [count, n]; count <= n. Signs are fixed: the
 * entry of largest magnitude (the first of equals) is positive. Up to order 96 by LAPACK; beyond it by a restarted
 * block Krylov iteration (Golub and Van Loan, Matrix Computations, 10.3.6) until no residual is above 1e-10 of the
 * largest value, or 40 restarts: equal values up to LEADING_MOST times are found. Always in one thread, the same bits
 * for any number of threads. Errors: DWELL_NO_MEMORY, DWELL_FAILED where an entry is not finite. */
dwell_status leading_vectors(size_t n, const double *a, size_t count, double *ret_values, double *ret_vectors,
                             dwell_error *err);

uint64_t leading_bytes(size_t n); /* work space */

#endif
