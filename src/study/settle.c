/* study/settle.c - words for verdicts. */
#include "study/settle.h"

#include <math.h>
#include <string.h>

#include "study/evidence.h"

/* The fixed vocabulary (docs/verdicts.md 4), what it means and what would settle it. */
static const struct {
  const char *reason, *means, *settle;
} words[] = {
    {"few_types", "too few distinct tokens in the texts", "longer texts: 48 distinct tokens each, after cutting"},
    {"few_tokens",
     "maps rebuilt in fewer dimensions were not measured: a study does not, nor can it be done with more "
     "tokens than d/4",
     "make mechanism (docs/mechanism.md 5), which rebuilds them and takes the first d/4 tokens"},
    {"few_prompts", "the sample is too small", "a larger sample"},
    {"few_seeds", "too few control runs",
     "more networks with random weights (\"random\" of the controls), or rotations"},
    {"few_layers", "too few blocks for this to be seen if it is there", "a deeper network"},
    {"few_heads", "too few heads read a state with significant clusters",
     "longer texts or deeper networks: 20 heads whose input has significant clusters, in 12 texts"},
    {"few_classes", "too few classes of texts, or too few texts in one",
     "texts of two classes; for claim F 8 of each class (\"classes\" joins registers)"},
    {"few_models", "too few models", "6 pairs, or 4 encoders and 4 decoders"},
    {"few_checkpoints", "too few checkpoints", "6 checkpoints of one training"},
    {"representation", "the effect has the other sign in the representation `ln` or `robust`",
     "nothing measured alike: what is seen depends on how states are scaled; see trend_ln and trend_robust in "
     "numbers.csv"},
    {"precision", "the energy moves by less than 100 times its rounding", "states in f32 or f64"},
    {"beta_uncalibrated", "no inverse temperature describes the heads",
     "a network whose heads attend by similarity (beta_r2 in heads.csv); at the given betas the theory says nothing"},
    {"control_equal", "the control does as much", "a better control"},
    {"mask_confound", "a causal mask alone would give this", "a measure that knows the mask"},
    {"exit_not_observed", "clusters stand still at the end and were not seen to move on",
     "more layers: plateaus that end before the last state"},
    {"no_formation", "most texts form no groups that can be timed", "longer texts, or networks that cluster"},
    {"no_collapse", "the mean cosine does not change clearly: there is no speed to explain",
     "a network, or depth, at which tokens collapse"},
    {"censored", "groups had not joined at the end", "more layers (albert: more iterations)"},
    {"depth_range", "the depths do not bracket a threshold", "more depths on either side"},
    {"confounded", "several things differ at once", "pairs that differ in one thing only"},
    {"degenerate", "the numbers have no spread", "other texts"},
    {"negligible_or_unclear", "the interval contains the margin",
     "more texts and controls, if the interval is wide; if it is narrow, the effect is as small as the margin"},
    {"multiplicity", "the intervals decide, but not at this many tests",
     "fewer claims named before the data, or more texts"},
};

const char *settle_reason(const char *reason) {
  for (size_t k = 0; reason != NULL && k < sizeof words / sizeof words[0]; k++) {
    if (strcmp(words[k].reason, reason) == 0) return words[k].means;
  }
  return NULL;
}

static const char *general(const char *reason) {
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
    if (strcmp(words[k].reason, reason) == 0) return words[k].settle;
  }
  return "";
}

const char *settle_text(verdicts *v, const claim_verdict *verdict, const claim *c, const claim_sample *s,
                        const claim_thresholds *t) {
  rules r = {.all = t, .claim = c->name, .flow = s->flow};
  if (verdict->outcome != CLAIM_SUSPENDED || verdict->reason == NULL) return NULL;
  const char *reason = verdict->reason;
  if (strcmp(reason, "few_prompts") == 0 || strcmp(reason, "few_types") == 0) {
    if (s->prompts == 0) return verdicts_format(v, "measuring it: there is no run of it");
    return verdicts_format(v, "%s: %zu of %zu can be used, %g are needed", general(reason), verdict->prompts,
                           s->prompts, rule(&r, "prompts"));
  }
  if (strcmp(reason, "few_seeds") == 0)
    return verdicts_format(v, "%s: there are %zu, %g are needed", general(reason), s->seeds, rule(&r, "seeds"));
  if (strcmp(reason, REASON_CONTROL_EQUAL) == 0 && strcmp(c->name, "A") == 0)
    return verdicts_format(v,
                           "more texts, if the interval against their own tokens in other orders (%.4f, %.4f) is wide; "
                           "if it is narrow, what groups is which tokens they are, not what the text says",
                           verdict->order_interval.low, verdict->order_interval.high);
  if (strcmp(reason, "few_layers") == 0)
    return verdicts_format(v, "%s: it has %zu blocks, %g are needed", general(reason), s->layers, rule(&r, "layers"));
  return verdicts_format(v, "%s", general(reason));
}

const char *settle_multiplicity(verdicts *v, const claim_verdict *verdict) {
  return verdicts_format(v, "%s: p = %.2g of a family of %zu", general("multiplicity"), verdict->p, verdict->family);
}

void verdict_sentence(const verdict_row *row, strbuf *out) {
  const claim *c = row->claim;
  const char *means = settle_reason(row->v.reason);
  switch (row->v.outcome) {
    case CLAIM_CONFIRMED: strbuf_puts(out, row->flow ? c->of_flow : c->sentence); break;
    case CLAIM_FALSIFIED: strbuf_puts(out, row->flow ? c->not_of_flow : c->denial); break;
    case CLAIM_SUSPENDED: strbuf_printf(out, "Not decided: %s.", means != NULL ? means : "the data do not say"); break;
  }
}
