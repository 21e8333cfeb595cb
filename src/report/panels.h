/* report/panels.h - which curves the page draws: a panel is one line of a table. */
#ifndef DWELL_REPORT_PANELS_H
#define DWELL_REPORT_PANELS_H

#include <stdbool.h>
#include <stddef.h>

enum curve_extra { PLAIN, WITH_NULL, WITH_CHANCE };

typedef struct curve {
  const char *column;
  const char *label;  /* NULL: the part of the column's name after the prefix, as a beta */
  const char *colour; /* NULL: from the ramp */
  const char *more;
  enum curve_extra extra; /* WITH_NULL: band null_mean +- 2 null_sd and p; WITH_CHANCE: dashed line of null_mean */
  const char *spread;     /* column of a standard deviation drawn as a band around the curve */
} curve;

enum { MOST_CURVES = 6 };

typedef struct panel {
  const char *id, *heading, *text, *y_label;
  bool blocks;           /* from blocks.csv */
  double low, high;      /* values the axis must include; NaN: none */
  double floor, ceiling; /* hard range of the measure, bands are cut there; NaN: open */
  bool may_log;          /* logarithmic if the values are positive and span more than a factor of 20 */
  double zero_line;      /* a reference line; NaN: none */
  const char *prefix;    /* a family: every column that starts so */
  curve curves[MOST_CURVES];
} panel;

extern const panel report_panels[];
extern const size_t report_panel_count;

#endif
