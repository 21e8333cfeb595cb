/* figure/trained.h - a trained model's states under the texts that figures use. */
#ifndef DWELL_FIGURE_TRAINED_H
#define DWELL_FIGURE_TRAINED_H

#include <dwell/model.h>
#include <dwell/run.h>

#include "figure/figure.h"

typedef enum trained_kind { TRAINED_AS_IS, TRAINED_SHUFFLED, TRAINED_RANDOM, TRAINED_KINDS } trained_kind;

/* Measures the sheet's model on the text "encyclopedia_novelist" (its first 512 tokens, 96 if quick) with `instruments`
 * and no nulls: as it is, with its tokens shuffled, or with random weights. ret_run: release with dwell_run_destroy. */
dwell_status trained_measure(const figure_sheet *s, trained_kind kind, const char *instruments, dwell_run **ret_run,
                             dwell_error *err);

/* Opens the sheet's model for its weights alone, with its own ones or random ones; its blocks. Release both with
 * trained_close, also after a failure. */
typedef struct trained_blocks {
  dwell_model *model;
  dwell_source *source;
  size_t blocks;
} trained_blocks;
dwell_status trained_open(const figure_sheet *s, trained_kind kind, trained_blocks *ret_blocks, dwell_error *err);
void trained_close(trained_blocks *b);

/* Column of the table "layers" for states 0, 1, ... (a final norm's row is left out): up to `most` values, NaN where
 * there is none; returns their number. */
size_t trained_column(const dwell_run *run, const char *column, size_t most, double *ret_values);

#endif
