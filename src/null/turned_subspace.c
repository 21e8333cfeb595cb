/* null/turned_subspace.c - in closed form: mean and spread of the share of a motion in a Haar-distributed subspace
 * (mechanism/subspace.c). */
#include "null/nulls.h"

const null_model null_turned_subspace = {
    .name = "turned_subspace",
    .summary = "a subspace of the same dimension, turned at random",
    .source = "docs/instruments.md 7.3",
    .holds = "the motion of the tokens, and how many directions are looked at",
    .destroys = "which directions they are",
    .how = "in closed form",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
