/* flow/circle.h - particles on the circle by their angles: sa, usa and generalised Kuramoto, pair by pair or by Fourier
 * modes (theory 1.9). */
#ifndef DWELL_FLOW_CIRCLE_H
#define DWELL_FLOW_CIRCLE_H

#include <stdbool.h>

#include "flow/ode.h"

/* Any odd coupling, written as sines, perhaps divided by an even one:
 *   theta_i' = omega_i + scale sum_k sine_k sum_j m_j sin k (theta_j - theta_i) / Z_i,
 *   Z_i = cosine_0 + sum_k cosine_k sum_j m_j cos k (theta_j - theta_i), or 1
 * e^{beta cos x} sin x has sine_k = I_{k-1}(beta) - I_{k+1}(beta), e^{beta cos x} has cosine_k = 2 I_k, cosine_0 = I_0.
 */
typedef struct circle {
  size_t n;
  const double *masses;    /* [n] */
  const double *opt_omega; /* [n] */
  size_t modes;            /* K: k = 1..K */
  double *sine;            /* [K+1], entry 0 unused */
  double *opt_cosine;      /* [K+1] */
  double scale;
  /* sa and usa: below this many particles pairs are summed one by one, in sines of halved differences, which keeps the
   * relative precision of small gaps; the modes know them to 1e-16 of the circle. 0: always modes. */
  size_t direct;
  double beta;
} circle;

/* sa (normalised) or usa: coefficients to 1e-17 of e^beta. masses must outlive it. Errors: DWELL_NO_MEMORY. */
dwell_status circle_attention(size_t n, const double *masses, double beta, bool normalised, circle *ret_circle,
                              dwell_error *err);
void circle_close(circle *c); /* releases what circle_attention made */

/* theta' at theta [n]; O(n K), or O(n^2) below `direct`. scratch [2 (K + 1)]. */
void circle_velocity(const circle *c, const double *theta, double *ret_velocity, double *scratch);

/* theta [n] from t = 0 through the plan's times (as ode_solve; atol and rtol as given). Errors: as ode_solve. */
dwell_status circle_solve(const circle *c, const ode_plan *plan, const ode_host *host, double *theta,
                          ode_outcome *ret_outcome, dwell_error *err);

#endif
