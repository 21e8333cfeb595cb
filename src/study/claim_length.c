/* study/claim_length.c - claim H: how much tokens cluster depends on the length of the text. */
#include <math.h>

#include "study/claims.h"
#include "study/permutation.h"

enum { SLOPE, LENGTHS, SPAN, SHORTEST };

static const claim_need needs[] = {
    {"slope", "of the trend of claim A on ln n, over beginnings of one text", true},
    {"lengths", "how many of them", false},
    {"span", "longest over shortest", false},
    {"shortest_types", "first occurrences in the shortest", false},
};

/* Slopes minus the mean of the random networks', of the texts that have what is needed. */
static size_t contrasts(const claim_sample *s, rules *r, double *ret) {
  size_t count = 0;
  for (size_t p = 0; p < s->prompts; p++) {
    double sum = 0;
    for (size_t k = 0; k < s->seeds; k++) sum += controls_of(s, SLOPE)[k * s->prompts + p] / (double)s->seeds;
    bool enough = values_of(s, LENGTHS)[p] >= rule(r, "lengths") && values_of(s, SPAN)[p] >= rule(r, "span") &&
                  values_of(s, SHORTEST)[p] >= rule(r, "types");
    double c = values_of(s, SLOPE)[p] - sum;
    if (enough && isfinite(c)) ret[count++] = c;
  }
  return count;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "H", .flow = s->flow};
  double *c = MEM_NEW(double, s->prompts);
  if (c == NULL) return error_no_memory(err, "the lengths");
  size_t count = contrasts(s, &r, c);
  bool exact = false;
  dwell_status status = DWELL_OK;
  *ret_verdict = verdict_start("H", s, count);
  if ((double)s->seeds < rule(&r, "seeds")) verdict_suspend(ret_verdict, "few_seeds");
  else if ((double)count < rule(&r, "prompts")) verdict_suspend(ret_verdict, "few_prompts");
  else status = verdict_two_sided(ret_verdict, s, &r, count, c, &exact, err);
  if (exact) ret_verdict->notes |= NOTE_EXACT;
  mem_free(c);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_length = {
    .name = "H",
    .title = "how much tokens cluster depends on the length of the text",
    .source = "docs/verdicts.md 3.9",
    .sentence = "How much tokens cluster depends on the length of the text, beyond what random weights make of length.",
    .denial = "How much tokens cluster does not depend on the length of the text.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .scope = CLAIM_OF_LENGTHS,
    .decide = decide,
};
