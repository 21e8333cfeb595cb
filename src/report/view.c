/* report/view.c - a run as the figures want it. */
#include "report/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"

enum { MANIFEST_LIMIT = 64 << 20, MOST_STEPS = 1 << 24 };
enum { MANIFEST_FLAGS = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL }; /* a token may be a NUL */

double view_number(const table *t, size_t row, const char *column) {
  size_t c = t != NULL ? table_find(t, column) : SIZE_MAX;
  if (c == SIZE_MAX || row >= t->rows) return NAN;
  const table_cell *cell = table_at(t, row, c);
  return cell->kind == CELL_NUMBER ? cell->number : NAN;
}

static bool whole(double value, double most) { return value >= 0 && value <= most && value == floor(value); }

/* ---- rows ---- */

/* The smallest step of a table: not 0 in a run of later states only. */
static size_t first_step(const table *t, const char *step_column) {
  double first = INFINITY;
  for (size_t row = 0; row < t->rows; row++) {
    double s = view_number(t, row, step_column);
    if (whole(s, MOST_STEPS) && s < first) first = s;
  }
  return isfinite(first) ? (size_t)first : 0;
}

/* Replica and step (counted from `first`) of a row; false: it belongs to no series (the final norm, a malformed row). A
 * table without a replica column starts a new replica where the step falls back to the first. */
static bool place_of(const table *t, size_t row, const char *step_column, size_t first, size_t *replica, size_t *step) {
  double s = view_number(t, row, step_column), r = view_number(t, row, "replica");
  if (!whole(s, MOST_STEPS) || s < (double)first) return false;
  bool numbered = table_find(t, "replica") != SIZE_MAX;
  if (numbered && !whole(r, MOST_STEPS)) return false;
  if (numbered) {
    *replica = (size_t)r;
  } else if (row > 0 && s == (double)first) {
    *replica += 1;
  }
  *step = (size_t)s - first;
  return true;
}

/* A row count bounds both: a table of N rows has at most N replicas and N steps that are not empty. */
static dwell_status size_grid(const table *t, const char *step, size_t first, size_t *replicas, size_t *steps,
                              dwell_error *err) {
  size_t replica = 0, s = 0;
  for (size_t row = 0; row < t->rows; row++) {
    if (!place_of(t, row, step, first, &replica, &s)) continue;
    if (replica >= t->rows || s >= t->rows) {
      error_set(err, DWELL_BAD_INPUT, "row %zu has %s %zu of replica %zu, but the table has %zu rows only", row + 2,
                step, first + s, replica, t->rows);
      return DWELL_BAD_INPUT;
    }
    if (replica + 1 > *replicas) *replicas = replica + 1;
    if (s + 1 > *steps) *steps = s + 1;
  }
  return DWELL_OK;
}

static dwell_status fill_grid(view *v, view_grid *g, const char *step_column, dwell_error *err) {
  size_t count, replica = 0, s = 0;
  if (!size_mul(v->replicas, g->steps, &count)) return error_no_memory(err, "the rows of a run");
  g->rows = MEM_NEW(size_t, count);
  g->at = MEM_NEW(double, g->steps);
  if (g->rows == NULL || g->at == NULL) return error_no_memory(err, "the rows of a run");
  for (size_t i = 0; i < count; i++) g->rows[i] = SIZE_MAX;
  for (size_t row = 0; g->t != NULL && row < g->t->rows; row++) {
    if (place_of(g->t, row, step_column, g->first, &replica, &s) && replica < v->replicas && s < g->steps) {
      g->rows[replica * g->steps + s] = row;
    }
  }
  return DWELL_OK;
}

