/* cli/weights.h - dwell inspect MODEL --weights: what the weights say, without a text. */
#ifndef DWELL_CLI_WEIGHTS_H
#define DWELL_CLI_WEIGHTS_H

#include "cli/cli.h"
#include "file/jwriter.h"

typedef struct cli_weights {
  bool wanted, sums, csv; /* sums: also those of whole blocks; csv: nothing else, as heads.csv and blocks.csv have it */
} cli_weights;

/* Prints a table, or members of the open object of opt_w. */
dwell_status cli_print_weights(const cli *c, dwell_model *model, const dwell_model_options *options,
                               const dwell_measure_options *measuring, const cli_weights *what, jwriter *opt_w,
                               dwell_error *err);

#endif
