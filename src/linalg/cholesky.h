/* linalg/cholesky.h - linear systems with a symmetric positive definite matrix (LAPACK dpotrf through OpenBLAS's own
 * symbols), always in one thread: safe inside a team, the same bits for any number of threads. */
#ifndef DWELL_LINALG_CHOLESKY_H
#define DWELL_LINALG_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* Solves a x = b for the symmetric a[n,n] (row-major, lower triangle read, destroyed); x takes the place of b [n].
 * False, with b as it was, if rounding or its nature leaves `a` without a positive pivot, if an entry met on the way is
 * not finite, or if n is beyond what LAPACK counts in an int (46340). */
bool cholesky_solve(size_t n, double *a, double *b);

#endif
