/* study/claim_clusters.c - claim A: tokens cluster over the layers, more than they would with random weights, and more
 * than the same tokens in another order. */
#include <math.h>

#include "study/claims.h"

enum { TREND, ANY_STATE };

static const claim_need needs[] = {
    {"trend", "effect of the cluster test, mean of the last third of the states minus state 0; first occurrences",
     true},
    {"p_any_state", "p of the cluster test over all states at once", false},
};

/* Prompts with significant clusters at some state. */
static bool most_are_clustered(const claim_sample *s, const usable *u, rules *r) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) count += values_of(s, ANY_STATE)[u->prompt[i]] <= rule(r, "any_state_p");
  return (double)count >= rule(r, "any_state_share") * (double)u->count;
}

/* The text against its own tokens in other orders, on the texts that have them: one network, so prompts are the only
 * sample. Trained weights that group any tokens alike have learnt something of tokens, not of texts. */
static dwell_status hold_against_orders(const claim_sample *s, const usable *u, rules *r, claim_verdict *v,
                                        location *ret_location, dwell_error *err) {
  double *x = MEM_NEW(double, u->count);
  size_t n = 0;
  *ret_location = (location){.mean = NAN, .interval = {NAN, NAN}, .p_above = 1};
  if (x == NULL) return error_no_memory(err, "a contrast");
  for (size_t i = 0; i < u->count; i++) {
    double sum = 0;
    for (size_t k = 0; k < s->orders; k++) sum += s->opt_orders[k * s->prompts + u->prompt[i]];
    if (isfinite(sum)) x[n++] = u->values[i] - sum / (double)s->orders;
  }
  dwell_status status = DWELL_OK;
  if ((double)n >= rule(r, "prompts"))
    status = location_of_mean(n, x, rule(r, "order_margin"), s->seed, ret_location, err);
  v->order = ret_location->mean, v->order_interval = ret_location->interval;
  mem_free(x);
  return status;
}

/* What else CONFIRMED needs where other orders were measured. */
static void apply_orders(claim_verdict *v, const location *of_order) {
  double p = v->p;
  if (v->outcome != CLAIM_CONFIRMED) return;
  v->p = v->p_holm = fmax(p, of_order->p_above);
  if (of_order->exact) v->notes |= NOTE_EXACT;
  if (of_order->above) return;
  verdict_suspend(v, REASON_CONTROL_EQUAL);
  v->p_but_order = p;
}

static dwell_status weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v, dwell_error *err) {
  location g, c, of_order;
  dwell_status status = DWELL_OK;
  double margin = rule(r, "margin");
  TRY(location_of_mean(u->count, u->values, margin, s->seed, &g, err));
  TRY(location_of_contrast(s, u->values, u->controls, u->count, margin, &c, err));
  bool gate = passes_rank_gate(s, u->values, u->controls, u->count, r, v);
  bool confirmed = g.above && c.above && gate && most_are_clustered(s, u, r);
  v->effect = g.mean, v->interval = g.interval, v->kind = g.kind;
  v->contrast = c.mean, v->contrast_interval = c.interval;
  v->control = sample_mean(s->seeds * u->count, u->controls);
  if (g.exact || c.exact) v->notes |= NOTE_EXACT;
  verdict_conclude(v, confirmed, fmax(g.p_above, c.p_above), g.below || c.below, 2 * fmin(g.p_below, c.p_below));
  if (s->orders == 0) goto done;
  TRY(hold_against_orders(s, u, r, v, &of_order, err));
  apply_orders(v, &of_order);
done:
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "A", .flow = s->flow};
  usable u;
  dwell_status status = usable_make(s, TREND, true, &r, &u, err);
  *ret_verdict = verdict_start("A", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = data_reason(s, &u, true, &r);
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else status = weigh(s, &u, &r, ret_verdict, err);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_clusters = {
    .name = "A",
    .title = "tokens cluster over the layers",
    .source = "docs/verdicts.md 3.1",
    .sentence =
        "Training makes tokens group along the layers, beyond what their mean and spectrum give, beyond what random "
        "weights do, and beyond the same tokens in another order where that was measured.",
    .denial = "Training does not make tokens group along the layers more than chance or random weights do.",
    .of_flow =
        "From these starts the flow makes particles group, beyond what their mean and spectrum give and beyond the "
        "flow at beta 0.",
    .not_of_flow =
        "From these starts the flow does not make particles group beyond chance, or the flow at beta 0 does as much.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .in_flows = true,
    .decide = decide,
};
