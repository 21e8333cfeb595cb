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
    &instrument_temperature,   &instrument_alignment,
    &instrument_fiedler,       &instrument_components,
    &instrument_peer_hdbscan,
};

const instrument *const *instrument_registry(size_t *ret_count) {
  *ret_count = COUNT_OF(registry);
  return registry;
}

/* Is `name` the column's, with `suffix` before the end that follows one? */
static bool is_name(const instrument_column *column, const char *suffix, const char *name) {
  const char *end = column->after_set != NULL ? column->after_set : "";
  size_t length = strlen(column->name) - strlen(end), more = strlen(suffix);
  return strncmp(column->name, name, length) == 0 && strncmp(name + length, suffix, more) == 0 &&
         str_equal(name + length + more, end);
}

static bool has_column(const instrument *m, const char *name) {
  for (size_t c = 0; c < m->column_count; c++) {
    const instrument_column *column = &m->columns[c];
    if (is_name(column, "", name)) return true;
    if (m->in & IN_CENTRED && is_name(column, "_centred", name)) return true;
    if (m->types_too && is_name(column, "_types", name)) return true;
    if (m->types_too && m->in & IN_CENTRED && is_name(column, "_centred_types", name)) return true;
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
