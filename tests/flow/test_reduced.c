/* tests/flow/test_reduced.c - the scalar equations of equal angles and of pairs: exact times, layer maps, schemes. */
#include "flow/capture.h"

#include <stdio.h>
#include "base/quadrature.h"
#include "flow/equiangular.h"

/* ---- quadrature ---- */

static double straight(const void *self, double x) { return *(const double *)self * x; }
static double bell(const void *self, double x) { return -x * x / 2 / *(const double *)self; }

static void test_quadrature(void **state) {
  (void)state;
  /* int_0^1 e^{ax} dx = (e^a - 1) / a, far beyond a double too */
  for (double a = 1; a < 1e6; a *= 10)
    assert_near(quadrature_log(straight, &a, 0, 1), a + log1p(-exp(-a)) - log(a), 1e-15, 2e-14);
  double narrow = 1e-8; /* variance; the interval has 20000 widths */
  assert_near(quadrature_log(bell, &narrow, 0, 2), log(acos(-1) * narrow / 2) / 2, 1e-14, 2e-14);
  assert_near(quadrature_log(bell, &narrow, -2, 0), log(acos(-1) * narrow / 2) / 2, 1e-14, 2e-14);
  assert_true(quadrature_log(straight, &narrow, 3, 3) == -INFINITY);
  assert_true(quadrature_log_add(-INFINITY, -INFINITY) == -INFINITY);
  assert_near(quadrature_log_add(1000, -INFINITY), 1000, 0, 0);
}

/* ---- times ---- */

static equiangular_kind kind_of(const char *name) {
  static const char *const names[] = {"sa", "usa", "pair", "causal"};
  for (int k = 0; k < 4; k++)
    if (strcmp(name, names[k]) == 0) return (equiangular_kind)k;
  fail_msg("%s", name);
  return EQUIANGULAR_SA;
}

/* The coordinate moves by a rounding or two of the gaps, which times of e^{beta gap} magnify by beta: 1e-14 and 1e-16
 * beta in ln t. The inverse is as good where time tells: |dw| <= |d ln t| t w'. */
static void test_golden_times(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/equiangular.txt"), "r");
  assert_non_null(file);
  equiangular e;
  char kind[8];
  double gap0, gap1, expected, worst = 0;
  size_t rows = 0, inverted = 0;
  while (fscanf(file, "%7s %zu %lf %lf %lf %lf %lf", kind, &e.n, &e.beta, &e.mass, &gap0, &gap1, &expected) == 7) {
    e.kind = kind_of(kind);
    double w0 = equiangular_coordinate(e.n, gap0), w1 = equiangular_coordinate(e.n, gap1);
    double got = equiangular_log_time(&e, w0, w1), allowed = 1e-14 + 1e-16 * fabs(e.beta) * (1 + fabs(expected));
    if (!(fabs(got - expected) <= allowed))
      fail_msg("%s n %zu beta %g gaps %g %g: ln t = %.17g, not %.17g", kind, e.n, e.beta, gap0, gap1, got, expected);
    worst = fmax(worst, fabs(got - expected) / allowed);
    double back = equiangular_reach(&e, w0, expected), speed = exp(expected + equiangular_log_rate(&e, w1));
    if (2 * allowed * speed < 1) assert_near(back, w1, 1e-13, 2 * allowed * speed);
    inverted += 2 * allowed * speed < 1;
    rows++;
  }
  fclose(file);
  assert_true(rows > 300 && inverted > 200);
  print_message("%zu times, worst %.2g of what is allowed\n", rows, worst);
}

/* Theory 1.8, sa, n = 32, rho0 = 0, printed digits. */
static void test_published_times(void **state) {
  (void)state;
  static const double rows[8][4] = {{0, 1.748254, 2.833213, 5.186261},    {0.1, 1.752974, 2.838852, 5.192063},
                                    {1, 1.819935, 2.915566, 5.270284},    {2, 1.991412, 3.101915, 5.458394},
                                    {3, 2.407781, 3.539275, 5.897609},    {5, 5.977185, 7.181969, 9.544329},
                                    {7, 28.505137, 29.866246, 32.233105}, {9, 174.65224, 176.35903, 178.73093}};
  static const double gaps[3] = {0.5, 0.1, 0.001};
  for (size_t r = 0; r < 8; r++)
    for (size_t k = 0; k < 3; k++) {
      equiangular e = {EQUIANGULAR_SA, 32, rows[r][0], 0};
      double log_t = equiangular_log_time(&e, equiangular_coordinate(32, 1), equiangular_coordinate(32, gaps[k]));
      assert_near(exp(log_t), rows[r][k + 1], 0, r == 7 ? 5.1e-6 : 5.1e-7);
    }
}

