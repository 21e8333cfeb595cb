/* study/claim_speed.c - claim E2: the maps that attention writes through set the speed of collapse, and the number of
 * dimensions does not. By interventions on one and the same network only: across models everything changes at once. */
#include <math.h>

#include "base/sort.h"
#include "study/claims.h"

enum { RATE, SLOPE, FLOW_RATE, FLOW_SLOPE };

static const claim_need needs[] = {
    {"collapse_rate", "of the network as it is; controls: of its rotations (--rotate-wo), one seed each", true},
    {"slope_wo", "slope of collapse_rate on ln s, every W_O times s in .5, .7, 1, 1.4, 2", false},
    {"flow_rate", "collapse rate of the flow of its maps, at its own number of dimensions; undefined: too many tokens",
     false},
    {"flow_slope", "slope of that rate on ln d, over rebuilds of the maps with d, d/2 and d/4 dimensions", false},
};

/* A slope over the mean rate, against a margin about 0. */
typedef struct elasticity {
  location location;
  bool beyond, within; /* the whole interval lies outside +-margin, inside it */
  double p_beyond, p_within;
} elasticity;

static dwell_status against(size_t n, const double *x, double margin, uint64_t seed, elasticity *ret,
                            dwell_error *err) {
  location high, low;
  dwell_status status = location_of_mean(n, x, margin, seed, &high, err);
  if (status == DWELL_OK) status = location_of_mean(n, x, -margin, seed, &low, err);
  if (status != DWELL_OK) return status;
  ret->location = high;
  ret->beyond = high.above || low.below, ret->within = high.below && low.above;
  ret->p_beyond = fmin(high.p_above, low.p_below), ret->p_within = fmax(high.p_below, low.p_above);
  return DWELL_OK;
}

/* Slopes over the mean of the rates they are slopes of; defined for either sign of the rate. */
static size_t make_elasticity(const claim_sample *s, const usable *u, size_t rate, size_t slope, double *ret_x) {
  size_t count = 0;
  double sum = 0;
  for (size_t i = 0; i < u->count; i++) {
    double r = values_of(s, rate)[u->prompt[i]], b = values_of(s, slope)[u->prompt[i]];
    if (isfinite(r) && isfinite(b)) ret_x[count++] = b, sum += r;
  }
  for (size_t i = 0; i < count; i++) ret_x[i] *= (double)count / sum;
  return count;
}

/* Is there a rate that the flow's slope can be held against? */
static dwell_status flow_collapses(const claim_sample *s, const usable *u, double *x, bool *ret_does,
                                   dwell_error *err) {
  location rate;
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) {
    double r = values_of(s, FLOW_RATE)[u->prompt[i]];
    if (isfinite(r)) x[count++] = r;
  }
  dwell_status status = location_of_mean(count, x, 0, s->seed, &rate, err);
  *ret_does = status == DWELL_OK && (rate.above || rate.below);
  return status;
}

/* How far the network is from the middle of its rotations, as a rank among them: exact where the maps have no
 * preferred direction, for then the network is one of its own rotations. */
static dwell_status rotation_p(const claim_sample *s, const usable *u, double *ret_p, double *ret_median,
                               dwell_error *err) {
  size_t own = s->seeds, total = own + 1, count = 0;
  double *mean = MEM_NEW(double, 2 * total), *sorted = mean + total;
  if (mean == NULL) return error_no_memory(err, "the rotations");
  for (size_t k = 0; k < own; k++) mean[k] = sorted[k] = sample_mean(u->count, u->controls + k * u->count);
  mean[own] = sorted[own] = sample_mean(u->count, u->values);
  sort_doubles(sorted, total);
  double median = sort_median(sorted, total);
  for (size_t k = 0; k < total; k++) count += fabs(mean[k] - median) >= fabs(mean[own] - median);
  *ret_p = (double)count / (double)total, *ret_median = median;
  mem_free(mean);
  return DWELL_OK;
}

