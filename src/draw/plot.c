/* draw/plot.c - axes, curves, direct labels. */
#include "draw/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const double LABEL_SIZE = 11.5; /* font size of labels at curves, as in figure.css */

/* ---- frame and axes ---- */

static void scale_attributes(strbuf *out, const char *axis, const scale *s) {
  static const char *const kinds[] = {"linear", "log", "ln"};
  const char *const names[] = {"low", "high", "from", "to"};
  const double values[] = {s->low, s->high, s->from, s->to};
  strbuf_printf(out, " data-%s-kind=\"%s\"", axis, kinds[s->kind]);
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "data-%s-%s", axis, names[i]);
    svg_attribute_number(out, name, values[i]);
  }
}

static void draw_y_axis(plot *p) {
  tick ticks[SCALE_MAX_TICKS];
  size_t n = scale_ticks(&p->y, 5, ticks);
  if (p->y.kind != SCALE_LINEAR) svg_line(p->out, "tick", p->left, p->top, p->left, p->bottom);
  for (size_t i = 0; i < n; i++) {
    if (ticks[i].minor) {
      svg_line(p->out, "tick", p->left - 3, ticks[i].at, p->left, ticks[i].at);
      continue;
    }
    svg_line(p->out, "grid", p->left, ticks[i].at, p->right, ticks[i].at);
    svg_text(p->out, "num", p->left - 7, ticks[i].at + 4, 'e', ticks[i].label);
  }
}

static void draw_x_axis(plot *p, const plot_frame *frame) {
  tick ticks[SCALE_MAX_TICKS];
  size_t n = frame->whole_x ? scale_ticks_whole(&p->x, 10, ticks) : scale_ticks(&p->x, 7, ticks);
  double first = frame->has_zero ? scale_at(&p->x, frame->x_first) : p->left;
  double stop = frame->has_zero ? first - 8 : p->left; /* where the axis line starts again after the break */
  double end = frame->after_label != NULL ? scale_at(&p->x, frame->x_last) : p->right;
  svg_line(p->out, "axis", stop, p->bottom, end, p->bottom);
  for (size_t i = 0; i < n; i++) {
    if (ticks[i].at < stop - 0.5 || ticks[i].at > end + 0.5) continue;
    svg_line(p->out, "tick", ticks[i].at, p->bottom, ticks[i].at, p->bottom + (ticks[i].minor ? 3 : 5));
    if (!ticks[i].minor) svg_text(p->out, "num", ticks[i].at, p->bottom + 18, 'm', ticks[i].label);
  }
  if (frame->has_zero) {
    double zero = scale_at(&p->x, frame->zero);
    svg_line(p->out, "axis", p->left, p->bottom, stop - 6, p->bottom);
    svg_line(p->out, "axis", stop - 8, p->bottom + 4, stop - 4, p->bottom - 4);
    svg_line(p->out, "axis", stop - 3, p->bottom + 4, stop + 1, p->bottom - 4);
    svg_line(p->out, "tick", zero, p->bottom, zero, p->bottom + 5);
    svg_text(p->out, "num", zero, p->bottom + 18, 'm', "0");
  }
  if (frame->after_label != NULL) {
    double at = scale_at(&p->x, frame->after);
    svg_line(p->out, "axis", at - 8, p->bottom, p->right, p->bottom);
    svg_line(p->out, "tick", at, p->bottom, at, p->bottom + 5);
    svg_text(p->out, "num", at, p->bottom + 18, 'm', frame->after_label);
  }
}

static double widest_tick(const scale *y) {
  tick ticks[SCALE_MAX_TICKS];
  size_t n = scale_ticks(y, 5, ticks);
  double widest = 0;
  for (size_t i = 0; i < n; i++) widest = fmax(widest, svg_text_width(ticks[i].label, 11));
  return widest;
}

void plot_begin(plot *p, strbuf *out, const plot_frame *frame) {
  *p = (plot){.out = out, .x = frame->x, .y = frame->y};
  p->y.from = frame->height - 42;
  p->y.to = frame->y_label != NULL ? 28 : 12;
  p->left = ceil(widest_tick(&p->y)) + 14;
  if (p->left < 34) p->left = 34;
  p->right = frame->width - frame->right;
  p->top = p->y.to;
  p->bottom = p->y.from;
  p->x.from = p->left;
  p->x.to = p->right;
  strbuf attributes = {0};
  strbuf_printf(&attributes, "data-plot=\"%s\"", frame->own_axis ? "own" : "1");
  scale_attributes(&attributes, "x", &p->x);
  scale_attributes(&attributes, "y", &p->y);
  if (frame->has_zero) svg_attribute_number(&attributes, "data-x-zero", frame->zero);
  svg_open(out, frame->id, frame->width, frame->height, frame->title, frame->description, attributes.data);
  if (attributes.failed) out->failed = true;
  strbuf_free(&attributes);
  if (!frame->bare_y) draw_y_axis(p);
  draw_x_axis(p, frame);
  if (frame->y_label != NULL) svg_text(out, "lab", 4, 14, 's', frame->y_label);
  if (frame->x_label != NULL) svg_text(out, "lab", p->right, frame->height - 6, 'e', frame->x_label);
}

