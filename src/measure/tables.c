/* measure/tables.c - from measured values to layers.csv, blocks.csv, heads.csv and arrays.npz. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "measure/maps.h"
#include "measure/measurement.h"
#include "measure/output.h"
#include "trajectory/source.h"

/* ---- columns ---- */

static dwell_status add_suffixed(table *t, const char *name, const char *suffix, dwell_error *err) {
  char full[96];
  snprintf(full, sizeof full, "%s%s", name, suffix);
  return table_add_column(t, full, NULL, err);
}

static dwell_status add_value_columns(table *t, const plan_list *list, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < list->value_count; i++) {
    const plan_value *v = &list->values[i];
    if (!v->wanted) continue;
    TRY(table_add_column(t, v->name, NULL, err));
    if (v->null_slot != SIZE_MAX || v->column->chance != NULL) TRY(add_suffixed(t, v->name, "_null_mean", err));
    if (v->null_slot == SIZE_MAX) continue;
    TRY(add_suffixed(t, v->name, "_null_sd", err));
    TRY(add_suffixed(t, v->name, "_p", err));
  }
done:
  return status;
}

/* Columns of the bands of controls, behind all others. */
static dwell_status add_bands(const measurement *s, table *t, const plan_list *list, dwell_error *err) {
  static const char *const parts[] = {"min", "median", "max"};
  dwell_status status = DWELL_OK;
  const char *kind;
  for (size_t c = 0; (kind = measurement_control_kind(s, c)) != NULL; c++) {
    for (size_t i = 0; i < list->value_count; i++) {
      for (size_t k = 0; list->values[i].wanted && k < 3; k++) {
        char suffix[64];
        snprintf(suffix, sizeof suffix, "_%s_%s", kind, parts[k]);
        TRY(add_suffixed(t, list->values[i].name, suffix, err));
      }
    }
  }
done:
  return status;
}

/* at: the row of the values; the bands are the last columns of the table. */
static void set_bands(const measurement *s, table *t, size_t row, control_table which, const plan_list *list,
                      size_t at) {
  size_t kinds = 0, wanted = 0;
  while (measurement_control_kind(s, kinds) != NULL) kinds++;
  for (size_t i = 0; i < list->value_count; i++) wanted += list->values[i].wanted;
  size_t column = t->columns - 3 * kinds * wanted;
  for (size_t c = 0; c < kinds; c++) {
    for (size_t i = 0; i < list->value_count; i++) {
      double band[3];
      if (!list->values[i].wanted) continue;
      bool there = measurement_band(s, which, measurement_control_kind(s, c), at, i, band);
      for (size_t k = 0; there && k < 3; k++) table_set_number(t, row, column + k, band[k]);
      column += 3;
    }
  }
}

static dwell_status add_columns(table *t, const char *const *names, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (; *names != NULL && status == DWELL_OK; names++) status = table_add_column(t, *names, NULL, err);
  return status;
}

/* ---- rows ---- */

/* Values of one row from `column` on; frame is SIZE_MAX where no sampled null exists. */
static void set_values(const measurement *s, table *t, size_t row, size_t column, const plan_list *list,
                       const value *values, size_t frame) {
  for (size_t i = 0; i < list->value_count; i++) {
    const plan_value *v = &list->values[i];
    if (!v->wanted) continue;
    bool defined = values[i].undefined == NULL;
    if (defined) table_set_number(t, row, column, values[i].number);
    column++;
    if (v->null_slot != SIZE_MAX) {
      double mean, sd, p;
      if (defined && measurement_null(s, frame, v->null_slot, &mean, &sd, &p)) {
        table_set_number(t, row, column, mean);
        table_set_number(t, row, column + 1, sd);
        table_set_number(t, row, column + 2, p);
      }
      column += 3;
    } else if (v->column->chance != NULL) {
      if (defined) table_set_number(t, row, column, v->column->chance(s->row_count));
      column++;
    }
  }
}

static void set_time(table *t, size_t row, const dwell_frame *frame) {
  if (!frame->has_time) return;
  table_set_number(t, row, 3, frame->time);     /* beyond a double: empty */
  table_set_number(t, row, 4, frame->log_time); /* t = 0: empty */
}

static const char *const count_columns[] = {"clusters", "clusters_types"}; /* by set */

