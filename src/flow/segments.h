/* flow/segments.h - flows whose law changes at given moments: a schedule of beta, layers of weights by turns, a
 * normalisation that depends on time. Between two changes the law stands still, so each piece is integrated by itself
 * and the order of the method is kept. */
#ifndef DWELL_FLOW_SEGMENTS_H
#define DWELL_FLOW_SEGMENTS_H

#include "flow/integrate.h"
#include "flow/weights.h"

typedef struct flow_schedule {
  const dwell_flow_weights *weights; /* NULL: Q = K = V = I */
  size_t heads;                      /* of the weights; 0: all */
  double layer_time;                 /* layer floor(t / layer_time) modulo their number is in force at t */
  double *betas, *beta_times;        /* [beta_count]: beta is betas[k] from beta_times[k] on; beta_times[0] = 0 */
  size_t beta_count;                 /* 0: the plan's beta */
  normalisation normalisation;
} flow_schedule;

/* The next moment after t at which the law changes; INFINITY: never. `plan` says the integrator and its step. */
double segments_next(const flow_schedule *s, const flow_plan *plan, double t);

/* The system under the law in force at t; its layer, if it has weights, is in *ret_layer, which must outlive it. */
flow_system segments_law(const flow_schedule *s, const flow_plan *plan, double t, flow_layer *ret_layer);

/* Is the law the same from beginning to end? */
bool segments_stand_still(const flow_schedule *s, const flow_plan *plan);

/* integrate() of plan under the schedule. The states that host->emit gets are h: of length 1 but for the normalisations
 * with lengths. Errors as integrate(). */
dwell_status segments_run(const flow_schedule *s, const flow_plan *plan, const integrate_host *host, double *x,
                          certificate *ret_certificate, dwell_error *err);

#endif
