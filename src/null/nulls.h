/* null/nulls.h - the list of null models (one per file), for the registry only. */
#ifndef DWELL_NULL_NULLS_H
#define DWELL_NULL_NULLS_H

#include "null/null.h"

extern const null_model null_random_weights, null_shuffled_tokens, null_token_shuffle, null_gaussian_twin,
    null_label_shift, null_row_permutation, null_step_permutation, null_turned_subspace, null_gaussian_factors,
    null_turned_push, null_zero_beta, null_repeated_token;

/* Of a null without draws of its own. */
double null_no_flops(size_t n);
uint64_t null_no_bytes(size_t n);

#endif