/* The printed numbers of clusters stand behind the measures. */
static dwell_status add_count_columns(const measurement *s, table *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (plan_set set = 0; set <= SET_TYPES && status == DWELL_OK; set++) {
    if (measurement_counts(s, set)) status = table_add_column(t, count_columns[set], NULL, err);
  }
  return status;
}

static void set_counts(const measurement *s, table *t, size_t row, size_t frame) {
  for (plan_set set = 0; set <= SET_TYPES; set++) {
    if (!measurement_counts(s, set)) continue;
    value k = measurement_count(s, frame, set);
    if (k.undefined == NULL) table_set_number(t, row, table_find(t, count_columns[set]), k.number);
  }
}

static dwell_status fill_layers(measurement *s, dwell_error *err) {
  static const char *const fixed[] = {"replica", "state", "tap", "time", "log_time", "n", "d", NULL};
  table *t = &s->run->layers;
  size_t lens_column = 0;
  double lens;
  dwell_status status = DWELL_OK;
  TRY(add_columns(t, fixed, err));
  TRY(add_value_columns(t, &s->plan.state, err));
  TRY(add_count_columns(s, t, err));
  if (output_lens(s, 0, &lens)) TRY(table_add_column(t, "lens_nll", &lens_column, err));
  TRY(add_bands(s, t, &s->plan.state, err));
  for (size_t i = 0; i < s->frames; i++) {
    const dwell_frame *frame = spool_frame(s->states, i);
    size_t row;
    TRY(table_add_row(t, &row, err));
    table_set_number(t, row, 0, (double)frame->replica);
    if (strcmp(frame->tap, "resid") == 0) table_set_number(t, row, 1, (double)frame->state);
    TRY(table_set_text(t, row, 2, frame->tap, err));
    set_time(t, row, frame);
    table_set_number(t, row, 5, (double)s->row_count);
    table_set_number(t, row, 6, (double)s->t->d);
    set_values(s, t, row, 7, &s->plan.state, s->state_values + i * s->plan.state.value_count, i);
    set_counts(s, t, row, i);
    if (output_lens(s, i, &lens)) table_set_number(t, row, lens_column, lens);
    set_bands(s, t, row, CONTROL_LAYERS, &s->plan.state, i);
  }
done:
  return status;
}

/* Does a block end in frame i? Without states, of a network that read no text, frames are counted like states. */
static bool ends_block(const measurement *s, size_t i, dwell_frame *ret_frame) {
  *ret_frame =
      s->states != NULL ? *spool_frame(s->states, i) : (dwell_frame){.state = s->t->first_state + i, .tap = "resid"};
  return ret_frame->state != s->t->first_state && strcmp(ret_frame->tap, "resid") == 0;
}

static dwell_status fill_blocks(measurement *s, dwell_error *err) {
  static const char *const fixed[] = {"replica", "block", NULL};
  table *t = &s->run->blocks;
  dwell_status status = DWELL_OK;
  if (s->plan.step.item_count == 0) return DWELL_OK;
  TRY(add_columns(t, fixed, err));
  TRY(add_value_columns(t, &s->plan.step, err));
  TRY(add_bands(s, t, &s->plan.step, err));
  for (size_t i = 1; i < s->frames; i++) {
    dwell_frame frame;
    if (!ends_block(s, i, &frame)) continue;
    size_t row;
    TRY(table_add_row(t, &row, err));
    table_set_number(t, row, 0, (double)frame.replica);
    table_set_number(t, row, 1, (double)(frame.state - 1));
    set_values(s, t, row, 2, &s->plan.step, s->step_values + i * s->plan.step.value_count, SIZE_MAX);
    set_bands(s, t, row, CONTROL_BLOCKS, &s->plan.step, i);
  }
done:
  return status;
}

