/* null/step_permutation.c - of a detector: it permutes numbers, not states, and does so by itself (detect/plateaus.c).
 */
#include "null/nulls.h"

const null_model null_step_permutation = {
    .name = "step_permutation",
    .summary = "the changes of the blocks in random order",
    .source = "docs/instruments.md 6.3",
    .holds = "the changes, so their mean and which of them are slow",
    .destroys = "which block changes how much",
    .how = "sampled, by the detector (plateaus): 999 permutations",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
