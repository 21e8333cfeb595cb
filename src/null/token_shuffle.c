/* null/token_shuffle.c - the tokens of one state permuted at random. No draws: the mean under all permutations is known
 * (instruments.md 4.2), and the columns carry it as their chance value. */
#include "null/nulls.h"

const null_model null_token_shuffle = {
    .name = "token_shuffle",
    .summary = "the tokens of one of two states permuted at random, in closed form",
    .source = "docs/instruments.md 4.2",
    .holds = "the cloud of each state",
    .destroys = "which token of one state is which of the other",
    .how = "in closed form",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
