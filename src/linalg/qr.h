/* linalg/qr.h - the triangular factor of vectors (LAPACK dgeqrf through OpenBLAS's own symbols), always in one thread:
 * safe inside a team, the same bits for any number of threads. */
#ifndef DWELL_LINALG_QR_H
#define DWELL_LINALG_QR_H

#include <dwell/status.h>
#include <stddef.h>

/* The n vectors of length d in the rows of a[n,d] (destroyed) as coordinates in an orthonormal basis of their span:
 * ret_r[n,k], k = min(d, n), row-major. Vector i has no coordinates beyond the first i + 1. Products of two vectors are
 * what they were, to rounding. Errors: DWELL_UNSUPPORTED for sizes beyond LAPACK's int, DWELL_NO_MEMORY. */
dwell_status qr_coordinates(size_t n, size_t d, double *a, double *ret_r, dwell_error *err);

#endif
