/* study/trend.h - along checkpoints, lengths and depths. */
#ifndef DWELL_STUDY_TREND_H
#define DWELL_STUDY_TREND_H

#include <dwell/status.h>
#include <stddef.h>

/* The first checkpoint from which all later ones, at least two in all, exceed `largest` (what random weights reach);
 * SIZE_MAX if there is none or the first of all, the untrained one, exceeds it. */
size_t trend_emergence(size_t checkpoints, const double *means, double largest);

/* Least squares slope of y on ln x; x > 0 and not all equal. */
double trend_slope(size_t count, const double *x, const double *y);

/* Above which depth do most prompts show it? */
typedef struct depth_threshold {
  size_t below, above; /* indices: the largest depth that has it in surely less than half of the prompts, the smallest
                        * in surely more; SIZE_MAX: open */
  double crossing;     /* where the isotonic regression of the shares passes 1/2, linear in ln depth; NaN: nowhere */
} depth_threshold;

/* depths ascending; with [count] of prompts [count] (> 0). Each depth is tested at level .05 / count. Errors:
 * DWELL_NO_MEMORY. */
dwell_status trend_depths(size_t count, const double *depths, const size_t *with, const size_t *prompts,
                          depth_threshold *ret_threshold, dwell_error *err);

#endif
