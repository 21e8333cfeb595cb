/* null/sphere_match.h - a Gaussian whose projection to the sphere has a given mean and given variances
 * (instruments.md 4.1 a). */
#ifndef DWELL_NULL_SPHERE_MATCH_H
#define DWELL_NULL_SPHERE_MATCH_H

#include <dwell/status.h>
#include <stddef.h>

/* For y ~ N(mu, diag s) in r dimensions: ret_mean[k] = E[y_k/|y|], ret_square[k] = E[y_k^2/|y|^2], by one quadrature in
 * ln t (96 nodes from 1e-7 to 3e4) over the Laplace transform of |y|^2. The sum of ret_square is 1 up to 3e-5 at two
 * directions, 1e-7 from five: the check of the quadrature. The scale of y must be about 1: sum(s + mu^2) = 1.
 * Coordinates with s = 0 are allowed. `scratch` [2 r]. */
void sphere_moments(size_t r, const double *s, const double *mu, double *scratch, double *ret_mean,
                    double *ret_square);

typedef struct sphere_fit {
  double error;      /* sum |wanted - reached variance| / sum of wanted ones, before the last update */
  size_t iterations; /* updates made, at most 200 */
} sphere_fit;

/* Wanted: variances t[r] > 0 in the first r coordinates, mean m[r+1]; the last coordinate has no variance;
 * sum t + |m|^2 = 1. Fills ret_s[r+1] (the last is 0) and ret_mu[r+1] so that y/|y| has them up to fit.error.
 * Targets that projection cannot reach (tight groups) leave an error of a few per cent. In hundreds of directions the
 * error ends at that of the quadrature, some 1e-6 to 1e-5, and all 200 updates are made (7 ms at r = 511). */
dwell_status sphere_match(size_t r, const double *t, const double *m, double *ret_s, double *ret_mu,
                          sphere_fit *ret_fit, dwell_error *err);

#endif
