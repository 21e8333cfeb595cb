/* detect/taxonomy.h - what shape the limit of a flow on R^d has: the table of arXiv:2305.05465 (theory 1.3, T21, T23).
 *
 * A shape is named only if every test of it passes; what passes none is TAXONOMY_UNKNOWN and is never counted as
 * another. */
#ifndef DWELL_DETECT_TAXONOMY_H
#define DWELL_DETECT_TAXONOMY_H

#include <dwell/status.h>
#include <stddef.h>

typedef enum taxonomy_shape {
  TAXONOMY_UNKNOWN,
  TAXONOMY_ORIGIN,      /* all tokens at 0 */
  TAXONOMY_POLYTOPE,    /* every limit is 0 or on the boundary of the limits' convex hull */
  TAXONOMY_HYPERPLANES, /* at most three parallel hyperplanes, at most one on each side of 0 and one through it */
  TAXONOMY_PRODUCT      /* a polytope in the leading eigenspace, times what the other directions do */
} taxonomy_shape;

const char *taxonomy_name(taxonomy_shape shape); /* "unknown", "origin", ... */

/* Where one point lies in the hull of a cloud. */
typedef enum taxonomy_place { TAXONOMY_INSIDE, TAXONOMY_BOUNDARY, TAXONOMY_CORNER } taxonomy_place;

/* Distinct limits of a cloud and where they lie. */
typedef struct taxonomy_points {
  size_t limits;            /* distinct ones, 0 among them */
  size_t corners, boundary; /* of those that are not 0: corners of the hull of all, others on its boundary */
  size_t inside, zero;      /* others; zero: 0 or 1 */
} taxonomy_points;

/* For distinct points x [n,d]: ret_place [n]. A point is a corner if 0 is farther than 1e-5 from the hull of the unit
 * vectors that lead from it to the others; it is on the boundary if, after the directions of the face that holds it
 * are taken out, the same is true of the rest; a cloud that does not span R^d is looked at in its own span. n <= 2000.
 * Errors: DWELL_NO_MEMORY, DWELL_UNSUPPORTED (too many). */
dwell_status taxonomy_places(size_t n, size_t d, const double *x, taxonomy_place *ret_place, dwell_error *err);

/* Limits are groups joined by distances up to `near` times the largest coordinate of x (single linkage), at their
 * means; a limit that near to 0 is 0. opt_limit [n]: which one each token belongs to. */
dwell_status taxonomy_cloud(size_t n, size_t d, const double *x, double near, taxonomy_points *ret_points,
                            size_t *opt_limit, dwell_error *err);

/* What was found, and the figures it rests on. */
typedef struct taxonomy {
  taxonomy_shape shape;
  size_t leading;         /* dimension of the leading eigenspace of V; 0: its leading eigenvalue is complex, not
                           * positive, or not semisimple */
  double eigenvalue;      /* the leading one's real part */
  taxonomy_points points; /* of the components in the leading eigenspace (leading > 1) */
  size_t planes;          /* hyperplanes found (leading == 1) */
  double plane[3];        /* their values of phi(z), ascending, |phi| = 1 (the first three) */
} taxonomy;

/* z [n,d]: a late state of the rescaled flow (V with a positive leading eigenvalue) or of the raw one (V negative:
 * shape ORIGIN if the largest coordinate is below `near` times `start_size`, the largest of the start). v [d,d]; NULL:
 * the identity. near: 1e-3 is usual for t >= 10. Errors: DWELL_NO_MEMORY, DWELL_FAILED (eigenvalues). */
dwell_status taxonomy_decide(size_t n, size_t d, const double *z, const double *opt_v, double start_size, double near,
                             taxonomy *ret_taxonomy, dwell_error *err);

/* Boolean attention (theory T23): rows of P [n,n] within `near` of a unit row e_j. */
typedef struct taxonomy_boolean {
  size_t rows;        /* Boolean ones */
  size_t leaders;     /* different j among them */
  size_t first, last; /* smallest and largest such j; n if there is none */
} taxonomy_boolean;

taxonomy_boolean taxonomy_attention(size_t n, const double *p, double near);

#endif
