/* flow/integrate.c - what the integrators share: memory, energy account, certificate. */
#include "flow/integrate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "flow/density.h"
#include "flow/marks.h"
#include "flow/orbit.h"
#include "flow/span.h"

enum { ORBIT_VECTORS = 3 + ORBIT_STAGES + 2, BLOCK = 256 };

/* For the log clock: three states, and a few numbers a token. */
enum { LOG_VECTORS = 3, LOG_NUMBERS = 8 };

static bool is_reduced(const flow_plan *plan) {
  return plan->family->isotropic && plan->system.d > plan->system.n && !(plan->kappa > 0); /* noise leaves the span */
}

uint64_t integrate_bytes(const flow_plan *plan, int threads) {
  flow_system s = plan->system;
  uint64_t span = is_reduced(plan) ? sizeof(double) * (uint64_t)s.n * (2 * s.d + s.n) : 0;
  if (span > 0) s.d = s.n;
  uint64_t n = s.n, d = s.d;
  uint64_t marks = plan->until_merged > 0 ? marks_bytes(plan->system.n, plan->system.d) : 0;
  return span + marks + density_bytes(plan) + field_bytes(plan->family, &s, threads) +
         sizeof(double) * ((uint64_t)(ORBIT_VECTORS + LOG_VECTORS) * n * d + LOG_NUMBERS * n + d);
}