/* Theory T12: ln t of two equal tokens from angle theta0 to .01. */
static void test_published_pairs(void **state) {
  (void)state;
  static const double beta[4] = {50, 100, 400, 2000}, theta[5] = {0.3, 0.8, 1.5, 2, 3};
  static const double expected[4][5] = {
      {1.51423171671887, 11.2856147459210, 41.8666613931846, 66.3736648043859, 98.0436160565344},
      {2.28342155282893, 25.7241049227608, 87.6346063570209, 136.496844589026, 197.103953523846},
      {13.6791592977116, 115.303935050908, 365.025892158135, 559.961796781498, 793.037948189784},
      {83.4821388438370, 598.958255128162, 1850.23663494009, 2824.18928720004, 3975.56080311293}};
  for (size_t b = 0; b < 4; b++)
    for (size_t k = 0; k < 5; k++) {
      equiangular sa = {EQUIANGULAR_SA, 2, beta[b], 0}, pair = {EQUIANGULAR_PAIR, 2, beta[b], 0.5};
      double w0 = equiangular_angle(theta[k]), w1 = equiangular_angle(0.01);
      assert_near(equiangular_log_time(&sa, w0, w1), expected[b][k], 0, 1e-9);
      assert_near(equiangular_log_time(&pair, w0, w1), equiangular_log_time(&sa, w0, w1), 1e-14, 1e-13);
    }
  equiangular usa = {EQUIANGULAR_USA, 2, 2000, 0};
  assert_near(equiangular_log_time(&usa, equiangular_angle(0.8), equiangular_angle(0.01)), -1400.34859769128, 0, 1e-9);
}

/* ---- limits ---- */

static void test_ends_rest(void **state) {
  (void)state;
  equiangular e = {EQUIANGULAR_SA, 5, 3, 0};
  assert_true(equiangular_reach(&e, -INFINITY, 100) == -INFINITY && equiangular_reach(&e, INFINITY, 1) == INFINITY);
  assert_true(equiangular_reach(&e, 1.5, -INFINITY) == 1.5);
  assert_near(equiangular_gap(5, -INFINITY), 1.25, 1e-15, 0);
  assert_true(equiangular_gap(5, INFINITY) == 0 && equiangular_gap(5, 1e300) == 0);
  /* the last rate is e^{-2t} for ever: w = 2t + c */
  double w = equiangular_reach(&e, 0, log(1e6));
  assert_near(equiangular_reach(&e, 0, log(2e6)) - w, 2e6, 1e-9, 0);
  assert_true(isfinite(equiangular_reach(&e, 0, log(1e300))));
  /* n = 2, beta = 0: rho = tanh t (theory 1.8) */
  equiangular two = {EQUIANGULAR_SA, 2, 0, 0};
  for (double t = 0.1; t < 15; t *= 1.7)
    assert_near(equiangular_gap(2, equiangular_reach(&two, 0, log(t))), 2 / (1 + exp(2 * t)), 1e-13, 0);
}

/* ---- layers ---- */

/* New tokens written out: x_i + eta A_i in an orthonormal basis that holds n tokens at one angle. */
static double brute_layer(size_t n, double beta, double eta, double rho, bool residual) {
  double x[8 * 8], y[8 * 8], m = (double)n;
  double a = sqrt(1 - rho), b = (sqrt(1 + (m - 1) * rho) - a) / m;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++) x[i * n + k] = (i == k ? a : 0) + b;
  for (size_t i = 0; i < n; i++) {
    double z = 0;
    for (size_t k = 0; k < n; k++) y[i * n + k] = 0;
    for (size_t j = 0; j < n; j++) {
      double w = exp(beta * dot(n, x + i * n, x + j * n));
      z += w;
      for (size_t k = 0; k < n; k++) y[i * n + k] += w * x[j * n + k];
    }
    for (size_t k = 0; k < n; k++) y[i * n + k] = (residual ? x[i * n + k] : 0) + eta * y[i * n + k] / z;
  }
  return dot(n, y, y + n) / dot(n, y, y);
}

