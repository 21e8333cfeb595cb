/* tests/flow/test_density.c - flows of densities: starts, the tokens that show them, published states, refusals. */
#include "flow/capture.h"

#include "flow/density.h"

enum { N = 400, MODES = 64 };

/* Mean of cos k theta (circle), or of x_1 (k = 1) over tokens. */
static double moment(size_t n, size_t d, const double *x, double k) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (d == 2 ? cos(k * atan2(x[2 * i + 1], x[2 * i])) : x[i * d]) / (double)n;
  return sum;
}

static dwell_flow_options options_of(const char *family, size_t d, double beta, const char *init) {
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = family, o.n = N, o.d = d, o.beta = beta, o.init = init, o.frames = 3, o.until = 2;
  return o;
}

/* Theory T29: quantile particles of another program, sa, beta = 2, from 1 + .5 cos. N midpoint quantiles miss moments
 * of smooth densities by N^-2. */
static void published_states(void **state) {
  (void)state;
  static const double c[3][2] = {{0.25, 0}, {.3511986800, .0276164423}, {.4858693347, .1056408138}};
  dwell_flow_options o = options_of("meanfield", 2, 2, "mode:1,.5");
  capture got = capture_flow(&o, 1);
  for (size_t t = 0; t < 3; t++)
    for (size_t k = 0; k < 2; k++) assert_near(moment(N, 2, capture_at(&got, 0, t), (double)k + 1), c[t][k], 0, 2e-5);
  capture_free(&got);
}

/* e^{C x_1}: on the circle the mean of cos is I_1 / I_0, on S^2 that of x_1 is coth C - 1 / C. */
static void von_mises(void **state) {
  (void)state;
  dwell_flow_options circle = options_of("meanfield", 2, 1, "vonmises:2"),
                     sphere = options_of("meanfield-usa", 3, 1, "vonmises:2");
  circle.until = sphere.until = 0.1;
  capture flat = capture_flow(&circle, 1), round = capture_flow(&sphere, 1);
  assert_near(moment(N, 2, flat.x, 1), 0.697774657964008, 0, 2e-5);
  assert_near(moment(N, 3, round.x, 1), 1 / tanh(2) - 0.5, 0, 2e-5);
  capture_free(&flat), capture_free(&round);
}

/* On S^{d-1} the mode P_1 = x_1 has the mean A / d; tokens are unit vectors; replicas differ across the axis only. */
static void sphere(void **state) {
  (void)state;
  dwell_flow_options o = options_of("meanfield", 5, 1, "mode:1,.4");
  o.replicas = 2;
  capture one = capture_flow(&o, 1), three = capture_flow(&o, 3);
  assert_memory_equal(one.x, three.x, 6 * N * 5 * sizeof(double));
  assert_near(moment(N, 5, one.x, 1), 0.08, 0, 2e-5);
  for (size_t i = 0; i < 6 * N; i++) assert_near(dot(5, one.x + 5 * i, one.x + 5 * i), 1, 0, 1e-14);
  const double *a = capture_at(&one, 0, 2), *b = capture_at(&one, 1, 2);
  double across = 0;
  for (size_t i = 0; i < N; i++) {
    assert_true(a[5 * i] == b[5 * i]);
    across = fmax(across, fabs(a[5 * i + 1] - b[5 * i + 1]));
  }
  assert_true(across > 0.1);
  capture_free(&one), capture_free(&three);
}

/* Tokens become a density whose low orders are theirs and whose last ones are resolved. */
static void from_tokens(void **state) {
  (void)state;
  double masses[3] = {0.5, 0.25, 0.25}, x[6] = {1, 0, 0, 1, -1, 0}, y[2 * MODES];
  dwell_error err = {.offset = -1};
  flow_plan plan = {.family = flow_find("meanfield"), .density = {.modes = MODES}};
  plan.system = (flow_system){3, 2, 1, masses, false};
  assert_ok(density_start(&plan, x, y, &err), &err);
  /* orders 1 and 2 of the tokens are (1/4, -i/4) and 1/2; smoothing takes k^2 ln(10^4) / 56^2 */
  assert_near(y[0], 0.25 * exp(-log(1e4) / 3136), 1e-14, 0);
  assert_near(y[1], -0.25 * exp(-log(1e4) / 3136), 1e-14, 0);
  assert_near(y[2], 0.5 * exp(-4 * log(1e4) / 3136), 1e-14, 0);
  assert_true(hypot(y[2 * MODES - 2], y[2 * MODES - 1]) < 1e-4);
}

/* Noise below the threshold beta / I_1 = 1.76941 flattens, above it does not (theory T14); decay rate 1/kappa - I_1. */
static void noise(void **state) {
  (void)state;
  dwell_flow_options o = options_of("meanfield-usa", 2, 1, "mode:1,.001");
  o.kappa = 1.6, o.until = 1;
  capture cold = capture_flow(&o, 1);
  o.kappa = 2;
  capture hot = capture_flow(&o, 1);
  double rate = 0.565159103992485;
  assert_near(moment(N, 2, capture_at(&cold, 0, 2), 1), 5e-4 * exp(rate - 1 / 1.6), 1e-3, 0);
  assert_near(moment(N, 2, capture_at(&hot, 0, 2), 1), 5e-4 * exp(rate - 0.5), 1e-3, 0);
  capture_free(&cold), capture_free(&hot);
}

static void refused(const dwell_flow_options *o, const char *words) {
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = 1};
  dwell_source *source = NULL;
  assert_fails(dwell_flow_open(o, &ctx, &source, &err), DWELL_USAGE, &err, words);
  assert_null(source);
}

static void refusals(void **state) {
  (void)state;
  static const char *const bad[] = {"mode:0,.5", "mode:1,1", "mode:1", "mode:x,.1", "vonmises:", "vonmises:1e9"};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    dwell_flow_options o = options_of("meanfield", 2, 1, bad[k]);
    refused(&o, k < 4 ? "mode:K,A" : "vonmises:C");
  }
  dwell_flow_options o = options_of("meanfield", 2, 1, "mode:80,.5");
  refused(&o, "beyond the 64 modes");
  o = options_of("sa", 2, 1, "mode:1,.5");
  refused(&o, "no start is called");
  o = options_of("sa", 2, 1, "uniform"), o.modes = 8;
  refused(&o, "only a density has modes");
  o = options_of("meanfield", 2, 1, "mode:1,.5"), o.modes = 5000;
  refused(&o, "from 1 to 1000 modes");
  o = options_of("meanfield", 2, 1, "mode:1,.5"), o.causal = true;
  refused(&o, "no causal mask");
  o = options_of("meanfield-usa", 2, 600, "mode:1,.5");
  refused(&o, "more than can be stepped through");
  o = options_of("meanfield-usa", 2, 800, "mode:1,.5");
  refused(&o, "700");
}

/* A density that narrows to points says so, and when. */
static void narrowing(void **state) {
  (void)state;
  dwell_flow_options o = options_of("meanfield", 2, 5, "vonmises:1");
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = 1};
  dwell_source *source = NULL;
  dwell_sink sink = {0};
  o.until = 60;
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_FAILED, &err, "");
  assert_non_null(strstr(err.remedy, "--modes"));
  dwell_source_destroy(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_states), cmocka_unit_test(von_mises), cmocka_unit_test(sphere),
      cmocka_unit_test(from_tokens),      cmocka_unit_test(noise),     cmocka_unit_test(refusals),
      cmocka_unit_test(narrowing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
