/* flow/weights.h - the layers of weights that a flow may be given: read from a file, drawn, or taken from a model. */
#ifndef DWELL_FLOW_WEIGHTS_H
#define DWELL_FLOW_WEIGHTS_H

#include <dwell/flow.h>

#include "file/jwriter.h"
#include "flow/layer.h"
#include "trajectory/weights.h"

struct dwell_flow_weights {
  size_t d, layers, heads;
  flow_layer shape;     /* pointers NULL or into storage, of layer 0 */
  double *storage;      /* everything, layer after layer */
  size_t stride;        /* doubles of a layer */
  bool *symmetric;      /* [layers, heads] */
  double *form, *value; /* [layers, heads]: norms of B_h and V_h */
  char *name;           /* of the file, of the model, or "gaussian" */
  bool from_file;       /* name is the path of an npz file */
  bool rotary;          /* positions of the model were left out */
  uint64_t seed;        /* of drawn ones */
};

/* Layer l with its first `heads` heads (0: all). Points into the weights. */
flow_layer weights_layer(const dwell_flow_weights *w, size_t l, size_t heads);

/* Room for `layers` layers of attention like `view`'s, to be filled by weights_fill one by one and then closed by
 * weights_finish. `name` is copied. */
dwell_status weights_begin(const dwell_weights *view, size_t layers, const char *name, dwell_flow_weights **ret_weights,
                           dwell_error *err);
/* Layer l from a view of the same shape. Tokens x of length 1 enter at length sqrt(d), which is that of what a norm
 * leaves; the norm's gain and bias, its centring and the scale of the scores are folded in:
 *   Q_h = sqrt(s d) W_Q,h diag(g) C,   K_h likewise,   V_h = sqrt(d) C W_O,h W_V,h diag(g) C
 * with C = I - 11^T/d where the model centres and I where it does not; biases b_Q,h = sqrt(s) (W_Q,h b + b_q), ...
 * Keys and values that several heads share are repeated. Positions of rotary models are left out. */
dwell_status weights_fill(dwell_flow_weights *w, size_t l, const dwell_weights *view, dwell_error *err);
/* Norms and symmetries of all heads. */
dwell_status weights_finish(dwell_flow_weights *w, dwell_error *err);

/* The blocks first..end-1 of a source that has weights, one layer each, or one for all where they share theirs. `name`
 * is copied. *ret_weights may be set also after a failure: dwell_flow_weights_destroy. Errors: as source_weights. */
dwell_status weights_of_source(const dwell_source *source, const dwell_context *ctx, size_t first, size_t end,
                               const char *name, dwell_flow_weights **ret_weights, dwell_error *err);

/* Members of the open object of the manifest. */
void weights_write(const dwell_flow_weights *w, size_t heads, jwriter *out);

#endif
