/* study/claim_energy.c - claim D: the energy at the measured inverse temperature rises from state to state. */
#include <math.h>

#include "study/claims.h"

enum { DRAWDOWN, INDEX, RANGE };

static const claim_need needs[] = {
    {"drawdown_rel", "largest fall of the energy to a later state over its range, at beta_cal; undefined: none", false},
    {"index", "sum of its changes over the sum of their sizes", false},
    {"floors", "its range over the bound on rounding", false},
};

static bool is_monotone(const claim_sample *s, size_t p, rules *r) {
  return values_of(s, DRAWDOWN)[p] <= rule(r, "rising") && values_of(s, INDEX)[p] >= rule(r, "index");
}

static size_t precise(const claim_sample *s, const usable *u, rules *r) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) count += values_of(s, RANGE)[u->prompt[i]] >= rule(r, "floors");
  return count;
}

static const char *suspended(const claim_sample *s, const usable *u, rules *r) {
  size_t uncalibrated = s->prompts - u->count;
  if ((double)s->layers < rule(r, "layers")) return "few_layers";
  if ((double)s->prompts < rule(r, "prompts")) return "few_prompts";
  if (uncalibrated > 0 && (double)u->count < rule(r, "prompts")) return "beta_uncalibrated";
  return (double)precise(s, u, r) < rule(r, "prompts") ? "precision" : NULL;
}

static void weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v) {
  size_t n = 0, monotone = 0, descending = 0;
  for (size_t i = 0; i < u->count; i++) {
    size_t p = u->prompt[i];
    if (!(values_of(s, RANGE)[p] >= rule(r, "floors"))) continue;
    n++, monotone += is_monotone(s, p, r), descending += u->values[i] > rule(r, "falling");
  }
  double majority = rule(r, "majority"), share = (double)monotone / (double)n;
  v->prompts = n;
  v->effect = share, v->interval = interval_share(monotone, n, 0.95), v->kind = "exact";
  bool confirmed = share >= rule(r, "share") && v->interval.low > majority;
  bool falsified = interval_share(descending, n, 0.95).low > majority;
  verdict_conclude(v, confirmed, special_binomial_above(n, monotone, majority), falsified,
                   special_binomial_above(n, descending, majority));
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "D", .flow = s->flow};
  usable u;
  claim_sample any = *s; /* energies need no types */
  any.opt_types = NULL;
  dwell_status status = usable_make(&any, DRAWDOWN, false, &r, &u, err);
  *ret_verdict = verdict_start("D", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = suspended(s, &u, &r);
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else weigh(s, &u, &r, ret_verdict);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_energy = {
    .name = "D",
    .title = "the energy is monotone",
    .source = "docs/verdicts.md 3.4",
    .sentence = "The sequence of states ascends the interaction energy at the inverse temperature of its own heads.",
    .denial =
        "The sequence of states does not ascend the interaction energy at the inverse temperature of its own heads.",
    .of_flow = "The flow ascends the interaction energy at its own inverse temperature.",
    .not_of_flow = "The flow does not ascend the interaction energy at its own inverse temperature.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .in_flows = true,
    .decide = decide,
};
