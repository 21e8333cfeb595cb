/* tests/flow/test_continuation.c - branches of stationary densities against another program's; stability against time;
 * symmetric clusters against their spectra. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/continuation.h"
#include "flow/symmetric.h"
#include "util/testing.h"

enum { MODES = 48, MOST = 500 };

typedef struct branch {
  size_t count;
  continuation_point points[MOST];
  double u[MOST][MODES];
} branch;

static dwell_status keep(void *self, const continuation_point *point, const double *u, dwell_error *err) {
  (void)err;
  branch *b = self;
  assert_true(b->count < MOST);
  memcpy(b->u[b->count], u, MODES * sizeof(double));
  b->points[b->count++] = *point;
  return DWELL_OK;
}

static continuation_end follow(const continuation_plan *plan, branch *b) {
  continuation_host host = {NULL, keep, b};
  continuation_end end;
  dwell_error err;
  b->count = 0;
  assert_ok(continuation_follow(plan, &host, &end, &err), &err);
  return end;
}

static size_t find(const branch *b, continuation_kind kind) {
  for (size_t k = 0; k < b->count; k++)
    if (b->points[k].kind == kind) return k;
  fail_msg("no point of kind %d", (int)kind);
  return 0;
}

static continuation_plan plan_of(const char *flow, size_t d, double beta) {
  continuation_plan plan = {.m = {d, beta, flow[0] == 's', 0, MODES}, .order = 1, .step = 0.05, .most = MOST};
  double threshold = continuation_threshold(&plan.m, 1);
  plan.low = threshold / 2, plan.high = 1.5 * threshold;
  return plan;
}

/* Folds, transitions: the other program finds them to 1e-9 at least. */
static void fold_golden(const char *flow, size_t d, double beta, const double *g) {
  static branch b;
  continuation_plan plan = plan_of(flow, d, beta);
  follow(&plan, &b);
  size_t fold = find(&b, CONTINUATION_FOLD), equal = find(&b, CONTINUATION_EQUAL);
  assert_near(b.points[fold].kappa, g[0], 1e-8, 0);
  assert_near(b.u[fold][0], g[1], 0, 1e-5); /* kappa is flat there */
  assert_near(b.points[equal].kappa, g[2], 1e-8, 0);
  assert_near(b.u[equal][0], g[3], 1e-7, 0);
  assert_near(b.points[0].kappa, g[4], 1e-12, 0);
  for (size_t k = 1; k < b.count; k++) /* one direction is unstable up to the fold, none beyond */
    if (k != fold) assert_int_equal(b.points[k].unstable, k < fold ? 1 : 0);
}

/* The point of the branch with this order parameter, by steps that end there. */
static void point_golden(const char *flow, size_t d, double beta, const double *g) {
  static branch b;
  continuation_plan plan = plan_of(flow, d, beta);
  plan.step = 0.01;
  follow(&plan, &b);
  size_t k = 1;
  while (k < b.count && b.u[k][0] < g[0]) k++;
  assert_true(k + 1 < b.count && k > 2);
  double kappa = 0, second = 0; /* cubic through the four around */
  for (size_t i = k - 2; i < k + 2; i++) {
    double weight = 1;
    for (size_t j = k - 2; j < k + 2; j++)
      if (j != i) weight *= (g[0] - b.u[j][0]) / (b.u[i][0] - b.u[j][0]);
    kappa += weight * b.points[i].kappa, second += weight * b.u[i][1];
  }
  assert_near(kappa, g[1], 1e-7, 0);
  assert_near(second, g[2], 1e-6, 0);
}

static void test_golden(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/continuation.txt"), "r");
  assert_non_null(file);
  char kind[16], flow[8];
  size_t d, cases = 0;
  double beta, g[5];
  while (fscanf(file, "%15s %7s %zu %lf %lf %lf %lf %lf %lf", kind, flow, &d, &beta, g, g + 1, g + 2, g + 3, g + 4) ==
         9) {
    meanfield m = {d, 0, flow[0] == 's', 0, MODES};
    double found;
    dwell_error err;
    cases++;
    if (kind[0] == 'f') fold_golden(flow, d, beta, g);
    if (kind[0] == 'p') point_golden(flow, d, beta, g);
    if (kind[0] != 't') continue;
    assert_ok(continuation_tricritical(&m, 1, 1, 3, &found, &err), &err);
    assert_near(found, beta, 1e-6, 0); /* c from amplitudes .04, .08, .12: errors of their product of squares */
  }
  fclose(file);
  assert_int_equal(cases, 11);
}

/* Theory T14: kappa in units of the threshold, and the order parameter at the jump. */
static void test_published(void **state) {
  (void)state;
  static const double rows[][4] = {{3, .9912, .458, .9875}, {4, .9551, .668, .9438}, {6, .8775, .790, .8538}};
  static branch b;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    continuation_plan plan = plan_of("usa", 2, rows[i][0]);
    follow(&plan, &b);
    size_t fold = find(&b, CONTINUATION_FOLD), equal = find(&b, CONTINUATION_EQUAL);
    assert_near(b.points[equal].kappa / b.points[0].kappa, rows[i][1], 0, 0.0021); /* the table's own accuracy */
    assert_near(b.u[equal][0], rows[i][2], 0, 0.03);
    assert_near(b.points[fold].kappa / b.points[0].kappa, rows[i][3], 0, 0.0021);
  }
}

