/* study/claim_emergence.c - claim G: clustering emerges in training. The replicates are the checkpoints of one run,
 * which are one path: no slope is tested, only from which checkpoint on all exceed what random weights reach. */
#include <math.h>

#include "study/claims.h"
#include "study/trend.h"

enum { TREND, STEP };

static const claim_need needs[] = {
    {"trend", "mean over the texts of the trend of claim A; controls: of each random network", true},
    {"step", "of the checkpoint, rising", false},
};

static double largest_seed(const claim_sample *s) {
  double largest = -INFINITY;
  for (size_t k = 0; k < s->seeds; k++) largest = fmax(largest, controls_of(s, TREND)[k * s->prompts]);
  return largest;
}

static const char *suspended(const claim_sample *s, rules *r) {
  if ((double)s->prompts < rule(r, "checkpoints")) return "few_checkpoints";
  if ((double)s->seeds < rule(r, "seeds")) return "few_seeds";
  for (size_t k = 0; k < s->prompts; k++) {
    if (!isfinite(values_of(s, TREND)[k])) return "few_types";
  }
  return isfinite(largest_seed(s)) ? NULL : "few_seeds";
}

static void weigh(const claim_sample *s, claim_verdict *v) {
  size_t from = trend_emergence(s->prompts, values_of(s, TREND), largest_seed(s));
  double p = 1 / (double)(s->seeds + 1);
  v->control = largest_seed(s);
  if (from != SIZE_MAX) {
    v->effect = values_of(s, STEP)[from], v->kind = "checkpoints";
    v->interval = (interval){values_of(s, STEP)[from - 1], v->effect};
  }
  bool found = clusters_were_found(s); /* what emerges is held against random weights, not against other orders */
  verdict_conclude(v, from != SIZE_MAX && found, p, s->clusters == CLAIM_FALSIFIED, p);
  if (v->outcome == CLAIM_SUSPENDED && !found && s->clusters == CLAIM_SUSPENDED && s->clusters_reason != NULL)
    verdict_suspend(v, s->clusters_reason);
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "G", .flow = s->flow};
  *ret_verdict = verdict_start("G", s, s->prompts);
  const char *reason = suspended(s, &r);
  if (reason != NULL) verdict_suspend(ret_verdict, reason);
  else weigh(s, ret_verdict);
  return rules_check(&r, err);
}

const claim claim_emergence = {
    .name = "G",
    .title = "clustering emerges in training",
    .source = "docs/verdicts.md 3.8",
    .sentence = "From one checkpoint of this training on, tokens cluster more than in any of the random networks.",
    .denial = "At the end of this training tokens do not cluster more than chance or random weights make them.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .scope = CLAIM_OF_CHECKPOINTS,
    .decide = decide,
};
