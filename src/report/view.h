/* report/view.h - a run as the figures want it: replicas x states, the axis they lie on, columns with gaps as NaN. */
#ifndef DWELL_REPORT_VIEW_H
#define DWELL_REPORT_VIEW_H

#include <dwell/report.h>
#include <jansson.h>

#include "draw/plot.h"
#include "run/run.h"

enum { VIEW_MAX_REPLICAS = 16 }; /* replicas drawn and embedded one by one; more show in the median only */

/* Rows of one table ordered as [replicas, steps]. */
typedef struct view_grid {
  const table *t;   /* NULL: the run has no such table */
  const char *name; /* "layers", "blocks" */
  size_t first;     /* number of the first state or block */
  size_t steps;     /* states or blocks per replica */
  size_t *rows;     /* [replicas, steps], SIZE_MAX: no such row */
  double *at;       /* [steps] position on the axis */
} view_grid;

typedef struct view {
  const dwell_run *run;
  json_t *manifest;
  size_t replicas, drawn; /* drawn = min(replicas, VIEW_MAX_REPLICAS) */
  view_grid states, blocks;
  size_t final_row; /* row of the final norm in layers, SIZE_MAX: none */
  bool is_flow;
  /* the axis of states */
  scale_kind kind;
  const char *column, *label; /* layers.csv column it is made of, and its name for people */
  bool has_zero;
  double zero, first; /* place of t = 0 left of a logarithmic axis; first real value */
  double after;       /* place of the final norm, right of the last state */
  strbuf medians;     /* JSON members "layers.ip_mean": [...] of the medians drawn */
} view;

/* Fills a view; on failure nothing is held. */
dwell_status view_open(const dwell_run *run, view *ret_view, dwell_error *err);
void view_close(view *v);

/* Column `name` of a grid into ret_values [replicas, steps], NaN where empty; false if there is no such column or every
 * cell is empty. */
bool view_column(const view *v, const view_grid *g, const char *name, double *ret_values);
bool view_has_column(const view_grid *g, const char *name);
/* One number of a row of a table, NaN if empty or absent. */
double view_number(const table *t, size_t row, const char *column);
/* "7" for a state of a model, "0.031" for a time. */
char *view_state_label(const view *v, size_t state, char *text, size_t size);
/* A frame with the run's axis; y and texts are the caller's. */
plot_frame view_frame(const view *v);
/* Kinds of warnings that occurred: members of the manifest's counts that are not 0. */
size_t view_warnings(const view *v);
/* A string of the manifest below `object` ("source", "kind"), or `otherwise`. */
const char *view_text(const view *v, const char *object, const char *key, const char *otherwise);

#endif
