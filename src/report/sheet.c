/* report/sheet.c - the curves of a panel: which there are, their values, bands and range. */
#include "report/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "draw/colour.h"

double *sheet_values(const sheet *s, size_t c) { return s->values + c * s->v->replicas * s->g->steps; }
double *sheet_band(const sheet *s, size_t c) { return s->band + c * 3 * s->g->steps; }

double sheet_median(const sheet *s, const double *values, size_t step) {
  size_t n = 0;
  for (size_t r = 0; r < s->v->replicas; r++) {
    double value = values[r * s->g->steps + step];
    if (isfinite(value)) s->sample[n++] = value;
  }
  if (n == 0) return NAN;
  sort_doubles(s->sample, n);
  return sort_median(s->sample, n);
}

static void include(sheet *s, double value) {
  if (!isfinite(value)) return;
  s->low = fmin(s->low, value);
  s->high = fmax(s->high, value);
  if (value > 0) s->least = fmin(s->least, value);
  if (value <= 0) s->positive = false;
}

static double clamped(double value, double low, double high) {
  if (isfinite(low) && value < low) return low;
  return isfinite(high) && value > high ? high : value;
}

/* The band of curve c and its middle: centre +- times * sd, medians over replicas, cut at the measure's range. */
static void make_band(sheet *s, size_t c, const double *centre, const double *sd, double times) {
  double *low = sheet_band(s, c), *high = low + s->g->steps;
  for (size_t l = 0; l < s->g->steps; l++) {
    double m = sheet_median(s, centre, l), spread = sheet_median(s, sd, l);
    low[l] = clamped(m - times * spread, s->def->floor, s->def->ceiling);
    high[l] = clamped(m + times * spread, s->def->floor, s->def->ceiling);
    high[s->g->steps + l] = m;
    include(s, low[l]);
    include(s, high[l]);
  }
}

const char *sheet_column(const char *column, const char *suffix, char name[80]) {
  snprintf(name, 80, "%s%s", column, suffix);
  return name;
}

static void load_band(sheet *s, size_t c) {
  const curve *k = &s->curves[c];
  double *centre = s->work, *sd = s->work + s->v->replicas * s->g->steps;
  char name[80];
  for (size_t l = 0; l < 3 * s->g->steps; l++) sheet_band(s, c)[l] = NAN;
  if (k->spread != NULL && view_column(s->v, s->g, k->spread, sd)) make_band(s, c, sheet_values(s, c), sd, 1);
  if (k->extra == WITH_NULL && view_column(s->v, s->g, sheet_column(k->column, "_null_mean", name), centre) &&
      view_column(s->v, s->g, sheet_column(k->column, "_null_sd", name), sd)) {
    make_band(s, c, centre, sd, 2);
  }
  if (k->extra == WITH_CHANCE && view_column(s->v, s->g, sheet_column(k->column, "_null_mean", name), centre)) {
    for (size_t l = 0; l < s->g->steps; l++) {
      sheet_band(s, c)[l] = sheet_median(s, centre, l);
      include(s, sheet_band(s, c)[l]);
    }
  }
}

/* The final norm of curve c: no state of the series, so a point of its own, with the band it has there. */
static void load_final(sheet *s, size_t c) {
  const curve *k = &s->curves[c];
  double *final = s->final + c * FINAL_PARTS;
  char name[80];
  for (size_t i = 0; i < FINAL_PARTS; i++) final[i] = NAN;
  if (s->def->blocks || s->v->final_row == SIZE_MAX) return;
  double value = view_number(s->g->t, s->v->final_row, k->column), centre = value, sd = NAN, times = 1;
  if (k->spread != NULL) sd = view_number(s->g->t, s->v->final_row, k->spread);
  if (k->extra == WITH_NULL) {
    centre = view_number(s->g->t, s->v->final_row, sheet_column(k->column, "_null_mean", name));
    sd = view_number(s->g->t, s->v->final_row, sheet_column(k->column, "_null_sd", name));
    final[FINAL_P] = view_number(s->g->t, s->v->final_row, sheet_column(k->column, "_p", name));
    times = 2;
  }
  final[FINAL_VALUE] = value;
  final[FINAL_LOW] = clamped(centre - times * sd, s->def->floor, s->def->ceiling);
  final[FINAL_HIGH] = clamped(centre + times * sd, s->def->floor, s->def->ceiling);
  for (size_t i = FINAL_VALUE; i <= FINAL_HIGH; i++) include(s, final[i]);
}

/* ---- which curves ---- */

