/* flow/modes.h - pair sums on the two-sphere by spherical harmonics, in time n (L+1)^2 instead of n^2.
 *
 * e^{beta (G - 1)} is a smooth function of the cosine: with the multipliers of harmonics.h and orders l <= L,
 *   e^{beta G - |beta|} = sum_l a_l sum_m Y_lm(x) Y_lm(y),
 * so that sums over tokens are moments of their masses and positions, and then values of polynomials. What is left out
 * is below MODES_TOLERANCE of a weight of 1, and so is the rounding, about: absolute, not relative to a pair's own
 * weight.
 *
 * Real harmonics are Re or Im (x + iy)^m times the orthogonal polynomials in z of the weight (1 - z^2)^m with leading
 * coefficient 1, which a recurrence of two operations makes. Sums run as in pairs.h: the same bits on every CPU with
 * fused multiply-add. */
#ifndef DWELL_FLOW_MODES_H
#define DWELL_FLOW_MODES_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODES_MOST = 40 }; /* orders */

typedef struct modes modes;

/* For n tokens. ctx may be NULL and must outlive the object. */
dwell_status modes_create(size_t n, const dwell_context *ctx, modes **ret_modes, dwell_error *err);
void modes_destroy(modes *m); /* NULL is fine */
uint64_t modes_bytes(size_t n);

/* Makes ready for beta; false where the sums over pairs are faster, or memory is out. */
bool modes_prepare(modes *m, double beta);

/* Takes an instruction set, as pairs_kernels_of has them; false: this CPU has not got it. At first the best one. */
bool modes_choose(modes *m, const char *opt_isa);

/* Of tokens [3, stride] with masses [n rounded up to whole groups], both as pairs.h wants them: for each token i
 *   sums[i] = sum_j m_j w_ij,  sums[(1 + k) * stride + i] = sum_j m_j w_ij x_jk,  w_ij = e^{beta G_ij - |beta|},
 * the token itself among the j. Errors: DWELL_INTERRUPTED. */
dwell_status modes_sums(modes *m, const double *tokens, size_t stride, const double *masses, double *sums,
                        dwell_error *err);

#endif
