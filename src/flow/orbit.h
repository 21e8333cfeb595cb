/* flow/orbit.h - the moving parts that the integrators share. */
#ifndef DWELL_FLOW_ORBIT_H
#define DWELL_FLOW_ORBIT_H

#include "flow/field.h"
#include "flow/integrate.h"

enum { ORBIT_STAGES = 7 };

typedef struct orbit {
  const flow_plan *plan;
  const integrate_host *host;
  field field;
  size_t size;               /* n * d of the field's system, which merging makes smaller than the plan's */
  double t, end;             /* the present, and the last requested time; log clock: their logarithms */
  size_t next;               /* first time not emitted yet */
  double *x;                 /* [n, d] the present, unit rows (the caller's) */
  double *y;                 /* [n, d] the end of the step, before projection */
  double *stage;             /* [n, d] */
  double *out;               /* [n, d] a state about to be emitted */
  double *k[ORBIT_STAGES];   /* [n, d] each: slopes */
  double *inner[2];          /* [n, d] each: slopes inside the step, for the quintic */
  double *opt_tolerance;     /* [n] of each token; NULL: the plan's rtol */
  field_facts facts;         /* at x */
  double start_energy, work; /* E(0), and the integral of dE/dt so far */
  double last_energy;        /* before the last step */
  double *pole;              /* [d] of the hemisphere that holds the start */
  double height;             /* the largest so far of the smallest cosine with it; NaN: no such hemisphere */
  certificate certificate;
  double control[3]; /* of the step controller, between two steps */
  bool resumed;      /* x is not the start but what restart.h gave back */
  bool between;      /* x and all numbers are those between two steps */
} orbit;

/* y = x + h sum_m c_m k_m over `stages` slopes. */
void orbit_combine(const orbit *o, double h, const double *c, size_t stages, double *ret_y);
/* Emits `state` [n, d] of the plan's system (unit rows) as state o->next. */
dwell_status orbit_emit(orbit *o, const double *state, dwell_error *err);
/* After a step that ended with the facts o->facts: energy account, progress (`fraction` of the whole is done),
 * interruption. `gain`: integral of dE/dt over the step. */
dwell_status orbit_account(orbit *o, double gain, double fraction, dwell_error *err);
/* Adds "at t = ..." to an error of the dynamics. */
dwell_status orbit_failed(const orbit *o, dwell_status status, dwell_error *err);

/* Between two steps: x and all numbers may be saved, and are if it is time. `control` [3] is the caller's. */
dwell_status orbit_between(orbit *o, const double *control, dwell_error *err);

/* Velocity and facts at the present, into the certificate too: at the first moment and the last. With a log clock the
 * field is the clusters' at the end, so that orbit_log calls it. */
dwell_status orbit_look(orbit *o, dwell_error *err);

dwell_status orbit_rk45(orbit *o, dwell_error *err);  /* rk45.c */
dwell_status orbit_log(orbit *o, dwell_error *err);   /* logclock.c: rk45 with the logarithm of time, and merging */
dwell_status orbit_fixed(orbit *o, dwell_error *err); /* fixed.c: rk4, euler, layer */

#endif
