/* flow/field.c - velocities on the sphere. */
#include "flow/field.h"

#include <float.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "flow/heads.h"
#include "flow/kernel.h"

enum {
  TORQUE_ROWS = 64,
  ROWS = 64,       /* that a thread takes at once */
  SERIAL = 1 << 17 /* numbers below which a thread gains less than waking it may cost */
};

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

/* The energy counts every pair once, so a mask has none. */
static bool has_energy(const field *f) { return f->family->energy_weights != NULL && !f->system.causal; }

static dwell_status work_create(const flow *family, const flow_system *s, const dwell_context *ctx,
                                flow_work **ret_work, dwell_error *err) {
  if (family->drift != NULL) return heads_work_create(s, ctx, ret_work, err);
  return flow_work_create(s->n, s->d, s->single, ctx, ret_work, err);
}

dwell_status field_create(const flow *family, const flow_system *system, const dwell_context *ctx, field *ret_field,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = system->n, d = system->d;
  field f = {.family = family, .system = *system, .ctx = n * d < SERIAL ? NULL : ctx};
  TRY(work_create(family, system, ctx, &f.work, err));
  f.unit = mem_alloc(n, d * sizeof(double));
  f.along = MEM_NEW(double, n);
  f.z = MEM_NEW(double, n);
  f.weight = MEM_NEW(double, n);
  f.square = MEM_NEW(double, n);
  f.scale = MEM_NEW(double, n);
  if (family->drift != NULL) f.gradient = mem_alloc(n, d * sizeof(double));
  if (f.scale == NULL || (family->drift != NULL && f.gradient == NULL)) TRY_ALLOC(NULL, "the flow's velocity");
  if (!f.unit || !f.along || !f.z || !f.weight || !f.square) TRY_ALLOC(NULL, "the flow's velocity");
done:
  if (status != DWELL_OK) field_destroy(&f);
  *ret_field = f;
  return status;
}

void field_destroy(field *f) {
  if (f->family != NULL) (f->family->drift != NULL ? heads_work_destroy : flow_work_destroy)(f->work);
  mem_free(f->unit);
  mem_free(f->along);
  mem_free(f->z);
  mem_free(f->weight);
  mem_free(f->square);
  mem_free(f->scale);
  mem_free(f->gradient);
  *f = (field){0};
}

uint64_t field_bytes(const flow *family, const flow_system *s, int threads) {
  uint64_t own = sizeof(double) * (uint64_t)s->n * (s->d + 5);
  if (family->drift == NULL) return own + flow_work_bytes(s->n, s->d, s->single, threads);
  return own + sizeof(double) * (uint64_t)s->n * s->d + heads_work_bytes(s->n, s->d, s->layer, threads);
}

/* A row whose length is 1 to rounding is left as it is: a token at rest then rests to the bit. */
void field_normalise(size_t n, size_t d, const double *x, double *ret_x) { kernel_normalise(n, d, x, ret_x); }

/* The family's energy law, where it has one: energy and power. */
static void measure_energy(field *f, const double *v, field_facts *ret) {
  const flow_system *s = &f->system;
  double energy = 0, power = 0;
  for (size_t i = 0; i < s->n; i++) {
    energy += s->masses[i] * f->z[i];
    power += f->weight[i] * f->square[i] / f->scale[i];
  }
  ret->energy = energy;
  ret->power = 2 * s->beta * power;
  if (f->family->drift == NULL) return;
  ret->energy = f->drift.energy;
  ret->power = dot(s->n * s->d, f->gradient, v);
}

static void measure(field *f, const double *v, field_facts *ret) {
  const flow_system *s = &f->system;
  bool heads = f->family->drift != NULL, law = heads ? !isnan(f->drift.energy) : has_energy(f);
  double fastest = 0, scale = 0;
  if (law && !heads) f->family->energy_weights(s, f->z, f->weight);
  for (size_t i = 0; i < s->n; i++) {
    double square = f->square[i];
    fastest = square > fastest || isnan(square) ? square : fastest;
    scale = fmax(scale, f->scale[i]);
  }
  ret->energy = ret->power = NAN;
  if (law) measure_energy(f, v, ret);
  ret->speed = sqrt(fastest);
  ret->rate = scale * (heads ? f->drift.rate : f->family->rate(s, f->z));
}

