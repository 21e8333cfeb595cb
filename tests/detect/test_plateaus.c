/* tests/detect/test_plateaus.c - plateaus: kinds, what makes one trivial, and how often the test finds one in steps
 * that have none. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "detect/detect.h"
#include "util/testing.h"

static plateaus find(const double *changes, size_t steps, const plateau_evidence *e) {
  dwell_error err;
  plateaus p;
  assert_ok(detect_plateaus(changes, steps, e, &PLATEAU_SETTING, &p, &err), &err);
  return p;
}

static void assert_plateau(const plateau *p, size_t first, size_t last, plateau_kind kind) {
  assert_int_equal(p->first, first);
  assert_int_equal(p->last, last);
  assert_string_equal(plateau_kind_name(p->kind), plateau_kind_name(kind));
}

static void test_kinds(void **state) {
  (void)state;
  const double changes[] = {0.1, 0, 9, 0.2, 0.1, 0.3, 9, 0, 9, 0.1, 0.1};
  plateaus p = find(changes, 11, NULL);
  assert_int_equal(p.count, 3);
  assert_plateau(&p.items[0], 0, 1, PLATEAU_INITIAL);
  assert_plateau(&p.items[1], 3, 5, PLATEAU_INTERIOR);
  assert_plateau(&p.items[2], 9, 10, PLATEAU_TERMINAL);
  assert_int_equal(p.longest, 3);
  assert_true(p.p.undefined == NULL && p.p.number > 0 && p.p.number < 1);
  plateaus_free(&p);
}

/* A step is slow at exactly a quarter of the mean, and not above. */
static void test_the_quarter(void **state) {
  (void)state;
  const double at[] = {2, 0.25, 0.25, 0.5, 2}, above[] = {2, 0.251, 0.25, 0.499, 2};
  plateaus p = find(at, 5, NULL);
  assert_int_equal(p.count, 1);
  plateaus_free(&p);
  p = find(above, 5, NULL);
  assert_int_equal(p.count, 0);
  assert_near(p.p.number, 1, 0, 0);
  plateaus_free(&p);
}

static void test_edges(void **state) {
  (void)state;
  const double changes[] = {1, 0, 0, 1}, still[8] = {0};
  plateaus p;
  for (size_t steps = 0; steps < 4; steps++) {
    p = find(changes, steps, NULL);
    assert_int_equal(p.count, 0);
    assert_string_equal(p.p.undefined, "few_layers");
    plateaus_free(&p);
  }
  p = find(still, 8, NULL);
  assert_int_equal(p.count, 0);
  assert_string_equal(p.p.undefined, "nothing changes");
  plateaus_free(&p);
  const double equal[] = {2, 2, 2, 2, 2};
  p = find(equal, 5, NULL);
  assert_int_equal(p.count, 0);
  assert_near(p.p.number, 1, 0, 0);
  plateaus_free(&p);
}

static void test_what_is_no_change_is_refused(void **state) {
  (void)state;
  static const double bad[] = {NAN, INFINITY, -0.1};
  dwell_error err;
  plateaus p;
  for (size_t k = 0; k < 3; k++) {
    const double changes[] = {1, 1, bad[k], 1, 1};
    assert_fails(detect_plateaus(changes, 5, NULL, &PLATEAU_SETTING, &p, &err), DWELL_BAD_INPUT, &err, "step 2");
    plateaus_free(&p);
  }
}

/* ---- what counts ---- */

enum { STEPS = 8 };
typedef struct evidence {
  double p[STEPS + 1], clusters[STEPS + 1], ip[STEPS + 1], angle[STEPS], update[STEPS];
} evidence;

/* Three clusters at every state, moving all the time, structure slow in steps 3 to 5. */
static const double dwelling[STEPS] = {5, 6, 5, 0.1, 0.2, 0.1, 7, 5};

static evidence good_evidence(void) {
  evidence e;
  for (size_t l = 0; l <= STEPS; l++) e.p[l] = 0.025, e.clusters[l] = 3, e.ip[l] = 0.4;
  for (size_t b = 0; b < STEPS; b++) e.angle[b] = 0.1, e.update[b] = 0.1;
  return e;
}

