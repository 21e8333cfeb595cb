/* measure/weights.h - what a network's weights say of its heads and blocks. */
#ifndef DWELL_MEASURE_WEIGHTS_H
#define DWELL_MEASURE_WEIGHTS_H

#include "measure/measurement.h"

/* After the states are measured: into the values of heads and of steps. */
dwell_status measurement_weights(measurement *s, dwell_error *err);

/* Memory while that runs. */
uint64_t weights_bytes(const dwell_context *ctx, const plan *p, const dwell_source *source);

#endif
