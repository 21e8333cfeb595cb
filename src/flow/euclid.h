/* flow/euclid.h - self-attention on R^d without layer norm, and the same in the frame that grows with it
 * (arXiv:2305.05465; theory 1.3). */
#ifndef DWELL_FLOW_EUCLID_H
#define DWELL_FLOW_EUCLID_H

#include <stdbool.h>

#include "flow/ode.h"

/* With P_ij = softmax_j(beta <x_i, B x_j> + ln m_j) over the keys j that i may see (causal: j <= i):
 *   raw       x_i' = sum_j P_ij V x_j
 *   rescaled  z_i = e^{-tV} x_i:  z_i' = sum_j P_ij V (z_j - z_i), the scores being those of x = e^{tV} z */
typedef struct euclid {
  size_t n, d;
  double beta;
  const double *masses; /* [n] */
  bool causal;
  bool rescaled;
  const double *opt_b; /* [d,d] Q^T K; NULL: the identity */
  const double *opt_v; /* [d,d]; NULL: the identity */
} euclid;

/* x [n,d] (raw: x, rescaled: z) from t = 0 through the plan's times, as ode_solve: the error of a step is relative to
 * the largest coordinate. The scores of the rescaled flow grow like e^{2 lambda t}, their differences are exact to
 * 1e-16 of their size: from lambda t = 18 on, ties that are not exact are decided by rounding. e^{tV} is kept with a
 * power of two apart, so that no time overflows it. Errors: as ode_solve. */
dwell_status euclid_solve(const euclid *e, const ode_plan *plan, const ode_host *host, double *x,
                          ode_outcome *ret_outcome, dwell_error *err);

/* P [n,n] at time t (raw: any) in state x. Errors: DWELL_NO_MEMORY. */
dwell_status euclid_attention(const euclid *e, double t, const double *x, double *ret_p, dwell_error *err);

/* e^{tV} = 2^power ret_e, ret_e [d,d]: scaling and squaring of Taylor's series of degree 18 (error below 1e-16 of the
 * norm, before squaring). scratch [2 d d]. */
void euclid_exponential(size_t d, const double *v, double t, double *ret_e, double *ret_power, double *scratch);

#endif
