/* report/data.c - the numbers of the page as JSON: what the script reads, and what anybody may check against the csv.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/jwriter.h"
#include "report/figures.h"

static void doubles(jwriter *w, const char *key, const double *values, size_t n) {
  jwriter_key(w, key);
  jwriter_flat_array(w);
  for (size_t i = 0; i < n; i++) jwriter_double(w, values[i]);
  jwriter_close(w);
}

/* Every numeric column of a grid: [drawn replicas, steps], null where empty. */
static dwell_status grid_data(jwriter *w, const view *v, const view_grid *g, dwell_error *err) {
  double *values = MEM_NEW(double, v->replicas * g->steps);
  if (values == NULL) return error_no_memory(err, "the page's numbers");
  jwriter_key(w, g->name);
  jwriter_object(w);
  jwriter_put_int(w, "first", (int64_t)g->first);
  jwriter_put_int(w, "steps", (int64_t)g->steps);
  doubles(w, "at", g->at, g->steps);
  jwriter_key(w, "columns");
  jwriter_object(w);
  for (size_t c = 0; g->t != NULL && c < g->t->columns; c++) {
    if (view_column(v, g, g->t->names[c], values)) doubles(w, g->t->names[c], values, v->drawn * g->steps);
  }
  jwriter_close(w);
  jwriter_close(w);
  mem_free(values);
  return DWELL_OK;
}

static void final_data(jwriter *w, const view *v) {
  if (v->final_row == SIZE_MAX) return;
  jwriter_key(w, "final_norm");
  jwriter_object(w);
  for (size_t c = 0; c < v->states.t->columns; c++) {
    double value = view_number(v->states.t, v->final_row, v->states.t->names[c]);
    if (isfinite(value)) jwriter_put_double(w, v->states.t->names[c], value);
  }
  jwriter_close(w);
}

/* A table as it is: columns by name, rows in order (capped: the csv has the rest). */
static void table_data(jwriter *w, const view *v, const char *name) {
  enum { MOST_ROWS = 8192 };
  const table *t = run_table(v->run, name);
  if (t == NULL || t->rows == 0) return;
  jwriter_key(w, name);
  jwriter_object(w);
  for (size_t c = 0; c < t->columns; c++) {
    jwriter_key(w, t->names[c]);
    jwriter_flat_array(w);
    for (size_t row = 0; row < t->rows && row < MOST_ROWS; row++) {
      const table_cell *cell = table_at(t, row, c);
      if (cell->kind == CELL_TEXT) jwriter_string(w, cell->text);
      else jwriter_double(w, cell->kind == CELL_NUMBER ? cell->number : NAN);
    }
    jwriter_close(w);
  }
  jwriter_close(w);
}

static dwell_status histogram_data(jwriter *w, const view *v, const char *name, dwell_error *err) {
  double *hist = NULL;
  size_t rank, shape[4];
  dwell_status status = run_read_array(v->run, name, &hist, &rank, shape, err);
  if (status != DWELL_OK || hist == NULL) return status;
  if (rank >= 2 && rank <= 3 && shape[rank - 2] >= v->states.steps) {
    doubles(w, name, hist, v->states.steps * shape[rank - 1]);
  }
  mem_free(hist);
  return DWELL_OK;
}

/* Clusters of the first replica, [states, n], -1: in none. */
static dwell_status label_data(jwriter *w, const view *v, dwell_error *err) {
  double *labels = NULL;
  size_t rank, shape[4];
  dwell_status status = run_read_array(v->run, "labels", &labels, &rank, shape, err);
  if (status != DWELL_OK || labels == NULL) return status;
  if (rank >= 2 && rank <= 3 && shape[rank - 2] >= v->states.steps) {
    jwriter_key(w, "labels");
    jwriter_flat_array(w);
    for (size_t i = 0; i < v->states.steps * shape[rank - 1]; i++) jwriter_int(w, (int64_t)labels[i]);
    jwriter_close(w);
  }
  mem_free(labels);
  return DWELL_OK;
}

/* Coordinates as base64 of little-endian 16-bit integers, 32767 = 1: half a pixel on a poster. */
static dwell_status sphere_data(jwriter *w, const sphere_frames *s, dwell_error *err) {
  if (s->frames == 0) return DWELL_OK;
  size_t count = s->frames * s->n * 3;
  unsigned char *packed = MEM_NEW(unsigned char, 2 * count);
  if (packed == NULL) return error_no_memory(err, "the sphere's frames");
  for (size_t i = 0; i < count; i++) {
    uint16_t bits = (uint16_t)(int16_t)lround(32767 * s->points[i]);
    packed[2 * i] = (unsigned char)(bits & 255);
    packed[2 * i + 1] = (unsigned char)(bits >> 8);
  }
  strbuf text = {0};
  base64_add(&text, packed, 2 * count);
  mem_free(packed);
  jwriter_key(w, "sphere");
  jwriter_object(w);
  jwriter_put_int(w, "n", (int64_t)s->n);
  jwriter_put_int(w, "dims", (int64_t)s->dims);
  jwriter_key(w, "states");
  jwriter_flat_array(w);
  for (size_t f = 0; f < s->frames; f++) jwriter_uint(w, s->states[f]);
  jwriter_close(w);
  doubles(w, "view", &s->view[0][0], 9);
  jwriter_key(w, "colours");
  jwriter_flat_array(w);
  for (size_t i = 0; i < s->n; i++) jwriter_uint(w, s->colours[i]);
  jwriter_close(w);
  if (text.failed) w->out->failed = true;
  jwriter_put_string(w, "int16", text.data != NULL ? text.data : "");
  jwriter_close(w);
  strbuf_free(&text);
  return DWELL_OK;
}

static void axis_data(jwriter *w, const view *v) {
  jwriter_key(w, "axis");
  jwriter_object(w);
  jwriter_put_string(w, "kind", v->kind == SCALE_LN ? "ln" : "linear");
  jwriter_put_string(w, "column", v->column);
  jwriter_key(w, "zero");
  if (v->has_zero) {
    jwriter_double(w, v->zero);
  } else {
    jwriter_null(w);
  }
  jwriter_key(w, "labels");
  jwriter_flat_array(w);
  char label[64];
  for (size_t l = 0; l < v->states.steps; l++) jwriter_string(w, view_state_label(v, l, label, sizeof label));
  jwriter_close(w);
  jwriter_close(w);
}

dwell_status report_data(const view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  jwriter w = jwriter_start(out, 0);
  jwriter_object(&w);
  jwriter_put_int(&w, "format", 1);
  jwriter_put_int(&w, "replicas", (int64_t)v->replicas);
  jwriter_put_int(&w, "drawn", (int64_t)v->drawn);
  axis_data(&w, v);
  TRY(grid_data(&w, v, &v->states, err));
  TRY(grid_data(&w, v, &v->blocks, err));
  final_data(&w, v);
  table_data(&w, v, "heads");
  table_data(&w, v, "push");
  table_data(&w, v, "tokens");
  TRY(histogram_data(&w, v, "hist", err));
  TRY(histogram_data(&w, v, "hist_centred", err));
  TRY(label_data(&w, v, err));
  TRY(sphere_data(&w, s, err));
  jwriter_close(&w);
  /* The medians were written while drawing: spliced in before the closing brace. */
  if (!out->failed && v->medians.length > 0) {
    out->length--;
    strbuf_puts(out, ",\"medians\":{");
    strbuf_add(out, v->medians.data, v->medians.length);
    strbuf_puts(out, "}}");
  }
done:
  return status;
}
