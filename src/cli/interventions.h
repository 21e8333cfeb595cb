/* cli/interventions.h - the options that change a network before or while it is measured. */
#ifndef DWELL_CLI_INTERVENTIONS_H
#define DWELL_CLI_INTERVENTIONS_H

#include "base/arena.h"
#include "cli/cli.h"

typedef struct cli_interventions {
  dwell_intervention what; /* the patch once interventions_read was called */
  const char *patch_file;  /* --patch, or NULL */
  size_t at;               /* --at; SIZE_MAX: not given */
  double *patch;
  arena storage;
} cli_interventions;

/* An argp child whose input is a cli_interventions. */
extern const struct argp cli_argp_interventions;
/* Only those that change weights. */
extern const struct argp cli_argp_weight_interventions;
void interventions_begin(cli_interventions *i);

/* Reads the patch, if there is one. */
dwell_status interventions_read(cli_interventions *i, dwell_error *err);
void interventions_free(cli_interventions *i);

/* Is anything of the network changed? */
bool interventions_any(const cli_interventions *i);

#endif
