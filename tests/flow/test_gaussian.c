/* tests/flow/test_gaussian.c - closed equations for Gaussians: another program's states, closed forms, blow-up, rank.
 */
#include "flow/capture.h"

#include <stdio.h>
#include "flow/gaussian.h"
#include "flow/weights.h"

static void read_numbers(FILE *file, size_t count, double *ret) {
  for (size_t i = 0; i < count; i++) assert_int_equal(fscanf(file, "%lf", &ret[i]), 1);
}

static dwell_status solve_to(const gaussian *g, double t, double *mean, double *covariance, bool *blown,
                             ode_outcome *outcome, dwell_error *err) {
  ode_plan plan = {DWELL_RK45, 0, 1e-12, 0, &t, 1};
  ode_host host = {0};
  return gaussian_solve(g, &plan, &host, NULL, mean, covariance, blown, outcome, err);
}

static void must_solve(const gaussian *g, double t, double *mean, double *covariance) {
  bool blown;
  ode_outcome outcome;
  dwell_error err;
  assert_ok(solve_to(g, t, mean, covariance, &blown, &outcome, &err), &err);
  assert_false(blown);
}

/* The oracle's tolerance is 1e-11 per step. */
static void test_golden(void **state) {
  (void)state;
  static const char *const names[] = {"softmax", "l2", "sinkhorn"};
  FILE *file = fopen(testing_source("tests/golden/flow/moments.txt"), "r");
  assert_non_null(file);
  char kind[16];
  size_t d, heads, cases = 0;
  double beta, t, q[18], k[18], v[18], mean[3], covariance[9], mean1[3], covariance1[9];
  while (fscanf(file, "%15s %zu %zu %lf %lf", kind, &d, &heads, &beta, &t) == 5) {
    read_numbers(file, heads * d * d, q);
    read_numbers(file, heads * d * d, k);
    read_numbers(file, heads * d * d, v);
    read_numbers(file, d, mean);
    read_numbers(file, d * d, covariance);
    read_numbers(file, d, mean1);
    read_numbers(file, d * d, covariance1);
    gaussian g = {GAUSSIAN_SOFTMAX, d, heads, beta, q, k, v};
    while (strcmp(names[g.kind], kind) != 0) g.kind++;
    must_solve(&g, t, mean, covariance);
    for (size_t i = 0; i < d; i++) assert_near(mean[i], mean1[i], 1e-8, 1e-9);
    for (size_t i = 0; i < d * d; i++) assert_near(covariance[i], covariance1[i], 1e-8, 1e-9);
    cases++;
  }
  fclose(file);
  assert_int_equal(cases, 9);
}

/* Theory 1.10, printed digits: the scalar cross-covariance of Sinkhorn, C = (-1 + sqrt(1 + 4 b^2 s^2)) / (2 b). */
static void test_scalars(void **state) {
  (void)state;
  for (double s = 0.1; s < 20; s *= 3)
    for (double b = 0.2; b < 10; b *= 3) {
      gaussian g = {GAUSSIAN_SINKHORN, 1, 1, b, NULL, NULL, NULL};
      double mean = 0.7, rate, slope;
      dwell_error err;
      assert_ok(gaussian_rates(&g, &mean, &s, &rate, &slope, &err), &err);
      assert_near(slope * s, 2 * b * s * s / (1 + sqrt(1 + 4 * b * b * s * s)), 1e-13, 0);
      assert_near(rate, mean, 1e-14, 0);
      g.kind = GAUSSIAN_SOFTMAX;
      assert_ok(gaussian_rates(&g, &mean, &s, &rate, &slope, &err), &err);
      assert_near(slope, b * s, 1e-14, 0);
      assert_near(rate, (1 + b * s) * mean, 1e-14, 0);
      g.kind = GAUSSIAN_L2;
      assert_ok(gaussian_rates(&g, &mean, &s, &rate, &slope, &err), &err);
      assert_near(slope, b * s / (1 + b * s), 1e-14, 0);
      assert_near(rate, mean, 1e-13, 0); /* M (1 + b s) = 1 */
    }
}