static dwell_status fill_heads(measurement *s, dwell_error *err) {
  static const char *const fixed[] = {"replica", "block", "head", NULL};
  table *t = &s->run->heads;
  dwell_status status = DWELL_OK;
  if (!plan_shows(&s->plan.head)) return DWELL_OK;
  TRY(add_columns(t, fixed, err));
  TRY(add_value_columns(t, &s->plan.head, err));
  TRY(add_bands(s, t, &s->plan.head, err));
  size_t per_replica = s->blocks * s->t->heads;
  for (size_t i = 0; i < s->t->replicas * per_replica; i++) {
    size_t row;
    TRY(table_add_row(t, &row, err));
    table_set_number(t, row, 0, (double)(i / per_replica));
    table_set_number(t, row, 1, (double)(s->t->first_state + i % per_replica / s->t->heads));
    table_set_number(t, row, 2, (double)(i % s->t->heads));
    set_values(s, t, row, 3, &s->plan.head, s->head_values + i * s->plan.head.value_count, SIZE_MAX);
    set_bands(s, t, row, CONTROL_HEADS, &s->plan.head, i);
  }
done:
  return status;
}

dwell_status measurement_tables(measurement *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (s->plan.wants_geometry || !plan_shows(&s->plan.head)) TRY(fill_layers(s, err));
  TRY(fill_blocks(s, err));
  TRY(fill_heads(s, err));
done:
  return status;
}

dwell_status measurement_weight_tables(measurement *s, dwell_error *err) {
  dwell_status status = fill_blocks(s, err);
  return status == DWELL_OK ? fill_heads(s, err) : status;
}

/* ---- arrays ---- */

/* [L+1, ...] for one replica, [R, L+1, ...] for several. Returns the rank so far. */
static size_t state_shape(const measurement *s, size_t shape[4]) {
  size_t rank = 0;
  if (s->t->replicas > 1) shape[rank++] = s->t->replicas;
  shape[rank++] = s->t->states;
  return rank;
}

static dwell_status add_keep(measurement *s, dwell_error *err) {
  bool *keep = mem_copy(s->selection.keep, s->t->n, sizeof(bool));
  return run_add_array(s->run, "keep", NPY_BOOL, 1, 1, &s->t->n, keep, err);
}

/* Which states the first axis of the other arrays counts. */
static dwell_status add_state_index(measurement *s, dwell_error *err) {
  const dwell_trajectory *t = s->t;
  int64_t *numbers = MEM_NEW(int64_t, t->states);
  for (size_t l = 0; numbers != NULL && l < t->states; l++) numbers[l] = (int64_t)(t->first_state + l);
  return run_add_array(s->run, "state_index", NPY_INT, 8, 1, &t->states, numbers, err);
}

/* One entry per token of the trajectory, of values [set->count] of the measured ones. */
static void spread_tokens(size_t n, const measured_set *set, const char *values, char *ret_all) {
  int64_t *all = (int64_t *)(void *)ret_all;
  for (size_t i = 0; i < n; i++) all[i] = -1;
  for (size_t k = 0; k < set->count; k++) all[set->rows[k]] = ((const int64_t *)(const void *)values)[k];
}

/* A per-state array of an instrument, without the final norm's. */
static dwell_status add_instrument_array(measurement *s, size_t i, dwell_error *err) {
  enum { ENTRY = 8 }; /* bytes of an int64_t or a double */
  const plan_item *item = &s->plan.state.items[i];
  instrument_array kind = item->what->array_kind;
  size_t from = measurement_array_length(s, item), length = kind == ARRAY_PER_TOKEN ? s->t->n : from;
  size_t shape[4], rank = state_shape(s, shape), to = 0;
  char name[48], *kept = mem_zero(s->t->replicas * s->t->states, length * ENTRY);
  shape[rank++] = length;
  if (kept == NULL) return error_no_memory(err, "the arrays");
  for (size_t f = 0; f < s->frames; f++) {
    if (strcmp(spool_frame(s->states, f)->tap, "resid") != 0) continue;
    const char *values = (const char *)s->arrays[i] + f * from * ENTRY;
    char *place = kept + to++ * length * ENTRY;
    if (kind == ARRAY_PER_TOKEN) spread_tokens(s->t->n, &s->sets[item->set], values, place);
    else memcpy(place, values, length * ENTRY);
  }
  plan_name(name, sizeof name, item->what->array_name, NULL, item->set, item->in);
  return run_add_array(s->run, name, kind == ARRAY_PER_MERGE ? NPY_FLOAT : NPY_INT, ENTRY, rank, shape, kept, err);
}