static const char *trivial(const evidence *e) {
  const plateau_evidence given = {e->p, e->clusters, e->ip, e->angle, e->update};
  plateaus p = find(dwelling, STEPS, &given);
  assert_int_equal(p.count, 1);
  assert_plateau(&p.items[0], 3, 5, PLATEAU_INTERIOR);
  const char *why = p.items[0].trivial;
  plateaus_free(&p);
  return why;
}

static void d_1_4_trivial_plateaus_do_not_count(void **state) {
  (void)state;
  evidence e = good_evidence();
  assert_null(trivial(&e));
  e.p[6] = 0.06; /* the state after step 5 belongs to it */
  assert_string_equal(trivial(&e), "no significant clusters throughout");
  e = good_evidence(), e.p[7] = 0.9, e.p[2] = 0.9; /* these two do not */
  assert_null(trivial(&e));
  e = good_evidence(), e.p[4] = NAN;
  assert_string_equal(trivial(&e), "no significant clusters throughout");
  e = good_evidence(), e.clusters[3] = 1;
  assert_string_equal(trivial(&e), "fewer than 2 clusters");
  e = good_evidence(), e.ip[5] = 0.95;
  assert_string_equal(trivial(&e), "one cone (ip_mean >= 0.95)");
}

/* Dead only if every step of it moves nothing, in direction and in length. */
static void d_1_4_dead_blocks_are_no_plateau(void **state) {
  (void)state;
  evidence e = good_evidence();
  for (size_t b = 3; b <= 5; b++) e.angle[b] = e.update[b] = 1e-4;
  assert_string_equal(trivial(&e), "dead blocks");
  e.update[4] = 1e-3;
  assert_null(trivial(&e));
  e.update[4] = 1e-4, e.angle[3] = 2e-3;
  assert_null(trivial(&e));
}

/* A mass that is 0 and then 1 stands still at both ends; none of this is structure. */
static void d_1_4_a_constant_mass_is_no_plateau(void **state) {
  (void)state;
  const double mass[] = {0, 0, 0, 0, 0, 0.5, 1, 1, 1, 1, 1};
  dwell_error err;
  plateaus p;
  assert_ok(detect_plateaus_scalar(mass, 10, &PLATEAU_SETTING, &p, &err), &err);
  assert_int_equal(p.count, 2);
  assert_plateau(&p.items[0], 0, 3, PLATEAU_INITIAL);
  assert_plateau(&p.items[1], 6, 9, PLATEAU_TERMINAL);
  assert_string_equal(p.items[0].trivial, "a scalar series alone");
  assert_near(p.p.number, 1, 0, 0); /* no interior one */
  plateaus_free(&p);
}

static void test_scalar_is_shift_and_sign_free(void **state) {
  (void)state;
  double x[13], y[13];
  random_stream s = {.seed = 5, .purpose = RANDOM_TEST};
  dwell_error err;
  plateaus a, b;
  for (uint32_t l = 0; l < 13; l++) x[l] = floor(8 * random_uniform(&s, 0, l)), y[l] = 16 - 2 * x[l];
  assert_ok(detect_plateaus_scalar(x, 12, &PLATEAU_SETTING, &a, &err), &err);
  assert_ok(detect_plateaus_scalar(y, 12, &PLATEAU_SETTING, &b, &err), &err);
  assert_int_equal(a.count, b.count);
  assert_near(a.p.number, b.p.number, 0, 0);
  plateaus_free(&a), plateaus_free(&b);
}

/* ---- the p ---- */

static size_t longest_of(const bool *slow, size_t steps) {
  size_t longest = 0;
  for (size_t a = 1; a < steps; a++) {
    for (size_t b = a; b + 1 < steps; b++) {
      bool all = !slow[a - 1] && !slow[b + 1];
      for (size_t k = a; k <= b; k++) all = all && slow[k];
      if (all && b - a + 1 > longest) longest = b - a + 1;
    }
  }
  return longest;
}

/* Every arrangement of m slow among `steps`. */
static double exact_p(size_t steps, size_t m, size_t longest) {
  size_t all = 0, above = 0;
  for (unsigned mask = 0; mask < 1u << steps; mask++) {
    bool slow[16];
    size_t count = 0;
    for (size_t b = 0; b < steps; b++) slow[b] = mask >> b & 1, count += slow[b];
    if (count != m) continue;
    all++;
    above += longest_of(slow, steps) >= longest;
  }
  return (double)above / (double)all;
}

