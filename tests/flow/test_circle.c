/* tests/flow/test_circle.c - angles: modes against pairs, another integrator, Kuramoto, the families. */
#include "flow/capture.h"

#include <stdio.h>
#include "base/random.h"
#include "flow/circle.h"
#include "flow/harmonics.h"

enum { MOST = 64 };

/* ---- multipliers ---- */

static void test_multipliers(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/multipliers.txt"), "r");
  assert_non_null(file);
  size_t d, l, rows = 0;
  double beta, expected, a[21];
  while (fscanf(file, "%zu %lf %zu %lf", &d, &beta, &l, &expected) == 4) {
    assert_int_equal(harmonics_multipliers(d, beta, 21, a), 0);
    assert_near(a[l], expected, 1e-13, 0);
    rows++;
  }
  fclose(file);
  assert_int_equal(rows, 125);
  assert_int_equal(harmonics_multipliers(3, 0, 3, a), 0);
  assert_true(a[0] == 1 && a[1] == 0 && a[2] == 0);
  assert_near(harmonics_dimension(2, 0), 1, 0, 0);
  assert_near(harmonics_dimension(2, 9), 2, 1e-14, 0);
  assert_near(harmonics_dimension(3, 7), 15, 1e-14, 0);
  assert_near(harmonics_dimension(4, 3), 16, 1e-14, 0);
}

/* ---- velocities ---- */

/* Modes and pairs agree to the rounding of sums of size one, whatever beta. */
static void test_modes_are_pairs(void **state) {
  (void)state;
  random_stream s = {1, RANDOM_TEST, 0};
  double theta[MOST], masses[MOST], pairs[MOST], modes[MOST], scratch[4096], sum = 0;
  for (size_t i = 0; i < MOST; i++) {
    theta[i] = 6 * random_uniform(&s, (uint32_t)i, 0) - 3;
    sum += masses[i] = random_uniform(&s, (uint32_t)i, 1);
  }
  for (size_t i = 0; i < MOST; i++) masses[i] /= sum;
  for (double beta = -20; beta <= 300; beta = beta < 0 ? beta + 10 : 3 * beta + 1)
    for (int normalised = 0; normalised < 2; normalised++) {
      circle c;
      dwell_error err;
      assert_ok(circle_attention(MOST, masses, beta, normalised != 0, &c, &err), &err);
      double unit = normalised ? 1 : exp(fabs(beta));
      c.direct = SIZE_MAX;
      circle_velocity(&c, theta, pairs, scratch);
      c.direct = 0;
      assert_true(c.modes < 2000);
      circle_velocity(&c, theta, modes, scratch);
      /* the normaliser is at least a token's own mass, which is a thousandth here at the smallest */
      for (size_t i = 0; i < MOST; i++) assert_near(modes[i] / unit, pairs[i] / unit, 0, 3e-11);
      circle_close(&c);
    }
}

static void read_numbers(FILE *file, size_t count, double *ret) {
  for (size_t i = 0; i < count; i++) assert_int_equal(fscanf(file, "%lf", &ret[i]), 1);
}

static void solve_to(const circle *c, double t, double *theta) {
  ode_plan plan = {DWELL_RK45, 0, 0, 1e-12, &t, 1};
  ode_host host = {0};
  ode_outcome outcome;
  dwell_error err;
  assert_ok(circle_solve(c, &plan, &host, theta, &outcome, &err), &err);
}

static void test_golden(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/circle.txt"), "r");
  assert_non_null(file);
  char kind[8];
  size_t n, cases = 0;
  double beta, t, masses[8], start[8], end[8], theta[8];
  while (fscanf(file, "%7s %zu %lf %lf", kind, &n, &beta, &t) == 4) {
    read_numbers(file, n, masses);
    read_numbers(file, n, start);
    read_numbers(file, n, end);
    for (size_t direct = 0; direct < 2; direct++) {
      circle c;
      dwell_error err;
      assert_ok(circle_attention(n, masses, beta, kind[0] == 's', &c, &err), &err);
      c.direct = direct == 0 ? 0 : SIZE_MAX;
      memcpy(theta, start, sizeof start);
      solve_to(&c, t, theta);
      for (size_t i = 0; i < n; i++) assert_near(theta[i], end[i], 0, 1e-9);
      circle_close(&c);
    }
    cases++;
  }
  fclose(file);
  assert_int_equal(cases, 5);
}

