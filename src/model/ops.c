/* model/ops.c - names of activations, as transformers spells them. */
#include "model/ops.h"

#include "base/str.h"

static const struct {
  const char *name;
  ops_activation activation;
} names[] = {
    {"gelu", ACTIVATION_GELU},
    {"gelu_python", ACTIVATION_GELU},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_python_tanh", ACTIVATION_GELU_TANH},
    {"gelu_accurate", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_FAST},
    {"quick_gelu", ACTIVATION_GELU_QUICK},
    {"relu", ACTIVATION_RELU},
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
    {"tanh", ACTIVATION_TANH},
};

bool ops_activation_find(const char *name, ops_activation *ret_activation) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!str_equal(names[i].name, name)) continue;
    *ret_activation = names[i].activation;
    return true;
  }
  return false;
}
