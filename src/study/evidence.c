/* study/evidence.c - what the claims share. */
#include "study/evidence.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "study/permutation.h"

/* ---- thresholds ---- */

double rule(rules *r, const char *name) {
  static const char *const everyone = "all";
  for (int pass = 0; pass < 2; pass++) {
    for (size_t k = 0; k < r->all->count; k++) {
      const claim_threshold *t = &r->all->items[k];
      if (strcmp(t->name, name) != 0 || strcmp(t->claim, pass == 0 ? r->claim : everyone) != 0) continue;
      return r->flow ? t->flow : t->value;
    }
  }
  r->missing = name;
  return NAN;
}

dwell_status rules_check(const rules *r, dwell_error *err) {
  if (r->missing == NULL) return DWELL_OK;
  return error_set(err, DWELL_BAD_INPUT, "claim %s has no threshold %s", r->claim, r->missing);
}

/* ---- a mean against a margin ---- */

static void by_signs(size_t n, const double *x, double margin, location *ret) {
  size_t beyond = 0;
  for (size_t i = 0; i < n; i++) beyond += x[i] > margin;
  interval share = interval_share(beyond, n, 0.95);
  ret->exact = true, ret->kind = "exact", ret->interval = share;
  ret->above = share.low > 0.5, ret->below = share.high < 0.5;
  ret->p_above = special_binomial_above(n, beyond, 0.5), ret->p_below = special_binomial_below(n, beyond, 0.5);
}

dwell_status location_of_mean(size_t n, const double *x, double margin, uint64_t seed, location *ret_location,
                              dwell_error *err) {
  bool valid;
  dwell_status status = DWELL_OK;
  double *from = MEM_NEW(double, n);
  *ret_location = (location){.mean = sample_mean(n, x), .kind = "bootstrap-t"};
  TRY_ALLOC(from, "a mean");
  TRY(interval_bootstrap_t(n, x, seed, &ret_location->interval, &valid, err));
  if (!valid) {
    by_signs(n, x, margin, ret_location);
    goto done;
  }
  ret_location->above = ret_location->interval.low > margin, ret_location->below = ret_location->interval.high < margin;
  for (size_t i = 0; i < n; i++) from[i] = x[i] - margin;
  ret_location->p_above = sign_flip_p(n, from, seed);
  for (size_t i = 0; i < n; i++) from[i] = margin - x[i];
  ret_location->p_below = sign_flip_p(n, from, seed);
done:
  mem_free(from);
  return status;
}

dwell_status location_of_contrast(const claim_sample *s, const double *trained, const double *seeds, size_t prompts,
                                  double margin, location *ret_location, dwell_error *err) {
  double *difference = MEM_NEW(double, prompts);
  if (difference == NULL) return error_no_memory(err, "a contrast");
  dwell_status status = DWELL_OK;
  for (size_t p = 0; p < prompts; p++) {
    double sum = 0;
    for (size_t k = 0; k < s->seeds; k++) sum += seeds[k * prompts + p];
    difference[p] = trained[p] - sum / (double)s->seeds;
  }
  crossed c = {0};
  if (!s->flow && s->seeds >= 2) c = interval_crossed(prompts, trained, s->seeds, seeds);
  if (s->flow) {
    status = location_of_mean(prompts, difference, margin, s->seed, ret_location, err);
  } else {
    *ret_location = (location){.mean = sample_mean(prompts, difference), .kind = "crossed", .interval = c.interval};
    if (c.variance > 0) {
      ret_location->above = c.interval.low > margin, ret_location->below = c.interval.high < margin;
      ret_location->p_above = crossed_p(&c, margin, true), ret_location->p_below = crossed_p(&c, margin, false);
    } else {
      by_signs(prompts, difference, margin, ret_location);
    }
  }
  mem_free(difference);
  return status;
}

bool passes_rank_gate(const claim_sample *s, const double *trained, const double *seeds, size_t prompts, rules *r,
                      claim_verdict *v) {
  if (s->flow) return true;
  if ((double)s->seeds < rule(r, "rank_seeds")) {
    v->notes |= NOTE_SEED_NORMALITY;
    return true;
  }
  return rank_gate_p(prompts, trained, s->seeds, seeds) <= 0.05;
}

/* ---- the sample ---- */

const double *values_of(const claim_sample *s, size_t need) { return s->values + need * s->prompts; }

const double *controls_of(const claim_sample *s, size_t need) { return s->controls + need * s->seeds * s->prompts; }

static bool is_defined(const claim_sample *s, size_t need, bool controls, size_t p) {
  if (!isfinite(values_of(s, need)[p])) return false;
  for (size_t k = 0; controls && k < s->seeds; k++) {
    if (!isfinite(controls_of(s, need)[k * s->prompts + p])) return false;
  }
  return true;
}

