/* flow/registry.c - the families of dynamics. */
#include <math.h>

#include "base/str.h"
#include "flow/families.h"

static const flow *const registry[] = {
    &flow_sa,
    &flow_usa,
    &flow_qkv,
    &flow_uqkv,
    &flow_csa,
    &flow_noisy,
    &flow_linear,
    &flow_l2,
    &flow_additive,
    &flow_sinkhorn,
    &flow_hardmax,
    &flow_perceptron,
    &flow_equiangular,
    &flow_equiangular_usa,
    &flow_rd,
    &flow_rd_rescaled,
    &flow_circle,
    &flow_circle_usa,
    &flow_meanfield,
    &flow_meanfield_usa,
    &flow_gaussian_softmax,
    &flow_gaussian_l2,
    &flow_gaussian_sinkhorn,
};

const flow *const *flow_registry(size_t *ret_count) {
  *ret_count = sizeof registry / sizeof registry[0];
  return registry;
}

const flow *flow_find(const char *name) {
  for (size_t i = 0; i < sizeof registry / sizeof registry[0]; i++)
    if (str_equal(registry[i]->name, name)) return registry[i];
  return NULL;
}

double flow_log_unit(const flow *family, const flow_system *system) {
  return family->log_time_unit != NULL ? family->log_time_unit(system) : log(family->time_unit(system));
}
