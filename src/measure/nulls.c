/* measure/nulls.c - sampled nulls: what a structureless cloud would have given.
 *
 * A draw's randomness is shared by all states of the trajectory; draws are independent, and so are states: a thread
 * takes some states of a draw at a time. The instrument that measured the data measures the surrogates.
 *
 * A dear null may be drawn only where a cheap one is significant. That is known after all draws, but making a surrogate
 * anew costs as much as measuring it. So the draws come in rounds, each as large as all before it, and the dear null is
 * drawn as long as the cheap one can still become significant. What was drawn in vain is forgotten: the result is the
 * same for any rounds. */
#include <math.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "measure/measurement.h"

enum { FIRST_ROUND = 3, GROUPS = 4 }; /* draws; states of a draw are in so many groups */

typedef struct drawing {
  measurement *s;
  const null_model *null;
  size_t first; /* draw of this round: those before it are done */
  size_t groups;
  null_setting setting[SETS];
  size_t done, all; /* for the progress bar */
} drawing;

/* Would the null be significant if no draw to come reached the observed value? */
static bool is_possible(const drawing *d, size_t frame, size_t slot) {
  const measurement *s = d->s;
  const value *observed = s->state_values + frame * s->plan.state.value_count + s->plan.nulls[slot].value;
  size_t above = 0;
  if (observed->undefined != NULL) return false;
  for (size_t k = 0; k < d->first; k++) {
    double x = s->null_draws[(k * s->frames + frame) * s->plan.null_count + slot];
    if (isnan(x)) return false;
    above += measurement_reaches(x, observed->number);
  }
  return (double)(1 + above) / (double)(s->plan.draws + 1) <= MEASUREMENT_LEVEL;
}

/* Is this null drawn in this round, at this frame? */
static bool is_drawn(const drawing *d, size_t slot, size_t frame) {
  size_t where = d->s->plan.nulls[slot].where;
  return where == SIZE_MAX || is_possible(d, frame, where);
}

/* All slots of one item of the state list, measured on one surrogate. */
static dwell_status measure_item(const drawing *d, const plan_item *item, size_t frame, geometry *g, double *ret_slots,
                                 dwell_error *err) {
  value values[PLAN_MAX_VALUES];
  measurement *s = d->s;
  instrument_setting setting = s->setting;
  bool any = false, drawn[64] = {false};
  for (size_t k = 0; k < item->what->column_count && k < 64; k++) {
    size_t slot = s->plan.state.values[item->first + k].null_slot;
    drawn[k] = slot != SIZE_MAX && is_drawn(d, slot, frame);
    any = any || drawn[k];
    if (!drawn[k]) setting.skip |= (uint64_t)1 << k;
  }
  if (!any) return DWELL_OK;
  dwell_status status = item->what->state(g, item->in, &setting, values, err);
  for (size_t k = 0; status == DWELL_OK && k < item->what->column_count && k < 64; k++) {
    size_t slot = s->plan.state.values[item->first + k].null_slot;
    if (drawn[k]) ret_slots[slot] = values[k].undefined == NULL ? values[k].number : NAN;
  }
  return status;
}

/* Does a frame of this set need a surrogate in this round? */
static bool needs_surrogate(const drawing *d, plan_set set, size_t frame) {
  if (d->s->sets[set].prepared == NULL || d->s->sets[set].prepared[frame] == NULL) return false;
  for (size_t k = 0; k < d->s->plan.null_count; k++) {
    if (d->s->plan.nulls[k].set == set && is_drawn(d, k, frame)) return true;
  }
  return false;
}

static dwell_status draw_frame(const drawing *d, plan_set set, size_t draw, void *shared, size_t frame,
                               dwell_error *err) {
  measurement *s = d->s;
  double *slots = s->null_draws + (draw * s->frames + frame) * s->plan.null_count;
  geometry *g = NULL;
  dwell_status status = d->null->surrogate(s->sets[set].prepared[frame], shared, &g, err);
  for (size_t i = 0; status == DWELL_OK && i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set == set) status = measure_item(d, item, frame, g, slots, err);
  }
  if (status == DWELL_OK && set == measurement_followed(s)) status = measurement_keep_surrogate(s, draw, frame, g, err);
  geometry_destroy(g);
  return status;
}

static dwell_status draw_set(const drawing *d, plan_set set, size_t draw, size_t group, dwell_error *err) {
  void *shared = NULL;
  dwell_status status = DWELL_OK;
  for (size_t frame = group; status == DWELL_OK && frame < d->s->frames; frame += d->groups) {
    if (!needs_surrogate(d, set, frame)) continue;
    if (shared == NULL) status = d->null->begin_draw(&d->setting[set], draw, &shared, err);
    if (status == DWELL_OK) status = draw_frame(d, set, draw, shared, frame, err);
  }
  d->null->end_draw(shared);
  return status;
}

static dwell_status draw_group(void *arg, size_t item, int worker, dwell_error *err) {
  drawing *d = arg;
  (void)worker;
  dwell_status status = DWELL_OK;
  size_t draw = d->first + item / d->groups, group = item % d->groups;
  for (plan_set set = 0; status == DWELL_OK && set < SETS; set++) status = draw_set(d, set, draw, group, err);
#pragma omp critical(nulls_progress)
  context_progress(d->s->ctx, "nulls", (double)++d->done, (double)d->all);
  return status;
}

