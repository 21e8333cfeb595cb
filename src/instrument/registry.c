/* instrument/registry.c - every instrument, one line each. */
#include <string.h>

#include "base/str.h"
#include "instrument/instruments.h"

static const instrument *const registry[] = {
    &instrument_norm,          &instrument_ip,
    &instrument_rank,          &instrument_cloud,
    &instrument_dimension,     &instrument_margin,
    &instrument_energy,        &instrument_energy_change,
    &instrument_neighbours,    &instrument_cka,
    &instrument_motion,        &instrument_cluster,
    &instrument_silhouette,    &instrument_ari,
    &instrument_attention,     &instrument_spread,
    &instrument_temperature,
    &instrument_components,
};

const instrument *const *instrument_registry(size_t *ret_count) {
  *ret_count = COUNT_OF(registry);
  return registry;
}

static bool has_column(const instrument *m, const char *name) {
  for (size_t c = 0; c < m->column_count; c++) {
    size_t length = strlen(m->columns[c].name);
    if (str_equal(m->columns[c].name, name)) return true;
    if (m->in & IN_CENTRED && strncmp(m->columns[c].name, name, length) == 0 && str_equal(name + length, "_centred"))
      return true;
  }
  return false;
}

const instrument *instrument_find(const char *name) {
  for (size_t i = 0; i < COUNT_OF(registry); i++) {
    if (str_equal(registry[i]->name, name)) return registry[i];
  }
  for (size_t i = 0; i < COUNT_OF(registry); i++) {
    if (has_column(registry[i], name)) return registry[i];
  }
  return NULL;
}
