/* tests/study/test_claims.c - claims decide what their rules say: each outcome, each reason to suspend, and what
 * happens when many are made at once. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "study/claim.h"
#include "util/testing.h"

enum { PROMPTS = 24, SEEDS = 19, NEEDS = 3 };

/* Numbers of a model that a test may change before it is judged. */
typedef struct fixture {
  double values[NEEDS * PROMPTS], controls[NEEDS * SEEDS * PROMPTS], types[PROMPTS];
  uint32_t classes[PROMPTS];
  claim_sample sample;
} fixture;

static double spread(uint32_t i, uint32_t j) {
  return random_normal(&(random_stream){.seed = 2, .purpose = RANDOM_TEST}, i, j);
}

static fixture *start(size_t prompts, size_t seeds) {
  static fixture f;
  f = (fixture){0};
  f.sample = (claim_sample){.prompts = prompts,
                            .seeds = seeds,
                            .values = f.values,
                            .controls = f.controls,
                            .opt_types = f.types,
                            .opt_classes = f.classes,
                            .layers = 12,
                            .clusters = CLAIM_CONFIRMED,
                            .seed = 1};
  for (size_t p = 0; p < prompts; p++) f.types[p] = 60, f.classes[p] = (uint32_t)(p % 3);
  return &f;
}

/* Row `need` of the trained network: mean and spread over the prompts; seeds the same about `control`. */
static void fill(fixture *f, size_t need, double mean, double control, double sd) {
  size_t P = f->sample.prompts, M = f->sample.seeds;
  for (size_t p = 0; p < P; p++) f->values[need * P + p] = mean + sd * spread(0, (uint32_t)p);
  for (size_t k = 0; k < M * P; k++) f->controls[need * M * P + k] = control + sd * spread(1, (uint32_t)k);
}

static claim_verdict judge(const fixture *f, const char *name) {
  dwell_error err;
  claim_verdict v;
  claim_thresholds t = claim_thresholds_default();
  assert_ok(claim_find(name)->decide(&f->sample, &t, &v, &err), &err);
  return v;
}

static void assert_outcome(claim_verdict v, claim_outcome outcome, const char *reason) {
  if (v.outcome != outcome || (reason != NULL && strcmp(v.reason, reason) != 0))
    fail_msg("%s: %s (%s), not %s (%s)", v.claim, claim_outcome_name(v.outcome), v.reason == NULL ? "" : v.reason,
             claim_outcome_name(outcome), reason == NULL ? "" : reason);
  assert_true((v.outcome == CLAIM_SUSPENDED) == (v.reason != NULL));
  if (outcome == CLAIM_SUSPENDED) assert_near(v.p, 1, 0, 0);
}

/* ---- A ---- */

static void test_a_outcomes(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  fill(f, 0, 0.07, 0, 0.02); /* p_any_state 0 */
  claim_verdict v = judge(f, "A");
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_true(v.p < 0.001 && v.interval.low > 0.01 && v.contrast_interval.low > 0.01 && v.notes == 0);
  assert_string_equal(v.kind, "bootstrap-t");
  fill(f, 0, 0.07, 0.07, 0.004); /* untrained networks do as much */
  assert_outcome(judge(f, "A"), CLAIM_FALSIFIED, NULL);
  fill(f, 0, 0, 0, 0.004);
  assert_outcome(judge(f, "A"), CLAIM_FALSIFIED, NULL);
  fill(f, 0, 0.011, 0, 0.03);
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "negligible_or_unclear");
  fill(f, 0, 0.07, 0, 0.02);
  for (size_t p = 0; p < 7; p++) f->values[12 + p] = 0.5; /* not clustered at any state */
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "negligible_or_unclear");
}

enum { ORDERS = 3 };

/* The same tokens in other orders, with a trend of about `mean`. */
static const double *orders(fixture *f, double mean, double sd) {
  static double x[ORDERS * PROMPTS];
  size_t P = f->sample.prompts;
  for (size_t k = 0; k < ORDERS * P; k++) x[k] = mean + sd * spread(4, (uint32_t)k);
  f->sample.orders = ORDERS, f->sample.opt_orders = x;
  return x;
}

/* Trained weights that group tokens in any order have learnt nothing of texts: all but this contrast holds. */
static void test_a_other_orders(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  fill(f, 0, 0.07, 0, 0.01);
  double p = judge(f, "A").p;
  orders(f, 0.02, 0.01);
  claim_verdict v = judge(f, "A");
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_near(v.order, 0.05, 0.2, 0);
  assert_true(v.order_interval.low > 0.01 && v.order_interval.high < 0.08 && isnan(v.p_but_order));
  orders(f, 0.07, 0.01);
  v = judge(f, "A");
  assert_outcome(v, CLAIM_SUSPENDED, "control_equal");
  assert_near(v.p_but_order, p, 0, 0);
  orders(f, 0.065, 0.002); /* more than in other orders, by less than the margin */
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "control_equal");
  fill(f, 0, 0.07, 0.07, 0.004); /* what random weights do is said first */
  assert_outcome(judge(f, "A"), CLAIM_FALSIFIED, NULL);
  f = start(12, SEEDS);
  fill(f, 0, 0.07, 0, 0.01);
  double *missing = (double *)(uintptr_t)orders(f, 0.02, 0.01);
  missing[3] = NAN; /* 11 texts are left */
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "control_equal");
}

