/* report/text.c - a run's curves in a terminal. */
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "report/figures.h"
#include "report/sheet.h"

enum { ROWS = 5, LABEL = 10, ENDS = 20, MOST_COLUMNS = 512, WIDEST_STATE = 4 };

/* Eighths of a block, by height. */
static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

void text_repeat(strbuf *out, const char *glyph, size_t count) {
  while (count-- > 0) strbuf_puts(out, glyph);
}

static size_t columns_of(const char *text) {
  size_t n = 0;
  for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
  return n;
}

void text_cell(strbuf *out, const char *text, size_t columns) {
  char safe[256];
  str_display(safe, sizeof safe, text, strlen(text));
  size_t have = columns_of(safe), shown = 0;
  for (const char *p = safe; *p != '\0'; p++) {
    if (((unsigned char)*p & 0xC0) != 0x80 && ++shown > (have > columns ? columns - 1 : columns)) break;
    strbuf_putc(out, *p);
  }
  if (have > columns) strbuf_puts(out, "…");
  text_repeat(out, " ", have < columns ? columns - have : 0);
}

const char *text_number(double x, char text[32]) {
  return isfinite(x) ? scale_label(x, 3, text, 32) : strcpy(text, "–");
}

/* ---- one panel ---- */

typedef struct canvas {
  const sheet *s;
  scale y;        /* pixels: rows from the bottom */
  size_t columns; /* states drawn */
  size_t each;    /* characters per state */
  size_t states[MOST_COLUMNS];
} canvas;

static canvas make_canvas(const sheet *s, size_t width) {
  canvas c = {.s = s, .y = sheet_scale(s)};
  size_t room = width - LABEL - 2 - ENDS, steps = s->g->steps;
  room = room < MOST_COLUMNS ? room : MOST_COLUMNS;
  c.columns = steps < room ? steps : room;
  c.each = room / c.columns < WIDEST_STATE ? room / c.columns : WIDEST_STATE;
  for (size_t k = 0; k < c.columns; k++) c.states[k] = c.columns > 1 ? k * (steps - 1) / (c.columns - 1) : 0;
  c.y.from = 0, c.y.to = ROWS;
  return c;
}

/* How far a row of characters is filled by something that reaches up to `at`, in eighths. */
static int filled(double at, double row) {
  double part = at - row;
  return !(part > 0) ? 0 : part >= 1 ? 8 : (int)(8 * part) < 1 ? 1 : (int)(8 * part);
}

static double height(const canvas *c, double value) {
  return c->y.kind == SCALE_LOG && !(value > 0) ? NAN : scale_at(&c->y, value);
}

/* Does the band of chance pass through a row? One that is thinner than a row lies in the row of its middle. */
static bool has_band(const canvas *c, size_t state, double row) {
  const double *band = sheet_band(c->s, 0);
  size_t steps = c->s->g->steps;
  if (c->s->curves[0].extra != WITH_NULL || !isfinite(band[state])) return false;
  double low = height(c, band[state]), high = height(c, band[steps + state]);
  double middle = fmin(fmax((low + high) / 2, 0), ROWS - 1e-9);
  return (low < row + 0.5 && high > row + 0.5) || floor(middle) == row;
}

static void add_axis_label(const canvas *c, size_t row, strbuf *out) {
  char number[32], line[64];
  const char *label = row == ROWS - 1 ? text_number(c->y.high, number) : row == 0 ? text_number(c->y.low, number) : "";
  size_t columns = columns_of(label);
  snprintf(line, sizeof line, "%*s%s ", columns < LABEL ? (int)(LABEL - columns) : 0, "", label);
  strbuf_puts(out, line);
  strbuf_puts(out, row == ROWS - 1 || row == 0 ? "┤" : "│");
}

static void add_chart(const canvas *c, strbuf *out) {
  const double *values = sheet_values(c->s, 0);
  for (size_t row = ROWS; row-- > 0;) {
    add_axis_label(c, row, out);
    for (size_t k = 0; k < c->columns; k++) {
      int level = filled(height(c, sheet_median(c->s, values, c->states[k])), (double)row);
      bool band = has_band(c, c->states[k], (double)row);
      text_repeat(out, level == 0 && band ? "░" : level == 8 && band ? "▓" : eighths[level], c->each);
    }
    strbuf_puts(out, "\n");
  }
}

/* Below the chart: where the null was rejected. */
static void add_marks(const canvas *c, strbuf *out) {
  const curve *k = &c->s->curves[0];
  char name[80];
  if (k->extra != WITH_NULL || c->s->v->replicas > 1) return;
  if (!view_column(c->s->v, c->s->g, sheet_column(k->column, "_p", name), c->s->work)) return;
  strbuf_printf(out, "%*s", LABEL + 2, "p≤.05  ");
  for (size_t i = 0; i < c->columns; i++) {
    strbuf_puts(out, c->s->work[c->states[i]] <= 0.05 ? "•" : " ");
    text_repeat(out, " ", c->each - 1);
  }
  strbuf_puts(out, "\n");
}

