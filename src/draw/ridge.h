/* draw/ridge.h - many distributions one above the other, and matrices as coloured cells. */
#ifndef DWELL_DRAW_RIDGE_H
#define DWELL_DRAW_RIDGE_H

#include "draw/scale.h"
#include "draw/svg.h"

/* Ridgeline of `rows` histograms with `bins` equal bins over [low, high], first row on top. Each ridge is scaled to its
 * own largest bin (an equal area would hide every state but the last). */
typedef struct ridge_figure {
  const char *id, *title, *description;
  double width;
  double row_height; /* pixels between baselines */
  double overlap;    /* height of a full ridge in rows, for example 2.4 */
  size_t rows, bins;
  const double *counts; /* [rows, bins] >= 0 */
  double low, high;
  const char *const *labels; /* [rows] at the left */
  const size_t *states;      /* [rows] data-state */
  const double *opt_marks;   /* [rows] a value to mark on each baseline (the mean); NaN: none */
  const char *x_label, *row_label;
  const char *series; /* data-series */
} ridge_figure;

void ridge_draw(strbuf *out, const ridge_figure *f);

/* A matrix as cells, row 0 at the bottom, with a colour bar. NaN: an empty cell. */
typedef struct heat_figure {
  const char *id, *title, *description;
  double width;
  size_t rows, columns;
  size_t first_column;  /* number of the first column, for its tick */
  const double *values; /* [rows, columns] */
  double low, high;     /* of the colours */
  const char *x_label, *y_label, *value_label;
  double mark; /* value to mark on the colour bar (chance), NaN: none */
  const char *mark_label;
  const char *series; /* data-series */
} heat_figure;

void heat_draw(strbuf *out, const heat_figure *f);

#endif
