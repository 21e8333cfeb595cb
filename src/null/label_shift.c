/* null/label_shift.c - labels turned along the sequence, by every number of places. No draws: the instrument takes all
 * n - 1 shifts (instruments.md 5.3). */
#include "null/nulls.h"

const null_model null_label_shift = {
    .name = "label_shift",
    .summary = "cluster labels turned along the sequence, by all n - 1 numbers of places",
    .source = "docs/instruments.md 5.3",
    .holds = "the head: its locality, sink, popular keys and mask; the sizes and the serial order of the clusters",
    .destroys = "which token is in which cluster",
    .how = "all shifts, exactly",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
