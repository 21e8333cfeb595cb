/* theorem/registry.c - the theorems, in the order of the table. */
#include "theorem/theorems.h"

static const theorem *const registry[] = {
    &theorem_gradient,
    &theorem_beta_zero,
    &theorem_temperatures,
    &theorem_three_clusters,
    &theorem_hemisphere,
    &theorem_equiangular,
    &theorem_concentration,
    &theorem_phase_diagram,
    &theorem_first_state,
    &theorem_frontier,
    &theorem_modes,
    &theorem_merge_times,
    &theorem_noise,
    &theorem_causal,
    &theorem_normalisation,
    &theorem_long_context,
    &theorem_markov,
    &theorem_heads,
    &theorem_hardmax,
    &theorem_euler_maruyama,
    &theorem_f1,
    &theorem_f2,
    &theorem_f3,
    &theorem_f4,
    &theorem_f6,
    &theorem_f7,
    &theorem_f8,
    &theorem_f9,
    &theorem_f10,
};

const theorem *const *theorem_registry(size_t *ret_count) {
  *ret_count = sizeof registry / sizeof registry[0];
  return registry;
}
