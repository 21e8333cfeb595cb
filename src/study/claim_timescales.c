/* study/claim_timescales.c - claim E1: two time scales: groups form fast and join slowly. */
#include <math.h>

#include "base/sort.h"
#include "study/claims.h"

enum { IN_TIME, IN_TAU, CENSORED };

static const claim_need needs[] = {
    {"log_ratio", "ln of merging time over formation time, in states (flows: in t); undefined: no formation", false},
    {"log_ratio_tau", "the same in effective time, the cumulated mean angle", false},
    {"censored", "1: the groups had not joined at the end, and both are lower bounds, else 0", false},
};

typedef struct median {
  double value, low, high;
  size_t above, below; /* ratios above the one threshold, and certainly below the other */
} median;

/* Of ln ratio over the prompts with formation. Censored values are lower bounds. For the lower end they count as they
 * are; for the upper end as infinite, since any of them may lie above it in truth, wherever its bound lies. */
static dwell_status median_of(const claim_sample *s, const usable *u, size_t need, double ratio, double no_ratio,
                              median *ret, dwell_error *err) {
  size_t n = u->count, low, high;
  double *x = MEM_NEW(double, n);
  if (x == NULL) return error_no_memory(err, "a median");
  *ret = (median){.low = -INFINITY, .high = INFINITY};
  for (size_t i = 0; i < n; i++) {
    bool censored = values_of(s, CENSORED)[u->prompt[i]] > 0.5;
    x[i] = values_of(s, need)[u->prompt[i]];
    ret->above += x[i] > log(ratio);
    ret->below += x[i] < log(no_ratio) && !censored;
  }
  sort_doubles(x, n);
  ret->value = sort_median(x, n);
  if (interval_median_ranks(n, &low, &high)) {
    ret->low = x[low - 1];
    for (size_t i = 0; i < n; i++) {
      bool censored = values_of(s, CENSORED)[u->prompt[i]] > 0.5;
      x[i] = censored ? INFINITY : values_of(s, need)[u->prompt[i]];
    }
    sort_doubles(x, n);
    ret->high = x[high - 1];
  }
  mem_free(x);
  return DWELL_OK;
}

static bool all_censored_low(const claim_sample *s, const usable *u, double ratio) {
  size_t low = 0;
  for (size_t i = 0; i < u->count; i++)
    low += values_of(s, CENSORED)[u->prompt[i]] > 0.5 && values_of(s, IN_TIME)[u->prompt[i]] <= log(ratio);
  return 2 * low >= u->count;
}

static dwell_status weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double ratio = rule(r, "ratio"), no_ratio = rule(r, "no_ratio"), p_above = 0, p_below = 0;
  bool confirmed = true, falsified = true;
  for (size_t need = IN_TIME; need <= (s->flow ? IN_TIME : IN_TAU); need++) { /* both clocks must agree */
    median m = {0};
    TRY(median_of(s, u, need, ratio, no_ratio, &m, err));
    confirmed = confirmed && m.low > log(ratio), falsified = falsified && m.high < log(no_ratio);
    p_above = fmax(p_above, special_binomial_above(u->count, m.above, 0.5));
    p_below = fmax(p_below, special_binomial_above(u->count, m.below, 0.5));
    if (need == IN_TIME) v->effect = m.value, v->interval = (interval){m.low, m.high}, v->kind = "median";
  }
  verdict_conclude(v, confirmed, p_above, falsified, p_below);
  if (v->outcome == CLAIM_SUSPENDED && all_censored_low(s, u, ratio)) verdict_suspend(v, "censored");
done:
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "E1", .flow = s->flow};
  usable u;
  dwell_status status = usable_make(s, IN_TIME, false, &r, &u, err);
  *ret_verdict = verdict_start("E1", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = NULL;
    if ((double)s->prompts < rule(&r, "prompts")) reason = "few_prompts";
    else if ((double)u.count < rule(&r, "formation") * (double)s->prompts) reason = "no_formation";
    else reason = s->representation_fails ? "representation" : NULL;
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else status = weigh(s, &u, &r, ret_verdict, err);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_timescales = {
    .name = "E1",
    .title = "two time scales",
    .source = "docs/verdicts.md 3.5",
    .sentence = "Groups of tokens form at least five times faster than they join.",
    .denial = "Groups of tokens do not form much faster than they join.",
    .of_flow = "Groups of particles form at least five times faster than they join.",
    .not_of_flow = "Groups of particles do not form much faster than they join.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .in_flows = true,
    .decide = decide,
};
