/* draw/plot.h - a frame with axes and what is drawn in it: lines, bands, points, bars, rules, and labels placed at the
 * curves themselves instead of in a legend box.
 *
 *   plot p;
 *   plot_begin(&p, out, &(plot_frame){.id = "ip", .title = ..., .x = scale_make(...), .y = ..., ...});
 *   plot_band(&p, x, low, high, n, "fc0", "layers.ip_mean-sd");
 *   plot_line(&p, x, y, n, &(plot_style){.colour = "0", .series = "layers.ip_mean", .label = "mean"});
 *   plot_end(&p);
 *
 * The svg carries data-x-kind, data-x-low, data-x-high, data-x-from, data-x-to (and the same for y), so that pixels
 * can be turned back into data by whoever reads the page. */
#ifndef DWELL_DRAW_PLOT_H
#define DWELL_DRAW_PLOT_H

#include "draw/scale.h"
#include "draw/svg.h"

typedef struct plot_frame {
  const char *id, *title, *description;
  double width, height; /* of the drawing */
  double right;         /* pixels kept for labels at the right */
  scale x, y;           /* pixels are set here */
  const char *x_label, *y_label;
  bool whole_x;            /* ticks at whole numbers only */
  bool bare_y;             /* no numbers and no grid at y: only the order of what is drawn means something */
  bool own_axis;           /* x is not the page's axis of states: data-plot="own", which its script leaves alone */
  bool has_zero;           /* an x outside a logarithmic axis: "0", drawn left of a break */
  double zero;             /* where on the axis (in data) it sits */
  double x_first;          /* with has_zero: ticks start here */
  const char *after_label; /* a place beyond the axis, right of a break, with this label; NULL: none */
  double after, x_last;    /* with after_label: where (in data) it sits; ticks and axis end at x_last */
} plot_frame;

typedef struct plot_style {
  const char *colour; /* class without its f or s: "c0", "m12"; or a fixed colour "#rrggbb" */
  const char *more;   /* further classes: "dash", "thin", "bold", "faint"; NULL: none */
  const char *series; /* data-series: which column this is, "layers.ip_mean" */
  const char *label;  /* written at the right end; NULL: none */
  size_t replica;
} plot_style;

enum { PLOT_MAX_LABELS = 24 };

typedef struct plot_label {
  const char *text, *colour;
  double anchor, y; /* where it belongs, where it is put */
} plot_label;

typedef struct plot {
  strbuf *out;
  scale x, y;
  double left, right, top, bottom; /* pixels of the data rectangle */
  plot_label labels[PLOT_MAX_LABELS];
  size_t label_count;
} plot;

/* Opens the svg, draws grid, axes and axis labels. The texts of the frame are not kept. */
void plot_begin(plot *p, strbuf *out, const plot_frame *frame);
/* A curve through (x, y) in data; NaN in y (or x) is a gap. The texts of the style must live until plot_end. */
void plot_line(plot *p, const double *x, const double *y, size_t n, const plot_style *style);
/* The area between two curves; a piece ends where either is NaN. */
void plot_band(plot *p, const double *x, const double *low, const double *high, size_t n, const plot_style *style);
/* Dots; `mark` (may be NULL) says which are filled, the others are hollow. */
void plot_points(plot *p, const double *x, const double *y, const bool *mark, size_t n, const plot_style *style);
/* A diamond at one point, filled or hollow: what stands apart from a curve. */
void plot_diamond(plot *p, double x, double y, bool filled, const plot_style *style);
/* A triangle that points down, its tip on the point: a fall. */
void plot_fall(plot *p, double x, double y, const plot_style *style);
/* A horizontal reference line over the whole width, labelled at the right. */
void plot_rule(plot *p, double y, const plot_style *style);
/* A matrix as cells of one of the ramp's colours, row 0 at y_low; NaN: no cell. And its colour bar above the frame, at
 * the right. */
typedef struct plot_matrix {
  size_t rows, columns;
  const double *values;                /* [rows, columns] */
  double x_low, x_high, y_low, y_high; /* what the matrix covers, in data */
  double low, high;                    /* of the colours */
} plot_matrix;
void plot_cells(plot *p, const plot_matrix *m);
void plot_bar(plot *p, const plot_matrix *m, const char *label);
/* A sample of a line and what it means, `row` lines below the top of the frame, x pixels from its left (negative: so
 * that the text ends so far from its right). */
void plot_key(plot *p, double x, size_t row, const plot_style *style, const char *text);
/* Places the labels without overlap and closes the svg. */
void plot_end(plot *p);

#endif
