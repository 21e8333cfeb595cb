/* null/phase_dft.h - phase_map.h by Fourier transforms: a Gram over tokens is one in two dimensions of the Gram of
 * Fourier coefficients. Some n^2 log n operations where n has small factors only (dft_suits), instead of 1.4 n^3.
 *
 * The coefficients a_g and b_g of a cloud are the real and the imaginary part of one column, which the map turns by
 * exp(-i phase_g), as it turns row f by exp(i phase_f). */
#ifndef DWELL_NULL_PHASE_DFT_H
#define DWELL_NULL_PHASE_DFT_H

#include "linalg/dft.h"

/* Floats of the waves of n tokens. */
size_t phase_dft_waves(size_t n);

/* gram [2h,2h], h = n/2+1: Gram of Fourier coefficients, cosines, then sines. ret_waves [h/DFT_LANES rounded up, n,
 * DFT_ROW]: what row f = 0 .. n-1 and column g have before any turn; zero behind the last column. */
void phase_dft_pack(size_t n, const double *gram, float *ret_waves);

/* A turned cloud, as phase_map_cosines makes it. turn [2,h]: cosines and sines of the phases; along [2h] and square as
 * in phase_spectrum. */
typedef struct phase_dft_cloud {
  size_t n;
  const float *turn, *waves, *along;
  double square;
} phase_dft_cloud;
dwell_status phase_dft_cosines(const dft *transform, const phase_dft_cloud *cloud, double *ret_cosines,
                               dwell_error *err);
uint64_t phase_dft_work_bytes(size_t n); /* of it, without its result */

#endif
