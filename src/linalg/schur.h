/* linalg/schur.h - the real Schur form (LAPACK dgees through OpenBLAS's own symbols), always in one thread: safe inside
 * a team, the same bits for any number of threads. */
#ifndef DWELL_LINALG_SCHUR_H
#define DWELL_LINALG_SCHUR_H

#include <dwell/status.h>
#include <stddef.h>

/* a[n,n] = Z T Z^T with an orthogonal Z, which is not kept: T takes the place of `a` (row-major). T is upper triangular
 * but for blocks of two rows on its diagonal, one for each pair of complex eigenvalues x +- iy, of the form
 * [x, b; c, x] with b c = -y^2 < 0. Errors: DWELL_FAILED if it does not converge or an entry is not finite,
 * DWELL_UNSUPPORTED if n > 32000, DWELL_NO_MEMORY. */
dwell_status schur_form(size_t n, double *a, dwell_error *err);

#endif
