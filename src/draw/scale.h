/* draw/scale.h - from data to pixels and back, and where the ticks go. */
#ifndef DWELL_DRAW_SCALE_H
#define DWELL_DRAW_SCALE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum scale_kind {
  SCALE_LINEAR,
  SCALE_LOG, /* the data are positive, drawn by their logarithm */
  SCALE_LN   /* the data are natural logarithms already (times that do not fit a double), labelled by what they mean */
} scale_kind;

typedef struct scale {
  scale_kind kind;
  double low, high; /* data, low < high */
  double from, to;  /* pixels; from > to for a vertical axis */
} scale;

/* A scale of data low..high. An empty, reversed or non-finite range is widened to something that can be drawn; for
 * SCALE_LOG a bound <= 0 is replaced. Pixels are 0..1 until set. */
scale scale_make(scale_kind kind, double low, double high);
/* Moves the ends outward to the next tick (about `ticks` of them), so that a curve does not touch the frame. */
void scale_widen(scale *s, size_t ticks);

double scale_at(const scale *s, double value);   /* pixel; values outside the range extrapolate */
double scale_back(const scale *s, double pixel); /* data */

typedef struct tick {
  double value;
  double at;      /* pixel */
  bool minor;     /* drawn shorter, without label */
  char label[32]; /* UTF-8: U+2212 for minus, superscripts for powers of ten */
} tick;

enum { SCALE_MAX_TICKS = 96 };

/* Ticks inside the range, ascending: multiples of 1, 2 or 5 times a power of ten, at most about `most` labelled ones.
 * Returns their number. */
size_t scale_ticks(const scale *s, size_t most, tick ret_ticks[SCALE_MAX_TICKS]);
/* Ticks at whole numbers only (states, blocks, heads). */
size_t scale_ticks_whole(const scale *s, size_t most, tick ret_ticks[SCALE_MAX_TICKS]);

/* `value` rounded to `digits` significant digits, for people: "0.0123", "1.2×10⁻⁷", "−3". Not for data. */
char *scale_label(double value, int digits, char *text, size_t size);

#endif