/* A disturbance of a point of the branch grows or decays at the rate said. */
static void test_rates(void **state) {
  (void)state;
  static branch b;
  continuation_plan plan = plan_of("usa", 3, 3);
  follow(&plan, &b);
  size_t fold = find(&b, CONTINUATION_FOLD);
  for (size_t k = fold - 5; k <= fold + 6; k += 11) {
    meanfield m = plan.m;
    m.kappa = b.points[k].kappa;
    double y[MODES + 1], there[MODES + 1], times[2] = {20, 24}, far[2] = {0};
    for (size_t t = 0; t < 2; t++) { /* long enough for the leading disturbance to be alone */
      memcpy(there + 1, b.u[k], MODES * sizeof(double));
      there[0] = 1;
      memcpy(y, there, sizeof y);
      y[1] += 1e-7;
      ode_plan ode = {DWELL_RK45, 0, 1e-13, 1e-15, &times[t], 1};
      ode_host host = {0};
      ode_outcome outcome;
      dwell_error err;
      assert_ok(meanfield_solve(&m, &ode, &host, y, NULL, &outcome, &err), &err);
      for (size_t l = 1; l <= MODES; l++) far[t] += pow(y[l] - there[l], 2);
    }
    assert_near(log(far[1] / far[0]) / 2 / (times[1] - times[0]), b.points[k].growth, 0.02, 0);
  }
}

/* Following beta at the kappa of a point of the branch in kappa meets the same state. */
static void test_beta(void **state) {
  (void)state;
  static branch b;
  continuation_plan plan = plan_of("sa", 2, 5);
  plan.follow_beta = true, plan.m.kappa = 4, plan.low = 0.5, plan.high = 30;
  follow(&plan, &b);
  meanfield at = plan.m;
  at.beta = b.points[0].beta;
  assert_near(continuation_threshold(&at, 1), 4, 1e-12, 0);
  for (size_t k = 1; k < b.count; k += 7) {
    double y[2 * MODES] = {0}, slope[2 * MODES];
    dwell_error err;
    at = (meanfield){2, b.points[k].beta, true, 4, MODES};
    for (size_t l = 0; l < MODES; l++) y[2 * l] = b.u[k][l];
    assert_ok(meanfield_slope(&at, y, slope, &err), &err);
    for (size_t e = 0; e < 2 * MODES; e++) assert_near(slope[e], 0, 0, 1e-9);
  }
}

/* Rates of n equal clusters on the circle, usa: sum_j h'(2 pi j / n) (cos(2 pi j k / n) - 1) / n over degrees k. */
static double ring_rate(size_t n, double beta) {
  double most = -INFINITY;
  for (size_t k = 1; k < n; k++) {
    double sum = 0;
    for (size_t j = 1; j < n; j++) {
      double x = 2 * acos(-1) * (double)j / (double)n, h = exp(beta * cos(x)) * (cos(x) - beta * sin(x) * sin(x));
      sum += h * (cos(2 * acos(-1) * (double)(j * k % n) / (double)n) - 1) / (double)n;
    }
    most = fmax(most, sum);
  }
  return most;
}

static void test_symmetric(void **state) {
  (void)state;
  dwell_error err;
  double beta, growth;
  size_t unstable;
  for (size_t n = 2; n < 9; n++) {
    symmetric s = {"usa", true, n};
    for (double b = -2; b < 9; b += 1.7) {
      assert_ok(symmetric_growth(&s, b, &growth, &unstable, &err), &err);
      assert_near(growth, ring_rate(n, b), 1e-7, 1e-8 * exp(fabs(b)));
    }
  }
  symmetric three = {"sa", true, 3}, corners = {"sa", false, 3};
  assert_ok(symmetric_change(&three, -1, -0.1, &beta, &err), &err);
  assert_near(beta, -2.0 / 3, 0, 1e-8); /* theory T3 */
  assert_ok(symmetric_change(&corners, -1, -0.1, &beta, &err), &err);
  assert_near(beta, -2.0 / 3, 0, 1e-8);
  /* n (d - 1) - d (d - 1) / 2 disturbances of a simplex: as representations of the symmetric group, one of n - 1
   * dimensions, in which the corners move towards their mean, and one of n (n - 3) / 2 */
  symmetric more = {"usa", false, 5};
  assert_ok(symmetric_growth(&more, 1, &growth, &unstable, &err), &err);
  assert_true(growth > 0 && unstable == 4 + 5);
  assert_ok(symmetric_growth(&more, -1, &growth, &unstable, &err), &err);
  assert_true(growth > 0 && unstable == 4);
}

static void test_refusals(void **state) {
  (void)state;
  static branch b;
  dwell_error err;
  continuation_end end;
  continuation_host host = {NULL, keep, &b};
  continuation_plan plan = plan_of("usa", 2, 4);
  plan.high = plan.low * 1.5;
  assert_fails(continuation_follow(&plan, &host, &end, &err), DWELL_USAGE, &err, "does not lose stability");
  plan = plan_of("usa", 2, 4);
  plan.order = 30;
  assert_fails(continuation_follow(&plan, &host, &end, &err), DWELL_USAGE, &err, "half the modes");
  meanfield m = {2, 0, false, 0, MODES};
  double beta;
  assert_fails(continuation_tricritical(&m, 1, 3, 5, &beta, &err), DWELL_USAGE, &err, "discontinuous all the way");
  symmetric s = {"qkv", true, 3};
  size_t unstable;
  assert_fails(symmetric_growth(&s, 1, &beta, &unstable, &err), DWELL_USAGE, &err, "sa and usa only");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),    cmocka_unit_test(test_published),
                                     cmocka_unit_test(test_rates),     cmocka_unit_test(test_beta),
                                     cmocka_unit_test(test_symmetric), cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
