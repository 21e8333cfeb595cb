/* flow/attention.h - sums over pairs of tokens on the sphere, fused: exponentials are made tile by tile and used at
 * once, so no n x n matrix exists. */
#ifndef DWELL_FLOW_ATTENTION_H
#define DWELL_FLOW_ATTENTION_H

#include "flow/flow.h"

/* Scratch for systems of n tokens in d dimensions. `single`: where they are made from tiles, sums are in single
 * precision (flow/tiles_f32.h); for systems without mask and scale, |beta| <= TILES_F32_BETA. ctx: threads over tiles
 * of rows, or NULL for one thread; it must outlive the work. */
dwell_status flow_work_create(size_t n, size_t d, bool single, const dwell_context *ctx, flow_work **ret_work,
                              dwell_error *err);
void flow_work_destroy(flow_work *work);
uint64_t flow_work_bytes(size_t n, size_t d, bool single, int threads);

/* At unit tokens x [n,d], with w_ij = m_j e^{beta G_ij} over the keys j that i may see (causal: j <= i):
 *   ret_shift[i] = sum_j w_ij (x_j - x_i) / sum_j w_ij      [n,d]
 *   ret_z[i]     = sum_j w_ij e^{-|beta|}                   [n]
 * Differences of close tokens are taken coordinate by coordinate, so that shift_i has the relative precision of the
 * distances themselves however small they are (flows.md 5); at d = 3, with many tokens, shifts of those that see far
 * ones are sums over harmonics, to 1e-15. Weights below 1e-304 of a row's scale count as zero. A row whose weights sum
 * to less than 2e-308 gets shift 0. Bits do not depend on the number of threads. Where system->scaled, ret_shift is
 * divided by e^{log_scale}, which may be anything up to the largest beta (G_ij - 1) of two different tokens or a little
 * below; ret_z is not. Errors: DWELL_INTERRUPTED. */
dwell_status attention_shift(const flow_system *system, const double *x, double *ret_shift, double *ret_z,
                             flow_work *work, dwell_error *err);

/* Largest d for which pairs are done by direct loops, always in double; above it by products of tiles. In double the
 * two agree to rounding. */
enum { ATTENTION_DIRECT = 16, ATTENTION_DIRECT_SINGLE = 4 };

#endif
