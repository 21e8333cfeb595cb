/* geometry/pairwise.h - sums of many numbers with the rounding error of few: halves are summed apart, so the error
 * grows with log n and not with n (Higham, Accuracy and Stability of Numerical Algorithms, 4.2). */
#ifndef DWELL_GEOMETRY_PAIRWISE_H
#define DWELL_GEOMETRY_PAIRWISE_H

#include <stddef.h>

/* Sum of x[0..n-1]; 0 for n == 0. */
double pairwise_sum(size_t n, const double *x);
/* Sum of x[i] y[i]. */
double pairwise_dot(size_t n, const double *x, const double *y);

#endif
