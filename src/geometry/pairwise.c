/* geometry/pairwise.c - pairwise summation. */
#include "geometry/pairwise.h"

/* Below LEAF terms a plain loop over LANES partial sums: sixteen terms each lose at most an ulp or two. One sum alone
 * would wait four cycles for every addition. */
enum { LEAF = 128, LANES = 8 };

static double add_lanes(const double *lane) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

double pairwise_sum(size_t n, const double *x) {
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_sum(half, x) + pairwise_sum(n - half, x + half);
  }
  double lane[LANES] = {0};
  size_t whole = n - n % LANES;
  for (size_t i = 0; i < whole; i += LANES) {
    for (size_t k = 0; k < LANES; k++) lane[k] += x[i + k];
  }
  for (size_t i = whole; i < n; i++) lane[i - whole] += x[i];
  return add_lanes(lane);
}

double pairwise_dot(size_t n, const double *x, const double *y) {
  if (n > LEAF) {
    size_t half = n / 2;
    return pairwise_dot(half, x, y) + pairwise_dot(n - half, x + half, y + half);
  }
  double lane[LANES] = {0};
  size_t whole = n - n % LANES;
  for (size_t i = 0; i < whole; i += LANES) {
    for (size_t k = 0; k < LANES; k++) lane[k] += x[i + k] * y[i + k];
  }
  for (size_t i = whole; i < n; i++) lane[i - whole] += x[i] * y[i];
  return add_lanes(lane);
}
