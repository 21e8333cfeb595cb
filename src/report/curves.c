/* report/curves.c - what the measures do from state to state, one panel per question (panels.h). */
#include <math.h>
#include <stdio.h>

#include "file/jwriter.h"
#include "report/figures.h"
#include "report/sheet.h"

/* ---- drawing ---- */

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
  const double *values = sheet_values(s, c);
  size_t n = s->g->steps;
  char series[96];
  snprintf(series, sizeof series, "%s.%s", s->g->name, k->column);
  plot_style style = {.colour = k->colour, .more = k->more, .series = series, .label = k->label};
  if (v->replicas > 1) {
    plot_style one = {.colour = k->colour, .more = "faint", .series = series};
    for (one.replica = 0; one.replica < v->drawn; one.replica++)
      plot_line(p, s->g->at, values + one.replica * n, n, &one);
    for (size_t l = 0; l < n; l++) s->work[l] = sheet_median(s, values, l);
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
  if (!view_column(s->v, s->g, sheet_column(k->column, "_p", name), p_values)) return;
  double shown[128];
  for (size_t l = 0; l < n; l++) {
    mark[l] = p_values[l] <= 0.05;
    shown[l] = isfinite(p_values[l]) ? sheet_values(s, c)[l] : NAN;
  }
  plot_points(p, s->g->at, shown, mark, n, &(plot_style){.colour = k->colour});
}

/* A twin that hardly varies has a band too thin to see: its mean is a line of its own. */
static void draw_null_mean(const sheet *s, plot *p, size_t c) {
  char series[112];
  snprintf(series, sizeof series, "%s.%s_null_mean", s->g->name, s->curves[c].column);
  plot_line(p, s->g->at, sheet_band(s, c) + 2 * s->g->steps, s->g->steps,
            &(plot_style){.colour = "c6", .more = "thin", .series = s->v->replicas == 1 ? series : NULL});
}

/* Of a band that is a line all along, the label says where it lies. */
static void name_twin(sheet *s, size_t c, const scale *y) {
  const double *band = sheet_band(s, c);
  double low = INFINITY, high = -INFINITY;
  char number[32];
  for (size_t l = 0; l < s->g->steps; l++) {
    if (isfinite(band[l])) low = fmin(low, band[l]), high = fmax(high, band[s->g->steps + l]);
  }
  snprintf(s->twin, sizeof s->twin, "Gaussian twin");
  bool drawn = low <= high, line = high - low < 0.005 * (y->high - y->low);
  if (s->curves[c].extra != WITH_NULL || !drawn || !line) return;
  double middle = (low + high) / 2, unit = y->high - y->low;
  bool nothing = middle != 0 && fabs(middle) < 0.005 * unit;
  snprintf(s->twin, sizeof s->twin, nothing ? "twin: nearly 0" : "twin: always %s",
           scale_label(middle, 1, number, sizeof number));
}

static void draw_bands(const sheet *s, plot *p, size_t c) {
  const curve *k = &s->curves[c];
  const double *low = sheet_band(s, c), *high = low + s->g->steps;
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
  frame.y = sheet_scale(s);
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
  for (size_t c = 0; c < s->count && v->replicas == 1; c++)
    falls_mark(v, &p, s->curves[c].column, s->g->at, sheet_values(s, c));
  plot_end(&p);
  if (str_equal(s->def->id, "denergy")) falls_table(v, out);
  strbuf source = {0};
  source_line(s, &source);
  if (source.failed) out->failed = true;
  figure_close(out, source.data != NULL ? source.data : "");
  strbuf_free(&source);
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
    sheet s;
    status = sheet_open(v, &report_panels[i], &s, err);
    if (status == DWELL_OK && sheet_is_worth(&s)) draw_panel(v, &s, out);
    sheet_close(&s);
  }
  strbuf_puts(out, "</div>\n");
  section_close(out);
  return status;
}
