/* mechanism/rebuild.h - the same maps and the same tokens in fewer dimensions.
 *
 * To ask whether the number of dimensions sets the speed of anything, it alone must change. Cutting a map M to a random
 * subspace, P M P^T, does not do that: it shrinks the spectrum (its radius by a third at half the dimensions). A
 * rebuild keeps trace / d, |M|_F^2 / d and the distribution of the eigenvalues. */
#ifndef DWELL_MECHANISM_REBUILD_H
#define DWELL_MECHANISM_REBUILD_H

#include <dwell/status.h>
#include <stddef.h>

#include "base/random.h"

/* What of a map a rebuild needs: its eigenvalues in the order of their real parts, and how far it is from normal. */
typedef struct rebuild_map {
  size_t d;
  double *diagonal; /* [d] real parts, ascending; */
  double *above;    /* [d] entries of the blocks of a pair of complex eigenvalues, that above the diagonal in the row of
                     * its first dimension and that below in the row of its second; 0: a real eigenvalue */
  double square;    /* sum of squares of the rest, strictly above the diagonal */
} rebuild_map;

/* Of m [d,d], which is destroyed. Release with rebuild_map_free, also after a failure. Errors: those of schur_form. */
dwell_status rebuild_map_make(size_t d, double *m, rebuild_map *ret_map, dwell_error *err);
void rebuild_map_free(rebuild_map *map);

/* A map of `to` dimensions, 1 <= to, into ret_m [to,to]: dimension k has the eigenvalue of dimension (k + 1/2) d / to
 * of the map (a complex pair takes two; in the last place, alone, its real part), the entries above are normal numbers
 * of which the sum of squares is `square` to / d, and the axes are Haar-distributed: Q T Q^T. The numbers are those of
 * purpose RANDOM_REBUILD at i = 2 which and 2 which + 1. Errors: DWELL_NO_MEMORY; those of haar_matrix. */
dwell_status rebuild_map_draw(const rebuild_map *map, size_t to, const random_stream *s, uint32_t which, double *ret_m,
                              dwell_error *err);

/* n tokens with the inner products gram[n,n] (destroyed) in the random directions of n <= to orthonormal rows, into
 * ret_x [n,to]. The root of the Gram matrix is by its eigenvalues, so that it may be singular; negative ones (rounding)
 * count as 0. Numbers as above. Errors: DWELL_USAGE (n > to), DWELL_NO_MEMORY, those of eigen_vectors. */
dwell_status rebuild_tokens(size_t n, double *gram, size_t to, const random_stream *s, uint32_t which, double *ret_x,
                            dwell_error *err);

#endif
