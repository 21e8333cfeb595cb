/* tests/flow/test_reduction.c - n coordinates for n tokens, whatever d is. */
#include "flow/orbiting.h"

#include "flow/span.h"
#include "flow/starts.h"

/* The family without its permission to be reduced. */
static flow unreduced(const char *name) {
  flow f = *flow_find(name);
  f.isotropic = false;
  return f;
}

static void test_same_states(void **state) {
  (void)state;
  enum { N = 7, FRAMES = 4 };
  static const double times[FRAMES] = {0, 0.5, 2, 8};
  static const dwell_integrator all[] = {DWELL_RK45, DWELL_RK4, DWELL_LAYER};
  static const size_t dimensions[] = {8, 40};
  double *masses = equal_masses(N);
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < 3; i++)
      for (int causal = 0; causal < 2; causal++) {
        size_t d = dimensions[k];
        double *x = random_tokens(N, d, 3);
        flow whole = unreduced("sa");
        flow_plan plan = {flow_find("sa"), {N, d, 3, masses, causal}, all[i], 0.5, 1e-12, times, FRAMES};
        certificate c;
        double *few = run_plan(&plan, x, &c);
        plan.family = &whole;
        double *many = run_plan(&plan, x, &c);
        assert_memory_equal(few, x, N * d * sizeof(double));
        assert_near(largest_difference(FRAMES * N * d, few, many), 0, 0, 1e-11);
        free(few), free(many), free(x);
      }
  free(masses);
}

/* Tokens that coincide or lie opposite have no direction of their own in the basis. */
static void test_dependent_tokens(void **state) {
  (void)state;
  enum { N = 5, D = 11 };
  double *x = random_tokens(N, D, 4), basis[N * D], few[N * N], back[N * D];
  memcpy(x + D, x, D * sizeof(double));
  for (size_t k = 0; k < D; k++) x[3 * D + k] = -x[2 * D + k];
  span_coordinates(N, D, x, basis, few);
  span_expand(N, D, few, basis, back);
  assert_near(largest_difference(N * D, x, back), 0, 0, 1e-15);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j <= i; j++)
      assert_near(dot(N, few + i * N, few + j * N), dot(D, x + i * D, x + j * D), 0, 2e-15);
  assert_true(few[N + 1] == 0 && few[3 * N + 3] == 0);
  free(x);
}

/* Theory 4.5: E G_ij^2 = 1/d, in d that no state could be stored in; five standard errors. */
static void test_cosines_of_reduced_starts(void **state) {
  (void)state;
  enum { N = 12, DRAWS = 400 };
  static const size_t dimensions[] = {12, 13, 50, 1000000};
  for (size_t k = 0; k < 4; k++) {
    size_t d = dimensions[k];
    starts s;
    dwell_error err = {.offset = -1};
    double square = 0, fourth = 0, pairs = 0;
    assert_ok(starts_open("uniform", N, d, &s, &err), &err);
    assert_ok(starts_reduce(&s, &err), &err);
    assert_int_equal(s.d, N);
    for (uint32_t r = 0; r < DRAWS; r++) {
      double x[N * N];
      assert_ok(starts_make(&s, 5, r, x, &err), &err);
      for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++) {
          double g = dot(N, x + i * N, x + j * N);
          square += g * g, fourth += g * g * g * g, pairs++;
        }
    }
    double mean = (double)d * square / pairs, sd = sqrt(2 / pairs), n = (double)d;
    assert_near(mean, 1, 0, 5 * sd);
    assert_near(fourth / pairs * n * (n + 2), 3, 0, 5 * sqrt(96 / pairs)); /* E G^4 = 3 / (d (d + 2)) */
    starts_close(&s);
  }
}

/* Theory T6, d -> infinity: the mean cosine at t = 2 is the equiangular solution, .5898 at beta = 1, n = 32. */
static void test_a_million_dimensions(void **state) {
  (void)state;
  static const double times[2] = {0, 2};
  dwell_flow_options o = dwell_flow_options_default();
  o.d = 1000000, o.beta = 1, o.reduce = true, o.times = times, o.times_count = 2, o.replicas = 2;
  capture c = capture_flow(&o, 1);
  assert_true(c.n == 32 && c.d == 32);
  for (size_t r = 0; r < 2; r++) {
    const double *x = capture_at(&c, r, 1);
    double mean = 0;
    for (size_t i = 0; i < 32; i++)
      for (size_t j = 0; j < i; j++) mean += dot(32, x + 32 * i, x + 32 * j) / 496;
    assert_near(mean, 0.5898, 0, 5e-4); /* spread of one replica 1e-4, printed to four digits */
  }
  capture_free(&c);
}

static void test_refusals(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  o.d = 100, o.reduce = true, o.init = "caps:2,0.1";
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "reduce: a start in caps");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_states),
      cmocka_unit_test(test_dependent_tokens),
      cmocka_unit_test(test_cosines_of_reduced_starts),
      cmocka_unit_test(test_a_million_dimensions),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