static dwell_status create(const flow_plan *plan, const integrate_host *host, double *x, orbit *ret_orbit,
                           double **ret_memory, dwell_error *err) {
  const flow_system *s = &plan->system;
  orbit o = {.plan = plan, .host = host, .x = x, .size = s->n * s->d, .certificate = certificate_start()};
  o.end = plan->log_clock ? plan->log_end : plan->times[plan->count - 1];
  o.t = plan->log_clock ? -INFINITY : 0;
  size_t count = 0;
  double *memory =
      size_mul(o.size, ORBIT_VECTORS, &count) && size_add(count, s->d, &count) ? MEM_NEW(double, count) : NULL;
  if (memory == NULL) return error_no_memory(err, "the integrator");
  o.y = memory;
  o.stage = o.y + o.size;
  o.out = o.stage + o.size;
  for (size_t m = 0; m < ORBIT_STAGES; m++) o.k[m] = o.out + (m + 1) * o.size;
  for (size_t m = 0; m < 2; m++) o.inner[m] = o.k[ORBIT_STAGES - 1] + (m + 1) * o.size;
  o.pole = memory + o.size * ORBIT_VECTORS;
  *ret_orbit = o;
  *ret_memory = memory;
  flow_system system = *s;
  system.scaled = plan->log_clock && plan->family->scales && s->beta > 0;
  return field_create(plan->family, &system, host->threads, &ret_orbit->field, err);
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

/* ---- what theory guarantees ---- */

static double smallest_cosine(const orbit *o) {
  const flow_system *s = &o->field.system;
  double smallest = INFINITY;
  for (size_t i = 0; i < s->n; i++) {
    double cosine = 0;
    for (size_t k = 0; k < s->d; k++) cosine += o->x[i * s->d + k] * o->pole[k];
    smallest = fmin(smallest, cosine);
  }
  return smallest;
}

/* Is the start in the hemisphere around its mean, and does the family keep it there? */
static void find_pole(orbit *o) {
  const flow_system *s = &o->field.system;
  double square = 0;
  o->height = NAN;
  if (!o->plan->family->averages || s->causal || o->plan->integrator == DWELL_LAYER) return;
  memset(o->pole, 0, s->d * sizeof(double));
  for (size_t e = 0; e < o->size; e++) o->pole[e % s->d] += o->x[e];
  for (size_t k = 0; k < s->d; k++) square += o->pole[k] * o->pole[k];
  for (size_t k = 0; k < s->d && square > 0; k++) o->pole[k] /= sqrt(square);
  double height = square > 0 ? smallest_cosine(o) : 0;
  if (!(height > 0)) return;
  o->height = height;
  o->certificate.hemispheres = 1;
}

static void watch_laws(orbit *o) {
  certificate *c = &o->certificate;
  if (o->plan->system.beta > 0 && !isnan(o->facts.energy))
    c->energy_fall = fmax(c->energy_fall, o->last_energy - o->facts.energy);
  o->last_energy = o->facts.energy;
  if (isnan(o->height)) return;
  double height = smallest_cosine(o);
  c->hemisphere_fall = fmax(c->hemisphere_fall, o->height - height);
  o->height = fmax(o->height, height);
}

dwell_status orbit_account(orbit *o, double gain, double fraction, dwell_error *err) {
  o->certificate.steps++;
  o->work += gain;
  double change = o->facts.energy - o->start_energy;
  if (!isnan(change)) {
    o->certificate.energy_change = fmax(o->certificate.energy_change, fabs(change));
    o->certificate.energy_residual = fmax(o->certificate.energy_residual, fabs(change - o->work));
  }
  watch_laws(o);
  if (o->host->progress != NULL) o->host->progress(o->host->self, fraction);
  return context_interrupted(o->host->ctx, err);
}

dwell_status orbit_failed(const orbit *o, dwell_status status, dwell_error *err) {
  if (status != DWELL_FAILED || err == NULL) return status;
  char message[sizeof err->message];
  const char *clock = o->plan->log_clock ? "ln t" : "t";
  snprintf(message, sizeof message, "%.300s at %s = %.6g of %.6g", err->message, clock, o->t, o->end);
  return error_set(err, DWELL_FAILED, "%s", message);
}

/* ---- saving and going on ---- */

static dwell_status save(orbit *o, dwell_error *err) {
  restart_moment m = {.t = o->t,
                      .start_energy = o->start_energy,
                      .work = o->work,
                      .last_energy = o->last_energy,
                      .height = o->height,
                      .next = (double)o->next,
                      .evaluations = (double)o->field.evaluations};
  memcpy(m.control, o->control, sizeof m.control);
  m.certificate = o->certificate;
  return restart_save(o->host->opt_restart, &m, o->size, o->x, err);
}

dwell_status orbit_between(orbit *o, const double *control, dwell_error *err) {
  if (control != NULL) memcpy(o->control, control, sizeof o->control);
  o->between = true;
  return o->host->opt_restart != NULL && restart_is_due(o->host->opt_restart) ? save(o, err) : DWELL_OK;
}

/* In place of the start, if the run was under way before: the state, and the velocity there, whose bits are those of
 * the last stage of the step that led to it. */
static dwell_status resume(orbit *o, dwell_error *err) {
  restart_moment m;
  dwell_status status = restart_take(o->host->opt_restart, &m, o->size, o->x, &o->resumed, err);
  if (status != DWELL_OK || !o->resumed) return status;
  status = field_velocity(&o->field, o->x, o->k[0], &o->facts, err);
  o->t = m.t, o->start_energy = m.start_energy, o->work = m.work, o->last_energy = m.last_energy, o->height = m.height;
  o->next = (size_t)m.next;
  o->field.evaluations = (size_t)m.evaluations;
  o->certificate = m.certificate;
  memcpy(o->control, m.control, sizeof o->control);
  return status;
}

static void note_torque(orbit *o, const double *v) {
  double torque = field_torque(&o->field, v);
  o->certificate.ties += o->field.drift.ties;
  if (!isnan(o->facts.energy)) o->certificate.has_energy = o->plan->integrator != DWELL_LAYER && !(o->plan->kappa > 0);
  if (isnan(torque)) return;
  o->certificate.torque = fmax(o->certificate.torque, torque);
  o->certificate.has_torque = true;
}

dwell_status orbit_look(orbit *o, dwell_error *err) {
  dwell_status status = orbit_failed(o, field_velocity(&o->field, o->x, o->k[0], &o->facts, err), err);
  if (status == DWELL_OK) note_torque(o, o->k[0]);
  return status;
}

static dwell_status go(orbit *o, dwell_error *err) {
  if (o->plan->log_clock) return orbit_log(o, err);
  return o->plan->integrator == DWELL_RK45 ? orbit_rk45(o, err) : orbit_fixed(o, err);
}

static bool emits_start(const flow_plan *p) {
  return p->count > 0 && (p->log_clock ? p->log_times[0] == -INFINITY : p->times[0] <= 0);
}

/* In the dimensions of the plan. */
static dwell_status integrate_here(const flow_plan *plan, const integrate_host *host, double *x,
                                   certificate *ret_certificate, dwell_error *err) {
  dwell_status status = DWELL_OK;
  orbit o = {0};
  double *memory = NULL;
  if (plan->family->solve != NULL) return plan->family->solve(plan, host, x, ret_certificate, err);
  TRY(create(plan, host, x, &o, &memory, err));
  TRY(orbit_look(&o, err));
  o.start_energy = o.last_energy = o.facts.energy;
  find_pole(&o);
  if (host->opt_restart != NULL) TRY(resume(&o, err));
  if (emits_start(plan) && !o.resumed) TRY(orbit_emit(&o, x, err));
  bool moves = o.next < plan->count || plan->until_merged > 0;
  if (moves) TRY(go(&o, err));
  if (!moves || !plan->log_clock) TRY(orbit_look(&o, err));
done:
  if (status == DWELL_INTERRUPTED && o.between && host->opt_restart != NULL) save(&o, NULL);
  o.certificate.evaluations = o.field.evaluations;
  *ret_certificate = o.certificate;
  field_destroy(&o.field);
  mem_free(memory);
  return status;
}

/* ---- more dimensions than tokens ---- */

/* Between an integration in n coordinates and its host. */
typedef struct spanned {
  const flow_plan *plan; /* in d dimensions */
  const integrate_host *host;
  const double *start; /* [n, d] */
  double *basis;       /* [n, d] */
  double *few;         /* [n, n] */
  double *out;         /* [n, d] */
} spanned;

static void spanned_progress(void *self, double fraction) {
  const spanned *s = self;
  if (s->host->progress != NULL) s->host->progress(s->host->self, fraction);
}

/* The start is given back as it came, to the bit. */
static dwell_status spanned_emit(void *self, size_t index, const double *x, dwell_error *err) {
  const spanned *s = self;
  const flow_plan *p = s->plan;
  bool at_start = index == 0 && emits_start(p);
  if (!at_start) span_expand(p->system.n, p->system.d, x, s->basis, s->out);
  return s->host->emit(s->host->self, index, at_start ? s->start : s->out, err);
}

static dwell_status integrate_spanned(const flow_plan *plan, const integrate_host *host, double *x,
                                      certificate *ret_certificate, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = plan->system.n, d = plan->system.d;
  flow_plan reduced = *plan;
  spanned s = {.plan = plan, .host = host, .start = x};
  integrate_host inner = *host;
  reduced.system.d = n;
  inner.self = &s, inner.emit = spanned_emit, inner.progress = spanned_progress;
  s.basis = mem_alloc(n, d * sizeof(double));
  s.few = mem_alloc(n, n * sizeof(double));
  s.out = mem_alloc(n, d * sizeof(double));
  if (s.basis == NULL || s.few == NULL || s.out == NULL) TRY_ALLOC(NULL, "the integrator");
  span_coordinates(n, d, x, s.basis, s.few);
  field_normalise(n, n, s.few, s.few);
  TRY(integrate_here(&reduced, &inner, s.few, ret_certificate, err));
  span_expand(n, d, s.few, s.basis, x);
done:
  mem_free(s.basis);
  mem_free(s.few);
  mem_free(s.out);
  return status;
}

dwell_status integrate(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                       dwell_error *err) {
  bool reduced = is_reduced(plan) && plan->system.n > 1;
  *ret_certificate = certificate_start();
  return (reduced ? integrate_spanned : integrate_here)(plan, host, x, ret_certificate, err);
}
