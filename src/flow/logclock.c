/* flow/logclock.c - the flow through metastable states: ln t for a clock, and clusters merged as soon as they have met.
 *
 * Between two mergers the clusters creep with speed e^{-beta (1 - G)}. Each step takes as its unit of time the one of
 * the closest pair, so that steps are as long as the motion allows, whatever t is. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/clusters.h"
#include "flow/dopri.h"
#include "flow/gaps.h"
#include "flow/marks.h"

enum { BISECTIONS = 60 };

/* Errors of coordinates cannot be asked to be smaller than this: a few roundings. */
static const double finest = 4e-15;
/* Scaled velocities below this are the rounding of forces that cancel. */
static const double rest = 1e-15;
/* flow.rate is 1 minus a number near 1 where clusters are far apart: rounding, below this. */
static const double rate_known = 1e-8;

typedef struct voyage {
  orbit *o;
  clusters clusters;
  double unit;       /* ln of the family's time unit */
  double *gap;       /* [n] squared distances to the nearest other cluster, at the present state */
  double *tolerance; /* [n] */
  double *ahead;     /* [n, d] the end of the step, unit rows */
  double *ahead_gap; /* [n] */
  double *home;      /* [n, d] where the clusters were when the plateau began */
  double *two;       /* [2, d] */
  clusters_meeting *meetings;
  size_t meeting_room;
  dopri_controller control;
  dopri_controller begin; /* as it was before the step */
  flow_plateau plateau;
  double step_log; /* ln of the length in t of the step from o->t */
  double h;        /* and in s */
  bool prepared;   /* states inside it can be asked for */
} voyage;

static void destroy(voyage *v) {
  clusters_destroy(&v->clusters);
  mem_free(v->gap);
  mem_free(v->tolerance);
  mem_free(v->ahead);
  mem_free(v->ahead_gap);
  mem_free(v->home);
  mem_free(v->two);
  mem_free(v->meetings);
}

static dwell_status create(orbit *o, voyage *v, dwell_error *err) {
  const flow_system *s = &o->plan->system;
  dwell_status status = DWELL_OK;
  size_t n = s->n, d = s->d;
  *v = (voyage){.o = o, .unit = flow_log_unit(o->plan->family, s)};
  TRY(clusters_create(n, d, s->masses, &v->clusters, err));
  v->gap = MEM_NEW(double, n);
  v->tolerance = MEM_NEW(double, n);
  v->ahead = mem_alloc(n, d * sizeof(double));
  v->ahead_gap = MEM_NEW(double, n);
  v->home = mem_alloc(n, d * sizeof(double));
  v->two = mem_alloc(2, d * sizeof(double));
  if (!v->gap || !v->tolerance || !v->ahead || !v->ahead_gap || !v->home || !v->two) TRY_ALLOC(NULL, "the log clock");
done:
  return status;
}

/* ---- the unit of time ---- */

static double least(size_t n, const double *values) {
  double best = INFINITY;
  for (size_t i = 0; i < n; i++) best = fmin(best, values[i]);
  return best;
}

/* The largest exponent between two clusters. */
static double scale_of(const voyage *v) {
  const flow_system *s = &v->o->field.system;
  double square = least(s->n, v->gap);
  return s->scaled && isfinite(square) ? -0.5 * s->beta * square : 0;
}

static void set_tolerances(voyage *v) {
  const orbit *o = v->o;
  double rtol = o->plan->rtol;
  for (size_t i = 0; i < o->field.system.n; i++) v->tolerance[i] = fmin(rtol, fmax(rtol * sqrt(v->gap[i]), finest));
}

/* A new unit for the slopes at hand. In it the next step is as long as the last one: as far as the clusters move. */
static void rescale(voyage *v) {
  orbit *o = v->o;
  double scale = scale_of(v), change = o->field.system.log_scale - scale, factor = exp(change);
  o->field.system.log_scale = scale;
  for (size_t e = 0; e < o->size; e++) o->k[0][e] *= factor;
  o->facts.speed *= factor;
  o->facts.power *= factor * factor;
}