/* Theory T22 (ii): V = I and commuting A: sigma_k(t) = sigma_k / (1 - 2 v a sigma t); blow-up at 1.190476. */
static void test_closed_form(void **state) {
  (void)state;
  double k[16] = {0}, covariance[16] = {0}, mean[4] = {0}, va[4] = {0.7, -0.45, -0.06, 0};
  static const double sigma[4] = {0.6, 1.1, 0.8, 0.4};
  for (size_t i = 0; i < 4; i++) k[5 * i] = va[i], covariance[5 * i] = sigma[i];
  gaussian g = {GAUSSIAN_SOFTMAX, 4, 1, 1, NULL, k, NULL};
  double t = 1 / (2 * 0.7 * 0.6);
  assert_near(t, 1.190476, 0, 5e-7);
  must_solve(&g, 0.999 * t, mean, covariance);
  static const double expected[4] = {600, .5052, .7180, .4};
  for (size_t i = 0; i < 4; i++) {
    assert_near(covariance[5 * i], sigma[i] / (1 - 2 * va[i] * sigma[i] * 0.999 * t), 1e-7, 1e-12);
    assert_near(covariance[5 * i], expected[i], 1e-4, 0);
    covariance[5 * i] = sigma[i];
  }
  bool blown;
  ode_outcome outcome;
  dwell_error err;
  assert_int_equal(solve_to(&g, 10, mean, covariance, &blown, &outcome, &err), DWELL_FAILED);
  assert_true(blown);
  assert_near(outcome.reached, t, 1e-9, 0);
  /* the same start and weights, doubly stochastic: no blow-up (theory 1.10, discriminating test) */
  for (size_t i = 0; i < 16; i++) covariance[i] = i % 5 == 0 ? sigma[i / 5] : 0;
  memset(mean, 0, sizeof mean);
  g.kind = GAUSSIAN_SINKHORN;
  must_solve(&g, 5, mean, covariance);
}

/* Theory T22 (i): rank is kept; (iii): a stationary covariance of rank 2 for A = diag(1, 1, -1, -1). */
static void test_rank(void **state) {
  (void)state;
  double v[9] = {0.3, -0.8, 0.2, 0.5, 0.1, -0.4, 0.7, 0.6, -0.2},
         k[9] = {0.4, 0.2, -0.5, -0.3, 0.6, 0.1, 0.8, -0.7, 0.3};
  double u[3] = {0.5, -1, 0.7}, covariance[9], mean[3] = {0.1, 0.2, -0.3};
  for (gaussian_kind kind = GAUSSIAN_SOFTMAX; kind <= GAUSSIAN_SINKHORN; kind++) {
    for (size_t i = 0; i < 9; i++) covariance[i] = u[i / 3] * u[i % 3];
    gaussian g = {kind, 3, 1, 1, NULL, k, v};
    must_solve(&g, 0.5, mean, covariance);
    double trace = covariance[0] + covariance[4] + covariance[8];
    for (size_t i = 0; i < 3; i++)
      for (size_t j = 0; j < 3; j++) /* 2 x 2 minors of a matrix of rank 1 */
        assert_near(covariance[4 * i] * covariance[4 * j], covariance[3 * i + j] * covariance[3 * j + i], 0,
                    1e-13 * trace * trace);
  }
  double signature[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1}, still[4] = {0};
  double isotropic[16] = {.5, 0, .5, 0, 0, .5, 0, .5, .5, 0, .5, 0, 0, .5, 0, .5}, before[16];
  gaussian g = {GAUSSIAN_SOFTMAX, 4, 1, 1, NULL, signature, NULL};
  memcpy(before, isotropic, sizeof before);
  must_solve(&g, 3, still, isotropic);
  for (size_t e = 0; e < 16; e++) assert_near(isotropic[e], before[e], 0, 1e-13);
}

/* Theory T24: V = -I, Sinkhorn, scalar, eps = .2: the raw flow has s' = eps - sqrt(eps^2 + 4 s^2). */
static void test_sinkhorn_collapse(void **state) {
  (void)state;
  static const double times[5] = {1, 2, 5, 20, 100}, expected[5] = {.208619, .0803196, .0243081, .00524480, .00100953};
  double minus = -1;
  for (size_t i = 0; i < 5; i++) {
    double mean = 0, s = 1;
    gaussian g = {GAUSSIAN_SINKHORN, 1, 1, 5, NULL, NULL, &minus};
    must_solve(&g, times[i], &mean, &s);
    assert_near(s, expected[i], 5e-6, 0);
  }
}

/* Equal heads with V / H are one head. */
static void test_heads(void **state) {
  (void)state;
  double half[8] = {.5, 0, 0, .5, .5, 0, 0, .5}, mean[2] = {.3, -.2}, one_mean[2] = {.3, -.2};
  double covariance[4] = {1, .2, .2, .5}, one[4] = {1, .2, .2, .5};
  gaussian g = {GAUSSIAN_L2, 2, 1, 1, NULL, NULL, NULL}, two = {GAUSSIAN_L2, 2, 2, 1, NULL, NULL, half};
  must_solve(&g, 0.7, one_mean, one);
  /* Q = K = identity of every head */
  must_solve(&two, 0.7, mean, covariance);
  for (size_t e = 0; e < 4; e++) assert_near(covariance[e], one[e], 1e-11, 0);
}

