/* null/registry.c - every null model, one line each. */
#include "base/str.h"
#include "null/nulls.h"

static const null_model *const registry[] = {
    &null_gaussian_twin,   &null_token_shuffle,  &null_label_shift,
    &null_row_permutation, &null_random_weights, &null_shuffled_tokens,
    &null_step_permutation, &null_turned_subspace, &null_gaussian_factors,
    &null_turned_push, &null_zero_beta, &null_repeated_token,
};

const null_model *const *null_registry(size_t *ret_count) {
  *ret_count = sizeof registry / sizeof registry[0];
  return registry;
}

const null_model *null_find(const char *name) {
  for (size_t i = 0; i < sizeof registry / sizeof registry[0]; i++) {
    if (str_equal(registry[i]->name, name)) return registry[i];
  }
  return NULL;
}

double null_no_flops(size_t n) {
  (void)n;
  return 0;
}

uint64_t null_no_bytes(size_t n) {
  (void)n;
  return 0;
}
