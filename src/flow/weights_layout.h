/* flow/weights_layout.h - what the ways to come by weights share. */
#ifndef DWELL_FLOW_WEIGHTS_LAYOUT_H
#define DWELL_FLOW_WEIGHTS_LAYOUT_H

#include "flow/weights.h"

/* Empty weights with a copy of the name. */
dwell_status weights_create(const char *name, dwell_flow_weights **ret_weights, dwell_error *err);
/* Memory, all zero, for the parts of w->shape that are not NULL, which then point to it; sizes are set in `shape`. */
dwell_status weights_allocate(dwell_flow_weights *w, dwell_error *err);
/* A part of w->shape in layer `layer`, to be written. */
double *weights_at(dwell_flow_weights *w, size_t layer, const double *part);

#endif
