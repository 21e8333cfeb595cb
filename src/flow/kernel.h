/* flow/kernel.h - the inner loops of tiles of cosines and of velocities, for the instruction set of this machine. Sums
 * run in KERNEL_LANES lanes on every machine, so an instruction set does not change the order of additions. */
#ifndef DWELL_FLOW_KERNEL_H
#define DWELL_FLOW_KERNEL_H

#include <stddef.h>

enum { KERNEL_LANES = 8 };

/* ---- tiles of cosines that a product has made ---- */

/* The largest of `count` cosines. */
double kernel_top(size_t count, const double *row);

/* ---- single pairs of tokens ---- */

double kernel_distance(size_t d, const double *a, const double *b); /* |a - b|^2 */
/* sum += weight (to - from) */
void kernel_pull(size_t d, double weight, const double *from, const double *to, double *sum);

/* sum <- (sum - far x + close) inverse; close may be NULL for zero. */
void kernel_settle(size_t d, double far, double inverse, const double *x, const double *close, double *sum);

/* ---- rows [n, d] ---- */

/* Each row divided by its length, or as it is if that is 1 to rounding; ret_x may be x. */
void kernel_normalise(size_t n, size_t d, const double *x, double *ret_x);
/* v_i -= (u_i . v_i) u_i, ret_square[i] = |v_i|^2. */
void kernel_project(size_t n, size_t d, const double *u, double *v, double *ret_square);

#endif