static void test_layers(void **state) {
  (void)state;
  for (size_t n = 2; n <= 8; n += 3)
    for (double beta = -2; beta < 9; beta += 2.5)
      for (double rho = -0.9 / ((double)n - 1); rho < 1; rho += 0.3) {
        assert_near(equiangular_layer(n, beta, 0.7, 1 - rho), 1 - brute_layer(n, beta, 0.7, rho, true), 1e-12, 1e-14);
        assert_near(equiangular_bare_layer(n, beta, 1 - rho), 1 - brute_layer(n, beta, 1, rho, false), 1e-12, 1e-14);
      }
  /* a small step is the flow: 1 - rho' - (1 - rho) = -eta rho' + O(eta^2) */
  equiangular e = {EQUIANGULAR_SA, 8, 4, 0};
  double w = equiangular_coordinate(8, 0.6), after = equiangular_coordinate(8, equiangular_layer(8, 4, 1e-5, 0.6));
  assert_near((after - w) / 1e-5, exp(equiangular_log_rate(&e, w)), 1e-4, 0);
}

/* Theory T17: one pre-norm layer at beta = gamma log n, rho = 1/2. */
static void test_long_context(void **state) {
  (void)state;
  static const double expected[2][3] = {{0.993295, 0.802797, 0.547986}, {0.999999, 0.8, 0.5005}};
  static const size_t n[2] = {100, 1000000};
  for (size_t i = 0; i < 2; i++)
    for (size_t g = 0; g < 3; g++)
      assert_near(1 - equiangular_bare_layer(n[i], (double)(g + 1) * log((double)n[i]), 0.5), expected[i][g], 0,
                  i == 1 && g > 0 ? 5e-5 : 6e-7);
}

/* ---- schemes ---- */

static void test_schemes(void **state) {
  (void)state;
  static const char *const names[] = {"post", "pre", "peri", "ngpt", "sqrt"};
  FILE *file = fopen(testing_source("tests/golden/flow/schemes.txt"), "r");
  assert_non_null(file);
  char name[8];
  size_t n, rows = 0;
  double beta, t, gap, radius;
  while (fscanf(file, "%7s %zu %lf %lf %lf %lf", name, &n, &beta, &t, &gap, &radius) == 6) {
    dwell_error err;
    double w, r;
    int which = 0;
    while (strcmp(names[which], name) != 0) which++;
    assert_ok(equiangular_normalised(n, beta, (equiangular_scheme)which, equiangular_coordinate(n, 1), 1e-12, 1, &t, &w,
                                     &r, &err),
              &err);
    /* the oracle's own tolerance is 1e-13 per step in rho, and it loses 1 - rho at 1e-15 */
    assert_near(equiangular_gap(n, w), gap, 1e-9, 1e-13);
    assert_near(r, radius, 1e-10, 0);
    rows++;
  }
  fclose(file);
  assert_int_equal(rows, 40);
}

/* Theory T16: 1 - rho falls like e^{-2t} (post, ngpt), e^{-4 sqrt(t+1)} (sqrt) and 1/t^2 (pre, peri). */
static void test_scheme_rates(void **state) {
  (void)state;
  static const equiangular_scheme late[2] = {EQUIANGULAR_PRE, EQUIANGULAR_PERI};
  double times[2] = {100, 101}, w[2], r[2];
  dwell_error err;
  for (equiangular_scheme s = EQUIANGULAR_POST; s <= EQUIANGULAR_NGPT; s += EQUIANGULAR_NGPT) {
    assert_ok(equiangular_normalised(32, 5, s, equiangular_coordinate(32, 1), 1e-11, 2, times, w, r, &err), &err);
    assert_near(w[1] - w[0], 2, 0, 1e-6);
  }
  double long_times[2] = {1e4, 2e4};
  for (size_t k = 0; k < 2; k++) {
    assert_ok(equiangular_normalised(32, 5, late[k], equiangular_coordinate(32, 1), 1e-11, 2, long_times, w, r, &err),
              &err);
    assert_near((w[1] - w[0]) / log(2), 2, 0, 0.02); /* w = -ln(1 - rho) + const */
  }
  assert_ok(equiangular_normalised(32, 5, EQUIANGULAR_SQRT, equiangular_coordinate(32, 1), 1e-11, 2, times, w, r, &err),
            &err);
  assert_near(w[1] - w[0], 4 * (sqrt(102) - sqrt(101)), 0, 1e-6);
}

