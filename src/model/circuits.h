/* model/circuits.h - the attention matrices of a block, head by head, from any architecture's layout. */
#ifndef DWELL_MODEL_CIRCUITS_H
#define DWELL_MODEL_CIRCUITS_H

#include "model/model.h"
#include "trajectory/weights.h"

/* Those of block `block` as the provider gives them: a checkpoint's, random ones, changed ones. Release with
 * dwell_weights_free, also after a failure. */
dwell_status circuits_read(const model_architecture *architecture, const model_shape *shape,
                           const weight_provider *provider, size_t block, dwell_weights *ret_weights, dwell_error *err);
/* Bytes while that runs, what it returns included. */
uint64_t circuits_bytes(const model_shape *shape);

#endif
