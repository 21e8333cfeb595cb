/* flow/density.h - flows of densities: infinitely many tokens, shown as n of them (theory 1.11). */
#ifndef DWELL_FLOW_DENSITY_H
#define DWELL_FLOW_DENSITY_H

#include "flow/integrate.h"
#include "flow/meanfield.h"

/* The equation of a plan whose family is of densities. */
meanfield density_of(const flow_plan *plan);

/* Bytes that solving and recording such a plan takes; 0 of other families. */
uint64_t density_bytes(const flow_plan *plan);

/* The state that the plan's density begins with; x [n, d] are tokens, read where it is theirs. ret_y [meanfield_size].
 * Tokens: their density after the heat flow for a time s, e^{-lambda_l s}, with which order 7/8 K is at 1e-4, so that
 * the modes resolve it. Errors: as meanfield_tokens. */
dwell_status density_start(const flow_plan *plan, const double *x, double *ret_y, dwell_error *err);

/* x [n, d]: n tokens of equal mass at the quantiles (i + 1/2) / n of the density: circle, in angles from -pi on;
 * sphere, in x_1, in directions across the axis that belong to (seed, replica, token). Quantiles are good to about
 * 1e-7. Errors: DWELL_NO_MEMORY. */
dwell_status density_tokens(const meanfield *m, const double *y, size_t n, uint64_t seed, uint32_t replica,
                            double *ret_x, dwell_error *err);

#endif