/* Everything that belongs to the present state, made anew: after a merger nothing is left of what was. */
static dwell_status refresh(voyage *v, dwell_error *err) {
  orbit *o = v->o;
  gaps_nearest(o->field.system.n, o->field.system.d, o->x, v->gap);
  set_tolerances(v);
  o->field.system.log_scale = scale_of(v);
  return field_velocity(&o->field, o->x, o->k[0], &o->facts, err);
}

/* ---- clusters ---- */

/* The field of as many tokens as there are clusters now. */
static dwell_status shrink(voyage *v, dwell_error *err) {
  orbit *o = v->o;
  size_t evaluations = o->field.evaluations;
  flow_system system = o->field.system;
  system.n = v->clusters.count;
  system.masses = v->clusters.masses;
  field_destroy(&o->field);
  o->size = system.n * system.d;
  dwell_status status = field_create(o->plan->family, &system, o->host->threads, &o->field, err);
  o->field.evaluations = evaluations;
  return status;
}

static double moment(const void *arg, double theta) {
  const voyage *v = arg;
  return v->h > 0 ? log_add(v->o->t, v->step_log + log(theta)) : -INFINITY;
}

/* How far apart two clusters are inside the step. */
static double distance_at(voyage *v, size_t i, size_t j, double theta) {
  size_t d = v->o->field.system.d;
  dopri_token(v->o, v->h, theta, i, v->two);
  dopri_token(v->o, v->h, theta, j, v->two + d);
  return gaps_between(d, v->two, v->two + d);
}

/* When they have come as close as merging asks; at the end of the step they have. */
static double meeting_theta(voyage *v, size_t i, size_t j) {
  double low = 0, high = 1, goal = v->o->plan->merge * v->o->plan->merge;
  for (int b = 0; b < BISECTIONS; b++) {
    double middle = 0.5 * (low + high);
    *(distance_at(v, i, j, middle) < goal ? &high : &low) = middle;
  }
  return 0.5 * (low + high);
}

static dwell_status prepare(voyage *v, dwell_error *err) {
  if (v->prepared) return DWELL_OK;
  v->prepared = true;
  return dopri_prepare(v->o, v->h, err);
}

