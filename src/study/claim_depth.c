/* study/claim_depth.c - claim I: two time scales need depth: above some number of blocks most texts show them. */
#include <math.h>

#include "study/claims.h"
#include "study/trend.h"

enum { DEPTH, WITH, OF };

static const claim_need needs[] = {
    {"blocks", "of each model of the family, rising", false},
    {"with", "texts whose groups form more than five times faster than they join", false},
    {"of", "texts", false},
};

static dwell_status weigh(const claim_sample *s, claim_verdict *v, dwell_error *err) {
  depth_threshold found;
  size_t n = s->prompts, *with = MEM_NEW(size_t, 2 * n), *of = with + n;
  if (with == NULL) return error_no_memory(err, "the depths");
  for (size_t k = 0; k < n; k++) with[k] = (size_t)values_of(s, WITH)[k], of[k] = (size_t)values_of(s, OF)[k];
  dwell_status status = trend_depths(n, values_of(s, DEPTH), with, of, &found, err);
  if (status == DWELL_OK) {
    bool both = found.below != SIZE_MAX && found.above != SIZE_MAX && found.below < found.above;
    v->effect = found.crossing, v->kind = "bracket";
    v->interval.low = found.below != SIZE_MAX ? values_of(s, DEPTH)[found.below] : NAN;
    v->interval.high = found.above != SIZE_MAX ? values_of(s, DEPTH)[found.above] : NAN;
    double above = found.above != SIZE_MAX ? special_binomial_above(of[found.above], with[found.above], 0.5) : 1;
    double below = found.below != SIZE_MAX ? special_binomial_below(of[found.below], with[found.below], 0.5) : 1;
    double deepest = special_binomial_below(of[n - 1], with[n - 1], 0.5);
    verdict_conclude(v, both, fmin(1, (double)n * fmax(above, below)), found.below == n - 1,
                     fmin(1, (double)n * deepest));
    if (v->outcome == CLAIM_SUSPENDED) verdict_suspend(v, "depth_range");
  }
  mem_free(with);
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "I", .flow = s->flow};
  bool few = false;
  dwell_status status = DWELL_OK;
  *ret_verdict = verdict_start("I", s, s->prompts);
  for (size_t k = 0; k < s->prompts; k++) few = few || values_of(s, OF)[k] < rule(&r, "prompts");
  if ((double)s->prompts < rule(&r, "depths")) verdict_suspend(ret_verdict, "depth_range");
  else if (few) verdict_suspend(ret_verdict, "few_prompts");
  else status = weigh(s, ret_verdict, err);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_depth = {
    .name = "I",
    .title = "two time scales need depth",
    .source = "docs/verdicts.md 3.10",
    .sentence =
        "Among these networks, those above some number of blocks show two time scales in most texts and those below do "
        "not.",
    .denial = "Even the deepest of these networks does not show two time scales in most texts.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .scope = CLAIM_OF_DEPTHS,
    .decide = decide,
};
