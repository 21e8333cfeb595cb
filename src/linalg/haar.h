/* linalg/haar.h - uniformly distributed orthogonal matrices. */
#ifndef DWELL_LINALG_HAAR_H
#define DWELL_LINALG_HAAR_H

#include <dwell/status.h>
#include <stddef.h>

#include "base/random.h"

enum { HAAR_MOST = 1 << 16 }; /* the numbers of a larger matrix would not have counters of their own */

/* The identity on the first n - m axes, and on the last m axes a Haar-distributed orthogonal matrix: ret_q [n,n],
 * m <= n, n < HAAR_MOST. Stewart (SIAM J. Numer. Anal. 17 (1980) 403): Q_k = H diag(+-1, Q_{k-1}), H the Householder
 * reflection that takes the first axis to the direction of k normal numbers; the reflections do not depend on each
 * other, so they are applied 32 at a time in compact WY form by matrix products: 4 m^3 flops, in one thread. The
 * numbers are those of stream `s` at i and j = k (k - 1) / 2 + entry. */
dwell_status haar_matrix(const random_stream *s, uint32_t i, size_t n, size_t m, double *ret_q, dwell_error *err);

#endif