static void test_p_against_every_arrangement(void **state) {
  (void)state;
  const double series[2][12] = {{9, 9, 0, 0, 0, 0, 9, 9, 9, 0, 9, 9}, {9, 0, 0, 9, 9, 9, 0, 9, 0, 0, 0, 9}};
  for (size_t k = 0; k < 2; k++) {
    size_t m = 0;
    for (size_t b = 0; b < 12; b++) m += series[k][b] == 0;
    plateaus p = find(series[k], 12, NULL);
    double exact = exact_p(12, m, p.longest), error = sqrt(exact * (1 - exact) / 999);
    assert_near(p.p.number, exact, 0, 4 * error + 1e-3); /* 4 standard errors, and the 1 of (1 + ...) / 1000 */
    plateaus_free(&p);
  }
}

static void test_the_seed_decides(void **state) {
  (void)state;
  const double changes[] = {9, 9, 0, 0, 9, 9, 9, 0, 9, 9};
  plateau_setting one = PLATEAU_SETTING, other = PLATEAU_SETTING;
  dwell_error err;
  plateaus a, b, c;
  other.seed = 77;
  assert_ok(detect_plateaus(changes, 10, NULL, &one, &a, &err), &err);
  assert_ok(detect_plateaus(changes, 10, NULL, &one, &b, &err), &err);
  assert_ok(detect_plateaus(changes, 10, NULL, &other, &c, &err), &err);
  assert_near(a.p.number, b.p.number, 0, 0);
  assert_near(a.p.number, c.p.number, 0, 0.1);
  assert_true(a.p.number != c.p.number);
  plateaus_free(&a), plateaus_free(&b), plateaus_free(&c);
}

/* Independent steps, exponential and log-normal: p <= .05 in at most 5 % of the runs, plus 3 standard errors. */
static void d_1_4_no_plateaus_in_independent_steps(void **state) {
  (void)state;
  enum { RUNS = 400 };
  static const size_t lengths[] = {12, 24, 48};
  const random_stream s = {.seed = 11, .purpose = RANDOM_TEST};
  for (uint32_t kind = 0; kind < 6; kind++) {
    size_t steps = lengths[kind % 3], found = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
      double x[48];
      uint32_t at = kind * RUNS + run;
      for (uint32_t b = 0; b < steps; b++)
        x[b] = kind < 3 ? -log(random_uniform(&s, at, b)) : exp(random_normal(&s, at, b));
      plateau_setting setting = {.slow = 0.25, .draws = 199, .seed = run};
      dwell_error err;
      plateaus p;
      assert_ok(detect_plateaus(x, steps, NULL, &setting, &p, &err), &err);
      found += p.p.number <= 0.05;
      plateaus_free(&p);
    }
    double most = 0.05 + 3 * sqrt(0.05 * 0.95 / RUNS);
    if ((double)found > most * RUNS) fail_msg("%zu steps: %zu of %d runs", steps, found, RUNS);
  }
}

/* A dwell over the middle half, 12 times slower, is found: specification 75 % at 12 steps, 99 % at 48. */
static void test_power(void **state) {
  (void)state;
  enum { RUNS = 100, LONG = 48 };
  const random_stream s = {.seed = 12, .purpose = RANDOM_TEST};
  size_t found = 0;
  for (uint32_t run = 0; run < RUNS; run++) {
    double x[LONG];
    for (uint32_t b = 0; b < LONG; b++)
      x[b] = exp(0.5 * random_normal(&s, run, b)) / (b >= LONG / 4 && b < 3 * LONG / 4 ? 12 : 1);
    plateaus p = find(x, LONG, NULL);
    found += p.p.number <= 0.05;
    plateaus_free(&p);
  }
  assert_true(found >= 90);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_the_quarter),
      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_what_is_no_change_is_refused),
      cmocka_unit_test(d_1_4_trivial_plateaus_do_not_count),
      cmocka_unit_test(d_1_4_dead_blocks_are_no_plateau),
      cmocka_unit_test(d_1_4_a_constant_mass_is_no_plateau),
      cmocka_unit_test(test_scalar_is_shift_and_sign_free),
      cmocka_unit_test(test_p_against_every_arrangement),
      cmocka_unit_test(test_the_seed_decides),
      cmocka_unit_test(d_1_4_no_plateaus_in_independent_steps),
      cmocka_unit_test(test_power),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