/* The attention vectors at unit rows, split as in flow.h: ret_pull [n, d] and f->along. */
static dwell_status evaluate(field *f, const double *x, double *ret_pull, dwell_error *err) {
  f->evaluations++;
  if (f->family->drift == NULL) return f->family->attention(&f->system, x, ret_pull, f->along, f->z, f->work, err);
  f->drift = (flow_drift){.pull = ret_pull, .along = f->along, .gradient = f->gradient, .energy = NAN};
  return f->family->drift(&f->system, x, &f->drift, f->work, err);
}

/* ---- rows, which are nothing to each other ---- */

typedef struct rows_job {
  field *f;
  const double *x;
  double *v;
} rows_job;

static size_t first_of(size_t item) { return item * ROWS; }
static size_t rows_of(const field *f, size_t item) {
  size_t left = f->system.n - first_of(item);
  return left < ROWS ? left : ROWS;
}

static dwell_status normalise_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const rows_job *j = arg;
  size_t d = j->f->system.d, at = first_of(item) * d;
  field_normalise(rows_of(j->f, item), d, j->x + at, j->f->unit + at);
  return DWELL_OK;
}

static dwell_status project_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const rows_job *j = arg;
  size_t d = j->f->system.d, first = first_of(item);
  kernel_project(rows_of(j->f, item), d, j->f->unit + first * d, j->v + first * d, j->f->square + first);
  return DWELL_OK;
}

static dwell_status each_row(rows_job *j, threads_item run, dwell_error *err) {
  return threads_for(j->f->ctx, (j->f->system.n + ROWS - 1) / ROWS, run, j, err);
}

/* What the normalisation makes of P_x A; needs <x, A>, which the projection loses. */
static dwell_status project(field *f, double *v, dwell_error *err) {
  const flow_system *s = &f->system;
  bool post = s->normalisation.scheme == NORMALISATION_POST;
  for (size_t i = 0; i < s->n && !post; i++) f->along[i] += dot(s->d, f->unit + i * s->d, v + i * s->d);
  dwell_status status = each_row(&(rows_job){.f = f, .v = v}, project_item, err);
  if (status != DWELL_OK) return status;
  normalisation_apply(&s->normalisation, s->n, s->d, f->along, v, f->scale);
  for (size_t i = 0; i < s->n && !post; i++) f->square[i] *= f->scale[i] * f->scale[i];
  return DWELL_OK;
}

dwell_status field_velocity(field *f, const double *x, double *ret_v, field_facts *ret_facts, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(each_row(&(rows_job){.f = f, .x = x}, normalise_item, err));
  TRY(evaluate(f, f->unit, ret_v, err));
  TRY(project(f, ret_v, err));
  measure(f, ret_v, ret_facts);
  if (!isfinite(ret_facts->speed)) status = error_set(err, DWELL_FAILED, "the velocity is not finite");
done:
  return status;
}

dwell_status field_attention(field *f, const double *x, double *ret_a, dwell_error *err) {
  const flow_system *s = &f->system;
  dwell_status status = evaluate(f, x, ret_a, err);
  for (size_t i = 0; i < s->n && status == DWELL_OK; i++)
    for (size_t k = 0; k < s->d && f->along[i] != 0; k++) ret_a[i * s->d + k] += f->along[i] * x[i * s->d + k];
  return status;
}

dwell_status field_layer(field *f, double eta, double *x, double *scratch, dwell_error *err) {
  dwell_status status = field_attention(f, x, scratch, err);
  if (status != DWELL_OK) return status;
  return normalisation_layer(&f->system.normalisation, f->system.n, f->system.d, eta, scratch, x, err);
}

double field_torque(const field *f, const double *v) {
  const flow_system *s = &f->system;
  if (!has_energy(f) || s->normalisation.scheme != NORMALISATION_POST) return NAN;
  double worst = 0, scale = 0;
  for (size_t i = 0; i < s->n; i++) scale += f->weight[i] * sqrt(dot(s->d, v + i * s->d, v + i * s->d));
  for (size_t a = 0; a < s->d && a < TORQUE_ROWS; a++)
    for (size_t b = 0; b < a; b++) {
      double entry = 0;
      for (size_t i = 0; i < s->n; i++) {
        const double *u = f->unit + i * s->d, *w = v + i * s->d;
        entry += f->weight[i] * (u[a] * w[b] - u[b] * w[a]);
      }
      worst = fmax(worst, fabs(entry));
    }
  return scale > 0 ? worst / scale : 0;
}
