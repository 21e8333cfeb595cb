/* null/random_weights.c - networks of the same shape with random weights, on the same tokens (instruments.md 4.3). The
 * runs are made by the caller and measured by measure/controls.c; there are no surrogates of single states. */
#include "null/nulls.h"

static double flops(size_t n) {
  (void)n;
  return 0;
}

static uint64_t bytes(size_t n) {
  (void)n;
  return 0;
}

const null_model null_random_weights = {
    .name = "random_weights",
    .summary = "networks of the same shape with random weights, on the same tokens",
    .source = "docs/instruments.md 4.3",
    .holds = "architecture, tokens, mask",
    .destroys = "training",
    .how = "runs of their own (--random-controls M)",
    .flops = flops,
    .bytes = bytes,
};
