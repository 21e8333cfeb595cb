/* flow/lengths.h - normalisations under which the lengths of tokens move: the state is h in R^{n x d}. */
#ifndef DWELL_FLOW_LENGTHS_H
#define DWELL_FLOW_LENGTHS_H

#include "flow/integrate.h"

/* As integrate(), of h' = A(N h) (pre) or N A(N h) (peri); layer is h <- h + ETA h'. h [n, d] is the start (unit rows)
 * and is overwritten. The error of a step of rk45 is relative to the largest entry of h. */
dwell_status lengths_integrate(const flow_plan *plan, const integrate_host *host, double *h,
                               certificate *ret_certificate, dwell_error *err);

#endif
