/* tools/mechanism/interventions.c - the same text through the same network, changed in one thing: how fast do its
 * tokens become one, and when does the energy fall? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detect.h"
#include "geometry/geometry.h"
#include "mechanism.h"

const double mechanism_scales[SCALES] = {.5, .7, 1, 1.4, 2};

/* ---- runs ---- */

dwell_status subject_open(const subject *s, const dwell_intervention *what, dwell_source **ret_source,
                          dwell_error *err) {
  dwell_model_options options = dwell_model_options_default();
  options.dtype = DWELL_F64, options.max_tokens = TOKENS, options.intervention = *what;
  return dwell_model_open_text(s->model, s->text->text, s->text->size, &options, ret_source, err);
}

static dwell_status on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  states *to = self;
  (void)err;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  memcpy(to->x + frame->state * to->n * to->d, x->data, to->n * to->d * sizeof(double));
  return DWELL_OK;
}

static dwell_status run_source(const dwell_context *ctx, dwell_source *source, states *ret, dwell_error *err) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  *ret = (states){.count = t->states, .n = t->n, .d = t->d};
  ret->x = MEM_NEW(double, t->states * t->n * t->d);
  if (ret->x == NULL) return error_no_memory(err, "states");
  return dwell_source_run(source, ctx, &(dwell_sink){.self = ret, .on_state = on_state}, err);
}

dwell_status subject_run(const subject *s, const dwell_intervention *what, states *ret, dwell_error *err) {
  dwell_source *source = NULL;
  *ret = (states){0};
  dwell_status status = subject_open(s, what, &source, err);
  if (status == DWELL_OK) status = run_source(s->ctx, source, ret, err);
  dwell_source_destroy(source);
  return status;
}

dwell_status subject_begin(subject *s, dwell_error *err) {
  const dwell_intervention none = dwell_intervention_none();
  dwell_source *source = NULL;
  double *norms = NULL;
  dwell_status status = DWELL_OK;
  TRY(subject_open(s, &none, &source, err));
  TRY(run_source(s->ctx, source, &s->plain, err));
  norms = MEM_NEW(double, s->plain.count * s->plain.n);
  TRY_ALLOC(norms, "norms");
  for (size_t i = 0; i < s->plain.count * s->plain.n; i++)
    norms[i] = geometry_norm(s->plain.d, s->plain.x + i * s->plain.d);
  TRY(selection_decide(dwell_source_trajectory(source), s->plain.count, norms, true, &s->kept, err));
done:
  dwell_source_destroy(source);
  mem_free(norms);
  return status;
}

void subject_free(subject *s) {
  mem_free(s->plain.x);
  selection_free(&s->kept);
  s->plain = (states){0}, s->kept = (selection){0};
}

/* ---- what is read off them ---- */

static double mean_cosine(const subject *s, const double *x, size_t d, double *sum) {
  double n = (double)s->kept.all_count, square = 0;
  memset(sum, 0, d * sizeof *sum);
  for (size_t k = 0; k < s->kept.all_count; k++) {
    const double *row = x + s->kept.all[k] * d;
    double length = geometry_norm(d, row);
    for (size_t i = 0; i < d; i++) sum[i] += row[i] / length;
  }
  for (size_t i = 0; i < d; i++) square += sum[i] * sum[i];
  return (square - n) / (n * (n - 1));
}

static dwell_status rate_of(const subject *s, const states *run, double *ret_rate, dwell_error *err) {
  double *sum = MEM_NEW(double, run->d + run->count), *cosines = sum + run->d;
  if (sum == NULL) return error_no_memory(err, "a rate");
  for (size_t l = 0; l < run->count; l++) {
    cosines[l] = mean_cosine(s, run->x + l * run->n * run->d, run->d, sum);
  }
  value rate = detect_collapse_rate(cosines, run->count);
  *ret_rate = rate.undefined == NULL ? rate.number : NAN;
  mem_free(sum);
  return DWELL_OK;
}

/* Share of the energy's changes that are falls, at beta = 1 and 5. */
static dwell_status record_falls(const subject *s, const states *run, const char *name, record *r, dwell_error *err) {
  static const double betas[2] = {1, 5};
  double before[2] = {0}, fall[2] = {0}, all[2] = {0};
  for (size_t l = 0; l < run->count; l++) {
    geometry *g = NULL;
    dwell_status status =
        geometry_create(run->x + l * run->n * run->d, run->d, s->kept.all, s->kept.all_count, &g, err);
    for (size_t k = 0; k < 2 && status == DWELL_OK; k++) {
      double energy = 0;
      status = geometry_energy(g, betas[k], &energy, err);
      double step = l == 0 ? 0 : energy - before[k];
      fall[k] += fmax(0, -step), all[k] += fabs(step), before[k] = energy;
    }
    geometry_destroy(g);
    if (status != DWELL_OK) return status;
  }
  for (size_t k = 0; k < 2; k++) record_put(r, fall[k] / all[k], "falls_%s_b%g", name, betas[k]);
  return DWELL_OK;
}

static dwell_status record_run(const subject *s, const dwell_intervention *what, const char *name, bool falls,
                               record *r, dwell_error *err) {
  states run = {0};
  double rate = NAN;
  dwell_status status = DWELL_OK;
  TRY(subject_run(s, what, &run, err));
  TRY(rate_of(s, &run, &rate, err));
  record_put(r, rate, "rate_%s", name);
  if (falls) TRY(record_falls(s, &run, name, r, err));
done:
  mem_free(run.x);
  return status;
}

static dwell_status record_scale(const subject *s, double output, double query, const char *name, record *r,
                                 dwell_error *err) {
  dwell_intervention what = dwell_intervention_none();
  what.scale_wo = output, what.scale_wq = query;
  return record_run(s, &what, name, output == 0, r, err);
}

dwell_status interventions_record(const subject *s, record *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double rate;
  char name[24];
  TRY(rate_of(s, &s->plain, &rate, err));
  record_put(r, rate, "rate_plain");
  TRY(record_falls(s, &s->plain, "plain", r, err));
  for (size_t k = 0; k < SCALES; k++) {
    snprintf(name, sizeof name, "wo_%g", mechanism_scales[k]);
    TRY(record_scale(s, mechanism_scales[k], 1, name, r, err));
    snprintf(name, sizeof name, "wq_%g", mechanism_scales[k]);
    TRY(record_scale(s, 1, mechanism_scales[k], name, r, err));
  }
  TRY(record_scale(s, 0, 1, "off", r, err));
  for (uint64_t k = 0; k < ROTATIONS; k++) {
    dwell_intervention what = dwell_intervention_none();
    what.rotate_wo = true, what.rotate_seed = k + 1;
    snprintf(name, sizeof name, "rotated_%d", (int)k);
    TRY(record_run(s, &what, name, true, r, err));
  }
done:
  return status;
}
