/* geometry/pairwise.c - pairwise summation. */
#include "geometry/pairwise.h"

#include "base/isa.h"

/* Below LEAF terms a plain loop over ISA_LANES partial sums: sixteen terms each lose at most an ulp or two. One sum
 * alone would wait four cycles for every addition. */
enum { LEAF = 128 };

static double add_lanes(const double *lane) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

ISA_INLINE void sum_leaf_body(size_t n, const double *x, double *ret_sum) {
  double lane[ISA_LANES] = {0};
  size_t whole = n - n % ISA_LANES;
  for (size_t i = 0; i < whole; i += ISA_LANES) {
    for (size_t k = 0; k < ISA_LANES; k++) lane[k] += x[i + k];
  }
  for (size_t i = whole; i < n; i++) lane[i - whole] += x[i];
  *ret_sum = add_lanes(lane);
}
ISA_DEFINE(static, sum_leaf, (size_t n, const double *x, double *ret_sum), (n, x, ret_sum))

ISA_INLINE void dot_leaf_body(size_t n, const double *x, const double *y, double *ret_sum) {
  double lane[ISA_LANES] = {0};
  size_t whole = n - n % ISA_LANES;
  for (size_t i = 0; i < whole; i += ISA_LANES) {
    for (size_t k = 0; k < ISA_LANES; k++) lane[k] += x[i + k] * y[i + k];
  }
  for (size_t i = whole; i < n; i++) lane[i - whole] += x[i] * y[i];
  *ret_sum = add_lanes(lane);
}
ISA_DEFINE(static, dot_leaf, (size_t n, const double *x, const double *y, double *ret_sum), (n, x, y, ret_sum))

double pairwise_sum(size_t n, const double *x) {
  double sum;
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_sum(half, x) + pairwise_sum(n - half, x + half);
  }
  sum_leaf(n, x, &sum);
  return sum;
}

double pairwise_dot(size_t n, const double *x, const double *y) {
  double sum;
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_dot(half, x, y) + pairwise_dot(n - half, x + half, y + half);
  }
  dot_leaf(n, x, y, &sum);
  return sum;
}