/* One seed that does as well as the trained network is no evidence against it; two of 19 are, at 5 %. */
static void test_a_rank_gate(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  fill(f, 0, 0.07, 0, 0.01);
  for (size_t p = 0; p < 12; p++) f->controls[p] = 0.09;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "negligible_or_unclear");
  f->sample.seeds = 9; /* too few for a rank */
  claim_verdict v = judge(f, "A");
  assert_true(v.notes & NOTE_SEED_NORMALITY);
}

/* D-1-15: one text of each kind, one seed, no interval. */
static void d_1_15_one_text_or_seed_decides_nothing(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  fill(f, 0, 0.07, 0, 0.02);
  f->types[3] = 47;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "few_types");
  f->types[3] = 48, f->values[4] = NAN;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "few_prompts");
  f->values[4] = 0.07, f->sample.seeds = 4;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "few_seeds");
  f->sample.seeds = SEEDS, f->sample.representation_fails = true;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "representation");
  f->sample.representation_fails = false;
  for (size_t p = 0; p < 12; p++) f->classes[p] = 5;
  assert_outcome(judge(f, "A"), CLAIM_SUSPENDED, "few_classes");
}

/* ---- B ---- */

static void plateaus(fixture *f, size_t with) {
  for (size_t p = 0; p < f->sample.prompts; p++) f->values[p] = p < with;
}

static void test_b_outcomes(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  plateaus(f, 6);
  claim_verdict v = judge(f, "B");
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_near(v.p, 0.0194, 0, 1e-4); /* P(Bin(12, .2) >= 6); McNemar: 2^-6 = .0156 */
  plateaus(f, 5);
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "negligible_or_unclear");
  plateaus(f, 0);
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "few_prompts");
  f->values[12] = 1;
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "exit_not_observed");
  f = start(24, SEEDS);
  assert_outcome(judge(f, "B"), CLAIM_FALSIFIED, NULL);
  assert_near(judge(f, "B").p, pow(0.8, 24), 1e-12, 0);
}

static void test_b_conditions(void **state) {
  (void)state;
  fixture *f = start(24, SEEDS);
  plateaus(f, 20);
  for (size_t p = 0; p < 20; p++) f->controls[p] = 1; /* one seed has as many */
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "negligible_or_unclear");
  f->controls[0] = 0;
  assert_outcome(judge(f, "B"), CLAIM_CONFIRMED, NULL);
  f->sample.layers = 9;
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "few_layers");
  f->sample.layers = 11, plateaus(f, 0);
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "negligible_or_unclear");
  f->sample.clusters = CLAIM_SUSPENDED, f->sample.clusters_reason = "few_types", f->sample.layers = 12;
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "few_types");
  /* clusters as large in any order: that they do not persist can be said, that they do would not be of the text */
  f->sample.clusters_reason = "control_equal";
  assert_outcome(judge(f, "B"), CLAIM_FALSIFIED, NULL);
  plateaus(f, 20);
  assert_outcome(judge(f, "B"), CLAIM_SUSPENDED, "control_equal");
}

/* ---- C ---- */

static void test_c_outcomes(void **state) {
  (void)state;
  fixture *f = start(12, SEEDS);
  fill(f, 0, 0.35, 0.05, 0.03);
  for (size_t p = 0; p < 12; p++) f->values[12 + p] = 40;
  assert_outcome(judge(f, "C"), CLAIM_CONFIRMED, NULL);
  for (size_t k = 0; k < SEEDS * 12; k++) f->controls[k] = NAN; /* no clusters in untrained networks: chance */
  claim_verdict v = judge(f, "C");
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_near(v.control, 0.05, 1e-12, 0);
  fill(f, 0, 0.35, 0.55, 0.03);
  assert_outcome(judge(f, "C"), CLAIM_FALSIFIED, NULL);
  f->values[12] = 19;
  assert_outcome(judge(f, "C"), CLAIM_SUSPENDED, "few_heads");
}

/* ---- D ---- */

static void energies(fixture *f, size_t monotone, double fall) {
  size_t P = f->sample.prompts;
  for (size_t p = 0; p < P; p++) {
    f->values[p] = p < monotone ? 0 : fall;
    f->values[P + p] = p < monotone ? 1 : 0.5;
    f->values[2 * P + p] = 1000;
  }
}