/* ---- contents ---- */

static void open_shape(plot *p, const char *tag, const char *kind, char paint, const plot_style *style) {
  bool fixed = style->colour[0] == '#';
  strbuf_printf(p->out, "<%s class=\"%s", tag, kind);
  if (!fixed) strbuf_printf(p->out, " %c%s", paint, style->colour);
  if (style->more != NULL) strbuf_printf(p->out, " %s", style->more);
  strbuf_putc(p->out, '"');
  if (fixed) strbuf_printf(p->out, " style=\"%s:%s\"", paint == 's' ? "stroke" : "fill", style->colour);
  if (style->series != NULL) {
    svg_attribute(p->out, "data-series", style->series);
    strbuf_printf(p->out, " data-replica=\"%zu\"", style->replica);
  }
}

static void add_label(plot *p, double y, const plot_style *style) {
  if (style->label == NULL || !isfinite(y) || p->label_count == PLOT_MAX_LABELS) return;
  p->labels[p->label_count++] = (plot_label){.text = style->label, .colour = style->colour, .anchor = y, .y = y};
}

/* Pixels of n points, or false (and a failed output) without memory. */
static bool to_pixels(plot *p, const double *x, const double *y, size_t n, double **ret_x, double **ret_y) {
  *ret_x = MEM_NEW(double, n);
  *ret_y = MEM_NEW(double, n);
  if (*ret_x == NULL || *ret_y == NULL) {
    p->out->failed = true;
    return false;
  }
  for (size_t i = 0; i < n; i++) {
    (*ret_x)[i] = scale_at(&p->x, x[i]);
    (*ret_y)[i] = p->y.kind == SCALE_LOG && !(y[i] > 0) ? NAN : scale_at(&p->y, y[i]);
  }
  return true;
}

void plot_line(plot *p, const double *x, const double *y, size_t n, const plot_style *style) {
  double *px = NULL, *py = NULL;
  if (to_pixels(p, x, y, n, &px, &py)) {
    open_shape(p, "path", "line", 's', style);
    strbuf_puts(p->out, " d=\"");
    svg_path_points(p->out, px, py, n);
    strbuf_puts(p->out, "\"/>\n");
    for (size_t i = n; i-- > 0;) {
      if (!isfinite(py[i])) continue;
      add_label(p, py[i], style);
      break;
    }
  }
  mem_free(px);
  mem_free(py);
}

/* One closed piece of a band: points first..last-1 forward along `high`, back along `low`. */
static void band_piece(plot *p, const double *px, const double *low, const double *high, size_t first, size_t last) {
  for (size_t i = first; i < last; i++) {
    strbuf_putc(p->out, i == first ? 'M' : 'L');
    svg_number(p->out, px[i]);
    strbuf_putc(p->out, ' ');
    svg_number(p->out, high[i]);
  }
  for (size_t i = last; i-- > first;) {
    strbuf_putc(p->out, 'L');
    svg_number(p->out, px[i]);
    strbuf_putc(p->out, ' ');
    svg_number(p->out, low[i]);
  }
  strbuf_putc(p->out, 'Z');
}

void plot_band(plot *p, const double *x, const double *low, const double *high, size_t n, const plot_style *style) {
  double *px = NULL, *plow = NULL, *again = NULL, *phigh = NULL;
  if (to_pixels(p, x, low, n, &px, &plow) && to_pixels(p, x, high, n, &again, &phigh)) {
    open_shape(p, "path", "band", 'f', style);
    strbuf_puts(p->out, " d=\"");
    double label_at = NAN; /* the end of the last piece */
    for (size_t i = 0; i < n;) {
      size_t end = i;
      while (end < n && isfinite(px[end]) && isfinite(plow[end]) && isfinite(phigh[end])) end++;
      if (end > i) {
        band_piece(p, px, plow, phigh, i, end);
        label_at = (plow[end - 1] + phigh[end - 1]) / 2;
      }
      i = end + 1;
    }
    strbuf_puts(p->out, "\"/>\n");
    add_label(p, label_at, style);
  }
  mem_free(px);
  mem_free(plow);
  mem_free(again);
  mem_free(phigh);
}

void plot_points(plot *p, const double *x, const double *y, const bool *mark, size_t n, const plot_style *style) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i]) || (p->y.kind == SCALE_LOG && y[i] <= 0)) continue;
    bool filled = mark == NULL || mark[i];
    open_shape(p, "circle", filled ? "dot" : "ring", filled ? 'f' : 's', style);
    strbuf_puts(p->out, " cx=\"");
    svg_number(p->out, scale_at(&p->x, x[i]));
    strbuf_puts(p->out, "\" cy=\"");
    svg_number(p->out, scale_at(&p->y, y[i]));
    strbuf_puts(p->out, n > 40 ? "\" r=\"2\"/>\n" : "\" r=\"3\"/>\n");
  }
}

