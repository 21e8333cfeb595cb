/* figure/figure.h - published figures, each from scratch, and the registry of them.
 *
 * A figure is one file and one line in registry.c. It fills a sheet: drawn panels, the numbers they show, and checks of
 * those numbers against what the theory says. Expected values live in theorem/; a check names the row that it takes. */
#ifndef DWELL_FIGURE_FIGURE_H
#define DWELL_FIGURE_FIGURE_H

#include <dwell/context.h>
#include <stdbool.h>

#include "draw/plot.h"
#include "theorem/theorem.h"

/* One number that the specification gives for a figure. */
typedef struct figure_check {
  char name[64];
  const char *statement, *reason; /* static; the reason is the tolerance's */
  theorem_relation relation;
  theorem_outcome outcome;
  bool pass;
} figure_check;

typedef struct figure_array {
  char name[48];
  size_t rank, shape[4];
  double *values; /* owned */
} figure_array;

typedef struct figure_panel {
  double width, height; /* of the drawing, set when it is begun */
  char title[200];
  strbuf svg;
} figure_panel;

typedef struct figure_sheet {
  /* Set by whoever asks. */
  const dwell_context *ctx; /* threads, progress, interruption */
  bool quick;               /* the reduced size */
  const char *model;        /* name or folder; NULL where the figure needs none */
  const char *journal;      /* file that keeps what was computed, so that an interrupted run goes on; NULL: none */
  /* Filled by the figure. */
  size_t columns; /* panels beside each other */
  figure_panel *panels;
  size_t panel_count, panel_room;
  figure_array *arrays;
  size_t array_count, array_room;
  figure_check *checks;
  size_t check_count, check_room;
  char note[1200]; /* what this run was: sizes, counts; words */
} figure_sheet;

typedef struct figure {
  const char *name, *summary, *source;
  const char *shows;    /* what is drawn, in sentences */
  const char *original; /* what the published one did */
  const char *ours;     /* what is different here, and why */
  bool needs_model;
  bool is_experiment; /* no published figure: a question of the papers that anybody can put again */
  dwell_status (*make)(figure_sheet *sheet, dwell_error *err);
} figure;

const figure *const *figure_registry(size_t *ret_count);
const figure *figure_find(const char *name); /* NULL: no such figure */

/* Makes the figure into a sheet whose first fields are set. Errors: what the computations return. */
dwell_status figure_make(const figure *f, figure_sheet *sheet, dwell_error *err);
void figure_sheet_clear(figure_sheet *sheet); /* what was filled */

/* One standalone drawing of all panels; one page with the drawing, the words and the table of checks, without network;
 * the numbers as npz. Whole files or none. */
dwell_status figure_write_svg(const figure *f, const figure_sheet *sheet, const char *path, dwell_error *err);
dwell_status figure_write_html(const figure *f, const figure_sheet *sheet, const char *path, dwell_error *err);
dwell_status figure_write_npz(const figure_sheet *sheet, const char *path, dwell_error *err);

/* ---- for the figures ---- */

/* A new panel: where to draw, for plot_begin with this width and height and an id of its own. The title stands above
 * it. NULL without memory (err filled). Valid until the next panel. */
strbuf *figure_panel_begin(figure_sheet *sheet, double width, double height, const char *title, dwell_error *err);

/* Keeps a copy of values [shape] under a name. */
dwell_status figure_keep(figure_sheet *sheet, const char *name, size_t rank, const size_t *shape, const double *values,
                         dwell_error *err);
dwell_status figure_keep_series(figure_sheet *sheet, const char *name, size_t count, const double *values,
                                dwell_error *err);

/* A measured number against the row of that name in theorem/: its prediction, relation and tolerance. */
dwell_status figure_check_row(figure_sheet *sheet, const char *row, double measured, dwell_error *err);
/* The same where the row computes its prediction or tolerance, or another tolerance is right here, which has a reason
 * of its own (static). NaN: the row's. */
dwell_status figure_check_row_within(figure_sheet *sheet, const char *row, double measured, double predicted,
                                     double tolerance, const char *reason, dwell_error *err);
/* A check without a row. Words are static. */
dwell_status figure_check_value(figure_sheet *sheet, const char *name, const char *statement, theorem_relation relation,
                                double measured, double predicted, double tolerance, const char *reason,
                                dwell_error *err);

/* Computes `count` items of `size` numbers each, ret_values [count, size], on all threads; what the journal has is not
 * computed again. `stage` names this computation within the figure. */
typedef dwell_status (*figure_item)(void *arg, size_t item, double *ret_values, dwell_error *err);
dwell_status figure_compute(figure_sheet *sheet, const char *stage, size_t count, size_t size, figure_item run,
                            void *arg, double *ret_values, dwell_error *err);

#endif
