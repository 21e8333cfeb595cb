/* flow/options_weights.h - the options of families of heads: weights, schedules, normalisation, noise. */
#ifndef DWELL_FLOW_OPTIONS_WEIGHTS_H
#define DWELL_FLOW_OPTIONS_WEIGHTS_H

#include "flow/options.h"

/* After the flow, the start and the integrator: setup->schedule, setup->layer and what of the plan follows from them.
 */
dwell_status options_read_weights(const dwell_flow_options *o, flow_setup *setup, dwell_error *err);
/* After the times: changes of the law must come at the ends of fixed steps. */
dwell_status options_check_changes(const flow_setup *setup, dwell_error *err);
void options_write_weights(const flow_setup *setup, jwriter *w);

#endif
