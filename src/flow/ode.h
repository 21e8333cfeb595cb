/* flow/ode.h - ordinary differential equations whose state is any vector: the systems that are not n unit vectors.
 *
 * A linear part that only decays, y_e' = -decay_e y_e + ..., may be given apart: it is then integrated exactly
 * (Lawson's integrating factor, SIAM J. Numer. Anal. 4 (1967) 372), so that diffusion does not limit the step. */
#ifndef DWELL_FLOW_ODE_H
#define DWELL_FLOW_ODE_H

#include <dwell/context.h>
#include <dwell/flow.h>

#include "flow/certificate.h"

typedef struct ode_problem {
  size_t size;
  /* dy/dt without the decay; ret_slope [size]. */
  dwell_status (*slope)(void *self, double t, const double *y, double *ret_slope, dwell_error *err);
  const double *opt_decay; /* [size] >= 0 */
  void *self;
} ode_problem;

typedef struct ode_plan {
  dwell_integrator integrator; /* rk45, rk4, euler */
  double step;                 /* rk4, euler */
  double rtol, atol;           /* rk45: the error of a step is at most atol + rtol max|y| in every entry */
  const double *times;         /* [count] strictly ascending, >= 0; the start is at t = 0 */
  size_t count;
} ode_plan;

typedef struct ode_host {
  const dwell_context *ctx;                      /* interruption; may be NULL */
  void (*progress)(void *self, double fraction); /* may be NULL */
  /* State `index` of plan->times, valid during the call. May be NULL. */
  dwell_status (*emit)(void *self, size_t index, const double *y, dwell_error *err);
  void *self;
} ode_host;

typedef struct ode_outcome {
  size_t steps, rejected, evaluations;
  double longest_step, reached; /* reached: the time of the last accepted state, which y holds */
} ode_outcome;

/* y [size] is the start and is overwritten by the last state reached. rk45: Dormand-Prince 5(4); steps end on the
 * requested times. rk4, euler: as in flow/integrate.h. *ret_outcome is filled also on failure.
 * Errors: DWELL_FAILED (step below rounding: the solution leaves every bound, or the slope is not finite; or more than
 * ODE_MOST_STEPS steps), DWELL_INTERRUPTED, DWELL_NO_MEMORY, or what `slope` and `emit` return. */
dwell_status ode_solve(const ode_problem *problem, const ode_plan *plan, const ode_host *host, double *y,
                       ode_outcome *ret_outcome, dwell_error *err);

/* Its counts, as what a run says of itself. */
certificate ode_certificate(const ode_outcome *outcome);

/* What a family that integrates itself by ode_solve cannot do: other integrators, the log clock. DWELL_USAGE. */
struct flow_plan;
dwell_status ode_check_plan(const struct flow_plan *plan, dwell_error *err);

enum { ODE_MOST_STEPS = 20000000 };

#endif
