/* flow/integrate.c - what the integrators share: memory, energy account, certificate. */
#include "flow/integrate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "flow/orbit.h"

enum { ORBIT_VECTORS = 3 + ORBIT_STAGES + 2, BLOCK = 256 };

uint64_t integrate_bytes(size_t n, size_t d, int threads) {
  return field_bytes(n, d, threads) + sizeof(double) * (uint64_t)ORBIT_VECTORS * n * d;
}

static dwell_status create(const flow_plan *plan, const integrate_host *host, double *x, orbit *ret_orbit,
                           double **ret_memory, dwell_error *err) {
  const flow_system *s = &plan->system;
  orbit o = {.plan = plan, .host = host, .x = x, .size = s->n * s->d, .certificate = certificate_start()};
  o.end = plan->times[plan->count - 1];
  size_t count = 0;
  double *memory = size_mul(o.size, ORBIT_VECTORS, &count) ? MEM_NEW(double, count) : NULL;
  if (memory == NULL) return error_no_memory(err, "the integrator");
  o.y = memory;
  o.stage = o.y + o.size;
  o.out = o.stage + o.size;
  for (size_t m = 0; m < ORBIT_STAGES; m++) o.k[m] = o.out + (m + 1) * o.size;
  for (size_t m = 0; m < 2; m++) o.inner[m] = o.k[ORBIT_STAGES - 1] + (m + 1) * o.size;
  *ret_orbit = o;
  *ret_memory = memory;
  return field_create(plan->family, s, host->threads, &ret_orbit->field, err);
}

void orbit_combine(const orbit *o, double h, const double *c, size_t stages, double *ret_y) {
  double sum[BLOCK];
  for (size_t first = 0; first < o->size; first += BLOCK) {
    size_t count = o->size - first < BLOCK ? o->size - first : BLOCK;
    memset(sum, 0, sizeof sum);
    for (size_t m = 0; m < stages; m++) {
      const double *k = o->k[m] + first;
      double factor = c[m];
      if (factor == 0) continue;
      for (size_t e = 0; e < count; e++) sum[e] += factor * k[e];
    }
    for (size_t e = 0; e < count; e++) ret_y[first + e] = o->x[first + e] + h * sum[e];
  }
}

dwell_status orbit_emit(orbit *o, const double *state, dwell_error *err) {
  const flow_system *s = &o->plan->system;
  for (size_t i = 0; i < s->n; i++) {
    double square = 0;
    for (size_t k = 0; k < s->d; k++) square += state[i * s->d + k] * state[i * s->d + k];
    o->certificate.norm_defect = fmax(o->certificate.norm_defect, fabs(sqrt(square) - 1));
  }
  return o->host->emit(o->host->self, o->next++, state, err);
}

dwell_status orbit_account(orbit *o, double gain, dwell_error *err) {
  o->certificate.steps++;
  o->work += gain;
  double change = o->facts.energy - o->start_energy;
  if (!isnan(change)) {
    o->certificate.energy_change = fmax(o->certificate.energy_change, fabs(change));
    o->certificate.energy_residual = fmax(o->certificate.energy_residual, fabs(change - o->work));
  }
  if (o->host->progress != NULL) o->host->progress(o->host->self, o->t / o->end);
  return context_interrupted(o->host->ctx, err);
}

dwell_status orbit_failed(const orbit *o, dwell_status status, dwell_error *err) {
  if (status != DWELL_FAILED || err == NULL) return status;
  char message[sizeof err->message];
  snprintf(message, sizeof message, "%.300s at t = %.6g of %.6g", err->message, o->t, o->end);
  return error_set(err, DWELL_FAILED, "%s", message);
}

static void note_torque(orbit *o, const double *v) {
  double torque = field_torque(&o->field, v);
  if (isnan(torque)) return;
  o->certificate.torque = fmax(o->certificate.torque, torque);
  o->certificate.has_energy = o->plan->integrator != DWELL_LAYER;
}

dwell_status integrate(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                       dwell_error *err) {
  dwell_status status = DWELL_OK;
  orbit o = {0};
  double *memory = NULL;
  TRY(create(plan, host, x, &o, &memory, err));
  TRY(orbit_failed(&o, field_velocity(&o.field, x, o.k[0], &o.facts, err), err));
  note_torque(&o, o.k[0]);
  o.start_energy = o.facts.energy;
  if (plan->times[0] <= 0) TRY(orbit_emit(&o, x, err));
  if (o.next < plan->count) TRY(plan->integrator == DWELL_RK45 ? orbit_rk45(&o, err) : orbit_fixed(&o, err));
  TRY(orbit_failed(&o, field_velocity(&o.field, x, o.k[0], &o.facts, err), err));
  note_torque(&o, o.k[0]);
done:
  o.certificate.evaluations = o.field.evaluations;
  *ret_certificate = o.certificate;
  field_destroy(&o.field);
  mem_free(memory);
  return status;
}
