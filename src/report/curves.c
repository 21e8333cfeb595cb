/* report/curves.c - what the measures do from state to state, one panel per question (panels.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "draw/colour.h"
#include "file/jwriter.h"
#include "report/figures.h"
#include "report/panels.h"

enum { MOST_FAMILY = 12 };

/* ---- scratch of one panel ---- */

enum { FINAL_VALUE, FINAL_LOW, FINAL_HIGH, FINAL_P, FINAL_PARTS };

typedef struct sheet {
  const view *v;
  const view_grid *g;
  const panel *def;
  curve curves[MOST_CURVES + MOST_FAMILY];
  char names[MOST_FAMILY][48], labels[MOST_FAMILY][48], colours[MOST_FAMILY][8];
  char own[48];  /* the label of the calibrated beta */
  char twin[48]; /* the label of the null's band */
  size_t count;
  double *values;          /* [count][replicas * steps] */
  double *band;            /* [count][3 * steps]: low, high, and the null's mean */
  double *work;            /* [2][replicas * steps] */
  double *sample;          /* [replicas] */
  double *final;           /* [count][FINAL_PARTS]: value, low, high, p of the final norm; NaN: none */
  double low, high, least; /* range of everything drawn; smallest positive value */
  bool positive;
} sheet;

static double *values_of(const sheet *s, size_t c) { return s->values + c * s->v->replicas * s->g->steps; }
static double *band_of(const sheet *s, size_t c) { return s->band + c * 3 * s->g->steps; }

/* Median over replicas at one step; NaN without any value. */
static double median_at(const sheet *s, const double *values, size_t step) {
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
  double *low = band_of(s, c), *high = low + s->g->steps;
  for (size_t l = 0; l < s->g->steps; l++) {
    double m = median_at(s, centre, l), spread = median_at(s, sd, l);
    low[l] = clamped(m - times * spread, s->def->floor, s->def->ceiling);
    high[l] = clamped(m + times * spread, s->def->floor, s->def->ceiling);
    high[s->g->steps + l] = m;
    include(s, low[l]);
    include(s, high[l]);
  }
}

static const char *suffixed(const char *column, const char *suffix, char name[80]) {
  snprintf(name, 80, "%s%s", column, suffix);
  return name;
}

