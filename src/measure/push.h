/* measure/push.h - does a state come back after a push? (docs/instruments.md 9) */
#ifndef DWELL_MEASURE_PUSH_H
#define DWELL_MEASURE_PUSH_H

#include "measure/measurement.h"

/* May it be asked for? DWELL_USAGE: of a source that cannot go on from a state, of a state that is not there, without
 * clusters being measured, by an amount that is no finite number. */
dwell_status push_check(const measurement *s, dwell_error *err);
uint64_t push_stage_bytes(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options);

#endif