null_setting measurement_null_setting(const measurement *s, plan_set set) {
  const dwell_trajectory *t = s->t;
  size_t n = s->sets[set].count;
  null_setting setting = {.seed = s->ctx->seed, .n = n, .ordered = t->ordered};
  /* Phases given with the data hold for their number of tokens and draws; otherwise they are drawn. */
  if (set == SET_SELECTION && t->phases != NULL && t->phase_columns == n / 2 + 1) {
    setting.phases = t->phases, setting.phase_draws = t->phase_draws, setting.phase_columns = t->phase_columns;
  }
  return setting;
}

/* [draws, frames, null_count], undefined until drawn. */
static dwell_status make_draws(measurement *s, dwell_error *err) {
  size_t count;
  bool fits = size_mul(s->plan.draws, s->frames, &count) && size_mul(count, s->plan.null_count, &count);
  s->null_draws = fits ? MEM_NEW(double, count) : NULL;
  if (s->null_draws == NULL) return error_no_memory(err, "the nulls");
  for (size_t i = 0; i < count; i++) s->null_draws[i] = NAN;
  return DWELL_OK;
}

static bool has_conditional(const plan *p) {
  for (size_t k = 0; k < p->null_count; k++) {
    if (p->nulls[k].where != SIZE_MAX) return true;
  }
  return false;
}

/* What was drawn where another null turned out not to be significant. */
static void forget_vain(measurement *s) {
  for (size_t slot = 0; slot < s->plan.null_count; slot++) {
    size_t where = s->plan.nulls[slot].where;
    for (size_t frame = 0; where != SIZE_MAX && frame < s->frames; frame++) {
      if (measurement_significant(s, frame, where)) continue;
      for (size_t k = 0; k < s->plan.draws; k++)
        s->null_draws[(k * s->frames + frame) * s->plan.null_count + slot] = NAN;
    }
  }
}

/* Tables that all draws of a set share. */
static dwell_status open_sets(drawing *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (plan_set set = 0; status == DWELL_OK && set < SETS && d->null->open != NULL; set++) {
    if (d->s->sets[set].prepared == NULL) continue;
    void *tables = NULL;
    status = d->null->open(&d->setting[set], &tables, err);
    d->setting[set].tables = tables;
  }
  return status;
}

static void close_sets(drawing *d) {
  for (plan_set set = 0; set < SETS && d->null->close != NULL; set++) d->null->close(d->setting[set].tables);
}

static dwell_status draw_rounds(drawing *d, dwell_error *err) {
  measurement *s = d->s;
  size_t draws = s->plan.draws, end = has_conditional(&s->plan) ? FIRST_ROUND : draws;
  dwell_status status = DWELL_OK;
  d->groups = d->setting[SET_SELECTION].ordered ? GROUPS : 1; /* a rotation costs more than its surrogates */
  d->all = draws * d->groups;
  for (d->first = 0; status == DWELL_OK && d->first < draws; d->first = end, end *= 2) {
    if (end > draws) end = draws;
    status = threads_for(s->ctx, (end - d->first) * d->groups, draw_group, d, err);
  }
  if (status == DWELL_OK) forget_vain(s);
  return status;
}

dwell_status measurement_nulls(measurement *s, dwell_error *err) {
  if (s->plan.draws == 0) return DWELL_OK;
  double started = clock_seconds();
  drawing d = {.s = s, .null = s->plan.nulls[0].null};
  for (plan_set set = 0; set < SETS; set++) d.setting[set] = measurement_null_setting(s, set);
  s->given_phases = d.setting[SET_SELECTION].phases != NULL;
  if (s->given_phases) s->plan.draws = d.setting[SET_SELECTION].phase_draws;
  if (s->t->phases != NULL && !s->given_phases) {
    context_log(s->ctx, DWELL_LOG_WARNING,
                "the given phases have %zu columns, but %zu measured tokens need %zu; phases are drawn instead",
                s->t->phase_columns, s->row_count, s->row_count / 2 + 1);
  }
  dwell_status status = make_draws(s, err);
  if (status == DWELL_OK) status = measurement_keep_tracks(s, err);
  if (status == DWELL_OK) status = open_sets(&d, err);
  if (status == DWELL_OK) status = draw_rounds(&d, err);
  close_sets(&d);
  s->run->seconds.nulls += clock_seconds() - started;
  return status;
}

bool measurement_reaches(double drawn, double observed) { return drawn >= observed - 1e-12; }

bool measurement_null(const measurement *s, size_t frame, size_t slot, double *ret_mean, double *ret_sd,
                      double *ret_p) {
  const value *observed = s->state_values + frame * s->plan.state.value_count + s->plan.nulls[slot].value;
  size_t draws = s->plan.draws, above = 0;
  double sum = 0, squares = 0;
  if (s->null_draws == NULL || observed->undefined != NULL) return false;
  for (size_t k = 0; k < draws; k++) {
    double x = s->null_draws[(k * s->frames + frame) * s->plan.null_count + slot];
    if (isnan(x)) return false;
    sum += x;
    above += measurement_reaches(x, observed->number);
  }
  *ret_mean = sum / (double)draws;
  for (size_t k = 0; k < draws; k++) {
    double x = s->null_draws[(k * s->frames + frame) * s->plan.null_count + slot] - *ret_mean;
    squares += x * x;
  }
  *ret_sd = sqrt(squares / (double)draws); /* population sd, as everywhere in instruments.md */
  *ret_p = (double)(1 + above) / (double)(draws + 1);
  return true;
}

bool measurement_significant(const measurement *s, size_t frame, size_t slot) {
  double mean, sd, p;
  return measurement_null(s, frame, slot, &mean, &sd, &p) && p <= MEASUREMENT_LEVEL;
}