static void test_d_outcomes(void **state) {
  (void)state;
  fixture *f = start(12, 0);
  energies(f, 12, 0);
  claim_verdict v = judge(f, "D");
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_near(v.p, pow(0.5, 12), 1e-12, 0);
  energies(f, 11, 0.02);
  assert_outcome(judge(f, "D"), CLAIM_SUSPENDED, "negligible_or_unclear");
  energies(f, 2, 0.06);
  assert_outcome(judge(f, "D"), CLAIM_FALSIFIED, NULL);
  energies(f, 2, 0.04); /* falls, but not by so much */
  assert_outcome(judge(f, "D"), CLAIM_SUSPENDED, "negligible_or_unclear");
  energies(f, 12, 0);
  f->values[0] = NAN;
  assert_outcome(judge(f, "D"), CLAIM_SUSPENDED, "beta_uncalibrated");
  energies(f, 12, 0);
  f->values[24] = 99;
  assert_outcome(judge(f, "D"), CLAIM_SUSPENDED, "precision");
  energies(f, 12, 0);
  f->sample.layers = 3;
  assert_outcome(judge(f, "D"), CLAIM_SUSPENDED, "few_layers");
}

/* ---- E1 ---- */

static void ratios(fixture *f, double ratio, bool censored) {
  size_t P = f->sample.prompts;
  for (size_t p = 0; p < P; p++) {
    f->values[p] = f->values[P + p] = log(ratio) + 0.1 * spread(3, (uint32_t)p);
    f->values[2 * P + p] = censored;
  }
}

static void test_e1_outcomes(void **state) {
  (void)state;
  fixture *f = start(12, 0);
  ratios(f, 20, false);
  assert_outcome(judge(f, "E1"), CLAIM_CONFIRMED, NULL);
  for (size_t p = 0; p < 12; p++) f->values[12 + p] = log(1.2); /* not in effective time */
  assert_outcome(judge(f, "E1"), CLAIM_SUSPENDED, "negligible_or_unclear");
  ratios(f, 20, true); /* lower bounds suffice */
  assert_outcome(judge(f, "E1"), CLAIM_CONFIRMED, NULL);
  ratios(f, 1.2, false);
  assert_outcome(judge(f, "E1"), CLAIM_FALSIFIED, NULL);
  ratios(f, 1.2, true);
  assert_outcome(judge(f, "E1"), CLAIM_SUSPENDED, "censored");
  ratios(f, 1.2, false);
  f->values[5] = f->values[12 + 5] = log(1.9), f->values[24 + 5] = 1; /* one above the interval has not joined yet */
  assert_outcome(judge(f, "E1"), CLAIM_FALSIFIED, NULL);
  for (size_t p = 0; p < 3; p++) f->values[24 + p] = 1; /* with bounds inside it, which may be anything */
  claim_verdict v = judge(f, "E1");
  assert_outcome(v, CLAIM_SUSPENDED, "negligible_or_unclear");
  assert_true(isinf(v.interval.high));
  ratios(f, 3, false);
  assert_outcome(judge(f, "E1"), CLAIM_SUSPENDED, "negligible_or_unclear");
  for (size_t p = 0; p < 7; p++) f->values[p] = NAN;
  assert_outcome(judge(f, "E1"), CLAIM_SUSPENDED, "no_formation");
}

/* ---- flows ---- */

static void test_flows_have_their_own_thresholds(void **state) {
  (void)state;
  fixture *f = start(20, 1);
  f->sample.flow = true;
  f->sample.opt_types = NULL, f->sample.opt_classes = NULL;
  fill(f, 0, 11, 0, 1.5);
  assert_outcome(judge(f, "A"), CLAIM_CONFIRMED, NULL);
  fill(f, 0, 0.3, 0, 0.5); /* far above the margin of networks, below that of flows */
  assert_outcome(judge(f, "A"), CLAIM_FALSIFIED, NULL);
  f->sample.layers = 0;
  plateaus(f, 20);
  assert_outcome(judge(f, "B"), CLAIM_CONFIRMED, NULL);
  plateaus(f, 0);
  assert_outcome(judge(f, "B"), CLAIM_FALSIFIED, NULL);
  assert_near(judge(f, "B").p, pow(0.8, 20), 1e-12, 0);
}

/* ---- many at once ---- */

