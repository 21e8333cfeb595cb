/* theorem/particles.h - runs of the flows from starts that a theorem made. */
#ifndef DWELL_THEOREM_PARTICLES_H
#define DWELL_THEOREM_PARTICLES_H

#include "flow/field.h"
#include "flow/integrate.h"

/* A cloud of n tokens in d dimensions under one flow. Start from particles_open. */
typedef struct particles {
  flow_plan plan;
  size_t n, d;
  double *masses;          /* [n] sum 1 */
  double *x;               /* [n, d] the present, unit rows */
  double t;                /* the present */
  certificate certificate; /* of the last run */
} particles;

/* Equal masses, x zero, rk45 at rtol 1e-11. Errors: DWELL_NO_MEMORY. */
dwell_status particles_open(const char *flow, size_t n, size_t d, double beta, particles *ret_p, dwell_error *err);
void particles_close(particles *p); /* legal on a zeroed object */

/* x: n independent uniform unit vectors, the same for the same `which`; the basis e_1..e_n (n <= d); all cosines rho
 * (n < d: the Cholesky factor of their Gram matrix); the Bartlett factor of n uniform unit vectors in `ambient`
 * dimensions (d = n <= ambient); angles on the circle (d = 2). */
void particles_uniform(particles *p, uint32_t which);
void particles_basis(particles *p);
void particles_equiangular(particles *p, double rho);
void particles_bartlett(particles *p, size_t ambient, uint32_t which);
void particles_angles(particles *p, const double *angles);

/* From the present to time t, absolutely. Does nothing if t is not later. */
dwell_status particles_to(particles *p, double t, const dwell_context *ctx, dwell_error *err);
/* From the present with the log clock, tokens merging at distance `merge`, until `clusters` are left or to ln t =
 * log_end. x becomes the last state. Release the history with history_clear. */
dwell_status particles_merge(particles *p, double merge, size_t clusters, double log_end, flow_history *ret_history,
                             const dwell_context *ctx, dwell_error *err);
/* The velocity at the present, ret_v [n, d]. opt_facts may be NULL. */
dwell_status particles_velocity(const particles *p, double *ret_v, field_facts *opt_facts, dwell_error *err);

double particles_cosine(const particles *p, size_t i, size_t j);
double particles_mean_cosine(const particles *p); /* over pairs; n >= 2 */
double particles_least_cosine(const particles *p);
double particles_resultant(const particles *p); /* length of the mean, by masses */
/* Share of pairs with cosine >= level. */
double particles_share(const particles *p, double level);
/* Components of the graph of pairs with 1 - cosine <= width. n <= 4096. */
size_t particles_clusters(const particles *p, double width);
/* |x_0 - x_1| |x_2 - x_3| / (|x_0 - x_2| |x_1 - x_3|) */
double particles_cross_ratio(const particles *p);

#endif
