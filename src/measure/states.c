/* measure/states.c - phase two: every state becomes a geometry once, in batches; instruments read it.
 *
 * A batch of states is measured in parallel, one thread per state. Step instruments need two geometries; a geometry
 * belongs to one thread at a time, so the steps of a batch run in two passes, those that end in an even state and those
 * that end in an odd one. The last geometry of a batch is kept for the first step of the next. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/forms.h"
#include "measure/heads.h"

/* Two states for each thread: then each of the two passes over steps has one for each. Below SMALL tokens many states
 * fit in cache: larger batches, fewer barriers. */
enum { SMALL = 160, MOST = 64 };

size_t measurement_batch(const dwell_context *ctx, size_t n) {
  size_t threads = (size_t)threads_count(ctx), batch = n < SMALL ? 8 * threads : 2 * threads;
  return batch > MOST ? MOST : batch;
}

typedef struct batch {
  measurement *s;
  size_t first, count; /* frames */
  geometry *kept;      /* frame first - 1, or NULL */
  geometry *at[MOST];
  size_t parity;       /* of the steps of this pass */
  double seconds_null; /* spent in preparing nulls */
} batch;

enum { ARRAY_ENTRY = 8 }; /* bytes of an int64_t or a double */

size_t measurement_array_length(const measurement *s, const plan_item *item) {
  switch (item->what->array_kind) {
    case ARRAY_PER_TOKEN: return s->sets[item->set].count;
    case ARRAY_PER_MERGE: return s->sets[item->set].count - 1;
    default: return item->what->array_length;
  }
}

static geometry *geometry_before(const batch *b, size_t i) { return i > 0 ? b->at[i - 1] : b->kept; }

/* The block that ends in frame i is one of the trajectory's (not the final norm, not the jump between replicas). */
static bool is_step(const measurement *s, size_t frame) {
  if (frame == 0) return false;
  const dwell_frame *now = spool_frame(s->states, frame), *before = spool_frame(s->states, frame - 1);
  return now->replica == before->replica && now->state == before->state + 1 && strcmp(now->tap, "resid") == 0;
}

static dwell_status measure_items(measurement *s, plan_set set, size_t frame, geometry *g, dwell_error *err) {
  dwell_status status = DWELL_OK;
  value *row = s->state_values + frame * s->plan.state.value_count;
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set == set && (item->what->needs & NEEDS_STATES)) geometry_expect_states(g);
  }
  for (size_t i = 0; status == DWELL_OK && i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set != set) continue;
    status = item->what->state(g, item->in, &s->setting, row + item->first, err);
    if (status == DWELL_OK && s->arrays[i] != NULL) {
      size_t at = frame * measurement_array_length(s, item) * ARRAY_ENTRY;
      status = item->what->array(g, item->in, (char *)s->arrays[i] + at, err);
    }
  }
  return status;
}

static dwell_status keep_gram(measurement *s, size_t frame, geometry *g, dwell_error *err) {
  const double *gram;
  if (s->gram == NULL || strcmp(spool_frame(s->states, frame)->tap, "resid") != 0) return DWELL_OK;
  dwell_status status = geometry_cosines(g, RAW, &gram, err);
  size_t one = s->row_count * s->row_count;
  if (status == DWELL_OK) memcpy(s->gram + frame * one, gram, one * sizeof(double));
  return status;
}

static dwell_status prepare_null(measurement *s, plan_set which, size_t frame, geometry *g, dwell_error *err) {
  measured_set *set = &s->sets[which];
  if (set->prepared == NULL) return DWELL_OK;
  const null_model *null = s->plan.nulls[0].null;
  null_setting setting = measurement_null_setting(s, which);
  dwell_status status = null->prepare(&setting, g, &set->prepared[frame], &set->null_reason[frame], err);
  if (status == DWELL_OK && set->prepared[frame] != NULL && null->fit_error != NULL) {
    set->null_fit[frame] = null->fit_error(set->prepared[frame]);
  }
  return status;
}

/* Why nothing of this set can be measured at this frame. */
static void leave_out(measurement *s, plan_set set, size_t frame, const char *reason) {
  value *row = s->state_values + frame * s->plan.state.value_count;
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    for (size_t k = 0; item->set == set && k < item->what->column_count; k++) row[item->first + k] = UNDEFINED(reason);
  }
  if (s->sets[set].prepared != NULL) s->sets[set].null_reason[frame] = reason;
}

/* The norm that the next block applies to the state of a frame; *ret_reason where that is not known. NULL without a
 * reason: none is applied (flows, and networks whose norms stand after the sublayers). */