/* The dimension's elasticity; *opt_reason: why there is none. */
static dwell_status weigh_dimension(const claim_sample *s, const usable *u, rules *r, double *x, elasticity *ret_flat,
                                    elasticity *ret_steep, const char **opt_reason, dwell_error *err) {
  bool collapses = false;
  size_t count = make_elasticity(s, u, FLOW_RATE, FLOW_SLOPE, x);
  dwell_status status = DWELL_OK;
  *opt_reason = (double)count < rule(r, "prompts") ? "few_tokens" : NULL;
  if (*opt_reason != NULL) return DWELL_OK;
  TRY(against(count, x, rule(r, "flat"), s->seed, ret_flat, err));
  TRY(against(count, x, rule(r, "steep"), s->seed, ret_steep, err));
  TRY(flow_collapses(s, u, x, &collapses, err));
  if (!collapses) *opt_reason = "no_collapse", *ret_flat = *ret_steep = (elasticity){0};
done:
  return status;
}

static dwell_status weigh_elasticities(const claim_sample *s, const usable *u, rules *r, double *x, claim_verdict *v,
                                       dwell_error *err) {
  elasticity strong, weak, flat = {0}, steep = {0};
  dwell_status status = DWELL_OK;
  double p_rotation = 1;
  const char *no_dimension = NULL;
  size_t count = make_elasticity(s, u, RATE, SLOPE, x);
  if ((double)count < rule(r, "prompts")) {
    verdict_suspend(v, "few_prompts");
    goto done;
  }
  TRY(against(count, x, rule(r, "strong"), s->seed, &strong, err));
  TRY(against(count, x, rule(r, "weak"), s->seed, &weak, err));
  TRY(rotation_p(s, u, &p_rotation, &v->control, err));
  v->effect = strong.location.mean, v->interval = strong.location.interval, v->kind = strong.location.kind;
  v->contrast = sample_mean(u->count, u->values) - v->control;
  if (strong.location.exact) v->notes |= NOTE_EXACT;
  TRY(weigh_dimension(s, u, r, x, &flat, &steep, &no_dimension, err));
  bool confirmed = strong.beyond && flat.within && p_rotation <= rule(r, "rotation_p");
  double p_false = 2 * fmin(weak.within ? weak.p_within : 1, steep.beyond ? steep.p_beyond : 1);
  verdict_conclude(v, confirmed, strong.p_beyond, weak.within || steep.beyond, p_false);
  if (no_dimension != NULL && v->outcome == CLAIM_SUSPENDED) verdict_suspend(v, no_dimension);
done:
  return status;
}

static dwell_status weigh(const claim_sample *s, const usable *u, rules *r, claim_verdict *v, dwell_error *err) {
  location rate;
  double *x = MEM_NEW(double, u->count);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(x, "elasticities");
  TRY(location_of_mean(u->count, u->values, 0, s->seed, &rate, err));
  if (rate.above || rate.below) TRY(weigh_elasticities(s, u, r, x, v, err));
  else verdict_suspend(v, "no_collapse");
done:
  mem_free(x);
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "E2", .flow = s->flow};
  usable u;
  claim_sample any = *s; /* a mean cosine needs tokens, no types */
  any.opt_types = NULL;
  dwell_status status = usable_make(&any, RATE, true, &r, &u, err);
  *ret_verdict = verdict_start("E2", s, u.count);
  if (status == DWELL_OK) {
    const char *reason = data_reason(&any, &u, true, &r);
    if (reason != NULL) verdict_suspend(ret_verdict, reason);
    else status = weigh(s, &u, &r, ret_verdict, err);
  }
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_speed = {
    .name = "E2",
    .title = "the output maps of attention, not the dimension, set the speed of collapse",
    .source = "docs/verdicts.md 3.6",
    .sentence =
        "How fast the tokens of this network become one depends on the size and the orientation of the maps "
        "that its heads write through, and not on the number of dimensions.",
    .denial = "The maps that attention writes through do not set the speed of collapse, or the dimension does.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .decide = decide,
};
