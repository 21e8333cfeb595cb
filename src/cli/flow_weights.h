/* cli/flow_weights.h - the options of simulate that say what acts on the tokens: weights, heads, layers, noise. */
#ifndef DWELL_CLI_FLOW_WEIGHTS_H
#define DWELL_CLI_FLOW_WEIGHTS_H

#include "cli/cli.h"
#include "cli/interventions.h"

typedef struct cli_flow_weights {
  dwell_flow_options *flow; /* filled */
  const char *file, *model; /* --qkv, --weights */
  size_t layers;            /* of drawn weights */
  size_t block;             /* SIZE_MAX: all */
  bool has_flow, has_beta, has_mask;
  cli_interventions interventions; /* on the model's weights */
  double *betas, *beta_times;
  dwell_flow_weights *weights;
} cli_flow_weights;

void cli_flow_weights_begin(cli_flow_weights *f, dwell_flow_options *flow);
void cli_flow_weights_end(cli_flow_weights *f);
/* argp child; its input is a cli_flow_weights. */
extern const struct argp cli_argp_flow_weights;
/* "4", or "0:1,5:9": 1 from the start, 9 from t = 5 on. */
void cli_parse_beta(struct argp_state *state, const char *text, cli_flow_weights *f);

/* After all options are known: reads or draws the weights, and sets what follows from them: the flow qkv unless one was
 * named, the dimensions; of a model also beta = 1 and its mask unless they were given. */
dwell_status cli_flow_weights_load(const cli *c, cli_flow_weights *f, dwell_error *err);

#endif
