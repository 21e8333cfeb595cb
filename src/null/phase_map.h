/* null/phase_map.h - the circulant map of token_map_phases in the Fourier basis over the tokens, where it is nothing
 * but plane rotations: the Gram of a turned cloud comes from the Gram of the cloud's Fourier coefficients.
 *
 * For X [n,r] with many columns (r about n) this saves more than half of the work of Q X and then (Q X)(Q X)^T, for
 * any n: tokens j and n-j differ only in the sign of their sines, so the sums over frequencies are done for half of the
 * tokens, and the products of cosines with cosines and sines with sines are symmetric: 1.4 n^3 flops instead of
 * 3.25 n^3, and half of that where n is even (phase_table.h); n^2 log n where n has no large prime factor
 * (phase_dft.h). */
#ifndef DWELL_NULL_PHASE_MAP_H
#define DWELL_NULL_PHASE_MAP_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

#include "null/phase_table.h"

typedef struct phase_map phase_map;

/* phases as in token_map_phases, [n/2+1]. The table must live as long. */
dwell_status phase_map_create(const phase_table *table, const double *phases, phase_map **ret_map, dwell_error *err);
void phase_map_destroy(phase_map *map);
uint64_t phase_map_bytes(size_t n);
uint64_t phase_map_work_bytes(size_t n); /* of phase_map_cosines, without its result */

/* A cloud whose deviations from its mean are X: what the map needs of it. */
typedef struct phase_spectrum {
  size_t n;
  float *gram;   /* [2h,2h], h = n/2+1: Gram of the Fourier coefficients of X by place, cosines, then sines; or NULL */
  float *waves;  /* and the same for a transform, where n suits it (phase_dft.h) */
  float *along;  /* [2h]: coefficients of X mu */
  double square; /* |mu|^2 */
} phase_spectrum;

/* X [n,r], columns with sum zero; mu [r], and the square of the part of the mean that no column reaches. */
dwell_status phase_spectrum_create(size_t n, size_t r, const double *x, const double *mu, double rest,
                                   phase_spectrum **ret_spectrum, dwell_error *err);
void phase_spectrum_destroy(phase_spectrum *s);
uint64_t phase_spectrum_bytes(size_t n);
uint64_t phase_spectrum_work_bytes(size_t n, size_t r); /* while it is made, without itself */

/* Cosines [n,n] of the tokens mu + (Q X)_i, exactly symmetric; the diagonal is 1 up to rounding. Products are in f32:
 * errors are some 1e-7 of the squared deviations from the mean, however small those are beside the mean. */
dwell_status phase_map_cosines(const phase_map *map, const phase_spectrum *s, double *ret_cosines, dwell_error *err);

#endif
