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

/* Clusters of the first replica, [states, n], -1: in none; and the identity of each cluster of each state. */
static dwell_status label_data(jwriter *w, const view *v, const groups *g, dwell_error *err) {
  if (g->states == 0) return DWELL_OK;
  int32_t *identity = MEM_NEW(int32_t, g->n);
  if (identity == NULL) return error_no_memory(err, "the clusters of a page");
  jwriter_key(w, "labels");
  jwriter_flat_array(w);
  for (size_t i = 0; i < v->states.steps * g->n; i++) jwriter_int(w, g->labels[i]);
  jwriter_close(w);
  strbuf measured = {0};
  for (size_t i = 0; i < g->n; i++) strbuf_putc(&measured, g->keep == NULL || g->keep[i] > 0 ? '1' : '0');
  if (measured.failed) w->out->failed = true;
  jwriter_put_string(w, "measured", measured.data != NULL ? measured.data : "");
  strbuf_free(&measured);
  jwriter_key(w, "tints");
  jwriter_flat_array(w);
  for (size_t k = 0; k < g->identities; k++) jwriter_int(w, g->colours[k]);
  jwriter_close(w);
  jwriter_key(w, "identities");
  jwriter_array(w);
  for (size_t l = 0; l < v->states.steps; l++) {
    size_t count = 0;
    for (size_t i = 0; i < g->n; i++) {
      int32_t label = g->labels[l * g->n + i];
      if (label < 0) continue;
      for (; count <= (size_t)label; count++) identity[count] = -1;
      identity[label] = groups_identity(g, l, i);
    }
    jwriter_flat_array(w);
    for (size_t k = 0; k < count; k++) jwriter_int(w, identity[k]);
    jwriter_close(w);
  }
  jwriter_close(w);
  mem_free(identity);
  return DWELL_OK;
}

static void kind_data(jwriter *w, const view *v) {
  strbuf kinds = {0};
  passage_kinds_of(v, &kinds);
  if (kinds.failed) w->out->failed = true;
  if (kinds.length > 0 && !kinds.failed) {
    jwriter_put_string(w, "kinds", kinds.data);
    jwriter_key(w, "kind_names");
    jwriter_flat_array(w);
    for (size_t k = 0; passage_kinds[k] != NULL; k++) jwriter_string(w, passage_kinds[k]);
    jwriter_close(w);
  }
  strbuf_free(&kinds);
}

/* Bytes as base64. */
static void packed_data(jwriter *w, const char *key, const void *bytes, size_t size) {
  strbuf text = {0};
  base64_add(&text, bytes, size);
  if (text.failed) w->out->failed = true;
  jwriter_put_string(w, key, text.data != NULL ? text.data : "");
  strbuf_free(&text);
}

static void sizes(jwriter *w, const char *key, const size_t *values, size_t n) {
  jwriter_key(w, key);
  jwriter_flat_array(w);
  for (size_t i = 0; i < n; i++) jwriter_uint(w, values[i]);
  jwriter_close(w);
}

/* Coordinates as base64 of little-endian 16-bit integers, 32767 = 1: half a pixel on a poster. */
static dwell_status cloud_data(jwriter *w, const cloud *c, dwell_error *err) {
  if (c->frames == 0) return DWELL_OK;
  size_t count = c->frames * c->n * 3;
  unsigned char *packed = MEM_NEW(unsigned char, 2 * count);
  if (packed == NULL) return error_no_memory(err, "the cloud");
  for (size_t i = 0; i < count; i++) {
    uint16_t bits = (uint16_t)(int16_t)lround(32767 * c->points[i]);
    packed[2 * i] = (unsigned char)(bits & 255);
    packed[2 * i + 1] = (unsigned char)(bits >> 8);
  }
  jwriter_key(w, c->pca ? "cloud" : "sphere");
  jwriter_object(w);
  jwriter_put_int(w, "n", (int64_t)c->n);
  jwriter_put_int(w, "dims", (int64_t)c->dims);
  jwriter_put_double(w, "scale", c->scale);
  if (c->share != NULL) doubles(w, "share", c->share, 3 * c->frames);
  sizes(w, "states", c->states, c->frames);
  sizes(w, "tokens", c->tokens, c->n);
  doubles(w, "view", &c->view[0][0], 9);
  jwriter_key(w, "colours");
  jwriter_flat_array(w);
  for (size_t i = 0; i < c->n; i++) jwriter_uint(w, c->colours[i]);
  jwriter_close(w);
  packed_data(w, "int16", packed, 2 * count);
  jwriter_close(w);
  mem_free(packed);
  return DWELL_OK;
}

static void attention_data(jwriter *w, const view *v, const attention *a) {
  if (a->blocks == 0) return;
  jwriter_key(w, "attention");
  jwriter_object(w);
  jwriter_put_int(w, "first", (int64_t)v->states.first);
  jwriter_put_int(w, "blocks", (int64_t)a->blocks);
  jwriter_put_int(w, "heads", (int64_t)a->heads);
  jwriter_put_int(w, "side", (int64_t)a->side);
  jwriter_put_int(w, "runs", (int64_t)a->runs);
  jwriter_put_int(w, "factor", (int64_t)a->factor);
  jwriter_put_int(w, "tokens", (int64_t)a->tokens);
  packed_data(w, "uint8", a->bytes, a->blocks * a->heads * a->side * a->side);
  jwriter_close(w);
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

dwell_status report_data(const view *v, const groups *g, const cloud *c, const attention *a, strbuf *out,
                         dwell_error *err) {
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
  TRY(label_data(&w, v, g, err));
  kind_data(&w, v);
  TRY(cloud_data(&w, c, err));
  attention_data(&w, v, a);
  TRY(tree_data(&w, v, err));
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
