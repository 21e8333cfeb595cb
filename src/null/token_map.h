/* null/token_map.h - random orthogonal maps over the token axis that fix the constant vector (instruments.md 4.1 b):
 * they keep the mean of a cloud and its covariance exactly. */
#ifndef DWELL_NULL_TOKEN_MAP_H
#define DWELL_NULL_TOKEN_MAP_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

/* The circulant map [n,n] that turns Fourier coefficient f over the tokens by phases[f] radians, f = 0..n/2
 * (phases[0] counts as 0; for even n the last coefficient gets the sign of cos phases[n/2]). It keeps every serial
 * covariance too (Prichard and Theiler, Phys. Rev. Lett. 73 (1994) 951). */
dwell_status token_map_phases(size_t n, const double *phases, double *ret_map, dwell_error *err);

/* Its first column [n]: entry (i, j) is that of i - j modulo n. */
dwell_status token_map_kernel(size_t n, const double *phases, double *ret_kernel, dwell_error *err);

/* A Haar-distributed orthogonal map of the complement of the constant vector, [n,n] (linalg/haar.h). Numbers:
 * RANDOM_TWIN_HAAR, i = draw. */
dwell_status token_map_haar(uint64_t seed, size_t draw, size_t n, double *ret_map, dwell_error *err);

#endif
