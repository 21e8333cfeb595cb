/* flow/kernel.h - the two inner loops of the direct pair sums, for the instruction set of this machine.
 *
 * Coordinates come transposed: coordinate k of key j is keys[k * stride + j]. `count` is a multiple of KERNEL_LANES;
 * sums run in KERNEL_LANES lanes on every machine, so an instruction set does not change the order of additions. */
#ifndef DWELL_FLOW_KERNEL_H
#define DWELL_FLOW_KERNEL_H

#include <stddef.h>

enum { KERNEL_LANES = 8, KERNEL_MAX_D = 16 };

/* ret_exponent[j] = max(factor |key_j - x|^2 + shift, -700): exp of anything smaller would leave libmvec's fast path,
 * and is dropped by kernel_accumulate. */
void kernel_exponents(size_t d, size_t count, const double *keys, size_t stride, const double *x, double factor,
                      double shift, double *ret_exponent);

/* sums[0] += sum_j w_j, sums[1+k] += sum_j w_j (key_jk - x_k), w_j = mass_j * weight_j, weights below 1e-304 dropped.
 */
void kernel_accumulate(size_t d, size_t count, const double *keys, size_t stride, const double *x, const double *mass,
                       const double *weight, double *sums);

/* The same two steps for a row of cosines that a product of tiles has made, in place; any `count`.
 * row[j] <- max(beta (row[j] - anchor) - maximum, -700). Returns the largest cosine. */
double kernel_scale(size_t count, double beta, double anchor, double maximum, double *row);
/* row[j] <- mass_j * row[j], weights below 1e-304 dropped. Returns the sum. */
double kernel_weigh(size_t count, const double *mass, double *row);

#endif
