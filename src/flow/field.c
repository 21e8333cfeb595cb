/* flow/field.c - velocities on the sphere. */
#include "flow/field.h"

#include <float.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/kernel.h"

enum { TORQUE_ROWS = 64 };

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

/* The energy counts every pair once, so a mask has none. */
static bool has_energy(const field *f) { return f->family->energy_weights != NULL && !f->system.causal; }

dwell_status field_create(const flow *family, const flow_system *system, const dwell_context *ctx, field *ret_field,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = system->n, d = system->d;
  field f = {.family = family, .system = *system};
  TRY(flow_work_create(n, d, ctx, &f.work, err));
  f.unit = mem_alloc(n, d * sizeof(double));
  f.along = MEM_NEW(double, n);
  f.z = MEM_NEW(double, n);
  f.weight = MEM_NEW(double, n);
  f.square = MEM_NEW(double, n);
  if (!f.unit || !f.along || !f.z || !f.weight || !f.square) TRY_ALLOC(NULL, "the flow's velocity");
done:
  if (status != DWELL_OK) field_destroy(&f);
  *ret_field = f;
  return status;
}

void field_destroy(field *f) {
  flow_work_destroy(f->work);
  mem_free(f->unit);
  mem_free(f->along);
  mem_free(f->z);
  mem_free(f->weight);
  mem_free(f->square);
  *f = (field){0};
}

uint64_t field_bytes(size_t n, size_t d, int threads) {
  return flow_work_bytes(n, d, threads) + sizeof(double) * (uint64_t)n * (d + 4);
}

/* A row whose length is 1 to rounding is left as it is: a token at rest then rests to the bit. */
void field_normalise(size_t n, size_t d, const double *x, double *ret_x) { kernel_normalise(n, d, x, ret_x); }

static void measure(field *f, field_facts *ret) {
  const flow_system *s = &f->system;
  bool law = has_energy(f);
  if (law) f->family->energy_weights(s, f->z, f->weight);
  double energy = 0, power = 0, fastest = 0;
  for (size_t i = 0; i < s->n; i++) {
    double square = f->square[i];
    fastest = square > fastest || isnan(square) ? square : fastest;
    energy += s->masses[i] * f->z[i];
    if (law) power += f->weight[i] * square;
  }
  ret->energy = law ? energy : NAN;
  ret->power = law ? 2 * s->beta * power : NAN;
  ret->speed = sqrt(fastest);
  ret->rate = f->family->rate(s, f->z);
}

dwell_status field_velocity(field *f, const double *x, double *ret_v, field_facts *ret_facts, dwell_error *err) {
  const flow_system *s = &f->system;
  field_normalise(s->n, s->d, x, f->unit);
  dwell_status status = f->family->attention(s, f->unit, ret_v, f->along, f->z, f->work, err);
  if (status != DWELL_OK) return status;
  f->evaluations++;
  kernel_project(s->n, s->d, f->unit, ret_v, f->square);
  measure(f, ret_facts);
  return isfinite(ret_facts->speed) ? DWELL_OK : error_set(err, DWELL_FAILED, "the velocity is not finite");
}

dwell_status field_layer(field *f, double eta, double *x, double *scratch, dwell_error *err) {
  const flow_system *s = &f->system;
  dwell_status status = f->family->attention(s, x, scratch, f->along, f->z, f->work, err);
  if (status != DWELL_OK) return status;
  f->evaluations++;
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->d; k++)
      x[i * s->d + k] = (1 + eta * f->along[i]) * x[i * s->d + k] + eta * scratch[i * s->d + k];
  field_normalise(s->n, s->d, x, x);
  for (size_t i = 0; i < s->n * s->d; i++)
    if (!isfinite(x[i])) return error_set(err, DWELL_FAILED, "a token has no direction any more");
  return DWELL_OK;
}

double field_torque(const field *f, const double *v) {
  const flow_system *s = &f->system;
  if (!has_energy(f)) return NAN;
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
