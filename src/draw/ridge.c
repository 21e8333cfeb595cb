/* draw/ridge.c - ridgelines. */
#include "draw/ridge.h"

#include <math.h>
#include <stdio.h>

#include "draw/colour.h"

typedef struct layout {
  double left, right, top, bottom;
  scale x;
} layout;

static layout ridge_layout(const ridge_figure *f) {
  double widest = 0;
  for (size_t r = 0; r < f->rows; r++) widest = fmax(widest, svg_text_width(f->labels[r], 11));
  layout l = {.left = widest + 16, .right = f->width - 12, .top = 22 + f->row_height * fmax(0, f->overlap - 1)};
  l.bottom = l.top + f->row_height * (double)f->rows;
  l.x = scale_make(SCALE_LINEAR, f->low, f->high);
  l.x.from = l.left;
  l.x.to = l.right;
  return l;
}

static void ridge_axis(strbuf *out, const ridge_figure *f, const layout *l) {
  tick ticks[SCALE_MAX_TICKS];
  size_t n = scale_ticks(&l->x, 5, ticks);
  for (size_t i = 0; i < n; i++) {
    svg_line(out, "grid", ticks[i].at, l->top - f->row_height * 0.4, ticks[i].at, l->bottom);
    svg_line(out, "tick", ticks[i].at, l->bottom, ticks[i].at, l->bottom + 5);
    svg_text(out, "num", ticks[i].at, l->bottom + 18, 'm', ticks[i].label);
  }
  svg_line(out, "axis", l->left, l->bottom, l->right, l->bottom);
  svg_text(out, "lab", l->right, l->bottom + 36, 'e', f->x_label);
  svg_text(out, "lab", 4, 14, 's', f->row_label);
}

static double largest(const double *counts, size_t bins) {
  double most = 0;
  for (size_t b = 0; b < bins; b++) most = fmax(most, counts[b]);
  return most;
}

/* The outline of one histogram, as steps. */
static void ridge_outline(strbuf *out, const ridge_figure *f, const layout *l, const double *counts, double base) {
  double most = largest(counts, f->bins), width = (l->right - l->left) / (double)f->bins;
  double unit = most > 0 ? f->overlap * f->row_height / most : 0;
  strbuf_puts(out, "M");
  svg_number(out, l->left);
  strbuf_putc(out, ' ');
  svg_number(out, base);
  for (size_t b = 0; b < f->bins; b++) {
    strbuf_putc(out, 'V');
    svg_number(out, base - unit * counts[b]);
    strbuf_putc(out, 'H');
    svg_number(out, l->left + width * (double)(b + 1));
  }
  strbuf_putc(out, 'V');
  svg_number(out, base);
}

static void ridge_row(strbuf *out, const ridge_figure *f, const layout *l, size_t r) {
  double base = l->top + f->row_height * (double)(r + 1);
  /* The lowest quarter of the ramp is too close to the page. */
  int level = colour_level(0.25 + 0.7 * (f->rows > 1 ? (double)r / (double)(f->rows - 1) : 1));
  strbuf_printf(out, "<g class=\"row\" data-state=\"%zu\"><path class=\"ridge fm%d\"", f->states[r], level);
  if (f->series != NULL) svg_attribute(out, "data-series", f->series);
  strbuf_puts(out, " d=\"");
  ridge_outline(out, f, l, f->counts + r * f->bins, base);
  strbuf_puts(out, "Z\"/>\n");
  svg_text(out, "num", l->left - 8, base + 1, 'e', f->labels[r]);
  strbuf_puts(out, "</g>\n");
}

/* After all ridges, so that none hides the thread of marks. */
static void ridge_marks(strbuf *out, const ridge_figure *f, const layout *l) {
  for (size_t r = 0; f->opt_marks != NULL && r < f->rows; r++) {
    if (!isfinite(f->opt_marks[r])) continue;
    svg_circle(out, "mean", scale_at(&l->x, f->opt_marks[r]), l->top + f->row_height * (double)(r + 1), 2.6);
  }
}

void ridge_draw(strbuf *out, const ridge_figure *f) {
  layout l = ridge_layout(f);
  svg_open(out, f->id, f->width, l.bottom + 44, f->title, f->description, "data-ridge=\"1\"");
  ridge_axis(out, f, &l);
  for (size_t r = 0; r < f->rows; r++) ridge_row(out, f, &l, r);
  ridge_marks(out, f, &l);
  svg_close(out);
}
