/* flow/lengths.c - tokens with lengths. */
#include "flow/lengths.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/field.h"
#include "flow/ode.h"

typedef struct moving {
  field field;
  double *unit; /* [n, d] */
} moving;

static dwell_status slope(void *self, double t, const double *h, double *ret_slope, dwell_error *err) {
  (void)t;
  moving *m = self;
  const flow_system *s = &m->field.system;
  for (size_t i = 0; i < s->n; i++) {
    double square = 0;
    for (size_t k = 0; k < s->d; k++) square += h[i * s->d + k] * h[i * s->d + k];
    if (!(square > 0)) return error_set(err, DWELL_FAILED, "token %zu has lost its length", i);
  }
  field_normalise(s->n, s->d, h, m->unit);
  dwell_status status = field_attention(&m->field, m->unit, ret_slope, err);
  if (status == DWELL_OK) normalisation_motion(&s->normalisation, s->n, s->d, ret_slope);
  return status;
}

dwell_status lengths_integrate(const flow_plan *plan, const integrate_host *host, double *h,
                               certificate *ret_certificate, dwell_error *err) {
  const flow_system *s = &plan->system;
  dwell_status status = DWELL_OK;
  moving m = {0};
  ode_outcome outcome = {0};
  *ret_certificate = certificate_start();
  TRY(field_create(plan->family, s, host->threads, &m.field, err));
  m.unit = mem_alloc(s->n, s->d * sizeof(double));
  TRY_ALLOC(m.unit, "the tokens");
  bool layer = plan->integrator == DWELL_LAYER;
  ode_problem problem = {.size = s->n * s->d, .slope = slope, .self = &m};
  ode_plan solve = {.integrator = layer ? DWELL_EULER : plan->integrator,
                    .step = plan->step,
                    .rtol = plan->rtol,
                    .times = plan->times,
                    .count = plan->count};
  ode_host to = {.ctx = host->ctx, .progress = host->progress, .emit = host->emit, .self = host->self};
  status = ode_solve(&problem, &solve, &to, h, &outcome, err);
done:
  ret_certificate->steps = outcome.steps;
  ret_certificate->rejected = outcome.rejected;
  ret_certificate->evaluations = outcome.evaluations;
  ret_certificate->longest_step = outcome.longest_step;
  if (m.field.family != NULL) field_destroy(&m.field);
  mem_free(m.unit);
  return status;
}
