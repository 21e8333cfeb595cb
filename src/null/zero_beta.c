/* null/zero_beta.c - a run of its own: flows have no weights to randomise. */
#include "null/nulls.h"

const null_model null_zero_beta = {
    .name = "zero_beta",
    .summary = "the flow at beta = 0 from the same starts",
    .source = "docs/instruments.md 4.3",
    .holds = "starts, dimension, values, mask",
    .destroys = "attention: every particle sees the mean",
    .how = "a run of its own (--beta0-control)",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