static const dwell_norm *next_norm(const measurement *s, size_t frame, const char **ret_reason) {
  const dwell_frame *f = spool_frame(s->states, frame);
  size_t block = f->state - s->t->first_state;
  *ret_reason = NULL;
  if (strcmp(s->t->kind, "flow") == 0) return NULL;
  if (strcmp(s->t->kind, "import") == 0) *ret_reason = UNKNOWN_NORM;
  else if (strcmp(f->tap, "resid") != 0 || block >= s->blocks) *ret_reason = "no next block";
  return *ret_reason == NULL && s->next_norms[block].gain != NULL ? &s->next_norms[block] : NULL;
}

/* The selected tokens in the set's form into ret_rows [count, d]; *ret_reason where there is none. */
static dwell_status make_form(const measurement *s, plan_set which, size_t frame, const double *x, double *ret_rows,
                              const char **ret_reason, dwell_error *err) {
  const measured_set *set = &s->sets[which];
  size_t d = s->t->d;
  dwell_status status = DWELL_OK;
  *ret_reason = NULL;
  if (plan_set_form(which) == FORM_ROBUST) {
    status = form_robust(x, d, set->rows, set->count, ret_rows, err);
  } else {
    const dwell_norm *norm = next_norm(s, frame, ret_reason);
    if (norm != NULL) form_normed(x, d, set->rows, set->count, norm, ret_rows);
    for (size_t i = 0; norm == NULL && i < set->count; i++)
      memcpy(ret_rows + i * d, x + set->rows[i] * d, d * sizeof(double));
  }
  if (*ret_reason == NULL) *ret_reason = form_undefined(ret_rows, d, set->count);
  return status;
}

/* Another form than the plain one; no step needs this geometry, so it is gone at once. */
static dwell_status measure_form(measurement *s, plan_set which, size_t frame, const double *x, dwell_error *err) {
  const measured_set *set = &s->sets[which];
  const char *reason;
  geometry *g = NULL;
  dwell_status status = DWELL_OK;
  double *rows = MEM_NEW(double, set->count * s->t->d);
  size_t *order = MEM_NEW(size_t, set->count);
  TRY_ALLOC(rows, "a state in another form");
  TRY_ALLOC(order, "a state in another form");
  for (size_t i = 0; i < set->count; i++) order[i] = i;
  TRY(make_form(s, which, frame, x, rows, &reason, err));
  if (reason != NULL) {
    leave_out(s, which, frame, reason);
    goto done;
  }
  TRY(geometry_create(rows, s->t->d, order, set->count, &g, err));
  TRY(measure_items(s, which, frame, g, err));
  TRY(prepare_null(s, which, frame, g, err));
done:
  geometry_destroy(g);
  mem_free(rows), mem_free(order);
  return status;
}

/* What is measured over the first occurrences as well, of the geometry of all tokens. */
static dwell_status measure_types(measurement *s, size_t frame, geometry *all, dwell_error *err) {
  const measured_set *set = &s->sets[SET_TYPES];
  dwell_status status = DWELL_OK;
  geometry *g = NULL;
  TRY(geometry_part(all, s->rows, set->rows, set->count, &g, err));
  TRY(measure_items(s, SET_TYPES, frame, g, err));
  TRY(prepare_null(s, SET_TYPES, frame, g, err));
done:
  geometry_destroy(g);
  return status;
}

static dwell_status measure_frame(void *arg, size_t item, int worker, dwell_error *err) {
  batch *b = arg;
  measurement *s = b->s;
  (void)worker;
  size_t frame = b->first + item;
  double *x = MEM_NEW(double, s->t->n * s->t->d);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(x, "a state");
  TRY(spool_read(s->states, frame, x, err));
  for (plan_set set = SET_TYPES + 1; set < SETS; set++) {
    if (plan_has_set(&s->plan, set)) TRY(measure_form(s, set, frame, x, err));
  }
  TRY(geometry_create(x, s->t->d, s->rows, s->row_count, &b->at[item], err));
  heads_hand_over(s, spool_frame(s->states, frame), b->at[item]);
  mem_free(x), x = NULL; /* the geometry has its own copy of what it needs */
  if (plan_has_set(&s->plan, SET_TYPES)) TRY(measure_types(s, frame, b->at[item], err));
  TRY(measure_items(s, SET_SELECTION, frame, b->at[item], err));
  TRY(keep_gram(s, frame, b->at[item], err));
  TRY(prepare_null(s, SET_SELECTION, frame, b->at[item], err));
  s->clamped[frame] = geometry_clamped(b->at[item]);
  s->centred_undefined[frame] = geometry_centred_undefined(b->at[item]);
done:
  mem_free(x);
  return status;
}

static dwell_status measure_step(void *arg, size_t item, int worker, dwell_error *err) {
  batch *b = arg;
  measurement *s = b->s;
  (void)worker;
  size_t i = 2 * item + b->parity, frame = b->first + i;
  if (i >= b->count || !is_step(s, frame)) return DWELL_OK;
  value *row = s->step_values + frame * s->plan.step.value_count;
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < s->plan.step.item_count; k++) {
    const plan_item *it = &s->plan.step.items[k];
    if (it->what->step == NULL) continue; /* weights.c or attribution.c fill it */
    status = it->what->step(geometry_before(b, i), b->at[i], &s->setting, row + it->first, err);
  }
  return status;
}

