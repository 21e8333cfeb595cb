/* flow/continuation.h - stationary densities of noisy attention, followed as kappa or beta changes.
 *
 * From the uniform density, where a degree of it loses stability, the branch of ordered densities that bifurcates there
 * is followed by its arc length, through folds, by Newton's method on Galerkin's equations of flow/meanfield.h
 * (Keller 1977; Allgower, Georg, Introduction to Numerical Continuation Methods, 2003). Axisymmetric densities; on the
 * circle even ones. Jacobians are central differences, good to about 1e-9 of their entries.
 *
 * A state is u [modes], u_l = int f P_l d sigma, P_l(1) = 1 (circle: the mean of cos l theta), l = 1..modes. */
#ifndef DWELL_FLOW_CONTINUATION_H
#define DWELL_FLOW_CONTINUATION_H

#include "flow/meanfield.h"

typedef enum continuation_kind {
  CONTINUATION_POINT,  /* one of the branch */
  CONTINUATION_ORIGIN, /* the uniform density, where the branch leaves it */
  CONTINUATION_FOLD,   /* the parameter turns: a spinodal */
  CONTINUATION_EQUAL,  /* usa: as much free energy as the uniform density: the first-order transition */
} continuation_kind;

typedef struct continuation_point {
  continuation_kind kind;
  double beta, kappa, arc;
  double growth;      /* largest rate of a small disturbance, rotations left out: > 0 is unstable */
  size_t unstable;    /* rates above 1e-7 of the slowest decay scale (d - 1) / kappa */
  double free_energy; /* meanfield_free_energy; NaN for sa */
  double tail;        /* as meanfield_facts.tail */
} continuation_point;

typedef struct continuation_plan {
  meanfield m;      /* kappa is not read where kappa is followed, beta where beta is */
  bool follow_beta; /* else kappa */
  double low, high; /* of the parameter: the branch is followed inside (beta: and its origin sought) */
  size_t order;     /* degree that loses stability, >= 1 */
  bool negative;    /* the side on which u_order < 0: another branch for even degrees on d >= 3 */
  double step;      /* longest in arc length: sqrt(sum du^2 + (dparameter / its value at the origin)^2) */
  size_t most;      /* points */
} continuation_plan;

/* Why it ended. */
typedef enum continuation_end {
  CONTINUATION_LEFT,
  CONTINUATION_FULL,
  CONTINUATION_NARROW,
  CONTINUATION_STUCK
} continuation_end;

typedef struct continuation_host {
  const dwell_context *ctx; /* interruption; may be NULL */
  dwell_status (*emit)(void *self, const continuation_point *point, const double *u, dwell_error *err);
  void *self;
} continuation_host;

/* Errors: DWELL_USAGE (plan; no loss of stability between low and high), DWELL_INTERRUPTED, DWELL_NO_MEMORY,
 * DWELL_FAILED (no step leaves the origin), or what emit returns. */
dwell_status continuation_follow(const continuation_plan *plan, const continuation_host *host,
                                 continuation_end *ret_end, dwell_error *err);

/* kappa at which degree `order` of the uniform density loses stability: beta / a_l (usa), beta a_0 / a_l (sa).
 * INFINITY where it never does. */
double continuation_threshold(const meanfield *m, size_t order);

/* c in kappa = kappa_l (1 + c u_l^2 + ...) along the branch from kappa_l: > 0 continuous transition, < 0 discontinuous.
 * From three amplitudes; m->kappa is not read. Even degrees on d >= 3 have a linear term and no such c. */
dwell_status continuation_curvature(const meanfield *m, size_t order, double *ret_curvature, dwell_error *err);

/* beta between low and high where that c vanishes: the tricritical point. DWELL_USAGE where c has one sign. */
dwell_status continuation_tricritical(const meanfield *m, size_t order, double low, double high, double *ret_beta,
                                      dwell_error *err);

#endif