/* D-2-12: many tests of few data, none of which pays for the others. */
static void d_2_12_every_claim_pays_for_the_others(void **state) {
  (void)state;
  dwell_error err;
  claim_thresholds t = claim_thresholds_default();
  claim_verdict v[] = {{.outcome = CLAIM_CONFIRMED, .p = 0.008, .p_holm = 0.008},
                       {.outcome = CLAIM_CONFIRMED, .p = 0.011, .p_holm = 0.011},
                       {.outcome = CLAIM_FALSIFIED, .p = 0.008, .p_holm = 0.008},
                       {.outcome = CLAIM_SUSPENDED, .reason = "few_seeds", .p = 1, .p_holm = 1}};
  assert_ok(verdicts_settle(v, 4, 6, &t, &err), &err);
  assert_near(v[0].p_holm, 0.048, 1e-12, 0);
  assert_near(v[1].p_holm, 0.055, 1e-12, 0);
  assert_near(v[2].p_holm, 0.048, 1e-12, 0); /* a family of its own */
  assert_true(v[0].outcome == CLAIM_CONFIRMED && v[2].outcome == CLAIM_FALSIFIED && v[0].family == 6);
  assert_true(v[1].outcome == CLAIM_SUSPENDED);
  assert_string_equal(v[1].reason, "multiplicity");
  assert_string_equal(v[3].reason, "few_seeds");
  assert_fails(verdicts_settle(v, 4, 3, &t, &err), DWELL_BAD_INPUT, &err, "family");
}

static void test_thresholds_can_be_replaced(void **state) {
  (void)state;
  dwell_error err;
  fixture *f = start(12, SEEDS);
  claim_threshold copy[64];
  claim_thresholds t = claim_thresholds_default();
  claim_verdict v;
  assert_true(t.count <= 64);
  memcpy(copy, t.items, t.count * sizeof *copy);
  for (size_t k = 0; k < t.count; k++) {
    if (strcmp(copy[k].claim, "A") == 0 && strcmp(copy[k].name, "margin") == 0) copy[k].value = 0.5;
    assert_true(copy[k].reason[0] != 0);
  }
  t.items = copy;
  fill(f, 0, 0.07, 0, 0.02);
  assert_ok(claim_find("A")->decide(&f->sample, &t, &v, &err), &err);
  assert_outcome(v, CLAIM_FALSIFIED, NULL);
  t.count = 1;
  assert_fails(claim_find("A")->decide(&f->sample, &t, &v, &err), DWELL_BAD_INPUT, &err, "no threshold");
}

/* The margin of A at .005 and .02: 11.6 of the rules' own list of choices. */
static void test_sensitivity(void **state) {
  (void)state;
  dwell_error err;
  claim_verdict v;
  fixture *f = start(12, SEEDS);
  claim_thresholds t = claim_thresholds_default();
  const claim *a = claim_find("A");
  fill(f, 0, 0.016, 0, 0.004);
  assert_outcome(judge(f, "A"), CLAIM_CONFIRMED, NULL);
  assert_ok(claim_decide_with(a, &f->sample, &t, "margin", 0.02, &v, &err), &err);
  assert_outcome(v, CLAIM_FALSIFIED, NULL);
  assert_ok(claim_decide_with(a, &f->sample, &t, "margin", 0.005, &v, &err), &err);
  assert_outcome(v, CLAIM_CONFIRMED, NULL);
  assert_fails(claim_decide_with(a, &f->sample, &t, "margins", 1, &v, &err), DWELL_BAD_INPUT, &err, "margins");
  for (size_t k = 0; k < t.count; k++) {
    if (strcmp(t.items[k].claim, "A") == 0 && strcmp(t.items[k].name, "margin") == 0) {
      assert_near(t.items[k].less, 0.005, 0, 0);
      assert_near(t.items[k].more, 0.02, 0, 0);
    }
  }
}

static void test_registry(void **state) {
  (void)state;
  size_t count;
  const claim *const *all = claim_registry(&count);
  assert_true(count >= 5 && claim_find("Z") == NULL);
  for (size_t k = 0; k < count; k++) {
    assert_ptr_equal(claim_find(all[k]->name), all[k]);
    assert_true(all[k]->need_count > 0 && all[k]->sentence[0] != 0 && all[k]->source[0] != 0);
    assert_true(all[k]->denial != NULL &&
                (!all[k]->in_flows || (all[k]->of_flow != NULL && all[k]->not_of_flow != NULL)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_outcomes),
      cmocka_unit_test(test_a_other_orders),
      cmocka_unit_test(test_a_rank_gate),
      cmocka_unit_test(d_1_15_one_text_or_seed_decides_nothing),
      cmocka_unit_test(test_b_outcomes),
      cmocka_unit_test(test_b_conditions),
      cmocka_unit_test(test_c_outcomes),
      cmocka_unit_test(test_d_outcomes),
      cmocka_unit_test(test_e1_outcomes),
      cmocka_unit_test(test_flows_have_their_own_thresholds),
      cmocka_unit_test(d_2_12_every_claim_pays_for_the_others),
      cmocka_unit_test(test_thresholds_can_be_replaced),
      cmocka_unit_test(test_sensitivity),
      cmocka_unit_test(test_registry),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
