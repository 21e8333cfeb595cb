/* flow/options.h - the options of a flow, checked and copied. */
#ifndef DWELL_FLOW_OPTIONS_H
#define DWELL_FLOW_OPTIONS_H

#include "flow/integrate.h"
#include "flow/starts.h"

typedef struct flow_setup {
  flow_plan plan; /* points into masses and times below */
  starts starts;
  double *masses; /* [n], sum 1 */
  double *times;  /* [plan.count] */
  size_t replicas;
  uint64_t seed;
  dwell_dtype dtype;
} flow_setup;

/* Everything of `options` checked, n and d taken from the start. Errors as dwell_flow_open. */
dwell_status options_read(const dwell_flow_options *options, uint64_t seed, flow_setup *ret_setup, dwell_error *err);
void options_close(flow_setup *setup); /* legal on a zeroed object */

#endif
