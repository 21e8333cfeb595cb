/* flow/segments.c - pieces of a flow, one after the other. */
#include "flow/segments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/field.h"
#include "flow/lengths.h"

/* Moments closer than this part of their distance are one. */
static const double same_time = 1e-9;

static double next_multiple(double unit, double t) { return (floor(t / unit + same_time) + 1) * unit; }

static bool changes_layer(const flow_schedule *s) { return s->weights != NULL && s->weights->layers > 1; }

double segments_next(const flow_schedule *s, const flow_plan *plan, double t) {
  double next = INFINITY, tau = s->normalisation.parameter;
  for (size_t k = 0; k < s->beta_count; k++)
    if (s->beta_times[k] > t) next = fmin(next, s->beta_times[k]);
  if (changes_layer(s)) next = fmin(next, next_multiple(s->layer_time, t));
  if (s->normalisation.scheme == NORMALISATION_MIX && t < tau) next = fmin(next, tau);
  if (s->normalisation.scheme == NORMALISATION_SQRT && plan->integrator == DWELL_LAYER)
    next = fmin(next, next_multiple(plan->step, t));
  return next;
}

/* ---- the law of a piece ---- */

typedef struct piece {
  flow_plan plan;
  flow_layer layer;
  double from, to;
  bool by_root; /* its clock is 2 (sqrt(1+t) - sqrt(1+from)) */
} piece;

static double beta_at(const flow_schedule *s, double otherwise, double t) {
  for (size_t k = s->beta_count; k > 0; k--)
    if (s->beta_times[k - 1] <= t) return s->betas[k - 1];
  return otherwise;
}

static normalisation scheme_at(const normalisation *z, double t) {
  switch (z->scheme) {
    case NORMALISATION_MIX: return (normalisation){t < z->parameter ? NORMALISATION_POST : NORMALISATION_PRE, 1};
    case NORMALISATION_SQRT: return (normalisation){NORMALISATION_POST, 1};
    default: return *z;
  }
}

flow_system segments_law(const flow_schedule *s, const flow_plan *plan, double t, flow_layer *ret_layer) {
  flow_system law = plan->system;
  law.beta = beta_at(s, plan->system.beta, t);
  law.normalisation = scheme_at(&s->normalisation, t);
  if (s->weights == NULL) return law;
  size_t turn = changes_layer(s) ? (size_t)(floor(t / s->layer_time + same_time)) % s->weights->layers : 0;
  *ret_layer = weights_layer(s->weights, turn, s->heads);
  law.layer = ret_layer;
  return law;
}

static double clock_of(const piece *p, double t) {
  if (!p->by_root) return t - p->from;
  return 2 * (t - p->from) / (sqrt(1 + t) + sqrt(1 + p->from));
}

/* ret->plan.times are `times`, with room for count + 1. */
static void make_piece(const flow_schedule *s, const flow_plan *plan, double from, size_t first, double *times,
                       piece *ret, size_t *ret_kept) {
  piece *p = ret;
  *p = (piece){.plan = *plan, .from = from, .by_root = s->normalisation.scheme == NORMALISATION_SQRT};
  double end = plan->times[plan->count - 1];
  p->to = fmin(end, segments_next(s, plan, from));
  if (end - p->to < same_time * (p->to - from)) p->to = end;
  p->plan.system = segments_law(s, plan, from, &p->layer);
  size_t kept = 0;
  double slack = same_time * (p->to - from);
  while (first + kept < plan->count && plan->times[first + kept] <= p->to + slack) {
    times[kept] = clock_of(p, fmin(plan->times[first + kept], p->to));
    kept++;
  }
  p->plan.times = times, p->plan.count = kept;
  if (kept == 0 || plan->times[first + kept - 1] < p->to - slack) times[p->plan.count++] = clock_of(p, p->to);
  if (p->by_root && plan->integrator == DWELL_LAYER)
    p->plan.step = clock_of(p, p->to), p->plan.step = times[p->plan.count - 1] = plan->step / sqrt(1 + from);
  if (plan->step > 0) p->plan.first_step = plan->first_step + (size_t)llround(from / plan->step);
  *ret_kept = kept;
}

