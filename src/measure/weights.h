/* measure/weights.h - what a network's weights say of its heads and blocks. */
#ifndef DWELL_MEASURE_WEIGHTS_H
#define DWELL_MEASURE_WEIGHTS_H

#include "measure/measurement.h"

/* After the states are measured: into the values of heads and of steps. */
dwell_status measurement_weights(measurement *s, dwell_error *err);

/* The same alone, without a text: `source` is not run. options: instruments (of weights; NULL: all that need no
 * states), null_draws. The run has its tables heads and blocks, nothing else. DWELL_USAGE: the source has no weights.
 */
dwell_status weights_measure(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                             dwell_run **ret_run, dwell_error *err);

/* Memory while that runs. */
uint64_t weights_bytes(const dwell_context *ctx, const plan *p, const dwell_source *source);

#endif
