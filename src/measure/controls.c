/* measure/controls.c - runs of the same shape that show what something else would have given: random weights (N3),
 * shuffled tokens (N4), another file, a flow at beta = 0. They are measured with the same instruments, without nulls of
 * their own, and every column gets the smallest, the median and the largest of each kind. */
#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "measure/attribution.h"
#include "measure/measurement.h"
#include "measure/weights.h"

/* ---- measuring one ---- */

/* The tokens that the run itself measures, where the control has the same ones; else it decides by the same rules. */
static void share_rows(measurement *control, const measurement *s) {
  const dwell_trajectory *a = s->t, *b = control->t;
  bool same = a->n == b->n && (a->token_ids == NULL) == (b->token_ids == NULL);
  for (size_t i = 0; same && a->token_ids != NULL && i < a->n; i++) same = a->token_ids[i] == b->token_ids[i];
  for (size_t k = 0; same && k < SETS; k++) {
    control->sets[k].rows = s->sets[k].rows, control->sets[k].count = s->sets[k].count;
  }
  control->rows = control->sets[SET_SELECTION].rows, control->row_count = control->sets[SET_SELECTION].count;
}

static dwell_status check_shape(const measurement *s, const measurement *control, dwell_error *err) {
  const dwell_trajectory *a = s->t, *b = control->t;
  if (a->states == b->states && a->first_state == b->first_state && a->replicas == b->replicas && a->heads == b->heads)
    return DWELL_OK;
  error_set(err, DWELL_USAGE,
            "a control must have the shape of the run: it has %zu states and %zu heads, not %zu and %zu", b->states,
            b->heads, a->states, a->heads);
  return DWELL_USAGE;
}

static dwell_status measure_control(const measurement *s, dwell_source *source, measurement **ret_control,
                                    dwell_error *err) {
  dwell_status status = DWELL_OK;
  measurement *c = NULL;
  TRY(measurement_create(s->ctx, source, &s->control_options, ret_control, err));
  c = *ret_control;
  c->blocks = c->t->states - 1;
  c->setting = s->setting;
  TRY(check_shape(s, c, err));
  TRY(run_create(&c->run, err));
  TRY(plan_make(s->t, &s->control_options, &c->plan, err));
  TRY(measurement_collect(c, err));
  share_rows(c, s);
  TRY(measurement_heads(c, err));
  TRY(measurement_measure(c, err));
  TRY(measurement_weights(c, err));
  TRY(measurement_attribution(c, err));
done:
  return status;
}

/* ---- keeping what it gave ---- */

static const plan_list *list_of(const plan *p, control_table which) {
  return which == CONTROL_LAYERS ? &p->state : which == CONTROL_BLOCKS ? &p->step : &p->head;
}

static size_t rows_of(const measurement *s, control_table which) {
  return which == CONTROL_HEADS ? s->t->replicas * s->blocks * s->t->heads : s->frames;
}

static const value *values_of(const measurement *s, control_table which) {
  return which == CONTROL_LAYERS ? s->state_values : which == CONTROL_BLOCKS ? s->step_values : s->head_values;
}

/* [controls, rows, values] of one table, NaN where undefined. */
static dwell_status make_room(measurement *s, control_table which, dwell_error *err) {
  size_t one, count, values = list_of(&s->plan, which)->value_count;
  bool fits = size_mul(rows_of(s, which), values, &one) && size_mul(one, s->options->control_count, &count);
  s->control_values[which] = fits ? MEM_NEW(double, count) : NULL;
  return s->control_values[which] != NULL ? DWELL_OK : error_no_memory(err, "the controls");
}

static void keep(measurement *s, size_t number, const measurement *control, control_table which) {
  size_t count = rows_of(s, which) * list_of(&s->plan, which)->value_count;
  const value *values = values_of(control, which);
  double *to = s->control_values[which] + number * count;
  for (size_t i = 0; i < count; i++) to[i] = values != NULL && values[i].undefined == NULL ? values[i].number : NAN;
}

dwell_status measurement_controls(measurement *s, dwell_error *err) {
  const dwell_measure_options *o = s->options;
  dwell_status status = DWELL_OK;
  if (o->control_count == 0) return DWELL_OK;
  s->control_options = *o;
  s->control_options.null_draws = 0, s->control_options.control_count = 0;
  s->control_options.nll = s->control_options.lens = false, s->control_options.plain = NULL;
  s->control_options.push.kind = DWELL_PUSH_NONE;
  s->control_options.save_states = s->control_options.save_gram = false;
  s->control_options.save_attention = s->control_options.save_attention_map = false;
  for (control_table which = 0; which < CONTROL_TABLES; which++) TRY(make_room(s, which, err));
  for (size_t k = 0; k < o->control_count; k++) {
    measurement *control = NULL;
    context_progress(s->ctx, "controls", (double)k, (double)o->control_count);
    status = measure_control(s, o->controls[k].source, &control, err);
    for (control_table which = 0; status == DWELL_OK && which < CONTROL_TABLES; which++) keep(s, k, control, which);
    if (control != NULL) dwell_run_destroy(control->run);
    measurement_destroy(control);
    if (status != DWELL_OK) return status;
  }
  context_progress(s->ctx, "controls", (double)o->control_count, (double)o->control_count);
done:
  return status;
}

/* ---- bands ---- */

bool measurement_band(const measurement *s, control_table which, const char *kind, size_t row, size_t column,
                      double ret_band[3]) {
  const dwell_measure_options *o = s->options;
  size_t values = list_of(&s->plan, which)->value_count, one = rows_of(s, which) * values, count = 0;
  double found[MEASUREMENT_MAX_CONTROLS];
  for (size_t k = 0; k < o->control_count; k++) {
    if (strcmp(o->controls[k].kind, kind) != 0) continue;
    double x = s->control_values[which][k * one + row * values + column];
    if (isnan(x)) return false;
    found[count++] = x;
  }
  if (count == 0) return false;
  sort_doubles(found, count);
  ret_band[0] = found[0], ret_band[1] = sort_median(found, count), ret_band[2] = found[count - 1];
  return true;
}

const char *measurement_control_kind(const measurement *s, size_t number) {
  const dwell_measure_options *o = s->options;
  for (size_t k = 0; k < o->control_count; k++) {
    bool first = true;
    for (size_t j = 0; j < k; j++) first = first && strcmp(o->controls[j].kind, o->controls[k].kind) != 0;
    if (first && number-- == 0) return o->controls[k].kind;
  }
  return NULL;
}
