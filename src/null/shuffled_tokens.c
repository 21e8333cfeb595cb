/* null/shuffled_tokens.c - the same network on the same tokens in random order (instruments.md 4.3). The runs are made
 * by the caller and measured by measure/controls.c; there are no surrogates of single states. */
#include "null/nulls.h"

const null_model null_shuffled_tokens = {
    .name = "shuffled_tokens",
    .summary = "the same network on the same tokens in random order",
    .source = "docs/instruments.md 4.3",
    .holds = "the vocabulary of the text",
    .destroys = "order and context",
    .how = "runs of their own (--shuffled-controls M)",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
