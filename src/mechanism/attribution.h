/* mechanism/attribution.h - which part of a move changes the interaction energy, and by how much (Aumann and Shapley
 * 1974; docs/instruments.md 3.4).
 *
 * A block takes tokens from state to state through the states in between, along straight legs. On a leg from x to x + p
 * the energy E changes by the integral of <grad E(x + s p), p> over s in [0, 1]; a part q of p has the share
 * <integral of grad E, q>. Shares of parts that add up to p add up to the change: there is no order of parts, no
 * counterfactual state, nothing left over.
 *
 * E = n^-2 sum_ij exp(beta (G_ij - 1)), G the cosines of the tokens. Everything in double. */
#ifndef DWELL_MECHANISM_ATTRIBUTION_H
#define DWELL_MECHANISM_ATTRIBUTION_H

#include <dwell/cloud.h>
#include <dwell/context.h>
#include <stdbool.h>
#include <stdint.h>

enum { ATTRIBUTION_BETAS = 8 };

/* Quadrature is refined until the sum of all shares is this close to the change of the energy. */
#define ATTRIBUTION_TOLERANCE 1e-8

typedef struct attribution attribution;

/* For `count` tokens, rows[0..count-1] of clouds of width d, and at most ATTRIBUTION_BETAS temperatures, not 0. What
 * the arguments point to must outlive it, but for the betas. */
dwell_status attribution_create(const dwell_context *ctx, const size_t *rows, size_t count, size_t d,
                                const double *betas, size_t beta_count, attribution **ret_attribution,
                                dwell_error *err);
void attribution_destroy(attribution *a);
uint64_t attribution_bytes(uint64_t count, uint64_t d, uint64_t beta_count, uint64_t threads);

/* The state that the next leg starts from. Where that is the end of the leg before, bit by bit, nothing is done. Tokens
 * whose norm is not positive: DWELL_BAD_INPUT. */
dwell_status attribution_start(attribution *a, const dwell_cloud *x, dwell_error *err);

/* A leg to `to`; the next one starts there. ret_changes [betas]: the change of the energy, exactly. The gradient is
 * integrated if it is `wanted`: if there is more than one part to share the change among. */
dwell_status attribution_leg(attribution *a, const dwell_cloud *to, bool wanted, double *ret_changes, dwell_error *err);

/* After a leg with its gradient: its share of the whole leg, less the change: what quadrature leaves. [betas]. NaN if a
 * token passes through zero, where no energy is defined: then shares are NaN as well. */
void attribution_defects(const attribution *a, double *ret_defects);
/* Panels of 8 nodes that it took, the most of all betas. */
size_t attribution_panels(const attribution *a);

/* The share of a part of that leg, [betas]. */
dwell_status attribution_share(attribution *a, const dwell_cloud *part, double *ret_shares, dwell_error *err);

#endif
