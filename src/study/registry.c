/* study/registry.c - every claim, one line each; thresholds; many verdicts at once. */
#include <string.h>

#include "study/claims.h"
#include "study/family.h"

static const claim *const registry[] = {
    &claim_clusters, &claim_persistence, &claim_alignment, &claim_energy, &claim_timescales, &claim_speed,
    &claim_classes,  &claim_emergence,   &claim_length,    &claim_depth,  &claim_masks,
};

const claim *const *claim_registry(size_t *ret_count) {
  *ret_count = COUNT_OF(registry);
  return registry;
}

const claim *claim_find(const char *name) {
  for (size_t k = 0; k < COUNT_OF(registry); k++) {
    if (strcmp(registry[k]->name, name) == 0) return registry[k];
  }
  return NULL;
}

const char *claim_outcome_name(claim_outcome outcome) {
  static const char *const names[] = {"SUSPENDED", "CONFIRMED", "FALSIFIED"};
  return names[outcome];
}

claim_thresholds claim_thresholds_default(void) {
  return (claim_thresholds){claim_threshold_table, claim_threshold_table_size};
}

dwell_status claim_decide_with(const claim *c, const claim_sample *s, const claim_thresholds *t, const char *name,
                               double other, claim_verdict *ret_verdict, dwell_error *err) {
  claim_threshold *items = mem_copy(t->items, t->count, sizeof *items);
  if (items == NULL) return error_no_memory(err, "thresholds");
  bool found = false;
  for (size_t k = 0; k < t->count; k++) {
    if (strcmp(items[k].claim, c->name) != 0 || strcmp(items[k].name, name) != 0) continue;
    items[k].value = items[k].flow = other, found = true;
  }
  const claim_thresholds changed = {items, t->count};
  dwell_status status = found ? c->decide(s, &changed, ret_verdict, err)
                              : error_set(err, DWELL_BAD_INPUT, "claim %s has no threshold %s", c->name, name);
  mem_free(items);
  return status;
}

/* Adjusted p of the verdicts with one outcome; the others count with p = 1. */
static dwell_status adjust(claim_verdict *verdicts, size_t count, size_t family, claim_outcome outcome, double *p,
                           dwell_error *err) {
  for (size_t k = 0; k < count; k++) p[k] = verdicts[k].outcome == outcome ? verdicts[k].p : 1;
  dwell_status status = family_holm(count, p, family, p + count, err);
  for (size_t k = 0; status == DWELL_OK && k < count; k++) {
    if (verdicts[k].outcome == outcome) verdicts[k].p_holm = p[count + k];
  }
  return status;
}

dwell_status verdicts_settle(claim_verdict *verdicts, size_t count, size_t family, const claim_thresholds *t,
                             dwell_error *err) {
  rules r = {.all = t, .claim = "all"};
  dwell_status status = DWELL_OK;
  double level = rule(&r, "level"), *p = MEM_NEW(double, 2 * count);
  TRY_ALLOC(p, "a family of claims");
  TRY(rules_check(&r, err));
  if (family < count) TRY(error_set(err, DWELL_BAD_INPUT, "a family of %zu has %zu members", family, count));
  TRY(adjust(verdicts, count, family, CLAIM_CONFIRMED, p, err));
  TRY(adjust(verdicts, count, family, CLAIM_FALSIFIED, p, err));
  for (size_t k = 0; k < count; k++) {
    verdicts[k].family = family;
    if (verdicts[k].outcome == CLAIM_SUSPENDED || verdicts[k].p_holm <= level) continue;
    verdicts[k].outcome = CLAIM_SUSPENDED, verdicts[k].reason = "multiplicity";
  }
done:
  mem_free(p);
  return status;
}
