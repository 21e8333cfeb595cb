/* geometry/minimum_norm.h - how far the convex hull of a cloud is from the origin. */
#ifndef DWELL_GEOMETRY_MINIMUM_NORM_H
#define DWELL_GEOMETRY_MINIMUM_NORM_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct minimum_norm_result {
  double square; /* a^T G a: an upper bound of the squared distance */
  double gap;    /* square - gap is a lower bound; at most 1e-10 unless rounding of G itself is larger */
} minimum_norm_result;

/* min a^T G a over weights a >= 0 with sum 1, for the Gram matrix G [n,n] of n >= 1 points with G_ii = 1 that span at
 * most `rank` dimensions. opt_weights [n] are the minimiser's. G may be off by rounding (surrogates in f32): the answer
 * is then that of the matrix as it is, as far as that is convex.
 *
 * Many dimensions: block principal pivoting (Portugal, Judice, Vicente, Math. Comp. 63 (1994) 625) from a start by
 * coordinate descent; few, or where that does not end: Wolfe's algorithm (Math. Programming 11 (1976) 128).
 * Errors: DWELL_NO_MEMORY. */
dwell_status minimum_norm(size_t n, const double *gram, size_t rank, minimum_norm_result *ret_result,
                          double *opt_weights, dwell_error *err);

/* Wolfe's algorithm alone. */
dwell_status minimum_norm_wolfe(size_t n, const double *gram, size_t rank, minimum_norm_result *ret_result,
                                double *opt_weights, dwell_error *err);

/* Memory at most. */
uint64_t minimum_norm_bytes(size_t n, size_t rank);

#endif