static dwell_status open_grids(view *v, dwell_error *err) {
  const table *layers = run_table(v->run, "layers"), *blocks = run_table(v->run, "blocks");
  dwell_status status = DWELL_OK;
  size_t more = 0;
  v->states = (view_grid){.t = layers, .name = "layers"};
  v->blocks = (view_grid){.t = blocks != NULL && blocks->rows > 0 ? blocks : NULL, .name = "blocks"};
  if (layers != NULL) {
    v->states.first = v->blocks.first = first_step(layers, "state");
    TRY(size_grid(layers, "state", v->states.first, &v->replicas, &v->states.steps, err));
  }
  if (v->states.steps == 0) {
    status = error_set(err, DWELL_BAD_INPUT, "layers.csv has no states: there is nothing to report");
    goto done;
  }
  if (v->blocks.t != NULL) TRY(size_grid(blocks, "block", v->blocks.first, &more, &v->blocks.steps, err));
  if (v->blocks.steps >= v->states.steps) v->blocks.steps = v->states.steps - 1;
  TRY(fill_grid(v, &v->states, "state", err));
  TRY(fill_grid(v, &v->blocks, "block", err));
  size_t tap = table_find(layers, "tap");
  for (size_t row = 0; row < layers->rows && tap != SIZE_MAX; row++) {
    const table_cell *cell = table_at(layers, row, tap);
    if (cell->kind == CELL_TEXT && str_equal(cell->text, "final_norm") && v->final_row == SIZE_MAX) v->final_row = row;
  }
done:
  return status;
}

/* ---- axis ---- */

/* Times crowd at the start (or do not fit a double): their logarithm is the better axis. */
static bool wants_logarithm(const double *times, const double *logs, size_t n, double *scratch) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && !isfinite(logs[i])) return false;
    if (!isfinite(times[i]) && i > 0) return true;
    if (isfinite(times[i])) scratch[count++] = times[i];
  }
  if (count < 3) return false;
  sort_doubles(scratch, count);
  return sort_median(scratch, count) < 0.2 * scratch[count - 1];
}

static void logarithmic_axis(view *v, const double *logs) {
  size_t n = v->states.steps;
  v->kind = SCALE_LN;
  v->column = "log_time";
  v->label = "time t (logarithmic)";
  for (size_t l = 0; l < n; l++) v->states.at[l] = logs[l];
  v->first = isfinite(logs[0]) || n < 2 ? logs[0] : logs[1];
  v->has_zero = !isfinite(logs[0]) && n >= 2;
  if (v->has_zero) v->zero = v->states.at[0] = v->first - fmax(0.4, 0.07 * (logs[n - 1] - v->first));
}

static dwell_status open_axis(view *v, dwell_error *err) {
  size_t n = v->states.steps, total;
  double *times = NULL, *logs = NULL, *scratch = NULL;
  dwell_status status = DWELL_OK;
  v->kind = SCALE_LINEAR;
  v->column = "state";
  v->label = "state l";
  for (size_t l = 0; l < n; l++) v->states.at[l] = (double)(v->states.first + l);
  if (!size_mul(v->replicas, n, &total)) total = 0;
  times = MEM_NEW(double, total);
  logs = MEM_NEW(double, total);
  scratch = MEM_NEW(double, n);
  TRY_ALLOC(times, "the time axis");
  TRY_ALLOC(logs, "the time axis");
  TRY_ALLOC(scratch, "the time axis");
  bool timed = view_column(v, &v->states, "time", times), logged = view_column(v, &v->states, "log_time", logs);
  bool complete = timed;
  for (size_t l = 0; l < n; l++) complete = complete && isfinite(times[l]);
  if (logged && wants_logarithm(times, logs, n, scratch)) {
    logarithmic_axis(v, logs);
  } else if (complete) {
    v->column = "time";
    v->label = "time t";
    for (size_t l = 0; l < n; l++) v->states.at[l] = times[l];
  }
  double length = v->states.at[n - 1] - v->states.at[0];
  v->after = v->states.at[n - 1] + (length > 0 ? 0.1 * length : 1);
  for (size_t b = 0; b < v->blocks.steps; b++) v->blocks.at[b] = (v->states.at[b] + v->states.at[b + 1]) / 2;
done:
  mem_free(times);
  mem_free(logs);
  mem_free(scratch);
  return status;
}

