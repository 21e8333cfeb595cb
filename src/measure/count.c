/* measure/count.c - the printed number of clusters: decided from T, the silhouette and their nulls (instruments.md). */
#include <string.h>

#include "geometry/linkage.h"
#include "measure/measurement.h"

bool measurement_counts(const measurement *s, plan_set set) {
  size_t excess = plan_find(&s->plan.state, "cluster_T", set),
         silhouette = plan_find(&s->plan.state, "silhouette", set);
  if (excess == SIZE_MAX || silhouette == SIZE_MAX) return false;
  return s->plan.state.values[excess].null_slot != SIZE_MAX && s->plan.state.values[silhouette].null_slot != SIZE_MAX;
}

/* Where all directions are one, or no more than one is left, there is nothing to test: tokens that coincide are
 * counted. */
static bool by_components(const char *reason) {
  return reason != NULL && (strcmp(reason, "collapsed") == 0 || strcmp(reason, "degenerate") == 0);
}

static bool significant(const measurement *s, size_t frame, size_t column) {
  return measurement_significant(s, frame, s->plan.state.values[column].null_slot);
}

value measurement_count(const measurement *s, size_t frame, plan_set set) {
  const value *row = s->state_values + frame * s->plan.state.value_count;
  size_t excess = plan_find(&s->plan.state, "cluster_T", set),
         silhouette = plan_find(&s->plan.state, "silhouette", set);
  value found = row[plan_find(&s->plan.state, "cluster_count", set)],
        by_silhouette = row[plan_find(&s->plan.state, "silhouette_k", set)];
  const char *reason = s->sets[set].null_reason != NULL ? s->sets[set].null_reason[frame] : NULL;
  if (row[excess].undefined != NULL) reason = row[excess].undefined;
  size_t components = plan_find(&s->plan.state, "components999", set);
  if (by_components(reason) && components != SIZE_MAX) return row[components];
  if (reason != NULL) return UNDEFINED(reason);
  if (found.undefined != NULL || found.number < 2 || !significant(s, frame, excess)) return VALUE(1);
  return by_silhouette.undefined == NULL && significant(s, frame, silhouette) ? by_silhouette : found;
}

bool measurement_count_capped(const measurement *s, size_t frame, plan_set set) {
  if (plan_set_form(set) != FORM_PLAIN || !measurement_counts(s, set)) return false;
  size_t most = s->sets[set].count / 3 < LINKAGE_CUTS ? s->sets[set].count / 3 : LINKAGE_CUTS;
  value k = measurement_count(s, frame, set);
  size_t silhouette = plan_find(&s->plan.state, "silhouette", set);
  return k.undefined == NULL && k.number > 1 && (size_t)k.number == most && significant(s, frame, silhouette);
}

const int64_t *measurement_labels(const measurement *s, size_t frame) {
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set != SET_SELECTION || s->arrays[i] == NULL || strcmp(item->what->array_name, "labels") != 0) continue;
    return (const int64_t *)s->arrays[i] + frame * s->row_count;
  }
  return NULL;
}
