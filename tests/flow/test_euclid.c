/* tests/flow/test_euclid.c - the flow on R^d against another integrator on the equations as printed, and its limits. */
#include "flow/capture.h"

#include <stdio.h>
#include "flow/euclid.h"
#include "flow/weights.h"

enum { MOST = 400 };

static void read_numbers(FILE *file, size_t count, double *ret) {
  assert_true(count <= MOST);
  for (size_t i = 0; i < count; i++) assert_int_equal(fscanf(file, "%lf", &ret[i]), 1);
}

static void solve_to(const euclid *e, dwell_integrator integrator, double step, double t, double *x) {
  ode_plan plan = {integrator, step, 1e-12, 0, &t, 1};
  ode_host host = {0};
  ode_outcome outcome;
  dwell_error err;
  assert_ok(euclid_solve(e, &plan, &host, x, &outcome, &err), &err);
}

/* The oracle's tolerance is 1e-13 per step, ours 1e-12 relative: over some hundred steps, with growth by e^{2t}. */
static void test_golden(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/euclid.txt"), "r");
  assert_non_null(file);
  size_t n, d, cases = 0;
  int rescaled;
  double beta, t, b[MOST], v[MOST], masses[MOST], x[MOST], expected[MOST], p[MOST], got[MOST];
  while (fscanf(file, "%zu %zu %lf %d %lf", &n, &d, &beta, &rescaled, &t) == 5) {
    read_numbers(file, d * d, b);
    read_numbers(file, d * d, v);
    read_numbers(file, n, masses);
    read_numbers(file, n * d, x);
    read_numbers(file, n * d, expected);
    read_numbers(file, n * n, p);
    euclid e = {n, d, beta, masses, false, rescaled != 0, b, v};
    dwell_error err;
    solve_to(&e, DWELL_RK45, 0, t, x);
    for (size_t i = 0; i < n * d; i++) assert_near(x[i], expected[i], 1e-9, 1e-10);
    assert_ok(euclid_attention(&e, t, x, got, &err), &err);
    for (size_t i = 0; i < n * n; i++) assert_near(got[i], p[i], 1e-7, 1e-9);
    cases++;
  }
  fclose(file);
  assert_int_equal(cases, 7);
}

/* Both frames are one flow: x = e^{tV} z, whatever V, masks and masses are. */
static void test_frames_agree(void **state) {
  (void)state;
  double v[4] = {0.7, 0.4, -0.2, 0.5}, b[4] = {1, 0.3, -0.4, 0.8}, masses[5] = {0.1, 0.2, 0.3, 0.15, 0.25};
  double start[10] = {0.3, -1, 0.8, 0.5, -0.6, 0.9, 1.1, 0.2, -0.4, -0.7}, x[10], z[10], growth[4], scratch[8], power;
  for (int causal = 0; causal < 2; causal++) {
    memcpy(x, start, sizeof x);
    memcpy(z, start, sizeof z);
    euclid raw = {5, 2, 1.5, masses, causal != 0, false, b, v}, frame = raw;
    frame.rescaled = true;
    solve_to(&raw, DWELL_RK45, 0, 1.2, x);
    solve_to(&frame, DWELL_RK45, 0, 1.2, z);
    euclid_exponential(2, v, 1.2, growth, &power, scratch);
    for (size_t i = 0; i < 5; i++)
      for (size_t k = 0; k < 2; k++)
        assert_near(exp2(power) * dot(2, growth + k * 2, z + i * 2), x[i * 2 + k], 1e-9, 1e-9);
  }
}

static void test_exponential(void **state) {
  (void)state;
  double turn[4] = {0, -3, 3, 0}, shear[4] = {1, 1, 0, 1}, e[4], scratch[8], power;
  euclid_exponential(2, turn, 2, e, &power, scratch);
  assert_near(ldexp(e[0], (int)power), cos(6), 0, 1e-14);
  assert_near(ldexp(e[1], (int)power), -sin(6), 0, 1e-14);
  euclid_exponential(2, shear, 1e4, e, &power, scratch); /* e^{1e4} (1 1e4; 0 1) */
  assert_near(e[1] / e[0], 1e4, 1e-10, 0);
  assert_near(log(e[0]) + power * log(2), 1e4, 1e-13, 0);
  euclid_exponential(2, shear, -2, e, &power, scratch);
  assert_near(ldexp(e[1], (int)power), -2 * exp(-2), 1e-14, 0);
  double rest[1] = {0};
  euclid_exponential(1, rest, 5, e, &power, scratch);
  assert_true(e[0] == 1 && power == 0);
}

