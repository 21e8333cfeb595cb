/* flow/gaps.h - who is near whom: squared chords between tokens, by differences where it matters. */
#ifndef DWELL_FLOW_GAPS_H
#define DWELL_FLOW_GAPS_H

#include <stddef.h>

/* ret_square[i]: squared distance of token i of x [n, d] to the nearest other one; INFINITY if n = 1. Distances below
 * 1e-4 are exact to rounding, larger ones to 1e-15. O(n^2 d), no n x n matrix. */
void gaps_nearest(size_t n, size_t d, const double *x, double *ret_square);

/* |x_i - x_j|^2 */
double gaps_between(size_t d, const double *a, const double *b);

#endif
