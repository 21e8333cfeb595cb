/* tests/study/test_speed.c - claim E2 on planted numbers: each outcome, each reason to suspend, the rank of rotations.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "study/claim.h"
#include "util/testing.h"

enum { PROMPTS = 24, ROTATIONS = 39, RATE = 0, SLOPE, FLOW_RATE, FLOW_SLOPE, NEEDS };

static double values[NEEDS * PROMPTS], controls[NEEDS * ROTATIONS * PROMPTS];

static double spread(uint32_t i, uint32_t j) {
  return random_normal(&(random_stream){.seed = 5, .purpose = RANDOM_TEST}, i, j);
}

/* Rates about `rate`, those of rotations about `rotated`; elasticities `e_s` and `e_d`. */
static claim_sample plant(double rate, double rotated, double e_s, double e_d, double sd) {
  for (uint32_t p = 0; p < PROMPTS; p++) {
    values[RATE * PROMPTS + p] = rate * (1 + sd * spread(0, p));
    values[SLOPE * PROMPTS + p] = rate * (e_s + sd * spread(1, p));
    values[FLOW_RATE * PROMPTS + p] = 0.05 * (1 + sd * spread(2, p));
    values[FLOW_SLOPE * PROMPTS + p] = 0.05 * (e_d + sd * spread(3, p));
  }
  for (uint32_t k = 0; k < ROTATIONS; k++) {
    for (uint32_t p = 0; p < PROMPTS; p++)
      controls[k * PROMPTS + p] = rotated + 0.01 * spread(4, k) + 0.01 * spread(5 + k, p);
  }
  return (claim_sample){
      .prompts = PROMPTS, .seeds = ROTATIONS, .values = values, .controls = controls, .layers = 12, .seed = 1};
}

static claim_verdict judge(const claim_sample *s) {
  dwell_error err;
  claim_verdict v;
  claim_thresholds t = claim_thresholds_default();
  assert_ok(claim_find("E2")->decide(s, &t, &v, &err), &err);
  return v;
}

static void assert_outcome(claim_verdict v, claim_outcome outcome, const char *reason) {
  const char *said = v.reason == NULL ? "" : v.reason;
  if (v.outcome != outcome || strcmp(said, reason) != 0)
    fail_msg("%s (%s), not %s (%s)", claim_outcome_name(v.outcome), said, claim_outcome_name(outcome), reason);
}

static void confirmed(void **state) {
  (void)state;
  claim_sample s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  claim_verdict v = judge(&s);
  assert_outcome(v, CLAIM_CONFIRMED, "");
  assert_true(v.interval.low > 0.5 && v.interval.low < v.effect && v.effect < v.interval.high);
  assert_near(v.effect, 1.8, 0, 0.2);
  assert_near(v.control, 0.1, 0, 0.02);
  assert_true(v.p < 0.001 && strcmp(v.kind, "bootstrap-t") == 0);
  s = plant(0.3, 0.1, -1.8, -0.05, 0.2); /* of either sign */
  assert_outcome(judge(&s), CLAIM_CONFIRMED, "");
  s = plant(-0.3, 0.1, 1.8, 0.05, 0.2); /* tokens that spread: a slope over a negative rate */
  v = judge(&s);
  assert_outcome(v, CLAIM_CONFIRMED, "");
  assert_near(v.effect, 1.8, 0, 0.2);
}

static void falsified(void **state) {
  (void)state;
  claim_sample s = plant(0.3, 0.1, 0.05, 0.05, 0.2);
  assert_outcome(judge(&s), CLAIM_FALSIFIED, "");
  s = plant(0.3, 0.1, 1.8, 0.9, 0.2); /* the dimension does it as well */
  assert_outcome(judge(&s), CLAIM_FALSIFIED, "");
  s = plant(0.3, 0.1, 1.8, -0.9, 0.2);
  assert_outcome(judge(&s), CLAIM_FALSIFIED, "");
}

static void unclear(void **state) {
  (void)state;
  claim_sample s = plant(0.3, 0.1, 0.4, 0.05, 0.2); /* between the margins */
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "negligible_or_unclear");
  s = plant(0.3, 0.1, 1.8, 0.25, 0.2);
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "negligible_or_unclear");
  s = plant(0.3, 0.1, 0.6, 0.05, 0.6); /* above the margin, but not surely */
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "negligible_or_unclear");
}

/* Rotations change nothing if the network is one of them: 2 of 40 as far out is 5 %, 3 are not. */
static void rank_of_rotations(void **state) {
  (void)state;
  claim_sample s = plant(0.1, 0.1, 1.8, 0.05, 0.02);
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "negligible_or_unclear");
  s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  for (size_t p = 0; p < PROMPTS; p++) controls[p] = 0.5;
  assert_outcome(judge(&s), CLAIM_CONFIRMED, "");
  for (size_t p = 0; p < PROMPTS; p++) controls[PROMPTS + p] = -0.3; /* the other side counts too */
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "negligible_or_unclear");
}

static void data_conditions(void **state) {
  (void)state;
  claim_sample s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  s.seeds = 18;
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "few_seeds");
  s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  for (size_t p = 0; p < 13; p++) values[p] = NAN;
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "few_prompts");
  s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  for (size_t p = 0; p < 13; p++) values[SLOPE * PROMPTS + p] = NAN;
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "few_prompts");
  s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  for (size_t p = 0; p < 13; p++) values[FLOW_SLOPE * PROMPTS + p] = NAN; /* more tokens than d / 4 */
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "few_tokens");
  s = plant(0.3, 0.1, 1.8, 0.05, 0.2);
  for (uint32_t p = 0; p < PROMPTS; p++) values[FLOW_RATE * PROMPTS + p] = 0.01 + 0.05 * spread(2, p);
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "no_collapse"); /* of the flow */
  s = plant(0.3, 0.1, 0.05, 0.05, 0.2);                      /* which need no rebuild to be denied */
  for (size_t p = 0; p < 13; p++) values[FLOW_SLOPE * PROMPTS + p] = NAN;
  assert_outcome(judge(&s), CLAIM_FALSIFIED, "");
  s = plant(0.01, 0.1, 1.8, 0.05, 0.2);
  for (uint32_t p = 0; p < PROMPTS; p++) values[p] = 0.1 * spread(0, p) - 0.02;
  assert_outcome(judge(&s), CLAIM_SUSPENDED, "no_collapse");
}

/* Under no effect of size (e_s = 0, e_d = 0) and rotations alike nothing is ever confirmed. */
static void never_confirmed_at_random(void **state) {
  (void)state;
  for (uint64_t run = 0; run < 40; run++) {
    claim_sample s = plant(0.3, 0.3, 0, 0, 0.6);
    for (uint32_t p = 0; p < PROMPTS; p++) values[SLOPE * PROMPTS + p] = 0.3 * spread(100 + (uint32_t)run, p);
    s.seed = run;
    assert_true(judge(&s).outcome != CLAIM_CONFIRMED);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(confirmed),       cmocka_unit_test(falsified),
      cmocka_unit_test(unclear),         cmocka_unit_test(rank_of_rotations),
      cmocka_unit_test(data_conditions), cmocka_unit_test(never_confirmed_at_random),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