static dwell_status add_meeting(voyage *v, size_t count, size_t i, size_t j, dwell_error *err) {
  clusters_meeting *list = mem_room(v->meetings, count, &v->meeting_room, 16, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the mergers");
  v->meetings = list;
  list[count] = (clusters_meeting){i, j, v->h > 0 ? meeting_theta(v, i, j) : 0};
  return DWELL_OK;
}

/* Pairs of rows of x closer than the plan's distance; `gap` tells which rows are worth a look. */
static dwell_status find_meetings(voyage *v, const double *x, const double *gap, size_t *ret_count, dwell_error *err) {
  const flow_system *s = &v->o->field.system;
  double goal = v->o->plan->merge * v->o->plan->merge;
  dwell_status status = DWELL_OK;
  *ret_count = 0;
  for (size_t j = 0; j < s->n; j++)
    for (size_t i = 0; i < j && gap[j] < goal; i++) {
      if (gap[i] >= goal || gaps_between(s->d, x + i * s->d, x + j * s->d) >= goal) continue;
      if (v->h > 0) TRY(prepare(v, err));
      TRY(add_meeting(v, (*ret_count)++, i, j, err));
    }
done:
  return status;
}

/* ---- plateaus ---- */

static double squares(const clusters *c) {
  double sum = 0;
  for (size_t k = 0; k < c->count; k++) sum += c->masses[k] * c->masses[k];
  return sum;
}

/* The largest cosine between two clusters. */
static double largest_cosine(const voyage *v) { return 1 - 0.5 * least(v->clusters.count, v->gap); }

/* ln of the time through which caps of the size HISTORY_CAP keep their tokens: the theorem of dynamic metastability
 * (arXiv:2410.06833) for n tokens of equal mass; its condition is on the largest cosine between points of two caps
 * twice as deep. */
static double guarantee(const voyage *v) {
  const flow_system *s = &v->o->plan->system;
  double n = (double)s->n, eps = HISTORY_CAP, beta = s->beta;
  if (!v->o->plan->family->metastable || s->causal || beta <= 0) return NAN;
  for (size_t i = 0; i < s->n; i++)
    if (fabs(s->masses[i] * n - 1) > 1e-12) return NAN;
  double alpha = cos(fmax(0, acos(fmin(1, largest_cosine(v))) - 2 * acos(1 - 2 * eps)));
  double gamma = 1 - alpha - 8 * eps - log(2 * n * n / eps) / beta;
  return gamma > 0 ? log(eps / n) + (1 - alpha) * beta : NAN;
}

static void begin_plateau(voyage *v, double log_time) {
  orbit *o = v->o;
  v->plateau = (flow_plateau){.clusters = v->clusters.count, .log_enter = log_time, .log_exit = NAN};
  v->plateau.energy = o->facts.energy;
  v->plateau.squares = squares(&v->clusters);
  v->plateau.log_guarantee = v->clusters.count > 1 ? guarantee(v) : NAN;
  memcpy(v->home, o->x, o->size * sizeof(double));
}

static dwell_status end_plateau(voyage *v, double log_time, bool ended, dwell_error *err) {
  v->plateau.log_end = log_time;
  v->plateau.ended = ended;
  certificate *c = &v->o->certificate;
  double stay = log_subtract(isnan(v->plateau.log_exit) ? log_time : v->plateau.log_exit, v->plateau.log_enter);
  bool promised = !isnan(v->plateau.log_guarantee), left = !isnan(v->plateau.log_exit) || ended;
  c->guarantees += promised;
  c->broken_guarantees += promised && left && stay < v->plateau.log_guarantee;
  if (v->o->host->opt_history == NULL) return DWELL_OK;
  return history_add_plateau(v->o->host->opt_history, &v->plateau, err);
}

static double cap_cosine(const voyage *v, const double *x, size_t i) {
  size_t d = v->o->field.system.d;
  return 1 - 0.5 * gaps_between(d, x, v->home + i * d);
}

/* The first moment inside the step at which a cluster leaves its cap, if one does. */
static dwell_status watch_caps(voyage *v, dwell_error *err) {
  const flow_system *s = &v->o->field.system;
  double limit = 1 - 2 * HISTORY_CAP, first = INFINITY;
  dwell_status status = DWELL_OK;
  if (!isnan(v->plateau.log_exit)) return DWELL_OK;
  for (size_t i = 0; i < s->n; i++) {
    if (cap_cosine(v, v->ahead + i * s->d, i) >= limit) continue;
    TRY(prepare(v, err));
    double low = 0, high = fmin(1, first);
    for (int b = 0; b < BISECTIONS; b++) {
      double middle = 0.5 * (low + high);
      dopri_token(v->o, v->h, middle, i, v->two);
      *(cap_cosine(v, v->two, i) < limit ? &high : &low) = middle;
    }
    first = fmin(first, high);
  }
  if (isfinite(first)) v->plateau.log_exit = moment(v, first);
done:
  return status;
}

/* ---- states on the way ---- */

static dwell_status emit(voyage *v, const double *x, dwell_error *err) {
  clusters_expand(&v->clusters, x, v->o->out);
  return orbit_emit(v->o, v->o->out, err);
}

static dwell_status emit_inside(voyage *v, double after, dwell_error *err) {
  orbit *o = v->o;
  dwell_status status = DWELL_OK;
  while (o->next < o->plan->count && o->plan->log_times[o->next] < after) {
    double goal = o->plan->log_times[o->next];
    double theta = o->t == -INFINITY ? exp(goal - v->step_log) : exp(o->t - v->step_log) * expm1(goal - o->t);
    TRY(prepare(v, err));
    dopri_between(o, v->h, fmin(1, fmax(0, theta)), o->stage);
    TRY(emit(v, o->stage, err));
  }
done:
  return status;
}

static dwell_status emit_rest(voyage *v, dwell_error *err) {
  dwell_status status = DWELL_OK;
  while (v->o->next < v->o->plan->count) TRY(emit(v, v->o->x, err));
done:
  return status;
}

/* ---- the loop ---- */

/* Pairs that have met by the end of the step (or at the start) become one. */
static dwell_status merge(voyage *v, size_t count, dwell_error *err) {
  orbit *o = v->o;
  dwell_status status = DWELL_OK;
  double last = -INFINITY;
  if (count == 0) return DWELL_OK;
  for (size_t m = 0; m < count; m++) last = fmax(last, moment(v, v->meetings[m].theta));
  bool begun = v->plateau.clusters > 0;
  if (begun) TRY(end_plateau(v, last, true, err));
  o->certificate.mergers += v->clusters.count;
  TRY(clusters_merge(&v->clusters, o->x, v->meetings, count, moment, v, o->host->opt_history, err));
  o->certificate.mergers -= v->clusters.count;
  TRY(shrink(v, err));
  TRY(refresh(v, err));
  if (v->clusters.count > 1) TRY(dopri_first(o, DBL_MAX, &v->control.h, err));
  v->control.rejected = false;
  begin_plateau(v, last);
done:
  return status;
}

static double progress(const voyage *v) {
  const flow_plan *p = v->o->plan;
  double before = v->unit - 5; /* little happens before */
  double merged = p->until_merged > 0 && p->system.n > p->until_merged
                      ? (double)(p->system.n - v->clusters.count) / (double)(p->system.n - p->until_merged)
                      : 0;
  double gone = v->o->t > before && p->log_end < INFINITY ? (v->o->t - before) / (p->log_end - before) : 0;
  return fmin(1, fmax(0, fmax(merged, gone)));
}

/* A step of length v->h was good: emit and note what lies inside, move on. */
static dwell_status advance(voyage *v, const field_facts *facts, double gain, dwell_error *err) {
  orbit *o = v->o;
  const flow_system *s = &o->field.system;
  dwell_status status = DWELL_OK;
  size_t count = 0;
  double after = log_add(o->t, v->step_log);
  v->prepared = false;
  if (o->host->opt_marks != NULL && o->plan->count == 0)
    TRY(marks_offer(o->host->opt_marks, after, o, &v->begin, &v->clusters, err));
  field_normalise(s->n, s->d, o->y, v->ahead);
  gaps_nearest(s->n, s->d, v->ahead, v->ahead_gap);
  TRY(watch_caps(v, err));
  if (o->plan->merge > 0) TRY(find_meetings(v, v->ahead, v->ahead_gap, &count, err));
  TRY(emit_inside(v, after, err));
  memcpy(o->x, v->ahead, o->size * sizeof(double));
  double *first = o->k[0], *gaps = v->gap;
  o->k[0] = o->k[ORBIT_STAGES - 1], o->k[ORBIT_STAGES - 1] = first;
  v->gap = v->ahead_gap, v->ahead_gap = gaps;
  o->facts = *facts;
  double scale = exp(s->log_scale);
  if (count > 0) TRY(merge(v, count, err));
  else set_tolerances(v), rescale(v);
  o->t = after;
  o->certificate.longest_step = fmax(o->certificate.longest_step, v->h);
  TRY(orbit_account(o, gain * scale, progress(v), err));
done:
  return status;
}

static bool finished(const voyage *v) {
  const flow_plan *p = v->o->plan;
  if (p->until_merged > 0 && v->clusters.count <= p->until_merged) return true;
  return v->o->t >= p->log_end || (p->until_merged == 0 && v->o->next >= p->count);
}

/* Nothing will ever move again. */
static bool at_rest(const voyage *v) {
  const orbit *o = v->o;
  return v->clusters.count < 2 || o->facts.speed <= rest * (o->field.system.scaled ? 1 : exp(-v->unit));
}

static dwell_status stuck(const voyage *v, dwell_error *err) {
  error_set(err, DWELL_FAILED, "the tokens came to rest in %zu clusters at ln t = %.6g", v->clusters.count, v->o->t);
  error_remedy(err, "Ask for --until-merged %zu, or for a time", v->clusters.count);
  return DWELL_FAILED;
}

/* The stability limit of a step (integrate.h), in s. */
static double longest(const voyage *v) {
  const flow_system *s = &v->o->field.system;
  double rate = v->o->facts.rate;
  if (s->scaled) return rate > rate_known ? 3 / rate * exp(s->log_scale) : INFINITY;
  return rate > 0 ? 3 / rate : INFINITY;
}

/* Tries steps until one is good. */
static dwell_status step(voyage *v, dwell_error *err) {
  orbit *o = v->o;
  dopri_controller *c = &v->control;
  v->begin = *c;
  for (;;) {
    field_facts facts;
    double gain = 0, error = NAN;
    v->h = fmin(c->h, longest(v));
    if (!(v->h >= DBL_MIN)) return error_set(err, DWELL_FAILED, "the step needed for rtol %g vanished", o->plan->rtol);
    v->step_log = log(v->h) + (o->field.system.scaled ? v->unit - o->field.system.log_scale : 0);
    dwell_status status = dopri_step(o, v->h, &facts, &gain, err);
    if (status != DWELL_OK && status != DWELL_FAILED) return status;
    if (status == DWELL_OK) error = dopri_error(o, v->h);
    if (error <= 1) {
      c->h = v->h * dopri_growth(c, error);
      c->last = fmax(error, 1e-4);
      c->rejected = false;
      return advance(v, &facts, gain, err);
    }
    o->certificate.rejected++;
    c->h = v->h * (isfinite(error) ? dopri_growth(&(dopri_controller){0, 1, true}, error) : 0.1);
    c->rejected = true;
  }
}

/* To the last mark before the next state, if that lies ahead. */
static dwell_status leap(voyage *v, dwell_error *err) {
  orbit *o = v->o;
  dwell_status status = DWELL_OK;
  if (o->host->opt_marks == NULL || o->next >= o->plan->count) return DWELL_OK;
  const flow_mark *mark = marks_before(o->host->opt_marks, o->plan->log_times[o->next]);
  if (mark == NULL || !(mark->t > o->t)) return DWELL_OK;
  clusters_copy(&mark->clusters, &v->clusters);
  TRY(shrink(v, err));
  memcpy(o->x, mark->x, o->size * sizeof(double));
  memcpy(o->k[0], mark->x + o->size, o->size * sizeof(double));
  o->t = mark->t, o->facts = mark->facts, o->field.system.log_scale = mark->log_scale;
  v->control = mark->control;
  gaps_nearest(o->field.system.n, o->field.system.d, o->x, v->gap);
  set_tolerances(v);
  v->plateau.log_exit = -INFINITY; /* this run looks at no caps */
done:
  return status;
}

static dwell_status sail(voyage *v, dwell_error *err) {
  orbit *o = v->o;
  dwell_status status = DWELL_OK;
  size_t count = 0;
  v->control = (dopri_controller){.last = 1e-4};
  if (o->plan->merge > 0) o->opt_tolerance = v->tolerance;
  TRY(refresh(v, err));
  if (o->plan->merge > 0) TRY(find_meetings(v, o->x, v->gap, &count, err));
  if (count > 0) TRY(merge(v, count, err));
  else begin_plateau(v, -INFINITY);
  if (count == 0 && !at_rest(v)) TRY(dopri_first(o, DBL_MAX, &v->control.h, err));
  while (!finished(v) && !at_rest(v)) {
    TRY(leap(v, err));
    TRY(step(v, err));
  }
  if (o->plan->until_merged > 0 && !finished(v)) TRY(stuck(v, err));
  TRY(emit_rest(v, err));
  double end = at_rest(v) && isfinite(o->plan->log_end) ? o->plan->log_end : fmin(o->t, o->plan->log_end);
  TRY(end_plateau(v, end, false, err));
  if (o->host->opt_history != NULL) o->host->opt_history->log_end = end;
done:
  return status;
}

dwell_status orbit_log(orbit *o, dwell_error *err) {
  voyage v;
  dwell_status status = create(o, &v, err);
  if (status == DWELL_OK) status = orbit_failed(o, sail(&v, err), err);
  if (status == DWELL_OK) status = orbit_look(o, err); /* while the clusters' masses are there */
  o->opt_tolerance = NULL;
  destroy(&v);
  return status;
}