dwell_status usable_make(const claim_sample *s, size_t need, bool controls, rules *r, usable *ret, dwell_error *err) {
  double types = rule(r, "types");
  size_t room;
  *ret = (usable){0};
  if (!size_mul(s->prompts, s->seeds, &room)) return error_no_memory(err, "a sample");
  ret->prompt = MEM_NEW(size_t, s->prompts);
  ret->values = MEM_NEW(double, s->prompts);
  ret->controls = MEM_NEW(double, room);
  if (ret->prompt == NULL || ret->values == NULL || ret->controls == NULL) return error_no_memory(err, "a sample");
  for (size_t p = 0; p < s->prompts; p++) {
    bool few = s->opt_types != NULL && s->opt_types[p] < types;
    ret->lost_types = ret->lost_types || few;
    if (!few && is_defined(s, need, controls, p)) ret->prompt[ret->count++] = p;
  }
  for (size_t i = 0; i < ret->count; i++) {
    ret->values[i] = values_of(s, need)[ret->prompt[i]];
    for (size_t k = 0; controls && k < s->seeds; k++)
      ret->controls[k * ret->count + i] = controls_of(s, need)[k * s->prompts + ret->prompt[i]];
  }
  return DWELL_OK;
}

void usable_free(usable *u) {
  mem_free(u->prompt);
  mem_free(u->values);
  mem_free(u->controls);
  *u = (usable){0};
}

static size_t classes_among(const claim_sample *s, const usable *u) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) {
    size_t j = 0;
    while (j < i && s->opt_classes[u->prompt[j]] != s->opt_classes[u->prompt[i]]) j++;
    count += j == i;
  }
  return count;
}

const char *data_reason(const claim_sample *s, const usable *u, bool controls, rules *r) {
  if ((double)u->count < rule(r, "prompts")) return u->lost_types ? "few_types" : "few_prompts";
  if (controls && (double)s->seeds < rule(r, "seeds")) return "few_seeds";
  if (s->opt_classes != NULL && (double)classes_among(s, u) < rule(r, "text_classes")) return "few_classes";
  return s->representation_fails ? "representation" : NULL;
}

bool clusters_were_found(const claim_sample *s) {
  bool but_order = s->clusters_reason != NULL && strcmp(s->clusters_reason, REASON_CONTROL_EQUAL) == 0;
  return s->clusters == CLAIM_CONFIRMED || (s->clusters == CLAIM_SUSPENDED && but_order);
}

/* ---- verdicts ---- */

claim_verdict verdict_start(const char *name, const claim_sample *s, size_t prompts) {
  return (claim_verdict){.claim = name,
                         .outcome = CLAIM_SUSPENDED,
                         .effect = NAN,
                         .interval = {NAN, NAN},
                         .contrast = NAN,
                         .contrast_interval = {NAN, NAN},
                         .control = NAN,
                         .order = NAN,
                         .order_interval = {NAN, NAN},
                         .p_but_order = NAN,
                         .p = 1,
                         .p_holm = 1,
                         .prompts = prompts,
                         .seeds = s->seeds};
}

void verdict_suspend(claim_verdict *v, const char *reason) {
  v->outcome = CLAIM_SUSPENDED, v->reason = reason, v->p = v->p_holm = 1;
}

void verdict_conclude(claim_verdict *v, bool confirmed, double p_confirmed, bool falsified, double p_falsified) {
  verdict_suspend(v, "negligible_or_unclear");
  if (!confirmed && !falsified) return;
  v->outcome = confirmed ? CLAIM_CONFIRMED : CLAIM_FALSIFIED, v->reason = NULL;
  v->p = v->p_holm = fmin(1, confirmed ? p_confirmed : p_falsified);
}

dwell_status verdict_two_sided(claim_verdict *v, const claim_sample *s, rules *r, size_t n, const double *x,
                               bool *ret_exact, dwell_error *err) {
  location high, low, zero;
  double margin = rule(r, "margin");
  dwell_status status = DWELL_OK;
  TRY(location_of_mean(n, x, margin, s->seed, &high, err));
  TRY(location_of_mean(n, x, -margin, s->seed, &low, err));
  TRY(location_of_mean(n, x, 0, s->seed, &zero, err));
  double p = fmin(1, 2 * fmin(zero.p_above, zero.p_below));
  v->effect = high.mean, v->interval = high.interval, v->kind = high.kind, *ret_exact = high.exact;
  verdict_conclude(v, (high.above || low.below) && p <= rule(r, "p"), p, high.below && low.above,
                   fmax(high.p_below, low.p_above));
done:
  return status;
}
