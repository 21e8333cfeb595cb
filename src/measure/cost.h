/* measure/cost.h - the bound that is printed before a run. */
#ifndef DWELL_MEASURE_COST_H
#define DWELL_MEASURE_COST_H

#include "measure/measurement.h"

/* States beyond this go to an unlinked temporary file instead of memory. */
#define MEASURE_SPOOL_MEMORY ((uint64_t)1 << 30)

dwell_status cost_of(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options,
                     const plan *p, dwell_cost *ret_cost, dwell_error *err);

#endif
