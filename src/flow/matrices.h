/* flow/matrices.h - the attention matrices of a flow's heads at a state, for sinks that want them: weights of a row
 * divided by their sum, whatever the family divides them by. */
#ifndef DWELL_FLOW_MATRICES_H
#define DWELL_FLOW_MATRICES_H

#include "flow/segments.h"

typedef struct matrices {
  const flow_schedule *schedule;
  const flow_plan *plan;
  const dwell_context *ctx;
  dwell_dtype dtype; /* of what the sink gets */
} matrices;

/* Heads of each layer; 0: the family has no attention matrices. */
size_t matrices_heads(const flow_schedule *schedule, const flow_plan *plan);
uint64_t matrices_bytes(const flow_schedule *schedule, const flow_plan *plan, int threads);

/* The heads of block `block`, under the law in force at t, at the state x [n, d] it begins with (rows of any length),
 * to sink->on_head. Nothing is kept from one call to the next. Errors: DWELL_NO_MEMORY, DWELL_INTERRUPTED, or what
 * on_head returns. */
dwell_status matrices_push(const matrices *m, const dwell_sink *sink, size_t replica, size_t block, double t,
                           const double *x, dwell_error *err);

#endif
