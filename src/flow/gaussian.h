/* flow/gaussian.h - attention on a Gaussian of tokens: closed equations for its mean and covariance
 * (arXiv:2501.18322; theory 1.10, T22, T24).
 *
 * For tokens distributed as N(alpha, Sigma) the velocity of each kind of attention is affine in x, so a Gaussian stays
 * one, and each token moves as x(t) = alpha(t) + F(t) (x(0) - alpha(0)), Sigma = F Sigma(0) F^T: the rank never
 * changes. */
#ifndef DWELL_FLOW_GAUSSIAN_H
#define DWELL_FLOW_GAUSSIAN_H

#include <stdbool.h>

#include "flow/ode.h"

typedef enum gaussian_kind {
  GAUSSIAN_SOFTMAX, /* weights e^{beta <Qx, Ky>} */
  GAUSSIAN_L2,      /* weights e^{-(beta/2) |Qx - Ky|^2} */
  GAUSSIAN_SINKHORN /* the entropic plan of the Gaussian with itself, kernel e^{beta <Qx, Ky>} */
} gaussian_kind;

/* Heads add up. Each of Q, K, V is [heads, d, d]; NULL: the identity. */
typedef struct gaussian {
  gaussian_kind kind;
  size_t d, heads;
  double beta;
  const double *opt_q, *opt_k, *opt_v;
} gaussian;

/* Rates at mean [d] and covariance [d,d]: alpha' into ret_mean [d], and the linear part G of the velocity into ret_g
 * [d,d], so that Sigma' = G Sigma + Sigma G^T. Errors: DWELL_FAILED (not finite), DWELL_NO_MEMORY. */
dwell_status gaussian_rates(const gaussian *g, const double *mean, const double *covariance, double *ret_mean,
                            double *ret_g, dwell_error *err);

/* State `index`: mean [d], covariance [d,d], F [d,d]. */
typedef dwell_status (*gaussian_emit)(void *self, size_t index, const double *mean, const double *covariance,
                                      const double *f, dwell_error *err);

/* From mean [d] and covariance [d,d] (both overwritten by the last ones reached) through the plan's times. A blow-up in
 * finite time is DWELL_FAILED, and ret_outcome->reached is its time, to about 1e-12 and what rtol allows; true
 * divergence shows by a covariance above 1e6 times the first (*ret_blown). host->emit is not called. */
dwell_status gaussian_solve(const gaussian *g, const ode_plan *plan, const ode_host *host, gaussian_emit opt_emit,
                            double *mean, double *covariance, bool *ret_blown, ode_outcome *ret_outcome,
                            dwell_error *err);

#endif
