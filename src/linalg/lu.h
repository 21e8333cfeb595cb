/* linalg/lu.h - linear systems with any square matrix (LAPACK dgesv through OpenBLAS's own symbols), always in one
 * thread: safe inside a team, the same bits for any number of threads. */
#ifndef DWELL_LINALG_LU_H
#define DWELL_LINALG_LU_H

#include <stdbool.h>
#include <stddef.h>

/* Solves a x = b for a[n,n] (row-major, destroyed) and `count` right sides in the rows of b[count,n], whose places the
 * solutions take; pivots [n] is scratch. False, with b as rounding left it, if `a` is singular to rounding, if an entry
 * of the solution is not finite, or if n is beyond what LAPACK counts in an int (46340). */
bool lu_solve(size_t n, double *a, size_t count, double *b, int *pivots);

#endif