/* ---- the families ---- */

/* Against particles. */
static void check_particles(const char *particles, const char *exact, const char *init, double beta) {
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 6, o.d = 9, o.beta = beta, o.init = init, o.until = 8, o.frames = 17, o.rtol = 1e-12, o.replicas = 2;
  o.flow = particles;
  capture a = capture_flow(&o, 1);
  o.flow = exact;
  capture b = capture_flow(&o, 2);
  for (size_t e = 0; e < 2 * 17 * 6 * 9; e++) assert_near(b.x[e], a.x[e], 0, 2e-10);
  capture_free(&a);
  capture_free(&b);
}

static void test_families(void **state) {
  (void)state;
  check_particles("sa", "equiangular", "orthogonal", 4);
  check_particles("sa", "equiangular", "equiangular:-0.1", -1);
  check_particles("sa", "equiangular", "equiangular:1", 2);
  check_particles("sa", "equiangular", "equiangular:-0.2", 2); /* the simplex rests */
  check_particles("usa", "equiangular-usa", "equiangular:0.1", 2);
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 6, o.d = 6, o.beta = 3, o.init = "orthogonal", o.integrator = DWELL_LAYER, o.step = 0.5, o.until = 5;
  capture a = capture_flow(&o, 1);
  o.flow = "equiangular";
  capture b = capture_flow(&o, 1);
  assert_int_equal(a.states, b.states);
  for (size_t e = 0; e < a.states * 36; e++) assert_near(b.x[e], a.x[e], 0, 1e-13);
  capture_free(&a);
  capture_free(&b);
}

/* beta = 400: ln t of the merger is far beyond a double's time. */
static void test_log_clock(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = "equiangular", o.n = 4, o.d = 4, o.beta = 800, o.init = "equiangular:-0.2", o.until_log = 1000;
  o.log_times = true, o.frames = 3;
  capture c = capture_flow(&o, 1);
  assert_near(c.log_times[2], 1000, 0, 0);
  assert_near(dot(4, capture_at(&c, 0, 1), capture_at(&c, 0, 1) + 4), -0.2, 0, 1e-12);
  assert_near(dot(4, capture_at(&c, 0, 2), capture_at(&c, 0, 2) + 4), 1, 0, 1e-12);
  capture_free(&c);
}

static void refused(const dwell_flow_options *o, const char *words) {
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  capture c = {0};
  dwell_sink sink = {.self = &c};
  dwell_status status = dwell_flow_open(o, NULL, &source, &err);
  if (status == DWELL_OK) status = dwell_source_run(source, NULL, &sink, &err);
  assert_fails(status, DWELL_USAGE, &err, words);
  dwell_source_destroy(source);
}

static void test_refusals(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  double masses[3] = {1, 2, 3};
  o.flow = "equiangular", o.n = 3, o.d = 3;
  refused(&o, "not at one common angle");
  o.init = "orthogonal", o.masses = masses;
  refused(&o, "unequal masses");
  o.masses = NULL, o.causal = true;
  refused(&o, "causal");
  o.causal = false, o.integrator = DWELL_RK4;
  refused(&o, "quadrature");
  o.flow = "equiangular-usa", o.integrator = DWELL_LAYER;
  refused(&o, "quadrature");
  o.integrator = DWELL_RK45, o.n = 1, o.beta = 800; /* one token rests; any beta */
  capture c = capture_flow(&o, 1);
  for (size_t k = 0; k < 3; k++) assert_true(c.x[k] == c.x[100 * 3 + k]);
  capture_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quadrature),      cmocka_unit_test(test_golden_times),
      cmocka_unit_test(test_published_times), cmocka_unit_test(test_published_pairs),
      cmocka_unit_test(test_ends_rest),       cmocka_unit_test(test_layers),
      cmocka_unit_test(test_long_context),    cmocka_unit_test(test_schemes),
      cmocka_unit_test(test_scheme_rates),    cmocka_unit_test(test_families),
      cmocka_unit_test(test_log_clock),       cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
