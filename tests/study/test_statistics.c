/* tests/study/test_statistics.c - intervals and permutation tests: against twins that count, and by their properties.
 */
#include <math.h>

#include "base/random.h"
#include "study/interval.h"
#include "study/permutation.h"
#include "study/trend.h"
#include "util/testing.h"

static double draw(uint32_t i, uint32_t j) {
  return random_normal(&(random_stream){.seed = 3, .purpose = RANDOM_TEST}, i, j);
}

static interval bootstrap(size_t n, const double *x, uint64_t seed, bool *ret_valid) {
  dwell_error err;
  interval found;
  assert_ok(interval_bootstrap_t(n, x, seed, &found, ret_valid, &err), &err);
  return found;
}

/* ---- bootstrap-t ---- */

/* Moves and scales with the data, turns round with them, and the same seed gives the same bits. */
static void test_bootstrap_moves_with_the_data(void **state) {
  (void)state;
  enum { N = 12 };
  double x[N], moved[N], turned[N];
  bool valid;
  for (uint32_t i = 0; i < N; i++) x[i] = draw(0, i), moved[i] = 5 + 2 * x[i], turned[i] = -x[i];
  interval a = bootstrap(N, x, 7, &valid), again = bootstrap(N, x, 7, &valid), other = bootstrap(N, x, 8, &valid);
  assert_true(a.low == again.low && a.high == again.high && a.low != other.low);
  assert_true(a.low < sample_mean(N, x) && sample_mean(N, x) < a.high);
  interval b = bootstrap(N, moved, 7, &valid), c = bootstrap(N, turned, 7, &valid);
  assert_near(b.low, 5 + 2 * a.low, 1e-12, 0);
  assert_near(b.high, 5 + 2 * a.high, 1e-12, 0);
  assert_near(c.low, -a.high, 1e-12, 0);
  assert_near(c.high, -a.low, 1e-12, 0);
}

/* Of many normal values it is Student's interval: 2.06 standard errors for 25; both ends within the error of the 2.5 %
 * quantile of 1999 resamples and of 25 values' own skewness. */
static void test_bootstrap_of_symmetric_data_is_close_to_student(void **state) {
  (void)state;
  enum { N = 200 };
  double x[N];
  bool valid;
  for (uint32_t i = 0; i < N; i++) x[i] = i % 2 == 0 ? draw(1, i) : -x[i - 1];
  interval a = bootstrap(N, x, 1, &valid);
  double half = special_t_quantile(0.025, N - 1) * sqrt(sample_variance(N, x) / N);
  assert_true(valid);
  assert_near(a.high, half, 0.1, 0);
  assert_near(a.low, -half, 0.1, 0);
}

static void test_where_bootstrap_does_not_hold(void **state) {
  (void)state;
  double shares[24] = {0}, constant[12], few[] = {1, 2, 3, 4}, bad[] = {1, 2, NAN, 4, 5, 6};
  bool valid;
  dwell_error err;
  interval found;
  for (size_t i = 0; i < 12; i++) constant[i] = 3;
  shares[3] = 1;
  assert_true(isnan(bootstrap(24, shares, 1, &valid).low) && !valid); /* 0/1 */
  bootstrap(12, constant, 1, &valid);
  assert_false(valid);
  bootstrap(4, few, 1, &valid);
  assert_false(valid);
  bootstrap(0, few, 1, &valid);
  assert_false(valid);
  for (size_t i = 0; i < 24; i++) shares[i] = 0;
  for (size_t i = 0; i < 4; i++) shares[i] = (double)(i + 1); /* 5 values, but 1.3 % of resamples are all zeros */
  bootstrap(24, shares, 1, &valid);
  assert_false(valid);
  assert_fails(interval_bootstrap_t(6, bad, 1, &found, &valid, &err), DWELL_BAD_INPUT, &err, "not finite");
}

/* ---- medians ---- */

