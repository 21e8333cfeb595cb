/* flow/options.h - the options of a flow, checked and copied. */
#ifndef DWELL_FLOW_OPTIONS_H
#define DWELL_FLOW_OPTIONS_H

#include "file/jwriter.h"
#include "flow/integrate.h"
#include "flow/segments.h"
#include "flow/starts.h"

typedef struct flow_setup {
  flow_plan plan; /* points into masses and times below */
  flow_schedule schedule;
  flow_layer *layer; /* the first in force, or NULL */
  starts starts;
  double *masses;     /* [n], sum 1 */
  double *times;      /* [plan.count]; NULL: not known before the run (until_merged) */
  double *logarithms; /* [plan.count] of times, for the log clock; NULL: as above */
  char *init;         /* as asked */
  size_t replicas;
  uint64_t seed;
  dwell_dtype dtype;
  /* As asked, for the manifest: what the plan no longer shows. */
  bool equal_masses, given_times, log_times;
  double until;
  size_t frames;
  double until_log;
  char *checkpoint; /* folder, or NULL */
  double checkpoint_seconds;
} flow_setup;

/* Everything of `options` checked, n and d taken from the start. Errors as dwell_flow_open. */
dwell_status options_read(const dwell_flow_options *options, uint64_t seed, flow_setup *ret_setup, dwell_error *err);
/* For the log clock: s->frames logarithms of times, the first at t = 0, the others spaced equally up to log_end. */
void options_log_frames(const flow_setup *setup, double log_end, double *ret_log_times);
void options_close(flow_setup *setup); /* legal on a zeroed object */

/* `"options": {...}` into an open object: every option after defaults, and `"inputs"` where the start is a file. */
void options_write(const flow_setup *setup, jwriter *w);

#endif
