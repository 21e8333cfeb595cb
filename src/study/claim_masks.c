/* study/claim_masks.c - claim J: encoders and decoders differ in how much tokens cluster. Here models are the
 * replicates. */
#include <math.h>

#include "study/claims.h"
#include "study/permutation.h"

enum { CONTRAST, CAUSAL, PAIR };

static const claim_need needs[] = {
    {"contrast", "model mean of the trend of claim A minus that of its random networks", false},
    {"causal", "1: a causal mask, else 0", false},
    {"pair", "number of the pair that it belongs to; undefined: none", false},
};

/* Encoder minus decoder, pair by pair. */
static size_t pair_differences(const claim_sample *s, double *ret) {
  size_t count = 0;
  for (size_t a = 0; a < s->prompts; a++) {
    for (size_t b = 0; b < s->prompts; b++) {
      bool pair = values_of(s, PAIR)[a] == values_of(s, PAIR)[b] && values_of(s, CAUSAL)[a] == 0 &&
                  values_of(s, CAUSAL)[b] == 1;
      double d = values_of(s, CONTRAST)[a] - values_of(s, CONTRAST)[b];
      if (pair && isfinite(d)) ret[count++] = d;
    }
  }
  return count;
}

/* The encoders first. */
static size_t sort_kinds(const claim_sample *s, double *x, uint32_t *labels, size_t *ret_encoders) {
  size_t count = 0;
  for (uint32_t causal = 0; causal < 2; causal++) {
    for (size_t k = 0; k < s->prompts; k++) {
      if (values_of(s, CAUSAL)[k] != causal || !isfinite(values_of(s, CONTRAST)[k])) continue;
      labels[count] = causal, x[count++] = values_of(s, CONTRAST)[k];
    }
    if (causal == 0) *ret_encoders = count;
  }
  return count;
}

static dwell_status weigh_kinds(const claim_sample *s, rules *r, const double *x, const uint32_t *labels, size_t n,
                                size_t encoders, claim_verdict *v, dwell_error *err) {
  value p;
  interval found;
  bool valid;
  double margin = rule(r, "margin");
  dwell_status status = DWELL_OK;
  TRY(label_permutation_p(n, x, labels, 2, s->seed, &p, err));
  TRY(interval_difference(encoders, x, n - encoders, x + encoders, s->seed, &found, &valid, err));
  v->effect = sample_mean(encoders, x) - sample_mean(n - encoders, x + encoders), v->prompts = n;
  v->interval = found, v->kind = "bootstrap-t";
  bool beyond = valid && (found.low > margin || found.high < -margin);
  bool within = valid && found.low > -margin && found.high < margin;
  if (p.undefined != NULL) verdict_suspend(v, "degenerate");
  else verdict_conclude(v, beyond && p.number <= rule(r, "p"), p.number, within, 0.05);
done:
  return status;
}

static dwell_status weigh(const claim_sample *s, rules *r, claim_verdict *v, dwell_error *err) {
  size_t room, encoders = 0;
  dwell_status status = DWELL_OK;
  double *x = size_mul(s->prompts, s->prompts + 1, &room) ? MEM_NEW(double, room) : NULL;
  uint32_t *labels = MEM_NEW(uint32_t, s->prompts);
  TRY_ALLOC(x, "the models");
  TRY_ALLOC(labels, "the models");
  size_t pairs = pair_differences(s, x);
  if ((double)pairs >= rule(r, "pairs")) {
    bool exact; /* the sentence about pairs has no note of it */
    v->prompts = pairs;
    status = verdict_two_sided(v, s, r, pairs, x, &exact, err);
    goto done;
  }
  size_t n = sort_kinds(s, x, labels, &encoders);
  bool enough = (double)encoders >= rule(r, "each") && (double)(n - encoders) >= rule(r, "each");
  v->prompts = n;
  if (enough) status = weigh_kinds(s, r, x, labels, n, encoders, v, err);
  else verdict_suspend(v, "few_models");
done:
  mem_free(x);
  mem_free(labels);
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "J", .flow = s->flow};
  *ret_verdict = verdict_start("J", s, s->prompts);
  dwell_status status = weigh(s, &r, ret_verdict, err);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_masks = {
    .name = "J",
    .title = "encoders and decoders differ in how much tokens cluster",
    .source = "docs/verdicts.md 3.11",
    .sentence =
        "Among these models, how much tokens cluster beyond random weights differs between encoders and decoders.",
    .denial = "Among these models, tokens of encoders and decoders cluster alike.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .scope = CLAIM_OF_MODELS,
    .decide = decide,
};