/* The tokens of the family have the closure's mean and covariance, and rows stay affine images of the start. */
static void test_family(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  double times[2] = {0, 0.2}, mean[2] = {0}, covariance[4] = {0}, got_mean[2] = {0}, got[4] = {0};
  o.flow = "gaussian-softmax", o.n = 50, o.d = 2, o.beta = 0.8, o.init = "gaussian:0.7", o.times = times,
  o.times_count = 2, o.rtol = 1e-12;
  capture c = capture_flow(&o, 1);
  for (size_t f = 0; f < 2; f++) {
    double *m = f == 0 ? mean : got_mean, *s = f == 0 ? covariance : got;
    const double *x = capture_at(&c, 0, f);
    for (size_t i = 0; i < 100; i++) m[i % 2] += x[i] / 50;
    for (size_t i = 0; i < 50; i++)
      for (size_t e = 0; e < 4; e++) s[e] += (x[2 * i + e / 2] - m[e / 2]) * (x[2 * i + e % 2] - m[e % 2]) / 50;
  }
  capture_free(&c);
  gaussian g = {GAUSSIAN_SOFTMAX, 2, 1, 0.8, NULL, NULL, NULL};
  must_solve(&g, 0.2, mean, covariance);
  for (size_t k = 0; k < 2; k++) assert_near(got_mean[k], mean[k], 1e-10, 1e-12);
  for (size_t e = 0; e < 4; e++) assert_near(got[e], covariance[e], 1e-10, 1e-12);
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  dwell_sink sink = {0};
  o.times = NULL, o.until = 1000;
  assert_ok(dwell_flow_open(&o, NULL, &source, &err), &err);
  assert_fails(dwell_source_run(source, NULL, &sink, &err), DWELL_FAILED, &err, "becomes infinite at t = ");
  dwell_source_destroy(source);
  o.flow = "gaussian-l2", o.beta = -1;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "beta >= 0");
  o.beta = 1, o.causal = true;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "causal");
}

/* --qkv with two heads: the covariance of the tokens is the library's. */
static void test_weights(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_flow_weights *w = NULL;
  dwell_error err = {.offset = -1};
  double times[2] = {0, 0.4}, m[2][2] = {{0}}, s[2][4] = {{0}};
  assert_ok(dwell_flow_weights_draw(1, 2, 2, 5, &w, &err), &err);
  o.flow = "gaussian-sinkhorn", o.n = 30, o.d = 2, o.beta = 1.2, o.init = "gaussian:1", o.times = times;
  o.times_count = 2, o.weights = w, o.rtol = 1e-12;
  capture c = capture_flow(&o, 1);
  for (size_t f = 0; f < 2; f++) {
    const double *x = capture_at(&c, 0, f);
    for (size_t i = 0; i < 60; i++) m[f][i % 2] += x[i] / 30;
    for (size_t i = 0; i < 30; i++)
      for (size_t e = 0; e < 4; e++)
        s[f][e] += (x[2 * i + e / 2] - m[f][e / 2]) * (x[2 * i + e % 2] - m[f][e % 2]) / 30;
  }
  capture_free(&c);
  flow_layer l = weights_layer(w, 0, 2);
  gaussian g = {GAUSSIAN_SINKHORN, 2, 2, 1.2, l.query, l.key, l.read};
  must_solve(&g, 0.4, m[0], s[0]);
  for (size_t k = 0; k < 2; k++) assert_near(m[1][k], m[0][k], 1e-10, 1e-12);
  for (size_t e = 0; e < 4; e++) assert_near(s[1][e], s[0][e], 1e-10, 1e-12);
  dwell_flow_weights_destroy(w);
}

/* Theory T19: particles against the closure. The cloud is 1000 normal tokens; its own mean and covariance are the
 * closure's, so what is left is that it is no perfect Gaussian: relative 1 / sqrt(n) = 3 %, three times that. */
static void test_particles(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  double t = 0.5, variance[2];
  o.n = 1000, o.d = 1, o.beta = 0.5, o.init = "gaussian:0.9", o.times = &t, o.times_count = 1, o.rtol = 1e-6;
  for (size_t f = 0; f < 2; f++) {
    o.flow = f == 0 ? "rd" : "gaussian-softmax";
    capture c = capture_flow(&o, 1);
    double sum = 0, square = 0;
    for (size_t i = 0; i < o.n; i++) sum += c.x[i], square += c.x[i] * c.x[i];
    variance[f] = square / (double)o.n - sum * sum / (double)(o.n * o.n);
    capture_free(&c);
  }
  assert_near(variance[0], variance[1], 0.1, 0);
  assert_true(variance[0] > 1.2 * 0.81); /* it has grown */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_scalars),
      cmocka_unit_test(test_closed_form),
      cmocka_unit_test(test_rank),
      cmocka_unit_test(test_heads),
      cmocka_unit_test(test_family),
      cmocka_unit_test(test_sinkhorn_collapse),
      cmocka_unit_test(test_particles),
      cmocka_unit_test(test_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
