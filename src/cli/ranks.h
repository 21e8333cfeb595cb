/* cli/ranks.h - `mpirun -np N dwell simulate ...` and `... dwell study ...`: the processes of one run. Two files
 * implement it: mpi.c where dwell is built with -Dmpi=enabled, alone.c where it is not. */
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

/* All meet here, with how each fared; all get the status and the error of the first that failed. */
dwell_status ranks_meet(dwell_status mine, dwell_error *err);

/* Work in `count` pieces, each for one process: the next one for this process, in their order; count: none is left.
 * Afterwards, also after a failure that leaves pieces undone, every process calls ranks_next_end. */
size_t ranks_next(size_t count);
void ranks_next_end(void);

/* Numbers that are added over all processes, which get the sums. After a meeting. */
void ranks_add(size_t count, size_t *numbers);

/* "Open MPI v4.1.4", or NULL: built without. */
const char *ranks_library(void);

#endif