static dwell_status measure_batch(batch *b, dwell_error *err) {
  measurement *s = b->s;
  dwell_status status = threads_for(s->ctx, b->count, measure_frame, b, err);
  for (b->parity = 0; status == DWELL_OK && b->parity < 2 && s->plan.step.item_count > 0; b->parity++) {
    status = threads_for(s->ctx, (b->count + 1) / 2, measure_step, b, err);
  }
  return status;
}

/* Releases the batch's geometries but keeps the last one. */
static void end_batch(batch *b, bool keep_last) {
  geometry_destroy(b->kept);
  b->kept = NULL;
  for (size_t i = 0; i < b->count; i++) {
    if (keep_last && i + 1 == b->count) b->kept = b->at[i];
    else geometry_destroy(b->at[i]);
    b->at[i] = NULL;
  }
}

static dwell_status make_null_room(const measurement *s, measured_set *set, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY_ALLOC(set->prepared = MEM_ZERO(void *, s->frames), "the nulls");
  TRY_ALLOC(set->null_reason = MEM_ZERO(const char *, s->frames), "the nulls");
  TRY_ALLOC(set->null_fit = MEM_NEW(double, s->frames), "the nulls");
  for (size_t i = 0; i < s->frames; i++) set->null_fit[i] = NAN;
done:
  return status;
}

static dwell_status make_room(measurement *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const plan_list *list = &s->plan.state;
  s->state_values = mem_zero(s->frames, list->value_count * sizeof(value));
  s->step_values = mem_zero(s->frames, s->plan.step.value_count * sizeof(value));
  s->clamped = MEM_ZERO(size_t, s->frames);
  s->centred_undefined = MEM_ZERO(size_t, s->frames);
  TRY_ALLOC(s->state_values, "the measures");
  TRY_ALLOC(s->step_values, "the measures");
  TRY_ALLOC(s->clamped, "the measures");
  TRY_ALLOC(s->centred_undefined, "the measures");
  for (size_t i = 0; i < list->item_count; i++) {
    if (list->items[i].what->array_name == NULL || plan_set_form(list->items[i].set) != FORM_PLAIN) continue;
    s->arrays[i] = mem_zero(s->frames, measurement_array_length(s, &list->items[i]) * ARRAY_ENTRY);
    TRY_ALLOC(s->arrays[i], "the arrays");
  }
  if (s->options->save_gram) {
    s->gram = mem_zero(s->t->replicas * s->t->states, s->row_count * s->row_count * sizeof(double));
    TRY_ALLOC(s->gram, "the Gram matrices (--save gram)");
  }
  for (plan_set set = 0; set < SETS; set++) {
    if (plan_draws_set(&s->plan, set)) TRY(make_null_room(s, &s->sets[set], err));
  }
done:
  return status;
}

/* Sums along the steps, replica by replica. */
static dwell_status add_series(measurement *s, dwell_error *err) {
  const plan_list *list = &s->plan.step;
  value **rows = MEM_NEW(value *, s->blocks);
  if (rows == NULL) return error_no_memory(err, "the steps");
  for (size_t k = 0; k < list->item_count; k++) {
    const plan_item *item = &list->items[k];
    size_t steps = 0;
    for (size_t f = 0; item->what->series != NULL && f < s->frames; f++) {
      if (is_step(s, f)) rows[steps++] = s->step_values + f * list->value_count + item->first;
      if (steps < s->blocks) continue; /* of the replica there are more */
      if (steps > 0) item->what->series(s->row_count, &s->setting, steps, rows);
      steps = 0;
    }
  }
  mem_free(rows);
  return DWELL_OK;
}

dwell_status measurement_measure(measurement *s, dwell_error *err) {
  double started = clock_seconds();
  dwell_status status = make_room(s, err);
  if (status != DWELL_OK) return status;
  batch b = {.s = s};
  size_t most = measurement_batch(s->ctx, s->row_count);
  for (b.first = 0; status == DWELL_OK && s->plan.wants_geometry && b.first < s->frames; b.first += most) {
    b.count = s->frames - b.first < most ? s->frames - b.first : most;
    status = measure_batch(&b, err);
    end_batch(&b, status == DWELL_OK && b.first + b.count < s->frames);
    context_progress(s->ctx, "measure", (double)(b.first + b.count), (double)s->frames);
  }
  geometry_destroy(b.kept);
  if (status == DWELL_OK && s->plan.wants_geometry) status = add_series(s, err);
  s->run->seconds.instruments += clock_seconds() - started;
  return status;
}
