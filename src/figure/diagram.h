/* figure/diagram.h - which pairs of tokens have met when, over many starts: what phase diagrams are made of. */
#ifndef DWELL_FIGURE_DIAGRAM_H
#define DWELL_FIGURE_DIAGRAM_H

#include "figure/figure.h"

enum { DIAGRAM_TOKENS = 32, DIAGRAM_COLUMNS = 200 };

/* One row of a diagram: 32 uniform tokens in d dimensions, one temperature, all starts. */
typedef struct diagram_row {
  double share[DIAGRAM_COLUMNS]; /* of pairs with cosine >= .999 in the middle of each column of [0, until] */
  double half;                   /* mean time at which half of the pairs of a start are there; those that are never: */
  double never;                  /* their share */
} diagram_row;

enum { DIAGRAM_SIZE = sizeof(diagram_row) / sizeof(double) };

/* Accuracy that rtol and merge of this give: docs/figures.md. Errors: as batch_run. */
dwell_status diagram_compute(const dwell_context *opt_ctx, size_t d, double beta, size_t starts, double until,
                             diagram_row *ret_row, dwell_error *err);

#endif
