/* tests/study/test_special.c - distributions and exact tests against 50-digit arithmetic and scipy: every line of
 * tests/golden/study/statistics.txt (made by tools/oracle/make_statistics.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/family.h"
#include "study/interval.h"
#include "study/permutation.h"
#include "study/special.h"
#include "util/testing.h"

enum { MOST = 64 };

/* Numbers of a line behind its name. */
static size_t numbers_of(const char *line, double ret[MOST]) {
  size_t count = 0;
  char *end;
  for (const char *at = strchr(line, ' '); at != NULL && count < MOST; at = end) {
    ret[count] = strtod(at, &end);
    if (end == at) break;
    count++;
  }
  return count;
}

static double incomplete_beta(const double *x) { return special_beta(x[0], x[1], x[2]); }
static double beta_quantile(const double *x) { return special_beta_quantile(x[0], x[1], x[2]); }
static double log_gamma(const double *x) { return special_log_gamma(x[0]); }
static double binomial_above(const double *x) { return special_binomial_above((size_t)x[0], (size_t)x[1], x[2]); }
static double binomial_below(const double *x) { return special_binomial_below((size_t)x[0], (size_t)x[1], x[2]); }
static double t_above(const double *x) { return special_t_above(x[0], x[1]); }
static double t_quantile(const double *x) { return special_t_quantile(x[0], x[1]); }
static double share_low(const double *x) { return interval_share((size_t)x[0], (size_t)x[1], x[2]).low; }
static double share_high(const double *x) { return interval_share((size_t)x[0], (size_t)x[1], x[2]).high; }
static double mcnemar(const double *x) { return mcnemar_p((size_t)x[0], (size_t)x[1]); }

static const struct {
  const char *name;
  double (*of)(const double *);
  double relative, absolute;
} functions[] = {
    /* The quantiles are solved for with the distribution's own accuracy. */
    {"log_gamma", log_gamma, 1e-14, 1e-14},       {"beta", incomplete_beta, 1e-11, 0},
    {"beta_quantile", beta_quantile, 1e-11, 0},   {"binomial_above", binomial_above, 1e-11, 0},
    {"binomial_below", binomial_below, 1e-11, 0}, {"t_above", t_above, 1e-11, 0},
    {"t_quantile", t_quantile, 1e-10, 0},         {"share_low", share_low, 1e-10, 0},
    {"share_high", share_high, 1e-10, 0},         {"mcnemar", mcnemar, 1e-12, 0},
};

/* Functions of a whole list: "holm N p... adjusted...". */
static bool check_list(const char *name, const double *x) {
  size_t n = (size_t)x[0];
  dwell_error err;
  double got[MOST], tau;
  value p;
  if (strcmp(name, "holm") == 0) assert_ok(family_holm(n, x + 1, n, got, &err), &err);
  else if (strcmp(name, "false_discovery") == 0) assert_ok(family_false_discovery(n, x + 1, got, &err), &err);
  else if (strcmp(name, "kendall") == 0) {
    assert_ok(kendall(n, x + 1, &tau, &p, &err), &err);
    assert_near(tau, x[n + 1], 1e-13, 1e-15);
    if (x[n + 2] < 0) assert_string_equal(p.undefined, "ties");
    else assert_near(p.number, x[n + 2], 1e-12, 0);
    return true;
  } else if (strcmp(name, "sign_flip") == 0) {
    assert_near(sign_flip_p(n, x + 1, 0), x[n + 1], 1e-13, 0);
    return true;
  } else {
    return false;
  }
  for (size_t k = 0; k < n; k++) assert_near(got[k], x[1 + n + k], 1e-13, 0);
  return true;
}

static void check_line(const char *line, size_t *ret_seen) {
  double x[MOST];
  char name[32];
  if (line[0] == '#' || sscanf(line, "%31s", name) != 1) return;
  size_t count = numbers_of(line, x);
  ++*ret_seen;
  for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++) {
    if (strcmp(functions[k].name, name) != 0) continue;
    double got = functions[k].of(x), expected = x[count - 1];
    if (!(fabs(got - expected) <= functions[k].absolute + functions[k].relative * fabs(expected)))
      print_message("%s\n", line);
    assert_near(got, expected, functions[k].relative, functions[k].absolute);
    return;
  }
  if (!check_list(name, x)) fail_msg("%s is no function", name);
}

static void test_every_golden(void **state) {
  (void)state;
  size_t seen = 0;
  char *text = testing_read(testing_source("tests/golden/study/statistics.txt"), NULL), *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    check_line(line, &seen);
  print_message("%zu values\n", seen);
  assert_true(seen >= 280);
  free(text);
}

static void test_edges(void **state) {
  (void)state;
  assert_near(special_beta(2, 3, 0), 0, 0, 0);
  assert_near(special_beta(2, 3, 1), 1, 0, 0);
  assert_near(special_binomial_above(5, 0, 0.3), 1, 0, 0);
  assert_near(special_binomial_above(5, 6, 0.3), 0, 0, 0);
  assert_near(special_binomial_below(5, 5, 0.3), 1, 0, 0);
  assert_near(special_t_above(0, 3), 0.5, 0, 0);
  assert_near(interval_share(0, 12, 0.95).low, 0, 0, 0);
  assert_near(interval_share(12, 12, 0.95).high, 1, 0, 0);
  assert_near(mcnemar_p(0, 0), 1, 0, 0);
}

/* Figures that the rules quote: of nothing seen in 12 prompts, of the prompts that a verdict needs. */
static void test_quoted_figures(void **state) {
  (void)state;
  assert_near(interval_share(0, 12, 0.95).high, 0.265, 0, 5e-4);
  static const struct { size_t with, prompts; } fewest[] = {{0, 17}, {1, 26}, {2, 34}, {3, 41}};
  for (size_t k = 0; k < 4; k++) {
    assert_true(interval_share(fewest[k].with, fewest[k].prompts, 0.95).high < 0.2);
    assert_true(interval_share(fewest[k].with, fewest[k].prompts - 1, 0.95).high >= 0.2);
  }
  assert_near(special_binomial_above(12, 10, 0.5), 0.019, 0, 5e-4);
  assert_near(special_binomial_above(24, 20, 0.5), 0.0008, 0, 5e-5);
  assert_true(interval_share(6, 12, 0.95).low > 0.2 && interval_share(12, 24, 0.95).low > 0.2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_golden), cmocka_unit_test(test_edges),
                                     cmocka_unit_test(test_quoted_figures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
