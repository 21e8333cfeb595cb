/* cli/study.h - what the commands about studies share. */
#ifndef DWELL_CLI_STUDY_H
#define DWELL_CLI_STUDY_H

#include "cli/cli.h"
#include "study/decide.h"
#include "study/units.h"

/* The verdicts on standard output: one after the other and then as a table, the table alone, or JSON. */
void cli_print_verdicts(const cli *c, const study_plan *p, const verdicts *v, const char *thresholds, bool brief);
/* Does the folder hold a study, finished or not? */
bool cli_is_study(const char *folder);
/* Columns of the terminal, 60 to 120; 100 where it is none. */
size_t cli_width(void);

/* Opens every model and text of a study, measures a few states, and says what can be decided and what it would take
 * (cli/forecast.c). A model that is not there is told with what gets it. */
dwell_status cli_study_forecast(cli *c, const study_plan *p, const study_units *u, dwell_error *err);

#endif