static void test_ranks_of_the_median(void **state) {
  (void)state;
  size_t low, high;
  assert_true(interval_median_ranks(12, &low, &high));
  assert_true(low == 3 && high == 10);
  assert_true(interval_median_ranks(24, &low, &high));
  assert_true(low == 7 && high == 18);
  assert_true(interval_median_ranks(6, &low, &high) && low == 1 && high == 6);
  assert_false(interval_median_ranks(5, &low, &high));
  assert_false(interval_median_ranks(0, &low, &high));
}

/* ---- prompts and seeds ---- */

/* By hand: 2 prompts, 2 seeds. */
static void test_crossed_by_hand(void **state) {
  (void)state;
  const double trained[] = {3, 5}, seeds[] = {0, 1, 2, 1}; /* seed means .5, 1.5; prompt means 1, 1 */
  crossed c = interval_crossed(2, trained, 2, seeds);
  double v1 = 2. / 2, v2 = 0.5 * 1.5; /* var(2, 4)/2; var(.5, 1.5) (1 + 1/2) */
  assert_near(c.mean, 3, 1e-15, 0);
  assert_near(c.variance, v1 + v2, 1e-15, 0);
  assert_near(c.nu, (v1 + v2) * (v1 + v2) / (v1 * v1 + v2 * v2), 1e-15, 0);
  assert_near(c.interval.high - 3, special_t_quantile(0.025, c.nu) * sqrt(v1 + v2), 1e-13, 0);
  assert_near(crossed_p(&c, c.interval.low, true), 0.025, 1e-9, 0);
  assert_near(crossed_p(&c, 3, true), 0.5, 1e-15, 0);
  assert_near(crossed_p(&c, c.interval.high, false), 0.025, 1e-9, 0);
}

/* Seeds without spread: Student's interval of the prompts. */
static void test_crossed_of_equal_seeds_is_student(void **state) {
  (void)state;
  enum { P = 12, M = 5 };
  double trained[P], seeds[M * P] = {0}, same[P];
  for (uint32_t p = 0; p < P; p++) trained[p] = draw(5, p), same[p] = 2;
  crossed c = interval_crossed(P, trained, M, seeds), none = interval_crossed(P, same, M, seeds);
  assert_near(c.nu, P - 1, 1e-12, 0);
  assert_near(c.variance, sample_variance(P, trained) / P, 1e-13, 0);
  assert_true(none.variance == 0 && isnan(none.interval.low));
}

/* ---- permutations ---- */

/* Draws stand for all 2^17 sign patterns: within 5 standard errors. */
static void test_drawn_sign_flips_agree_with_all(void **state) {
  (void)state;
  enum { N = 17 };
  double x[N], count = 0;
  double sum = 0;
  for (uint32_t i = 0; i < N; i++) x[i] = 0.3 + draw(9, i), sum += x[i];
  for (uint32_t bits = 0; bits < 1u << N; bits++) {
    double flipped = 0;
    for (uint32_t i = 0; i < N; i++) flipped += bits >> i & 1 ? x[i] : -x[i];
    count += flipped >= sum - 1e-9;
  }
  double p = count / (1u << N);
  assert_near(sign_flip_p(N, x, 1), p, 0, 5 * sqrt(p / 9999) + 1e-4);
}

static void test_rank_gate(void **state) {
  (void)state;
  const double trained[] = {1, 1}, seeds[] = {0, 1, 2, 0, 1, 2, 0, 0};
  assert_near(rank_gate_p(2, trained, 4, seeds), 3. / 5, 1e-15, 0); /* means .5, 1, 1.5, 0: two reach 1 */
  assert_near(rank_gate_p(2, trained, 0, seeds), 1, 0, 0);
}

static value classes_p(size_t n, const double *x, const uint32_t *labels, size_t count) {
  value p;
  dwell_error err;
  assert_ok(label_permutation_p(n, x, labels, count, 4, &p, &err), &err);
  return p;
}

