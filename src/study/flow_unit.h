/* study/flow_unit.h - a flow, or its control at beta = 0, from all its starts, as one unit of a study. */
#ifndef DWELL_STUDY_FLOW_UNIT_H
#define DWELL_STUDY_FLOW_UNIT_H

#include <dwell/run.h>

#include "study/units.h"

/* A run of all starts without nulls, and in its table "starts" what the claims need of each (study/flow_starts.h). */
dwell_status flow_unit_measure(const dwell_context *ctx, const study_plan *p, const study_units *u,
                               const study_unit *unit, const char *program, dwell_run **ret_run, dwell_error *err);

/* Is it in `folder` already, of the same program and plan? A run of something else is DWELL_BAD_INPUT. */
dwell_status flow_unit_before(const dwell_context *ctx, const study_plan *p, const study_units *u,
                              const study_unit *unit, const char *folder, bool *ret_there, dwell_error *err);

#endif
