/* geometry/pairwise.c - pairwise summation. */
#include "geometry/pairwise.h"

enum { LEAF = 64 }; /* below it a plain loop: 64 terms lose at most a few ulp */

double pairwise_sum(size_t n, const double *x) {
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_sum(half, x) + pairwise_sum(n - half, x + half);
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return sum;
}

double pairwise_dot(size_t n, const double *x, const double *y) {
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_dot(half, x, y) + pairwise_dot(n - half, x + half, y + half);
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}