static void test_classes(void **state) {
  (void)state;
  double x[12], twice[12] = {0};
  uint32_t labels[12], alone[12] = {0};
  for (uint32_t i = 0; i < 12; i++) labels[i] = i / 4, x[i] = 100 * labels[i] + draw(11, i);
  /* Three classes far apart: only those of the 34650 ways to divide them that swap whole classes are as extreme (1 in
   * 5775), so about one draw. */
  assert_true(classes_p(12, x, labels, 3).number < 0.002);
  for (uint32_t i = 0; i < 12; i++) x[i] = draw(12, i);
  double p = classes_p(12, x, labels, 3).number;
  assert_true(p > 0.01 && p <= 1);
  for (uint32_t i = 0; i < 12; i++) x[i] = 7 + 3 * x[i];
  assert_near(classes_p(12, x, labels, 3).number, p, 0, 0);
  assert_string_equal(classes_p(12, x, alone, 1).undefined, "few_classes");
  alone[0] = 1;
  assert_string_equal(classes_p(12, x, alone, 2).undefined, "few_classes");
  assert_string_equal(classes_p(12, twice, labels, 3).undefined, "degenerate");
}

/* ---- along something ---- */

static void test_emergence(void **state) {
  (void)state;
  const double late[] = {0, 2, 0, 3, 3}, last[] = {0, 0, 0, 3}, always[] = {2, 2, 2}, never[] = {0, 1, 1};
  assert_int_equal(trend_emergence(5, late, 1), 3); /* and not 1: that did not last */
  assert_true(trend_emergence(4, last, 1) == SIZE_MAX);
  assert_true(trend_emergence(3, always, 1) == SIZE_MAX); /* untrained already */
  assert_true(trend_emergence(3, never, 1) == SIZE_MAX);  /* reaching is not exceeding */
}

static void test_slope(void **state) {
  (void)state;
  const double x[] = {48, 96, 192, 384}, y[] = {1, 1 + 0.5 * log(2), 1 + log(2), 1 + 1.5 * log(2)};
  assert_near(trend_slope(4, x, y), 0.5, 1e-13, 0);
}

static depth_threshold depths_of(const size_t with[4]) {
  const double depths[] = {6, 12, 24, 48};
  const size_t prompts[] = {12, 12, 12, 12};
  depth_threshold t;
  dwell_error err;
  assert_ok(trend_depths(4, depths, with, prompts, &t, &err), &err);
  return t;
}

static void test_depths(void **state) {
  (void)state;
  depth_threshold t = depths_of((const size_t[]){0, 0, 12, 12});
  assert_true(t.below == 1 && t.above == 2);
  assert_near(t.crossing, sqrt(12 * 24), 1e-13, 0);
  t = depths_of((const size_t[]){0, 1, 2, 1});
  assert_true(t.above == SIZE_MAX && isnan(t.crossing));
  t = depths_of((const size_t[]){12, 12, 12, 12});
  assert_true(t.below == SIZE_MAX && t.above == 0 && isnan(t.crossing));
  /* 4 and 8 in the wrong order pool to 6 of 12 each: that is where 1/2 is passed. */
  t = depths_of((const size_t[]){0, 8, 4, 12});
  assert_near(t.crossing, 12, 1e-13, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bootstrap_moves_with_the_data),
      cmocka_unit_test(test_bootstrap_of_symmetric_data_is_close_to_student),
      cmocka_unit_test(test_where_bootstrap_does_not_hold),
      cmocka_unit_test(test_ranks_of_the_median),
      cmocka_unit_test(test_crossed_by_hand),
      cmocka_unit_test(test_crossed_of_equal_seeds_is_student),
      cmocka_unit_test(test_drawn_sign_flips_agree_with_all),
      cmocka_unit_test(test_rank_gate),
      cmocka_unit_test(test_classes),
      cmocka_unit_test(test_emergence),
      cmocka_unit_test(test_slope),
      cmocka_unit_test(test_depths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