/* ---- telling the host ---- */

typedef struct relay {
  const integrate_host *host;
  const piece *piece;
  size_t first, kept; /* states of the whole before this piece, and in it */
  double whole;
} relay;

static dwell_status pass_on(void *self, size_t index, const double *x, dwell_error *err) {
  const relay *r = self;
  return index < r->kept ? r->host->emit(r->host->self, r->first + index, x, err) : DWELL_OK;
}

static void pass_progress(void *self, double fraction) {
  const relay *r = self;
  if (r->host->progress == NULL) return;
  r->host->progress(r->host->self, (r->piece->from + fraction * (r->piece->to - r->piece->from)) / r->whole);
}

/* ---- all pieces ---- */

bool segments_stand_still(const flow_schedule *s, const flow_plan *plan) {
  if (plan->log_clock) return true; /* options_weights.c lets nothing else pass */
  return s->normalisation.scheme != NORMALISATION_SQRT &&
         (plan->count == 0 || segments_next(s, plan, 0) >= plan->times[plan->count - 1]);
}

/* Tokens of a model that centres live on the centred sphere. */
static dwell_status centre_start(const flow_schedule *s, size_t n, size_t d, double *x, dwell_error *err) {
  if (s->weights == NULL || !s->weights->shape.centred) return DWELL_OK;
  for (size_t i = 0; i < n; i++) {
    double sum = 0, square = 0;
    for (size_t k = 0; k < d; k++) sum += x[i * d + k];
    for (size_t k = 0; k < d; k++) {
      x[i * d + k] -= sum / (double)d;
      square += x[i * d + k] * x[i * d + k];
    }
    if (square < 1e-24)
      return error_set(err, DWELL_BAD_INPUT,
                       "token %zu of the start has equal coordinates: centred it has no direction", i);
  }
  field_normalise(n, d, x, x);
  return DWELL_OK;
}

static dwell_status run_piece(const piece *p, const integrate_host *host, double *x, certificate *ret_certificate,
                              dwell_error *err) {
  if (normalisation_is_radial(&p->plan.system.normalisation))
    return lengths_integrate(&p->plan, host, x, ret_certificate, err);
  return integrate(&p->plan, host, x, ret_certificate, err);
}

static dwell_status run_pieces(const flow_schedule *s, const flow_plan *plan, const integrate_host *host, double *x,
                               certificate *total, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double end = plan->times[plan->count - 1], *times = MEM_NEW(double, plan->count + 1), from = 0;
  size_t first = 0;
  TRY_ALLOC(times, "the times");
  while (from < end || first < plan->count) {
    piece p;
    certificate one = certificate_start();
    relay r = {.host = host, .piece = &p, .first = first, .whole = end};
    make_piece(s, plan, from, first, times, &p, &r.kept);
    integrate_host inner = {
        .ctx = host->ctx, .threads = host->threads, .progress = pass_progress, .emit = pass_on, .self = &r};
    status = run_piece(&p, &inner, x, &one, err);
    certificate_merge(total, &one);
    if (status == DWELL_FAILED && from > 0) {
      char place[60];
      snprintf(place, sizeof place, "the piece from t = %.9g on", from);
      error_at_item(err, place);
    }
    if (status != DWELL_OK) goto done;
    first += r.kept;
    from = p.to;
  }
done:
  mem_free(times);
  return status;
}

dwell_status segments_run(const flow_schedule *s, const flow_plan *plan, const integrate_host *host, double *x,
                          certificate *ret_certificate, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_certificate = certificate_start();
  TRY(centre_start(s, plan->system.n, plan->system.d, x, err));
  if (!segments_stand_still(s, plan)) {
    status = run_pieces(s, plan, host, x, ret_certificate, err);
    goto done;
  }
  piece p = {.plan = *plan};
  p.plan.system.beta = beta_at(s, plan->system.beta, 0);
  p.plan.system.normalisation = scheme_at(&s->normalisation, 0);
  status = run_piece(&p, host, x, ret_certificate, err);
done:
  return status;
}
