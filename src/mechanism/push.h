/* mechanism/push.h - perturbations of a state: by its clusters, and random ones of the same size and rank
 * (docs/instruments.md 9). */
#ifndef DWELL_MECHANISM_PUSH_H
#define DWELL_MECHANISM_PUSH_H

#include <dwell/measure.h>

/* The push of the tokens x [n, d] with clusters labels [n] (-1: in none, and not moved), as what is added to x:
 * centroid: amount (c - x), c the mean of the token's cluster; together: amount (m - c), m the mean of all tokens that
 * are in a cluster. ret_clusters: how many there are; of none, nothing moves. */
dwell_status push_make(dwell_push_kind kind, double amount, size_t n, size_t d, const double *x, const int64_t *labels,
                       double *ret_delta, size_t *ret_clusters, dwell_error *err);

/* delta [n, d] in a random direction: delta Q with Q [d, d] Haar-distributed (linalg/haar.h, RANDOM_PUSH of seed, i =
 * draw). Every token moves as far, and the moves have the same products, singular values and rank. */
dwell_status push_random(uint64_t seed, size_t draw, size_t n, size_t d, const double *delta, double *ret_delta,
                         dwell_error *err);
uint64_t push_random_bytes(size_t d);

/* Rank of delta: singular values of at least 1e-6 of the largest. */
dwell_status push_rank(size_t n, size_t d, const double *delta, size_t *ret_rank, dwell_error *err);

/* How far y is from x, both [n, d], over the rows listed. */
typedef struct push_distance {
  double distance; /* |y - x|_F / |x|_F */
  double turn;     /* sqrt of the mean of |y_i/|y_i| - x_i/|x_i||^2 */
  double kept;     /* <y - x, delta> / <delta, delta>; delta [count, d] belongs to the rows listed */
} push_distance;
push_distance push_measure(size_t d, const size_t *rows, size_t count, const double *x, const double *y,
                           const double *delta);

/* Share of draws that grew at most as much as `observed`, which counts itself: (1 + ...) / (draws + 1). */
double push_p(double observed, const double *draws, size_t count);

#endif
