/* null/turned_push.c - of a push, which runs the network again for every draw (measure/push.c). */
#include "null/nulls.h"

const null_model null_turned_push = {
    .name = "turned_push",
    .summary = "pushes of the same size and rank in directions turned at random",
    .source = "docs/instruments.md 9",
    .holds = "how far every token is pushed, and which are pushed together",
    .destroys = "the direction in the stream",
    .how = "sampled (--nulls DRAWS), each a pass of the network (--push)",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
