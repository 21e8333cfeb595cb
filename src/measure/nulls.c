/* measure/nulls.c - sampled nulls: what a structureless cloud would have given.
 *
 * A draw's randomness is shared by all states of the trajectory; draws are independent, one thread each. The instrument
 * that measured the data measures the surrogates. */
#include <math.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "measure/measurement.h"

typedef struct drawing {
  measurement *s;
  const null_model *null;
  null_setting setting;
  size_t done; /* draws, for the progress bar */
} drawing;

/* All slots of one item of the state list, measured on one surrogate. */
static dwell_status measure_item(measurement *s, const plan_item *item, geometry *g, double *ret_slots,
                                 dwell_error *err) {
  value values[PLAN_MAX_VALUES];
  instrument_setting setting = s->setting;
  bool any = false;
  for (size_t k = 0; k < item->what->column_count; k++) {
    if (s->plan.state.values[item->first + k].null_slot != SIZE_MAX) any = true;
    else if (k < 64) setting.skip |= (uint64_t)1 << k;
  }
  if (!any) return DWELL_OK;
  dwell_status status = item->what->state(g, item->in, &setting, values, err);
  for (size_t k = 0; status == DWELL_OK && k < item->what->column_count; k++) {
    size_t slot = s->plan.state.values[item->first + k].null_slot;
    if (slot != SIZE_MAX) ret_slots[slot] = values[k].undefined == NULL ? values[k].number : NAN;
  }
  return status;
}

static dwell_status draw_frame(drawing *d, size_t draw, const void *shared, size_t frame, dwell_error *err) {
  measurement *s = d->s;
  double *slots = s->null_draws + (draw * s->frames + frame) * s->plan.null_count;
  geometry *g = NULL;
  if (s->prepared[frame] == NULL) {
    for (size_t k = 0; k < s->plan.null_count; k++) slots[k] = NAN;
    return DWELL_OK;
  }
  dwell_status status = d->null->surrogate(s->prepared[frame], shared, &g, err);
  for (size_t i = 0; status == DWELL_OK && i < s->plan.state.item_count; i++) {
    status = measure_item(s, &s->plan.state.items[i], g, slots, err);
  }
  geometry_destroy(g);
  return status;
}

static dwell_status draw_one(void *arg, size_t draw, int worker, dwell_error *err) {
  drawing *d = arg;
  (void)worker;
  void *shared = NULL;
  dwell_status status = d->null->begin_draw(&d->setting, draw, &shared, err);
  for (size_t frame = 0; status == DWELL_OK && frame < d->s->frames; frame++) {
    status = draw_frame(d, draw, shared, frame, err);
  }
  d->null->end_draw(shared);
#pragma omp critical(nulls_progress)
  context_progress(d->s->ctx, "nulls", (double)++d->done, (double)d->s->plan.draws);
  return status;
}

null_setting measurement_null_setting(const measurement *s) {
  const dwell_trajectory *t = s->t;
  null_setting setting = {.seed = s->ctx->seed, .n = s->row_count, .ordered = t->ordered};
  /* Phases given with the data hold for their number of tokens and draws; otherwise they are drawn. */
  if (t->phases != NULL && t->phase_columns == s->row_count / 2 + 1) {
    setting.phases = t->phases, setting.phase_draws = t->phase_draws, setting.phase_columns = t->phase_columns;
  }
  return setting;
}

dwell_status measurement_nulls(measurement *s, dwell_error *err) {
  if (s->plan.draws == 0) return DWELL_OK;
  double started = clock_seconds();
  size_t slots;
  drawing d = {.s = s, .null = s->plan.nulls[0].null, .setting = measurement_null_setting(s)};
  s->given_phases = d.setting.phases != NULL;
  if (s->given_phases) s->plan.draws = d.setting.phase_draws;
  if (s->t->phases != NULL && !s->given_phases) {
    context_log(s->ctx, DWELL_LOG_WARNING,
                "the given phases have %zu columns, but %zu measured tokens need %zu; phases are drawn instead",
                s->t->phase_columns, s->row_count, s->row_count / 2 + 1);
  }
  if (!size_mul(s->plan.draws * s->frames, s->plan.null_count, &slots)) return error_no_memory(err, "the nulls");
  s->null_draws = MEM_NEW(double, slots);
  if (s->null_draws == NULL) return error_no_memory(err, "the nulls");
  dwell_status status = threads_for(s->ctx, s->plan.draws, draw_one, &d, err);
  s->run->seconds.nulls = clock_seconds() - started;
  return status;
}

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
    above += x >= observed->number - 1e-12; /* ties count as extreme: instruments.md 1 */
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