static void add_family(sheet *s) {
  size_t first = s->count, length = s->def->prefix != NULL ? strlen(s->def->prefix) : 0;
  for (size_t c = 0; length > 0 && c < s->g->t->columns && s->count - first < MOST_FAMILY; c++) {
    const char *name = s->g->t->names[c];
    size_t i = s->count - first;
    if (strncmp(name, s->def->prefix, length) != 0 || strspn(name + length, "0123456789.e-") != strlen(name + length)) {
      continue;
    }
    snprintf(s->names[i], sizeof s->names[i], "%s", name);
    snprintf(s->labels[i], sizeof s->labels[i], "β = %s", name + length);
    s->curves[s->count++] = (curve){.column = s->names[i], .label = s->labels[i]};
  }
  for (size_t i = first; i < s->count; i++) {
    double t = s->count - first > 1 ? (double)(i - first) / (double)(s->count - first - 1) : 1;
    snprintf(s->colours[i - first], sizeof s->colours[0], "m%d", colour_level(0.4 + 0.59 * t));
    s->curves[i].colour = s->colours[i - first];
  }
}

/* A curve at the calibrated beta is labelled by its number, which the manifest knows. */
static void add_curve(sheet *s, const curve *k) {
  const json_t *beta = json_object_get(json_object_get(s->v->manifest, "measure"), "beta");
  char number[32];
  s->curves[s->count] = *k;
  if (str_ends(k->column, "_calibrated") && json_is_number(beta)) {
    snprintf(s->own, sizeof s->own, "own β = %s", scale_label(json_number_value(beta), 4, number, sizeof number));
    s->curves[s->count].label = s->own;
  }
  s->count++;
}

static dwell_status make_sheet(sheet *s, dwell_error *err) {
  add_family(s);
  for (size_t c = 0; c < MOST_CURVES && s->def->curves[c].column != NULL; c++) add_curve(s, &s->def->curves[c]);
  size_t block, all;
  if (!size_mul(s->v->replicas, s->g->steps, &block) || !size_mul(block, s->count + 2, &all)) all = SIZE_MAX;
  s->values = MEM_NEW(double, all);
  s->work = MEM_NEW(double, all);
  s->band = MEM_NEW(double, all < SIZE_MAX ? 3 * s->g->steps * (s->count + 1) : SIZE_MAX);
  s->sample = MEM_NEW(double, s->v->replicas);
  s->final = MEM_NEW(double, (s->count + 1) * FINAL_PARTS);
  if (s->values == NULL || s->work == NULL || s->band == NULL || s->sample == NULL || s->final == NULL) {
    return error_no_memory(err, "a figure");
  }
  s->low = s->least = INFINITY;
  s->high = -INFINITY;
  s->positive = true;
  return DWELL_OK;
}

void sheet_close(sheet *s) {
  mem_free(s->values);
  mem_free(s->work);
  mem_free(s->band);
  mem_free(s->sample);
  mem_free(s->final);
}

/* Loads every curve, drops those without a value. */
static void load_sheet(sheet *s) {
  size_t kept = 0;
  for (size_t c = 0; c < s->count; c++) {
    s->curves[kept] = s->curves[c];
    double *values = sheet_values(s, kept);
    if (!view_column(s->v, s->g, s->curves[kept].column, values)) continue;
    for (size_t i = 0; i < s->v->replicas * s->g->steps; i++) include(s, values[i]);
    load_band(s, kept);
    load_final(s, kept);
    kept++;
  }
  s->count = kept;
}

scale sheet_scale(const sheet *s) {
  const panel *def = s->def;
  double low = s->low, high = s->high;
  if (def->may_log && s->positive && high > 20 * low) {
    scale y = scale_make(SCALE_LOG, low, high);
    scale_widen(&y, 5);
    return y;
  }
  if (isfinite(def->low)) low = fmin(low, def->low), high = fmax(high, def->low);
  if (isfinite(def->high)) high = fmax(high, def->high), low = fmin(low, def->high);
  scale y = scale_make(SCALE_LINEAR, low, high);
  scale_widen(&y, 10);
  return y;
}

/* On the sphere every norm is 1: a panel of it would be noise. */
static bool is_constant_one(const sheet *s) {
  return str_equal(s->def->id, "norm") && fabs(s->low - 1) < 1e-6 && fabs(s->high - 1) < 1e-6;
}

bool sheet_is_worth(const sheet *s) { return s->count > 0 && !is_constant_one(s); }

dwell_status sheet_open(const view *v, const panel *def, sheet *ret_sheet, dwell_error *err) {
  const view_grid *g = def->blocks ? &v->blocks : &v->states;
  *ret_sheet = (sheet){.v = v, .g = g, .def = def};
  if (g->t == NULL || g->steps == 0) return DWELL_OK;
  dwell_status status = make_sheet(ret_sheet, err);
  if (status == DWELL_OK) load_sheet(ret_sheet);
  return status;
}
