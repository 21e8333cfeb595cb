/* instrument/registry.c - every instrument, one line each. */
#include <string.h>

#include "base/str.h"
#include "instrument/instruments.h"

static const instrument *const registry[] = {
    &instrument_norm,
    &instrument_ip,
    &instrument_rank,
    &instrument_cloud,
    &instrument_dimension,
    &instrument_margin,
    &instrument_energy,
    &instrument_energy_change,
    &instrument_neighbours,
    &instrument_cka,
    &instrument_motion,
    &instrument_cluster,
    &instrument_silhouette,
    &instrument_ari,
    &instrument_attention,
    &instrument_spread,
    &instrument_temperature,
    &instrument_alignment,
    &instrument_fiedler,
    &instrument_components,
    &instrument_peer_hdbscan,
    &instrument_attribution,
    &instrument_head_attribution,
    &instrument_clock,
};

const instrument *const *instrument_registry(size_t *ret_count) {
  *ret_count = COUNT_OF(registry);
  return registry;
}

/* `rest` goes on after `part` where it begins with it. */
static const char *skip(const char *rest, const char *part) {
  size_t length = strlen(part);
  return strncmp(rest, part, length) == 0 ? rest + length : rest;
}

/* What may stand between a column's name and the end that follows it: a form of the state, the centred representation,
 * the types. */
static const char *skip_set(const instrument *m, const char *rest) {
  bool centred = m->in & IN_CENTRED, formed = m->scope == PER_STATE && (centred || m->types_too);
  const char *plain = rest;
  if (formed) rest = skip(rest, "_robust");
  if ((formed || m->normed_too) && rest == plain) rest = skip(rest, "_ln");
  if (centred) rest = skip(rest, "_centred");
  return m->types_too ? skip(rest, "_types") : rest;
}

const instrument_column *instrument_column_find(const instrument *m, const char *name) {
  for (size_t c = 0; c < m->column_count; c++) {
    const char *whole = m->columns[c].name, *end = m->columns[c].after_set != NULL ? m->columns[c].after_set : "";
    size_t length = strlen(whole) - strlen(end);
    if (strncmp(whole, name, length) == 0 && str_equal(skip_set(m, name + length), end)) return &m->columns[c];
  }
  return NULL;
}

const instrument *instrument_find(const char *name) {
  for (size_t i = 0; i < COUNT_OF(registry); i++) {
    if (str_equal(registry[i]->name, name)) return registry[i];
  }
  for (size_t i = 0; i < COUNT_OF(registry); i++) {
    if (instrument_column_find(registry[i], name) != NULL) return registry[i];
  }
  return NULL;
}