/* usa keeps the mean unwrapped angle (theory 1.1). */
static void test_mean_angle(void **state) {
  (void)state;
  double masses[5] = {.2, .2, .2, .2, .2}, theta[5] = {-1, 0.3, 0.9, 2.2, -2.9}, before = 0, after = 0;
  circle c;
  dwell_error err;
  assert_ok(circle_attention(5, masses, 2, false, &c, &err), &err);
  for (size_t i = 0; i < 5; i++) before += theta[i];
  solve_to(&c, 1, theta);
  for (size_t i = 0; i < 5; i++) after += theta[i];
  assert_near(after, before, 0, 1e-11);
  circle_close(&c);
}

/* Two Kuramoto oscillators with detuning w < K lock at sin(gap) = w / K; drifting apart otherwise. Three equal ones
 * with a second harmonic alone end in two antipodal groups. */
static void test_kuramoto(void **state) {
  (void)state;
  double masses[3] = {.5, .5, 0}, omega[3] = {0.3, -0.3, 0}, sine[3] = {0, 1, 0}, theta[3] = {0, 0.4, 0};
  circle pair = {.n = 2, .masses = masses, .opt_omega = omega, .modes = 1, .sine = sine, .scale = 1};
  solve_to(&pair, 60, theta);
  /* gap' = 2 w - K sin gap with K = sum of masses = 1 */
  assert_near(sin(theta[0] - theta[1]), 0.6, 0, 1e-10);
  assert_near(theta[0] + theta[1], 0.4, 0, 1e-10);
  double thirds[3] = {1. / 3, 1. / 3, 1. / 3}, second[3] = {0, 0, 1}, three[3] = {0.1, -0.5, 2.9};
  circle nematic = {.n = 3, .masses = thirds, .modes = 2, .sine = second, .scale = 1};
  solve_to(&nematic, 60, three);
  assert_near(cos(three[0] - three[1]), 1, 0, 1e-10);
  assert_near(cos(three[0] - three[2]), -1, 0, 1e-10);
}

/* ---- dwell simulate ---- */

static void check_family(const char *particles, const char *angles, size_t n, double beta, double t) {
  dwell_flow_options o = dwell_flow_options_default();
  o.n = n, o.d = 2, o.beta = beta, o.until = t, o.frames = 3, o.rtol = 1e-11;
  o.flow = particles;
  capture a = capture_flow(&o, 1);
  o.flow = angles;
  capture b = capture_flow(&o, 2);
  for (size_t e = 0; e < 3 * n * 2; e++) assert_near(b.x[e], a.x[e], 0, 2e-8);
  capture_free(&a);
  capture_free(&b);
}

static void test_families(void **state) {
  (void)state;
  check_family("sa", "circle", 12, 5, 3);
  check_family("sa", "circle", 300, 5, 3); /* by modes */
  check_family("usa", "circle-usa", 300, 4, 0.2);
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  o.flow = "circle";
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "d = 2");
  o.d = 2, o.causal = true;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "causal");
  o.causal = false, o.flow = "circle-usa", o.beta = 800;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "beyond a double");
  o.flow = "circle", o.n = 2, o.until = 1; /* 800: pairs; e^{-2 beta} underflows and nothing moves far */
  capture c = capture_flow(&o, 1);
  capture_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_multipliers), cmocka_unit_test(test_modes_are_pairs), cmocka_unit_test(test_golden),
      cmocka_unit_test(test_mean_angle),  cmocka_unit_test(test_kuramoto),        cmocka_unit_test(test_families),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