static void load_band(sheet *s, size_t c) {
  const curve *k = &s->curves[c];
  double *centre = s->work, *sd = s->work + s->v->replicas * s->g->steps;
  char name[80];
  for (size_t l = 0; l < 3 * s->g->steps; l++) band_of(s, c)[l] = NAN;
  if (k->spread != NULL && view_column(s->v, s->g, k->spread, sd)) make_band(s, c, values_of(s, c), sd, 1);
  if (k->extra == WITH_NULL && view_column(s->v, s->g, suffixed(k->column, "_null_mean", name), centre) &&
      view_column(s->v, s->g, suffixed(k->column, "_null_sd", name), sd)) {
    make_band(s, c, centre, sd, 2);
  }
  if (k->extra == WITH_CHANCE && view_column(s->v, s->g, suffixed(k->column, "_null_mean", name), centre)) {
    for (size_t l = 0; l < s->g->steps; l++) {
      band_of(s, c)[l] = median_at(s, centre, l);
      include(s, band_of(s, c)[l]);
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
    centre = view_number(s->g->t, s->v->final_row, suffixed(k->column, "_null_mean", name));
    sd = view_number(s->g->t, s->v->final_row, suffixed(k->column, "_null_sd", name));
    final[FINAL_P] = view_number(s->g->t, s->v->final_row, suffixed(k->column, "_p", name));
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

static dwell_status open_sheet(sheet *s, dwell_error *err) {
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

static void close_sheet(sheet *s) {
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
    double *values = values_of(s, kept);
    if (!view_column(s->v, s->g, s->curves[kept].column, values)) continue;
    for (size_t i = 0; i < s->v->replicas * s->g->steps; i++) include(s, values[i]);
    load_band(s, kept);
    load_final(s, kept);
    kept++;
  }
  s->count = kept;
}

/* ---- drawing ---- */

static scale y_scale(const sheet *s) {
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

static void note_median(view *v, const char *series, const double *values, size_t n) {
  jwriter w = jwriter_start(&v->medians, 0);
  if (v->medians.length > 0) strbuf_putc(&v->medians, ',');
  jwriter_string(&w, series);
  strbuf_putc(&v->medians, ':');
  w = jwriter_start(&v->medians, 0);
  jwriter_flat_array(&w);
  for (size_t i = 0; i < n; i++) jwriter_double(&w, values[i]);
  jwriter_close(&w);
}

static void draw_curve(view *v, sheet *s, plot *p, size_t c) {
  const curve *k = &s->curves[c];
  const double *values = values_of(s, c);
  size_t n = s->g->steps;
  char series[96];
  snprintf(series, sizeof series, "%s.%s", s->g->name, k->column);
  plot_style style = {.colour = k->colour, .more = k->more, .series = series, .label = k->label};
  if (v->replicas > 1) {
    plot_style one = {.colour = k->colour, .more = "faint", .series = series};
    for (one.replica = 0; one.replica < v->drawn; one.replica++)
      plot_line(p, s->g->at, values + one.replica * n, n, &one);
    for (size_t l = 0; l < n; l++) s->work[l] = median_at(s, values, l);
    note_median(v, series, s->work, n);
    char median[112];
    snprintf(median, sizeof median, "%s:median", series);
    style.series = median;
    plot_line(p, s->g->at, s->work, n, &style);
    return;
  }
  plot_line(p, s->g->at, values, n, &style);
}

/* Dots, filled where the null was rejected; only where a curve has few enough states to see them. */
static void draw_dots(const sheet *s, plot *p, size_t c) {
  const curve *k = &s->curves[c];
  double *p_values = s->work;
  char name[80];
  bool mark[128];
  size_t n = s->g->steps;
  if (k->extra != WITH_NULL || s->v->replicas > 1 || n > 128) return;
  if (!view_column(s->v, s->g, suffixed(k->column, "_p", name), p_values)) return;
  double shown[128];
  for (size_t l = 0; l < n; l++) {
    mark[l] = p_values[l] <= 0.05;
    shown[l] = isfinite(p_values[l]) ? values_of(s, c)[l] : NAN;
  }
  plot_points(p, s->g->at, shown, mark, n, &(plot_style){.colour = k->colour});
}

/* A twin that hardly varies has a band too thin to see: its mean is a line of its own. */
static void draw_null_mean(const sheet *s, plot *p, size_t c) {
  char series[112];
  snprintf(series, sizeof series, "%s.%s_null_mean", s->g->name, s->curves[c].column);
  plot_line(p, s->g->at, band_of(s, c) + 2 * s->g->steps, s->g->steps,
            &(plot_style){.colour = "c6", .more = "thin", .series = s->v->replicas == 1 ? series : NULL});
}

/* Of a band that is a line all along, the label says where it lies. */
static void name_twin(sheet *s, size_t c, const scale *y) {
  const double *band = band_of(s, c);
  double low = INFINITY, high = -INFINITY;
  char number[32];
  for (size_t l = 0; l < s->g->steps; l++) {
    if (isfinite(band[l])) low = fmin(low, band[l]), high = fmax(high, band[s->g->steps + l]);
  }
  snprintf(s->twin, sizeof s->twin, "Gaussian twin");
  if (s->curves[c].extra != WITH_NULL || !(high - low < 0.005 * (y->high - y->low))) return;
  snprintf(s->twin, sizeof s->twin, "twin: always %s", scale_label((low + high) / 2, 1, number, sizeof number));
}

static void draw_bands(const sheet *s, plot *p, size_t c) {
  const curve *k = &s->curves[c];
  const double *low = band_of(s, c), *high = low + s->g->steps;
  if (k->spread != NULL) {
    plot_band(p, s->g->at, low, high, s->g->steps, &(plot_style){.colour = k->colour, .more = "spread"});
  } else if (k->extra == WITH_NULL) {
    plot_band(p, s->g->at, low, high, s->g->steps, &(plot_style){.colour = "c6", .more = "null", .label = s->twin});
    draw_null_mean(s, p, c);
  } else if (k->extra == WITH_CHANCE) {
    plot_line(p, s->g->at, low, s->g->steps,
              &(plot_style){.colour = k->colour, .more = "dash", .label = c == 0 ? "chance" : NULL});
  }
}

static bool has_final(const sheet *s) {
  for (size_t c = 0; c < s->count; c++) {
    if (isfinite(s->final[c * FINAL_PARTS + FINAL_VALUE])) return true;
  }
  return false;
}

static void draw_final(const sheet *s, plot *p, size_t c) {
  const curve *k = &s->curves[c];
  const double *final = s->final + c * FINAL_PARTS, half = 0.025 * (s->v->after - s->v->states.at[0]);
  const double x[2] = {s->v->after - half, s->v->after + half}, low[2] = {final[FINAL_LOW], final[FINAL_LOW]},
               high[2] = {final[FINAL_HIGH], final[FINAL_HIGH]};
  char series[96];
  bool hollow = k->extra == WITH_NULL && !(final[FINAL_P] <= 0.05);
  snprintf(series, sizeof series, "final_norm.%s", k->column);
  if (isfinite(low[0]) && isfinite(high[0])) {
    bool null = k->extra == WITH_NULL;
    plot_band(p, x, low, high, 2, &(plot_style){.colour = null ? "c6" : k->colour, .more = null ? "null" : "spread"});
  }
  plot_diamond(p, s->v->after, final[FINAL_VALUE], !hollow, &(plot_style){.colour = k->colour, .series = series});
}

static void source_line(const sheet *s, strbuf *out) {
  strbuf_printf(out, "%s.csv:", s->g->name);
  for (size_t c = 0; c < s->count; c++) {
    const curve *k = &s->curves[c];
    strbuf_puts(out, c == 0 ? " <code>" : ", <code>");
    html_text(out, k->column);
    strbuf_puts(out, "</code>");
    if (k->spread != NULL) strbuf_printf(out, " ± <code>%s</code>", k->spread);
    if (k->extra != PLAIN) strbuf_puts(out, ", <code>_null_mean</code>");
    if (k->extra == WITH_NULL) strbuf_puts(out, ", <code>_null_sd</code>, <code>_p</code>");
  }
  strbuf_printf(out, " against <code>%s</code>", s->v->column);
  if (has_final(s)) strbuf_puts(out, "; diamonds: <code>tap</code> = <code>final_norm</code>");
  if (s->v->replicas > 1) strbuf_printf(out, "; bold: median of %zu replicas", s->v->replicas);
  if (s->v->replicas > s->v->drawn) strbuf_printf(out, ", thin: the first %zu", s->v->drawn);
}

/* The same columns for the figure's CSV. */
static void number_columns(const sheet *s, strbuf *out) {
  strbuf_printf(out, "%s:", s->g->name);
  for (size_t c = 0; c < s->count; c++) {
    const curve *k = &s->curves[c];
    strbuf_printf(out, "%s%s", c == 0 ? "" : ",", k->column);
    if (k->spread != NULL) strbuf_printf(out, ",%s", k->spread);
    if (k->extra != PLAIN) strbuf_printf(out, ",%s_null_mean", k->column);
    if (k->extra == WITH_NULL) strbuf_printf(out, ",%s_null_sd,%s_p", k->column, k->column);
  }
}

static void draw_panel(view *v, sheet *s, strbuf *out) {
  char id[40];
  snprintf(id, sizeof id, "plot-%s", s->def->id);
  strbuf numbers = {0};
  number_columns(s, &numbers);
  figure_open(out, s->def->id, s->def->heading, s->def->text, numbers.data);
  if (numbers.failed) out->failed = true;
  strbuf_free(&numbers);
  plot p;
  plot_frame frame = view_frame(v);
  frame.id = id;
  frame.title = s->def->heading;
  frame.description = s->def->text;
  frame.y_label = s->def->y_label;
  frame.y = y_scale(s);
  if (has_final(s)) {
    frame.after_label = "norm";
    frame.after = v->after;
    frame.x_last = v->states.at[v->states.steps - 1];
    frame.x = scale_make(frame.x.kind, frame.x.low, v->after + 0.3 * (v->after - frame.x_last));
  }
  plot_begin(&p, out, &frame);
  if (isfinite(s->def->zero_line)) plot_rule(&p, s->def->zero_line, &(plot_style){.colour = "c6", .more = "thin"});
  for (size_t c = 0; c < s->count; c++) {
    name_twin(s, c, &frame.y);
    draw_bands(s, &p, c);
  }
  for (size_t c = 0; c < s->count; c++) draw_curve(v, s, &p, c);
  for (size_t c = 0; c < s->count; c++) draw_dots(s, &p, c);
  for (size_t c = 0; c < s->count; c++) draw_final(s, &p, c);
  plot_end(&p);
  strbuf source = {0};
  source_line(s, &source);
  if (source.failed) out->failed = true;
  figure_close(out, source.data != NULL ? source.data : "");
  strbuf_free(&source);
}

/* On the sphere every norm is 1: a panel of it would be noise. */
static bool is_constant_one(const sheet *s) {
  return str_equal(s->def->id, "norm") && fabs(s->low - 1) < 1e-6 && fabs(s->high - 1) < 1e-6;
}

dwell_status figures_curves(view *v, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool import = str_equal(view_text(v, "source", "kind", ""), "import");
  section_open(
      out, "curves", "Along the states",
      import ? "State l is the l-th of the file; what a block does is drawn between its two states. Move over a "
               "figure to read all of them at that state."
      : v->is_flow
          ? "Each figure follows the cloud through time; what happens between two states is drawn between their "
            "times. Move over one to read all of them at that time."
          : "State 0 is the embedding, state b + 1 the stream after block b; what a block does is drawn "
            "between its two states. Move over a figure to read all of them at that state.");
  strbuf_puts(out, "<div class=\"grid\">\n");
  for (size_t i = 0; i < report_panel_count && status == DWELL_OK; i++) {
    const view_grid *g = report_panels[i].blocks ? &v->blocks : &v->states;
    if (g->t == NULL || g->steps == 0) continue;
    sheet s = {.v = v, .g = g, .def = &report_panels[i]};
    status = open_sheet(&s, err);
    if (status == DWELL_OK) {
      load_sheet(&s);
      if (s.count > 0 && !is_constant_one(&s)) draw_panel(v, &s, out);
    }
    close_sheet(&s);
  }
  strbuf_puts(out, "</div>\n");
  section_close(out);
  return status;
}
