/* flow/dense.h - one layer's heads as plain matrices, for systems that know no other parts of it. */
#ifndef DWELL_FLOW_DENSE_H
#define DWELL_FLOW_DENSE_H

#include <dwell/status.h>

#include "flow/flow.h"

typedef struct dense_heads {
  size_t heads;
  double *query, *key, *value; /* [heads,d,d]; NULL: the identity of every head. Queries and keys of a rank below d have
                                * rows of zeros */
} dense_heads;

/* layer NULL: one head, all identities. Errors: DWELL_NO_MEMORY. */
dwell_status dense_open(const flow_layer *opt_layer, size_t d, dense_heads *ret_heads, dwell_error *err);
void dense_close(dense_heads *heads);

/* What a layer holds that dense_heads does not: biases, additive scores, neurons, a rank above d. DWELL_USAGE. */
dwell_status dense_check(const flow_layer *opt_layer, dwell_error *err);

#endif
