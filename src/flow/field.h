/* flow/field.h - the velocity of one system, and what one evaluation tells besides. */
#ifndef DWELL_FLOW_FIELD_H
#define DWELL_FLOW_FIELD_H

#include "flow/attention.h"

typedef struct field {
  const flow *family;
  flow_system system;
  flow_work *work;
  const dwell_context *ctx; /* threads over rows; NULL: one */
  double *unit;             /* [n, d] the tokens of the last evaluation, normalised */
  double *along;            /* [n] */
  double *z;                /* [n] scaled normalisers */
  double *weight;           /* [n] energy weights, if the family has them */
  double *square;           /* [n] squared speeds */
  double *scale;            /* [n] 1 / s_i of the normalisation */
  double *gradient;         /* [n, d] of the energy: families of heads */
  flow_drift drift;         /* families of heads */
  size_t evaluations;
} field;

/* Of one moment. */
typedef struct field_facts {
  double energy; /* scaled energy; NaN without an energy law */
  double power;  /* its rate of change by the law; NaN without */
  double speed;  /* largest |v_i| */
  double rate;   /* see flow.rate */
} field_facts;

/* ctx: threads inside one evaluation, or NULL. `system.masses` must outlive the field. */
dwell_status field_create(const flow *family, const flow_system *system, const dwell_context *ctx, field *ret_field,
                          dwell_error *err);
void field_destroy(field *f); /* legal on a zeroed object */
uint64_t field_bytes(const flow *family, const flow_system *system, int threads);

/* The velocity at x / |x| row by row: the flow's field extended off the sphere, constant along rays, so that stages of
 * a Runge-Kutta step need not lie on it. ret_v [n, d]. DWELL_FAILED if it is not finite. */
dwell_status field_velocity(field *f, const double *x, double *ret_v, field_facts *ret_facts, dwell_error *err);

/* The attention vectors A(x) at unit rows x, whole: ret_a [n, d]. */
dwell_status field_attention(field *f, const double *x, double *ret_a, dwell_error *err);

/* x [n, d] <- normalise(x + eta A(x)), or as the normalisation has it, x on the sphere; scratch [n, d]. */
dwell_status field_layer(field *f, double eta, double *x, double *scratch, dwell_error *err);

/* Relative torque (see certificate.h) of velocity v at the tokens of the last evaluation; NaN without an energy law. */
double field_torque(const field *f, const double *v);

/* Rows of x [n, d] scaled to length 1 into ret_x (in place allowed). */
void field_normalise(size_t n, size_t d, const double *x, double *ret_x);

#endif
