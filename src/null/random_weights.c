/* null/random_weights.c - networks of the same shape with random weights, on the same tokens (instruments.md 4.3). The
 * runs are made by the caller and measured by measure/controls.c; there are no surrogates of single states. */
#include "null/nulls.h"

const null_model null_random_weights = {
    .name = "random_weights",
    .summary = "networks of the same shape with random weights, on the same tokens",
    .source = "docs/instruments.md 4.3",
    .holds = "architecture, tokens, mask",
    .destroys = "training",
    .how = "runs of their own (--random-controls M)",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