/* Orders of the fixed steps: error ratios of a halved step. */
static void test_orders(void **state) {
  (void)state;
  static const dwell_integrator which[2] = {DWELL_RK4, DWELL_EULER};
  double masses[3] = {0.2, 0.3, 0.5}, exact[3] = {-1, 0.2, 0.7};
  euclid e = {3, 1, 1, masses, false, true, NULL, NULL};
  solve_to(&e, DWELL_RK45, 0, 1, exact);
  for (size_t w = 0; w < 2; w++) {
    double error[2];
    for (size_t half = 0; half < 2; half++) {
      double x[3] = {-1, 0.2, 0.7};
      solve_to(&e, which[w], half == 0 ? 0.05 : 0.025, 1, x);
      error[half] = fabs(x[1] - exact[1]);
    }
    assert_near(log2(error[0] / error[1]), w == 0 ? 4 : 1, 0, 0.1);
  }
}

/* V = -I, Q^T K = I: all tokens fall to the origin and attention becomes uniform (theory 1.3, last row). */
static void test_minus_identity(void **state) {
  (void)state;
  double masses[6], v[4] = {-1, 0, 0, -1}, p[36];
  double x[12] = {1, 0.4, -0.7, 0.9, 0.2, -1.1, -0.8, -0.5, 1.4, -0.2, 0.6, 0.1};
  for (size_t i = 0; i < 6; i++) masses[i] = 1.0 / 6;
  euclid e = {6, 2, 1, masses, false, false, NULL, v};
  dwell_error err;
  solve_to(&e, DWELL_RK45, 0, 2000, x);
  assert_ok(euclid_attention(&e, 0, x, p, &err), &err);
  for (size_t i = 0; i < 12; i++) assert_near(x[i], 0, 0, 0.05); /* algebraic: about 1 / sqrt(t) */
  for (size_t i = 0; i < 36; i++) assert_near(p[i], 1.0 / 6, 0, 1e-3);
}

/* A common rotation of the tokens, with B and V multiples of the identity, rotates the result; a permutation too. */
static void test_equivariance(void **state) {
  (void)state;
  double masses[4] = {0.25, 0.25, 0.25, 0.25}, c = cos(0.7), s = sin(0.7);
  double x[8] = {1, 0.4, -0.7, 0.9, 0.2, -1.1, -0.8, -0.5}, y[8];
  for (size_t i = 0; i < 4; i++) y[2 * i] = c * x[2 * (3 - i)] - s * x[2 * (3 - i) + 1];
  for (size_t i = 0; i < 4; i++) y[2 * i + 1] = s * x[2 * (3 - i)] + c * x[2 * (3 - i) + 1];
  euclid e = {4, 2, 1, masses, false, true, NULL, NULL};
  solve_to(&e, DWELL_RK45, 0, 4, x);
  solve_to(&e, DWELL_RK45, 0, 4, y);
  for (size_t i = 0; i < 4; i++) assert_near(y[2 * i], c * x[2 * (3 - i)] - s * x[2 * (3 - i) + 1], 0, 1e-9);
}

/* The tie of (-1, 0, 1) cancels exactly and lasts; times of which e^{2t} overflows are ordinary. */
static void test_tie_and_long_times(void **state) {
  (void)state;
  double masses[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3}, x[3] = {-1, 0, 1}, p[9];
  euclid e = {3, 1, 1, masses, false, true, NULL, NULL};
  dwell_error err;
  solve_to(&e, DWELL_RK45, 0, 12, x);
  assert_true(x[1] == 0);
  assert_ok(euclid_attention(&e, 12, x, p, &err), &err);
  for (size_t j = 0; j < 3; j++) assert_near(p[3 + j], 1.0 / 3, 1e-15, 0);
  double y[3] = {-1, 0.1, 1};
  solve_to(&e, DWELL_RK45, 0, 1e4, y);
  /* the extreme tokens have stopped, the middle one is with the greatest */
  assert_near(y[1], y[2], 0, 1e-10);
  assert_true(y[0] < 0 && y[2] > 0);
}

