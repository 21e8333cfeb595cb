/* study/claim_alignment.c - claim C: attention keeps within the clusters. */
#include <math.h>

#include "study/claims.h"

enum { SHARE, HEADS };

static const claim_need needs[] = {
    {"aligned", "share of the testable heads with align_p <= .05; a seed without any counts as chance", true},
    {"heads", "testable heads: those of blocks whose input has significant clusters", false},
};

static size_t with_enough_heads(const claim_sample *s, const usable *u, rules *r) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) count += values_of(s, HEADS)[u->prompt[i]] >= rule(r, "heads");
  return count;
}

/* Seeds without a testable head have no share of their own. */
static void fill_controls(const claim_sample *s, usable *u, double chance) {
  for (size_t k = 0; k < s->seeds; k++) {
    for (size_t i = 0; i < u->count; i++) {
      double share = controls_of(s, SHARE)[k * s->prompts + u->prompt[i]];
      u->controls[k * u->count + i] = isfinite(share) ? share : chance;
    }
  }
}

static dwell_status weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v, dwell_error *err) {
  location h, c;
  dwell_status status = DWELL_OK;
  TRY(location_of_mean(u->count, u->values, rule(r, "margin"), s->seed, &h, err));
  TRY(location_of_contrast(s, u->values, u->controls, u->count, rule(r, "contrast"), &c, err));
  bool gate = passes_rank_gate(s, u->values, u->controls, u->count, r, v);
  v->effect = h.mean, v->interval = h.interval, v->kind = h.kind;
  v->contrast = c.mean, v->contrast_interval = c.interval;
  v->control = sample_mean(s->seeds * u->count, u->controls);
  if (h.exact || c.exact) v->notes |= NOTE_EXACT;
  verdict_conclude(v, h.above && c.above && gate, fmax(h.p_above, c.p_above), h.below || c.below,
                   2 * fmin(h.p_below, c.p_below));
done:
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "C", .flow = s->flow};
  usable u;
  dwell_status status = usable_make(s, SHARE, false, &r, &u, err);
  *ret_verdict = verdict_start("C", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = data_reason(s, &u, true, &r);
    if ((double)with_enough_heads(s, &u, &r) < rule(&r, "prompts")) reason = "few_heads";
    fill_controls(s, &u, rule(&r, "chance"));
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else status = weigh(s, &u, &r, ret_verdict, err);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_alignment = {
    .name = "C",
    .title = "attention carries the clusters",
    .source = "docs/verdicts.md 3.3",
    .sentence = "Heads attend within the clusters of their input more often than chance and than untrained heads do.",
    .denial = "Heads do not attend within the clusters of their input more often than chance or untrained heads do.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .decide = decide,
};