/* Coordinates of particles on the circle or the sphere, so that they can be drawn. */
static dwell_status add_sphere(measurement *s, dwell_error *err) {
  const dwell_trajectory *t = s->t;
  if (!t->on_sphere || t->d > 3) return DWELL_OK;
  size_t shape[4], rank = state_shape(s, shape), one = t->n * t->d;
  shape[rank++] = t->n, shape[rank++] = 3;
  double *points = mem_zero(t->replicas * t->states, t->n * 3 * sizeof(double)), *x = MEM_NEW(double, one);
  dwell_status status = points == NULL || x == NULL ? error_no_memory(err, "the coordinates") : DWELL_OK;
  for (size_t f = 0; status == DWELL_OK && f < s->frames; f++) {
    status = spool_read(s->states, f, x, err);
    for (size_t i = 0; status == DWELL_OK && i < t->n; i++) {
      memcpy(points + (f * t->n + i) * 3, x + i * t->d, t->d * sizeof(double));
    }
  }
  mem_free(x);
  if (status == DWELL_OK) return run_add_array(s->run, "sphere", NPY_FLOAT, 8, rank, shape, points, err);
  mem_free(points);
  return status;
}

/* --save states: streamed from the spool while arrays.npz is written. */
static dwell_status stream_states(void *self, npz_writer *w, dwell_error *err) {
  measurement *s = self;
  const dwell_trajectory *t = s->t;
  size_t shape[4], rank = state_shape(s, shape), one = t->n * t->d;
  shape[rank++] = t->n, shape[rank++] = t->d;
  double *x = MEM_NEW(double, one);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(x, "a state");
  TRY(npz_writer_begin(w, "states", NPY_FLOAT, (size_t)t->dtype, rank, shape, err));
  size_t final = SIZE_MAX;
  for (size_t f = 0; f < s->frames; f++) {
    if (strcmp(spool_frame(s->states, f)->tap, "resid") != 0) {
      final = f;
      continue;
    }
    TRY(spool_read_raw(s->states, f, x, err));
    TRY(npz_writer_append(w, x, one, err));
  }
  TRY(npz_writer_end(w, err));
  if (final != SIZE_MAX) {
    const size_t final_shape[2] = {t->n, t->d};
    TRY(spool_read_raw(s->states, final, x, err));
    TRY(npz_writer_add(w, "final_norm", NPY_FLOAT, (size_t)t->dtype, 2, final_shape, x, err));
  }
done:
  mem_free(x);
  return status;
}

static dwell_status add_saved(measurement *s, dwell_error *err) {
  const dwell_trajectory *t = s->t;
  dwell_status status = DWELL_OK;
  if (s->gram != NULL) {
    size_t shape[4], rank = state_shape(s, shape);
    shape[rank++] = s->row_count, shape[rank++] = s->row_count;
    double *gram = s->gram; /* the run owns it from here, also on failure */
    s->gram = NULL;
    TRY(run_add_array(s->run, "gram", NPY_FLOAT, 8, rank, shape, gram, err));
  }
  if (s->attention != NULL) {
    const size_t shape[4] = {s->blocks, t->heads, t->n, t->n};
    unsigned char *attention = s->attention;
    s->attention = NULL;
    TRY(run_add_array(s->run, "attention", NPY_FLOAT, (size_t)t->dtype, 4, shape, attention, err));
  }
  TRY(maps_keep(s, err));
  if (s->options->save_states) s->run->stream = stream_states;
done:
  return status;
}

/* Arrays of the source's own. */
static dwell_status add_source_arrays(measurement *s, dwell_error *err) {
  source_records records = source_get_records(s->source);
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < records.array_count; k++) {
    const source_array *a = &records.arrays[k];
    size_t count = 1;
    for (size_t axis = 0; axis < a->rank; axis++) count *= a->shape[axis];
    status = run_add_array(s->run, a->name, a->integer ? NPY_INT : NPY_FLOAT, 8, a->rank, a->shape,
                           mem_copy(a->data, count, 8), err);
  }
  return status;
}

dwell_status measurement_arrays(measurement *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(add_keep(s, err));
  TRY(add_state_index(s, err));
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    if (s->arrays[i] != NULL) TRY(add_instrument_array(s, i, err));
  }
  TRY(add_sphere(s, err));
  TRY(add_source_arrays(s, err));
  TRY(add_saved(s, err));
done:
  return status;
}
