/* cli/ranks.h - `mpirun -np N dwell simulate ...`: the processes of one run. Two files implement it: mpi.c where dwell
 * is built with -Dmpi=enabled, alone.c where it is not. */
#ifndef DWELL_CLI_RANKS_H
#define DWELL_CLI_RANKS_H

#include "base/ranks.h"
#include "cli/cli.h"

/* Before options are read: of several processes only the first has a standard error for usage errors, which all make.
 */
void ranks_hush(void);

/* Joins the other processes: ctx->ranks is set where there are any, and words are left to the first. Errors:
 * DWELL_USAGE (several processes, but built without MPI), DWELL_FAILED (processes that would not have the same bits).
 */
dwell_status ranks_begin(cli *c, dwell_error *err);

/* Waits for all, tells the first what went wrong anywhere, and leaves. Every process calls it once after ranks_begin,
 * with how it fared; all get the same status. */
dwell_status ranks_end_run(cli *c, dwell_status mine, dwell_error *err);

/* Runs `source` without keeping its states, as every process but the first does; the first measures it meanwhile. */
dwell_status ranks_help(cli *c, dwell_source *source, dwell_error *err);

/* "Open MPI v4.1.4", or NULL: built without. */
const char *ranks_library(void);

#endif