/* ---- the view ---- */

dwell_status view_open(const dwell_run *run, view *ret_view, dwell_error *err) {
  view v = {.run = run, .final_row = SIZE_MAX, .replicas = 1};
  dwell_status status = DWELL_OK;
  json_error_t why;
  const char *text = dwell_run_manifest(run);
  size_t length = text != NULL ? strlen(text) : 0;
  v.manifest = length > 0 && length < MANIFEST_LIMIT ? json_loadb(text, length, MANIFEST_FLAGS, &why) : json_object();
  if (!json_is_object(v.manifest)) {
    status = error_set(err, DWELL_BAD_INPUT, "the manifest is not a JSON object");
    error_in_file(err, "run.json");
    goto done;
  }
  TRY(open_grids(&v, err));
  v.drawn = v.replicas < VIEW_MAX_REPLICAS ? v.replicas : VIEW_MAX_REPLICAS;
  TRY(open_axis(&v, err));
  v.is_flow = str_equal(view_text(&v, "source", "kind", ""), "flow") || !str_equal(v.column, "state");
done:
  if (status != DWELL_OK) {
    view_close(&v);
    v = (view){0};
  }
  *ret_view = v;
  return status;
}

void view_close(view *v) {
  json_decref(v->manifest);
  mem_free(v->states.rows);
  mem_free(v->states.at);
  mem_free(v->blocks.rows);
  mem_free(v->blocks.at);
  strbuf_free(&v->medians);
  *v = (view){0};
}

bool view_has_column(const view_grid *g, const char *name) {
  return g->t != NULL && table_find(g->t, name) != SIZE_MAX;
}

bool view_column(const view *v, const view_grid *g, const char *name, double *ret_values) {
  bool any = false;
  size_t column = g->t != NULL ? table_find(g->t, name) : SIZE_MAX;
  for (size_t i = 0; i < v->replicas * g->steps; i++) {
    ret_values[i] = NAN;
    if (column == SIZE_MAX || g->rows[i] == SIZE_MAX) continue;
    const table_cell *cell = table_at(g->t, g->rows[i], column);
    if (cell->kind == CELL_NUMBER && isfinite(cell->number)) ret_values[i] = cell->number, any = true;
  }
  return any;
}

char *view_state_label(const view *v, size_t state, char *text, size_t size) {
  double at = v->states.at[state];
  if (v->kind == SCALE_LN) {
    if (v->has_zero && state == 0) return scale_label(0, 1, text, size);
    if (fabs(at) < 600) return scale_label(exp(at), 2, text, size);
    snprintf(text, size, "e^%.0f", at);
    return text;
  }
  return scale_label(at, str_equal(v->column, "state") ? 6 : 2, text, size);
}

plot_frame view_frame(const view *v) {
  size_t n = v->states.steps;
  double low = v->states.at[0], high = v->states.at[n - 1];
  plot_frame frame = {.width = 520,
                      .height = 270,
                      .right = 106,
                      .x_label = v->label,
                      .has_zero = v->has_zero,
                      .zero = v->zero,
                      .x_first = v->first,
                      .whole_x = str_equal(v->column, "state")};
  frame.x = scale_make(SCALE_LINEAR, low - (v->has_zero ? 0.02 * (high - low) : 0), high);
  frame.x.kind = v->kind;
  return frame;
}

const char *view_text(const view *v, const char *object, const char *key, const char *otherwise) {
  json_t *inside = object != NULL ? json_object_get(v->manifest, object) : v->manifest;
  const char *text = json_string_value(json_object_get(inside, key));
  return text != NULL ? text : otherwise;
}

size_t view_warnings(const view *v) {
  const char *key;
  json_t *value, *warnings = json_object_get(v->manifest, "warnings");
  size_t kinds = json_array_size(warnings);
  json_object_foreach(warnings, key, value) kinds += !json_is_number(value) || json_number_value(value) > 0;
  return kinds;
}
