/* measure/count.c - the printed number of clusters: decided from T, the silhouette and their nulls (instruments.md). */
#include <string.h>

#include "base/str.h"
#include "measure/measurement.h"

/* A column of the state list in one set, or SIZE_MAX. */
static size_t find_value(const plan *p, const char *column, plan_set set) {
  for (size_t i = 0; i < p->state.item_count; i++) {
    const plan_item *item = &p->state.items[i];
    for (size_t k = 0; item->set == set && k < item->what->column_count; k++) {
      if (str_equal(item->what->columns[k].name, column)) return item->first + k;
    }
  }
  return SIZE_MAX;
}

bool measurement_counts(const measurement *s, plan_set set) {
  size_t excess = find_value(&s->plan, "cluster_T", set), silhouette = find_value(&s->plan, "silhouette", set);
  if (excess == SIZE_MAX || silhouette == SIZE_MAX) return false;
  return s->plan.state.values[excess].null_slot != SIZE_MAX && s->plan.state.values[silhouette].null_slot != SIZE_MAX;
}

/* The null's p of a column at a frame is at most the level. */
static bool significant(const measurement *s, size_t frame, size_t column) {
  double mean, sd, p;
  return measurement_null(s, frame, s->plan.state.values[column].null_slot, &mean, &sd, &p) && p <= MEASUREMENT_LEVEL;
}

value measurement_count(const measurement *s, size_t frame, plan_set set) {
  const value *row = s->state_values + frame * s->plan.state.value_count;
  size_t excess = find_value(&s->plan, "cluster_T", set), silhouette = find_value(&s->plan, "silhouette", set);
  value found = row[find_value(&s->plan, "cluster_count", set)],
        by_silhouette = row[find_value(&s->plan, "silhouette_k", set)];
  const char *reason = s->sets[set].null_reason != NULL ? s->sets[set].null_reason[frame] : NULL;
  if (row[excess].undefined != NULL) return row[excess];
  if (reason != NULL) return UNDEFINED(reason);
  if (found.undefined != NULL || found.number < 2 || !significant(s, frame, excess)) return VALUE(1);
  return by_silhouette.undefined == NULL && significant(s, frame, silhouette) ? by_silhouette : found;
}
