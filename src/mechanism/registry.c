/* mechanism/registry.c - every instrument that reads weights, one line each. */
#include "mechanism/mechanism.h"

static const instrument *const registry[] = {
    &instrument_ov, &instrument_qk, &instrument_ov_sum, &instrument_subspace, &instrument_sign, &instrument_peer_wv,
};

const instrument *const *mechanism_registry(size_t *ret_count) {
  *ret_count = COUNT_OF(registry);
  return registry;
}
