/* figure/registry.c - the figures. */
#include "base/str.h"
#include "figure/figures.h"

static const figure *const registry[] = {
    &figure_phase_diagram, &figure_sphere,      &figure_staircase,    &figure_first_state,  &figure_renyi,
    &figure_normalisation, &figure_bifurcation, &figure_taxonomy,     &figure_long_context, &figure_histograms,
    &figure_dimension,     &figure_coarsening,  &figure_frontier,     &figure_formation,    &figure_synchrony,
    &figure_layer_norm,    &figure_heads,       &figure_hardmax,      &figure_noisy_heads,  &figure_shapes,
    &figure_ov_spectra,    &figure_learned,     &figure_kinetic,      &figure_gaussian,     &figure_random_forms,
    &figure_leaders,       &figure_coordinates, &figure_common_noise, &figure_noise,
};

const figure *const *figure_registry(size_t *ret_count) {
  *ret_count = sizeof registry / sizeof registry[0];
  return registry;
}

const figure *figure_find(const char *name) {
  for (size_t i = 0; i < sizeof registry / sizeof registry[0]; i++)
    if (str_equal(registry[i]->name, name)) return registry[i];
  return NULL;
}
