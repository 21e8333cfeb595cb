/* study/claim_persistence.c - claim B: clusters persist: they stand still for some layers and then move on. */
#include <math.h>

#include "study/claims.h"
#include "study/permutation.h"

enum { PLATEAU, TERMINAL };

static const claim_need needs[] = {
    {"plateau",
     "1: an interior plateau of significant clusters with p <= .05 (flows: a staircase ratio above 2), else 0", true},
    {"terminal", "1: a plateau from which the clusters do not move on, else 0", false},
};

typedef struct tally {
  size_t with, gained, lost, terminal;
  bool above_every_seed;
} tally;

/* A control has it on a prompt where at least half of its seeds do. */
static bool control_has(const claim_sample *s, const usable *u, size_t i) {
  size_t count = 0;
  for (size_t k = 0; k < s->seeds; k++) count += u->controls[k * u->count + i] > 0.5;
  return s->seeds > 0 && 2 * count >= s->seeds;
}

static tally count_prompts(const claim_sample *s, const usable *u) {
  tally t = {.above_every_seed = true};
  for (size_t i = 0; i < u->count; i++) {
    bool has = u->values[i] > 0.5, control = control_has(s, u, i);
    t.with += has, t.gained += has && !control, t.lost += control && !has;
    t.terminal += values_of(s, TERMINAL)[u->prompt[i]] > 0.5;
  }
  for (size_t k = 0; k < s->seeds; k++) {
    size_t of_seed = 0;
    for (size_t i = 0; i < u->count; i++) of_seed += u->controls[k * u->count + i] > 0.5;
    t.above_every_seed = t.above_every_seed && t.with > of_seed;
  }
  return t;
}

/* Why claim B is not judged although the prompts are there; NULL: it is. */
static const char *suspended(const claim_sample *s, const usable *u, const tally *t, rules *r) {
  if ((double)s->layers < rule(r, "layers")) return "few_layers";
  if (!s->flow && !clusters_were_found(s))
    return s->clusters_reason != NULL ? s->clusters_reason : "negligible_or_unclear";
  if (t->with > 0) return NULL;
  if (t->terminal > 0 && !s->flow) return "exit_not_observed";
  return special_binomial_below(u->count, 0, rule(r, "share")) > 0.025 ? "few_prompts" : NULL;
}

static void weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v) {
  tally t = count_prompts(s, u);
  double share = rule(r, "share"), observed = (double)t.with / (double)u->count;
  v->effect = observed, v->interval = interval_share(t.with, u->count, 0.95), v->kind = "exact";
  v->contrast = ((double)t.gained - (double)t.lost) / (double)u->count;
  v->control = sample_mean(s->seeds * u->count, u->controls);
  const char *reason = suspended(s, u, &t, r);
  if (reason != NULL) {
    verdict_suspend(v, reason);
    return;
  }
  bool confirmed = observed >= rule(r, "majority") && v->interval.low > share && t.above_every_seed;
  bool falsified = v->interval.high < share && (double)s->layers >= rule(r, "layers_to_deny");
  bool equal = !s->flow && s->clusters != CLAIM_CONFIRMED; /* what persists would be of the tokens, not of the text */
  double p = fmax(mcnemar_p(t.gained, t.lost), special_binomial_above(u->count, t.with, share));
  verdict_conclude(v, confirmed, p, falsified, special_binomial_below(u->count, t.with, share));
  if (confirmed && equal) verdict_suspend(v, s->clusters_reason);
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "B", .flow = s->flow};
  usable u;
  dwell_status status = usable_make(s, PLATEAU, true, &r, &u, err);
  *ret_verdict = verdict_start("B", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = data_reason(s, &u, true, &r);
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else weigh(s, &u, &r, ret_verdict);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_persistence = {
    .name = "B",
    .title = "clusters persist",
    .source = "docs/verdicts.md 3.2",
    .sentence =
        "Clusters form, stand still over several layers and then move on, which untrained networks do not show.",
    .denial = "Clusters do not stand still over several layers in more than a fifth of the texts.",
    .of_flow =
        "Groups stand still for more than twice the time after which they formed, which those of the flow at beta 0 do "
        "not.",
    .not_of_flow = "From most starts no group stands still for twice the time after which it formed.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .in_flows = true,
    .decide = decide,
};