static void add_states(const canvas *c, strbuf *out) {
  char first[64], last[64];
  const view *v = c->s->v;
  size_t wide = c->columns * c->each, end = c->s->g->steps - 1;
  if (c->s->def->blocks) {
    snprintf(first, sizeof first, "%zu", c->s->g->first);
    snprintf(last, sizeof last, "%zu", c->s->g->first + end);
  } else {
    view_state_label(v, 0, first, sizeof first);
    view_state_label(v, end, last, sizeof last);
  }
  size_t used = columns_of(first) + columns_of(last);
  strbuf_printf(out, "%*s%s", LABEL + 2, "", first);
  text_repeat(out, " ", used < wide ? wide - used : 1);
  strbuf_printf(out, "%s  %s\n", last, c->s->def->blocks ? "block" : v->label);
}

/* Several curves: a line of blocks each, on the panel's common axis, with the first and the last value. */
static void add_line(const canvas *c, size_t index, strbuf *out) {
  const double *values = sheet_values(c->s, index);
  char first[32], last[32];
  text_cell(out, c->s->curves[index].label != NULL ? c->s->curves[index].label : "", LABEL + 2);
  for (size_t k = 0; k < c->columns; k++) {
    double at = height(c, sheet_median(c->s, values, c->states[k]));
    int level = isfinite(at) ? filled(at / ROWS, 0) : 0;
    text_repeat(out, isfinite(at) && level == 0 ? eighths[1] : eighths[level], c->each);
  }
  strbuf_printf(out, "  %s → %s\n", text_number(sheet_median(c->s, values, 0), first),
                text_number(sheet_median(c->s, values, c->s->g->steps - 1), last));
}

static void add_panel(const sheet *s, size_t width, strbuf *out) {
  canvas c = make_canvas(s, width);
  char low[32], high[32];
  strbuf_printf(out, "\n%s (%s)", s->def->heading, s->def->y_label);
  if (s->count > 1) {
    strbuf_printf(out, ", blocks from %s to %s%s\n", text_number(c.y.low, low), text_number(c.y.high, high),
                  c.y.kind == SCALE_LOG ? ", logarithmic" : "");
    for (size_t k = 0; k < s->count; k++) add_line(&c, k, out);
  } else {
    strbuf_puts(out, c.y.kind == SCALE_LOG ? ", logarithmic\n" : "\n");
    add_chart(&c, out);
    add_marks(&c, out);
  }
  add_states(&c, out);
  double final = s->final[FINAL_VALUE];
  if (s->count == 1 && isfinite(final))
    strbuf_printf(out, "%*safter the final norm %s\n", LABEL + 2, "", text_number(final, low));
}

/* ---- the report ---- */

static void add_head(const view *v, strbuf *out) {
  strbuf title = {0};
  char name[256];
  header_title(v, false, &title);
  const char *plain = v->is_flow && title.data != NULL ? title.data : view_text(v, "source", "name", "run");
  str_display(name, sizeof name, plain, strlen(plain));
  strbuf_printf(out, "%s\n", name);
  strbuf_printf(out, "%zu states", v->states.steps);
  double n = view_number(v->states.t, v->states.rows[0], "n"), d = view_number(v->states.t, v->states.rows[0], "d");
  if (isfinite(n) && isfinite(d)) strbuf_printf(out, " of %.0f tokens in %.0f dimensions", n, d);
  if (v->replicas > 1) strbuf_printf(out, "; medians of %zu replicas", v->replicas);
  strbuf_puts(out, ". █ measured, ░ what chance gives (▓ where both are), • p ≤ 0.05 at that state.\n");
  if (title.failed) out->failed = true;
  strbuf_free(&title);
}

dwell_status report_text(const dwell_run *run, size_t width, strbuf *out, dwell_error *err) {
  view v;
  dwell_status status = view_open(run, &v, err);
  if (status != DWELL_OK) return status;
  add_head(&v, out);
  for (size_t i = 0; i < report_panel_count && status == DWELL_OK; i++) {
    sheet s;
    status = sheet_open(&v, &report_panels[i], &s, err);
    if (status == DWELL_OK && sheet_is_worth(&s)) add_panel(&s, width < TEXT_LEAST ? TEXT_LEAST : width, out);
    sheet_close(&s);
  }
  if (status == DWELL_OK) status = heads_text(&v, width < TEXT_LEAST ? TEXT_LEAST : width, out, err);
  if (status == DWELL_OK && out->failed) status = error_no_memory(err, "the report");
  view_close(&v);
  return status;
}
