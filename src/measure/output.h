/* measure/output.h - what the output layer says of the states of a run (docs/instruments.md 8). */
#ifndef DWELL_MEASURE_OUTPUT_H
#define DWELL_MEASURE_OUTPUT_H

#include "measure/measurement.h"

/* May what the options ask of the output layer be done? DWELL_USAGE, or DWELL_UNSUPPORTED where there is none. */
dwell_status output_check(const measurement *s, dwell_error *err);
/* Mean loss when a frame's state is read by the output layer; false where it was not asked for. */
bool output_lens(const measurement *s, size_t frame, double *ret_nll);
uint64_t output_stage_bytes(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options);

#endif
