/* detect/registry.c - every detector, one line each. */
#include "detect/detectors.h"

static const detector *const registry[] = {
    &detector_max_t,      &detector_tracking,   &detector_plateaus,
    &detector_violations, &detector_timescales, &detector_collapse,
};

const detector *const *detector_registry(size_t *ret_count) {
  *ret_count = sizeof registry / sizeof registry[0];
  return registry;
}