void plot_diamond(plot *p, double x, double y, bool filled, const plot_style *style) {
  enum { RADIUS = 5 };
  static const double corners[4][2] = {{0, -RADIUS}, {RADIUS, 0}, {0, RADIUS}, {-RADIUS, 0}};
  if (!isfinite(x) || !isfinite(y) || (p->y.kind == SCALE_LOG && y <= 0)) return;
  open_shape(p, "path", filled ? "dot" : "ring", filled ? 'f' : 's', style);
  for (int i = 0; i < 4; i++) {
    strbuf_puts(p->out, i == 0 ? " d=\"M" : "L");
    svg_number(p->out, scale_at(&p->x, x) + corners[i][0]);
    strbuf_putc(p->out, ' ');
    svg_number(p->out, scale_at(&p->y, y) + corners[i][1]);
  }
  strbuf_puts(p->out, "Z\"/>\n");
}

void plot_fall(plot *p, double x, double y, const plot_style *style) {
  if (!isfinite(x) || !isfinite(y) || (p->y.kind == SCALE_LOG && y <= 0)) return;
  open_shape(p, "path", "fall", 'f', style);
  strbuf_puts(p->out, " d=\"M");
  svg_number(p->out, scale_at(&p->x, x));
  strbuf_putc(p->out, ' ');
  svg_number(p->out, scale_at(&p->y, y) - 4);
  strbuf_puts(p->out, "l-4.5 -8h9Z\"/>\n");
}

void plot_rule(plot *p, double y, const plot_style *style) {
  if (y < p->y.low || y > p->y.high) return;
  double at = scale_at(&p->y, y);
  open_shape(p, "path", "line rule", 's', style);
  strbuf_puts(p->out, " d=\"M");
  svg_number(p->out, p->left);
  strbuf_putc(p->out, ' ');
  svg_number(p->out, at);
  strbuf_puts(p->out, "H");
  svg_number(p->out, p->right);
  strbuf_puts(p->out, "\"/>\n");
  add_label(p, at, style);
}

void plot_key(plot *p, double x, size_t row, const plot_style *style, const char *text) {
  enum { SAMPLE = 20, SPACE = 6 };
  double from = x >= 0 ? p->left + x : p->right + x - svg_text_width(text, LABEL_SIZE) - SAMPLE - SPACE;
  double y = p->top + 12 + 15 * (double)row;
  open_shape(p, "path", "line", 's', style);
  strbuf_puts(p->out, " d=\"M");
  svg_number(p->out, from);
  strbuf_putc(p->out, ' ');
  svg_number(p->out, y);
  strbuf_printf(p->out, "h%d\"/>\n", SAMPLE);
  svg_text(p->out, "lab", from + SAMPLE + SPACE, y + 4, 's', text);
}

/* ---- labels ---- */

static void sort_labels(plot_label *labels, size_t n) {
  for (size_t i = 1; i < n; i++) {
    for (size_t j = i; j > 0 && labels[j].anchor < labels[j - 1].anchor; j--) {
      plot_label swap = labels[j];
      labels[j] = labels[j - 1];
      labels[j - 1] = swap;
    }
  }
}

/* Pushes overlapping labels apart: clusters of touching labels are centred on the mean of their anchors, until none
 * touch (the pool-adjacent-violators idea; at most PLOT_MAX_LABELS merges). */
static void spread_labels(plot *p, double height) {
  plot_label *labels = p->labels;
  size_t n = p->label_count, start[PLOT_MAX_LABELS], count = 0;
  double centre[PLOT_MAX_LABELS], size[PLOT_MAX_LABELS];
  double low = p->top - 4, high = p->bottom + 6;
  for (size_t i = 0; i < n; i++) {
    start[count] = i, centre[count] = labels[i].anchor, size[count] = 1;
    count++;
    for (;;) {
      double half = size[count - 1] * height / 2;
      centre[count - 1] = fmax(low + half, fmin(high - half, centre[count - 1]));
      if (count < 2 || centre[count - 2] + size[count - 2] * height / 2 <= centre[count - 1] - half) break;
      double all = size[count - 2] + size[count - 1];
      centre[count - 2] = (centre[count - 2] * size[count - 2] + centre[count - 1] * size[count - 1]) / all;
      size[count - 2] = all;
      count--;
    }
  }
  for (size_t c = 0; c < count; c++) {
    size_t end = c + 1 < count ? start[c + 1] : n;
    for (size_t i = start[c]; i < end; i++) {
      labels[i].y = centre[c] + ((double)(i - start[c]) - (size[c] - 1) / 2) * height;
    }
  }
}

void plot_end(plot *p) {
  sort_labels(p->labels, p->label_count);
  spread_labels(p, LABEL_SIZE * 1.22);
  for (size_t i = 0; i < p->label_count; i++) {
    const plot_label *l = &p->labels[i];
    char classes[40];
    if (fabs(l->y - l->anchor) > 3) {
      snprintf(classes, sizeof classes, "lead s%s", l->colour);
      svg_line(p->out, classes, p->right + 2, l->anchor, p->right + 10, l->y);
    }
    snprintf(classes, sizeof classes, "key f%s", l->colour);
    svg_text(p->out, classes, p->right + 12, l->y + 4, 's', l->text);
  }
  svg_close(p->out);
}
