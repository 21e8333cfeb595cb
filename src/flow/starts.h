/* flow/starts.h - initial tokens of a flow: unit vectors, a pure function of (seed, replica).
 *
 *   uniform          independent, uniform on the sphere
 *   orthogonal       a uniformly (Haar) random orthonormal frame; n <= d
 *   equiangular:RHO  all cosines RHO, in a Haar-random orientation; -1/(n-1) <= RHO <= 1. Needs n <= d; at the simplex
 *                    value n <= d + 1; at RHO = 1 (all equal to one uniform vector) any d. Cosines are exact to 1e-15.
 *   caps:K,EPS       K centres, far apart: each the one of 64 uniform candidates that is farthest from the earlier
 *                    ones. Token i is uniform in the cap {<x, w> >= 1 - EPS} of centre i mod K; 0 < EPS <= 1
 *   box:R            independent, uniform in the cube [-R, R]^d        } flows whose states are not unit vectors
 *   gaussian:S       independent, normal with standard deviation S     }
 *   mode:K,A         the density 1 + A p, p = cos K theta, or P_K(x_1) of the sphere; |A| < 1          } flows of
 *   vonmises:C       the density e^{C x_1} (von Mises, von Mises-Fisher), normalised; |C| <= 700     } densities
 *   FILE.npy         an [n, d] array; rows are normalised (of such flows: left as they are); the same for every replica
 * Replicas of `orthogonal` and `equiangular` differ by a rotation only. */
#ifndef DWELL_FLOW_STARTS_H
#define DWELL_FLOW_STARTS_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum starts_kind {
  STARTS_UNIFORM,
  STARTS_ORTHOGONAL,
  STARTS_EQUIANGULAR,
  STARTS_CAPS,
  STARTS_BOX,
  STARTS_GAUSSIAN,
  STARTS_MODE,
  STARTS_VON_MISES,
  STARTS_FILE
} starts_kind;

typedef struct starts {
  starts_kind kind;
  size_t n, d;
  size_t ambient; /* see starts_reduce; 0: d */
  double rho;     /* equiangular */
  size_t caps;    /* caps */
  double width;   /* caps: EPS; box: R; gaussian: S; mode: A; vonmises: C */
  size_t order;   /* mode: K */
  bool flat;      /* of a flow whose states are not unit vectors */
  double *file;   /* [n, d] unit rows, owned */
} starts;

/* Reads `init`; n and d are those asked for, and are replaced by a file's. Errors: DWELL_USAGE (says what the start
 * needs), DWELL_BAD_INPUT (file), DWELL_NO_MEMORY. */
dwell_status starts_open(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err);
/* The same for a flow of densities; n and d are those asked for. */
dwell_status starts_open_density(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err);
/* The same for a flow whose states are not unit vectors. */
dwell_status starts_open_flat(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err);
/* Part of starts_open: s->n, s->d and s->file from `path` (starts_file.c). */
dwell_status starts_load(starts *s, const char *path, dwell_error *err);
/* Where d > n: only n coordinates from here on, in a basis of the span. Cosines are distributed as in d dimensions (a
 * file's are kept): for a uniform start the triangular factor of Gaussian vectors (Bartlett 1933), rows normalised, so
 * d costs nothing. DWELL_USAGE for caps. */
dwell_status starts_reduce(starts *s, dwell_error *err);
/* Legal on a zeroed object. */
void starts_close(starts *s);

/* The start of one replica into ret_x [n, d]; of a density: uniform tokens, which its flow does not read. Errors:
 * DWELL_NO_MEMORY. */
dwell_status starts_make(const starts *s, uint64_t seed, uint32_t replica, double *ret_x, dwell_error *err);

#endif