/* ---- dwell simulate ---- */

static void test_families(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_error err = {.offset = -1};
  dwell_source *source = NULL;
  o.flow = "rd-rescaled", o.n = 9, o.d = 1, o.beta = 1, o.init = "box:5", o.until = 12, o.frames = 3, o.replicas = 2;
  capture c = capture_flow(&o, 2);
  for (size_t i = 0; i < 9; i++) {
    double first = capture_at(&c, 0, 0)[i];
    assert_true(first != 0 && fabs(first) <= 5 && first != capture_at(&c, 1, 0)[i]);
  }
  capture_free(&c);
  assert_ok(dwell_flow_open(&o, NULL, &source, &err), &err);
  assert_false(dwell_source_trajectory(source)->on_sphere);
  dwell_source_destroy(source);
  o.flow = "rd", o.d = 3, o.init = "gaussian:0.5", o.until = 2;
  c = capture_flow(&o, 1);
  capture_free(&c);
  o.until = 2000; /* e^2000 */
  assert_ok(dwell_flow_open(&o, NULL, &source, &err), &err);
  dwell_sink sink = {0};
  assert_fails(dwell_source_run(source, NULL, &sink, &err), DWELL_FAILED, &err, "t = ");
  dwell_source_destroy(source);
  o.integrator = DWELL_LAYER;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "layer map");
  o.integrator = DWELL_RK45, o.until_log = 3;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "log clock");
  o = dwell_flow_options_default(), o.init = "box:5";
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "no start");
  o.flow = "rd", o.init = "box:0";
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "positive");
}

/* --qkv: the family with weights is the library's with B = Q^T K and V. */
static void test_weights(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_flow_weights *w = NULL;
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  double times[2] = {0, 0.7}, b[9] = {0}, masses[6], x[18];
  assert_ok(dwell_flow_weights_draw(1, 1, 3, 5, &w, &err), &err);
  o.flow = "rd-rescaled", o.n = 6, o.d = 3, o.beta = 1.3, o.init = "box:1", o.times = times, o.times_count = 2;
  o.weights = w, o.rtol = 1e-12;
  capture c = capture_flow(&o, 1);
  flow_layer l = weights_layer(w, 0, 1);
  for (size_t e = 0; e < 27; e++) b[e / 9 * 3 + e / 3 % 3] += l.query[e % 3 * 3 + e / 9] * l.key[e % 3 * 3 + e / 3 % 3];
  for (size_t i = 0; i < 6; i++) masses[i] = 1.0 / 6;
  memcpy(x, capture_at(&c, 0, 0), sizeof x);
  euclid e = {6, 3, 1.3, masses, false, true, b, l.read};
  solve_to(&e, DWELL_RK45, 0, 0.7, x);
  for (size_t k = 0; k < 18; k++) assert_near(capture_at(&c, 0, 1)[k], x[k], 1e-10, 1e-10);
  capture_free(&c);
  dwell_flow_weights_destroy(w);
  assert_ok(dwell_flow_weights_draw(1, 2, 3, 5, &w, &err), &err);
  o.weights = w;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "one head");
  o.flow = "equiangular", o.init = "orthogonal", o.n = 3;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "takes no weights");
  dwell_flow_weights_destroy(w);
  assert_ok(dwell_flow_weights_draw(2, 1, 3, 5, &w, &err), &err);
  o.weights = w, o.flow = "rd";
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "one layer");
  dwell_flow_weights_destroy(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_frames_agree),
      cmocka_unit_test(test_exponential),
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_minus_identity),
      cmocka_unit_test(test_equivariance),
      cmocka_unit_test(test_tie_and_long_times),
      cmocka_unit_test(test_families),
      cmocka_unit_test(test_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
