/* linalg/tridiagonal.h - all eigenvalues of symmetric tridiagonal matrices, a few matrices at once: each step of the
 * iteration waits for the one before, so that four take hardly longer than one. */
#ifndef DWELL_LINALG_TRIDIAGONAL_H
#define DWELL_LINALG_TRIDIAGONAL_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIDIAGONAL_MOST = 4 };

typedef struct tridiagonal {
  size_t n;
  const double *diagonal; /* [n] */
  const double *off;      /* [n - 1] */
  double *values;         /* [n] ascending, filled; may be `diagonal` */
} tridiagonal;

/* Of `count` <= TRIDIAGONAL_MOST matrices. Rational QL with Wilkinson's shift (Parlett, The Symmetric Eigenvalue
 * Problem, 8.15; Reinsch 1973): absolute errors of a few units in the last place of the largest value. A matrix has the
 * same bits whatever stands beside it. Errors: DWELL_FAILED if an entry is not finite or it does not converge,
 * DWELL_NO_MEMORY. */
dwell_status tridiagonal_values(size_t count, const tridiagonal *matrices, dwell_error *err);

uint64_t tridiagonal_bytes(size_t n); /* work space for matrices of at most n rows */

#endif
