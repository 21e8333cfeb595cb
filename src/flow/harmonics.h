/* flow/harmonics.h - spherical harmonics of e^{beta <x, y>}: multipliers, dimensions, eigenvalues of the Laplacian. */
#ifndef DWELL_FLOW_HARMONICS_H
#define DWELL_FLOW_HARMONICS_H

#include <stddef.h>

/* Funk-Hecke multipliers a_l of e^{beta <x,y>} against the uniform probability on S^{d-1}, d >= 2, times e^{-|beta|}:
 * a_l = Gamma(d/2) (2/beta)^{d/2-1} I_{l+d/2-1}(beta); on the circle I_l(beta). ret_scaled [count], l = 0 .. count-1.
 * Ratios come from the backward recurrence of Bessel functions, the scale from sum_l N_l a_l = e^beta: all terms are
 * positive, so every a_l has the relative precision of a few roundings per order. beta < 0: a_l changes sign for odd
 * l. a_0 below 1e-300 e^beta (large d and beta) comes out as 0, and so do all. Returns 0, or -1 out of memory. */
int harmonics_multipliers(size_t d, double beta, size_t count, double *ret_scaled);

/* Number of harmonics of degree l on S^{d-1}, d >= 2. */
double harmonics_dimension(size_t d, size_t l);

/* Orders up to which the multipliers matter: the smallest K with N_l a_l < tolerance for all l > K, at most `most`. */
size_t harmonics_needed(size_t d, double beta, double tolerance, size_t most);

#endif
