/* flow/weights_source.c - weights of a flow from the blocks of a source that has some. */
#include "flow/weights.h"

dwell_status weights_of_source(const dwell_source *source, const dwell_context *ctx, size_t first, size_t end,
                               const char *name, dwell_flow_weights **ret_weights, dwell_error *err) {
  for (size_t b = first; b < end; b++) {
    dwell_weights view = {0};
    dwell_status status = source_weights(source, ctx, b, &view, err);
    if (status == DWELL_OK && view.shared) end = first + 1;
    if (status == DWELL_OK && b == first) status = weights_begin(&view, end - first, name, ret_weights, err);
    if (status == DWELL_OK) status = weights_fill(*ret_weights, b - first, &view, err);
    dwell_weights_free(&view);
    if (status != DWELL_OK) return status;
  }
  return weights_finish(*ret_weights, err);
}
