/* flow/rk45.c - Dormand-Prince 5(4) with projection, in plain time. */
#include <float.h>
#include <math.h>

#include "base/error.h"
#include "flow/dopri.h"

/* Emits the requested times strictly inside the step from o->t to `after`. */
static dwell_status emit_inside(orbit *o, double h, double after, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool ready = false;
  while (o->next < o->plan->count && o->plan->times[o->next] < after) {
    if (!ready) TRY(dopri_prepare(o, h, err));
    ready = true;
    dopri_between(o, h, (o->plan->times[o->next] - o->t) / h, o->out);
    TRY(orbit_emit(o, o->out, err));
  }
done:
  return status;
}

/* Step h is good: emit what lies inside, move on. */
static dwell_status advance(orbit *o, double h, double after, const field_facts *facts, double gain, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(emit_inside(o, h, after, err));
  o->between = false;
  field_normalise(o->field.system.n, o->field.system.d, o->y, o->x);
  double *first = o->k[0];
  o->k[0] = o->k[ORBIT_STAGES - 1];
  o->k[ORBIT_STAGES - 1] = first;
  o->t = after;
  o->facts = *facts;
  o->certificate.longest_step = fmax(o->certificate.longest_step, h);
  if (o->next < o->plan->count && o->plan->times[o->next] <= after) TRY(orbit_emit(o, o->x, err));
  TRY(orbit_account(o, gain, o->t / o->end, err));
done:
  return status;
}

static dwell_status step_too_small(const orbit *o, dwell_error *err) {
  error_set(err, DWELL_FAILED, "the step needed for rtol %g fell below the rounding of t", o->plan->rtol);
  dwell_status status = orbit_failed(o, DWELL_FAILED, err);
  error_remedy(err, "Ask for a larger rtol or a shorter time");
  return status;
}

dwell_status orbit_rk45(orbit *o, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dopri_controller c = {.last = 1e-4};
  if (o->resumed) c = (dopri_controller){o->control[0], o->control[1], o->control[2] != 0};
  else TRY(orbit_failed(o, dopri_first(o, o->end, &c.h, err), err));
  while (o->t < o->end) {
    TRY(orbit_between(o, (double[3]){c.h, c.last, c.rejected}, err));
    double left = o->end - o->t, cap = o->facts.rate > 0 ? 3 / o->facts.rate : DBL_MAX;
    double h = fmin(c.h, cap);
    bool last = h >= left * (1 - 1e-12);
    if (last) h = left;
    if (h < DBL_MIN || o->t + h <= o->t) TRY(step_too_small(o, err));
    field_facts facts;
    double gain = 0, error = NAN;
    status = dopri_step(o, h, &facts, &gain, err);
    if (status == DWELL_OK) error = dopri_error(o, h);
    if (status != DWELL_OK && status != DWELL_FAILED) goto done;
    if (!(error <= 1)) { /* too large, or not a number because the step left the range of a double */
      o->certificate.rejected++;
      c.h = h * (isfinite(error) ? dopri_growth(&(dopri_controller){0, 1, true}, error) : 0.1);
      c.rejected = true;
      continue;
    }
    TRY(orbit_failed(o, advance(o, h, last ? o->end : o->t + h, &facts, gain, err), err));
    double next = h * dopri_growth(&c, error);
    c.h = last ? c.h : next;
    c.last = fmax(error, 1e-4);
    c.rejected = false;
  }
done:
  return status;
}
