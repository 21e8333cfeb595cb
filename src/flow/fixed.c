/* flow/fixed.c - fixed steps: classical Runge-Kutta, Euler, and the layer map. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "flow/geometric.h"

/* Times closer than this part of a step to a grid time are that grid time. */
static const double same_time = 1e-9;

/* One step of length h from x (slope k[0], facts of x known) into ret_x, unit rows. *ret_gain: integral of dE/dt. */
static dwell_status euler_step(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err) {
  (void)err;
  const double one = 1;
  orbit_combine(o, h, &one, 1, ret_x);
  field_normalise(o->plan->system.n, o->plan->system.d, ret_x, ret_x);
  *ret_gain = h * o->facts.power;
  return DWELL_OK;
}

static dwell_status rk4_step(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err) {
  static const double stages[4][3] = {{0}, {0.5}, {0, 0.5}, {0, 0, 1}};
  static const double weights[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
  double gain = weights[0] * o->facts.power;
  for (size_t m = 1; m < 4; m++) {
    field_facts facts;
    orbit_combine(o, h, stages[m], m, o->stage);
    dwell_status status = field_velocity(&o->field, o->stage, o->k[m], &facts, err);
    if (status != DWELL_OK) return status;
    gain += weights[m] * facts.power;
  }
  orbit_combine(o, h, weights, 4, ret_x);
  field_normalise(o->plan->system.n, o->plan->system.d, ret_x, ret_x);
  *ret_gain = h * gain;
  return DWELL_OK;
}

static dwell_status layer_step(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err) {
  memcpy(ret_x, o->x, o->size * sizeof(double));
  *ret_gain = NAN;
  return field_layer(&o->field, h, ret_x, o->stage, err);
}

typedef dwell_status (*stepper)(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err);

static stepper stepper_of(dwell_integrator integrator) {
  switch (integrator) {
    case DWELL_RK4: return rk4_step;
    case DWELL_EULER: return euler_step;
    case DWELL_GEOMETRIC: return geometric_step;
    default: return layer_step;
  }
}

/* Requested times before `after` (grid time of the end of the step): shorter steps out of x. */
static dwell_status emit_inside(orbit *o, stepper step, double after, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double H = o->plan->step;
  while (o->next < o->plan->count && o->plan->times[o->next] < after - same_time * H) {
    double ahead = o->plan->times[o->next] - o->t, gain;
    if (ahead <= same_time * H) {
      TRY(orbit_emit(o, o->x, err));
    } else {
      TRY(step(o, ahead, o->out, &gain, err));
      TRY(orbit_emit(o, o->out, err));
    }
  }
done:
  return status;
}

dwell_status orbit_fixed(orbit *o, dwell_error *err) {
  dwell_status status = DWELL_OK;
  stepper step = stepper_of(o->plan->integrator);
  double H = o->plan->step, steps = ceil(o->end / H - same_time), gain;
  for (double s = 1 + (double)o->certificate.steps; s <= steps; s++) {
    TRY(orbit_between(o, NULL, err));
    double after = s < steps || o->plan->integrator == DWELL_LAYER ? s * H : o->end;
    double h = s < steps || o->plan->integrator == DWELL_LAYER ? H : o->end - o->t;
    TRY(orbit_failed(o, emit_inside(o, step, after, err), err));
    TRY(orbit_failed(o, step(o, h, o->y, &gain, err), err));
    o->between = false;
    memcpy(o->x, o->y, o->size * sizeof(double));
    o->t = after;
    if (step != layer_step) TRY(orbit_failed(o, field_velocity(&o->field, o->x, o->k[0], &o->facts, err), err));
    if (step == layer_step || o->plan->kappa > 0) o->facts.energy = NAN;
    while (o->next < o->plan->count && o->plan->times[o->next] <= after + same_time * H) TRY(orbit_emit(o, o->x, err));
    TRY(orbit_account(o, gain, o->t / o->end, err));
  }
done:
  return status;
}
