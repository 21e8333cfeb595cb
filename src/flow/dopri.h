/* flow/dopri.h - one step of Dormand-Prince 5(4) on an orbit. Time is the orbit's own: slopes times h are lengths. */
#ifndef DWELL_FLOW_DOPRI_H
#define DWELL_FLOW_DOPRI_H

#include "flow/orbit.h"

/* The method: stage m is at x + h sum_{j < m} tableau[m][j] k_j, the last one is the new state; h times the weighted
 * sum of all slopes is the error. */
extern const double dopri_tableau[ORBIT_STAGES][ORBIT_STAGES - 1];
extern const double dopri_error_weights[ORBIT_STAGES];

/* Step control after Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, II.4 (with Gustafsson's
 * stabilisation, as in DOPRI5). */
typedef struct dopri_controller {
  double h;      /* next step to try */
  double last;   /* error of the last accepted step */
  bool rejected; /* the step before was rejected: do not grow at once */
} dopri_controller;

double dopri_growth(const dopri_controller *c, double error);

/* Stages 2..7 of a step h from o->x to o->y; *ret_facts at its end, *ret_gain the integral of dE/dt over it. */
dwell_status dopri_step(orbit *o, double h, field_facts *ret_facts, double *ret_gain, dwell_error *err);
/* The largest tangential error of a token over its tolerance; NaN if it is not a number. */
double dopri_error(const orbit *o, double h);
/* Hairer's first guess, at most `longest`: a step whose second-order term is 1 % of the tolerance scale, from one Euler
 * step. */
dwell_status dopri_first(orbit *o, double longest, double *ret_h, dwell_error *err);

/* States inside the last step: first the slopes they need, then at theta in [0, 1] all tokens [n, d], or one [d]. */
dwell_status dopri_prepare(orbit *o, double h, dwell_error *err);
void dopri_between(const orbit *o, double h, double theta, double *ret_x);
void dopri_token(const orbit *o, double h, double theta, size_t i, double *ret_x);

#endif
