/* tests/null/test_twin.c - the Gaussian twin: the golden draws, the moments it must keep, when there is none. */
#include <string.h>

#include "base/mem.h"
#include "instrument/instrument.h"
#include "linalg/gemm.h"
#include "null/null.h"
#include "null/sphere_match.h"
#include "null/token_map.h"
#include "util/clouds.h"
#include "util/instrument_golden.h"

static const null_model *twin(void) { return null_find("gaussian_twin"); }

static double mass90(geometry *g) {
  value values[8];
  instrument_setting s = {.epsilon = 1e-15, .beta = NAN};
  assert_ok(instrument_find("ip")->state(g, CENTRED, &s, values, NULL), NULL);
  assert_null(values[2].undefined);
  return values[2].number;
}

static geometry *surrogate(const null_setting *setting, const void *prepared, size_t draw) {
  dwell_error err;
  geometry *g;
  void *d;
  assert_ok(twin()->begin_draw(setting, draw, &d, &err), &err);
  assert_ok(twin()->surrogate(prepared, d, &g, &err), &err);
  twin()->end_draw(d);
  return g;
}

static void *prepared_of(const null_setting *setting, geometry *g) {
  dwell_error err;
  void *prepared;
  const char *reason;
  assert_ok(twin()->prepare(setting, g, &prepared, &reason, &err), &err);
  assert_null(reason);
  return prepared;
}

/* ---- golden ---- */

/* T and silhouette of one draw. */
static void check_draw(geometry *s, json_t *expected, size_t draw) {
  const geometry_groups *groups;
  const geometry_tree *tree;
  assert_ok(geometry_clusters(s, &groups, NULL), NULL);
  assert_ok(geometry_linkage(s, &tree, NULL), NULL);
  json_t *t = golden_item(golden_key(expected, "T"), "draws", draw);
  json_t *silhouette = golden_item(golden_key(expected, "sil"), "draws", draw);
  assert_near(groups->excess, json_number_value(t), 1e-5, 1e-9);
  assert_near(tree->silhouette, json_number_value(silhouette), 1e-5, 1e-9);
}

/* Phases given, so the draws are exact: mean, population sd and p of centred mass90 to 1e-5 (README of the goldens). */
static void check_golden_state(const golden *g, const null_setting *setting, json_t *expected, size_t l) {
  geometry *data = golden_geometry(g, l, false);
  void *prepared = prepared_of(setting, data);
  double obs = mass90(data), sum = 0, squares = 0, draws[64];
  size_t above = 0, count = g->phase_draws;
  for (size_t d = 0; d < count; d++) {
    geometry *s = surrogate(setting, prepared, d);
    draws[d] = mass90(s);
    check_draw(s, expected, d);
    sum += draws[d] / (double)count;
    above += draws[d] >= obs - 1e-12;
    geometry_destroy(s);
  }
  for (size_t d = 0; d < count; d++) squares += (draws[d] - sum) * (draws[d] - sum) / (double)count;
  json_t *mass = golden_key(expected, "mass90_centred");
  assert_near(obs, json_number_value(golden_key(mass, "obs")), 1e-6, 1e-9);
  assert_near(sum, json_number_value(golden_key(mass, "null_mean")), 1e-5, 1e-9);
  assert_near(sqrt(squares), json_number_value(golden_key(mass, "null_sd")), 1e-5, 1e-9);
  assert_near((double)(1 + above) / (double)(count + 1), json_number_value(golden_key(mass, "p")), 1e-12, 0);
  assert_near(twin()->fit_error(prepared), json_number_value(golden_key(expected, "twin_err")), 1e-5, 0);
  twin()->release(prepared);
  geometry_destroy(data);
}

static void check_golden(const char *name) {
  golden g = golden_open(name);
  null_setting setting = {.seed = 1,
                          .n = g.selected.all_count,
                          .ordered = true,
                          .phases = g.phases,
                          .phase_draws = g.phase_draws,
                          .phase_columns = g.phase_columns};
  assert_true(g.phases != NULL && g.phase_draws <= 64);
  json_t *monte_carlo = golden_key(g.json, "monte_carlo");
  for (size_t l = 0; l < g.states; l++) check_golden_state(&g, &setting, golden_item(monte_carlo, "states", l), l);
  golden_close(&g);
}

static void test_golden(void **state) {
  (void)state;
  check_golden("bidirectional");
  check_golden("causal");
}

/* Targets of the sphere match by plain loops: t[r], m[r+1], axes [r,n]; returns r. */
static size_t targets_of(geometry *g, double *t, double *m, double **ret_axes) {
  double *values, rest = 0;
  const double *gram;
  size_t r, n = geometry_n(g);
  assert_ok(geometry_principal_axes(g, &values, ret_axes, &r, NULL), NULL);
  assert_ok(geometry_cosines(g, RAW, &gram, NULL), NULL);
  for (size_t e = 0; e < n * n; e++) rest += gram[e] / (double)(n * n);
  for (size_t k = 0; k < r; k++) {
    t[k] = values[k] / (double)n, m[k] = 0;
    for (size_t e = 0; e < n * n; e++) m[k] += (*ret_axes)[k * n + e / n] * gram[e] / (double)n / sqrt(values[k]);
    rest -= m[k] * m[k];
  }
  m[r] = sqrt(fmax(0, rest));
  mem_free(values);
  return r;
}

static void test_golden_iterations(void **state) {
  (void)state;
  golden g = golden_open("bidirectional");
  for (size_t l = 0; l < g.states; l++) {
    geometry *data = golden_geometry(&g, l, false);
    double *axes, t[64], m[65], s[65], mu[65];
    size_t r = targets_of(data, t, m, &axes);
    sphere_fit fit;
    assert_ok(sphere_match(r, t, m, s, mu, &fit, NULL), NULL);
    json_t *expected = golden_item(golden_key(g.json, "monte_carlo"), "states", l);
    assert_int_equal(fit.iterations, json_integer_value(golden_key(expected, "twin_iters")));
    assert_near(fit.error, json_number_value(golden_key(expected, "twin_err")), 1e-5, 0);
    mem_free(axes);
    geometry_destroy(data);
  }
  golden_close(&g);
}

/* ---- a surrogate by plain loops ---- */

/* Y = 1 mu^T + [Q V diag(sqrt(n s)), 0], rows normalised, in double; ret_y [n, r+1]. */
static size_t naive_surrogate(geometry *g, const double *phases, double **ret_y) {
  size_t n = geometry_n(g);
  double *t = malloc((n + 1) * sizeof *t), *m = malloc((n + 1) * sizeof *m), *axes, *s = malloc((n + 1) * sizeof *s);
  double *mu = malloc((n + 1) * sizeof *mu), *map = malloc(n * n * sizeof *map);
  size_t r = targets_of(g, t, m, &axes);
  double *y = calloc(n * (r + 1), sizeof *y);
  sphere_fit fit;
  assert_ok(sphere_match(r, t, m, s, mu, &fit, NULL), NULL);
  assert_ok(token_map_phases(n, phases, map, NULL), NULL);
  for (size_t i = 0; i < n; i++) {
    double square = 0;
    for (size_t k = 0; k <= r; k++) {
      for (size_t j = 0; j < n && k < r; j++)
        y[i * (r + 1) + k] += map[i * n + j] * axes[k * n + j] * sqrt((double)n * s[k]);
      y[i * (r + 1) + k] += mu[k];
      square += y[i * (r + 1) + k] * y[i * (r + 1) + k];
    }
    for (size_t k = 0; k <= r; k++) y[i * (r + 1) + k] /= sqrt(square);
  }
  free(t), free(m), free(s), free(mu), free(map), mem_free(axes);
  *ret_y = y;
  return r + 1;
}

/* `spread` of the tokens around a common direction. In f64 (n < 128) the Grams agree to rounding; in f32 (sums
 * of n products, 6e-8 each) to a few 1e-6 of the distances from the mean, squared: a tight cloud keeps its centred
 * cosines. */
static void check_products(size_t n, size_t d, double spread) {
  double *x = clouds_normal(n, d, 1, 12), *y, *phases = malloc((n / 2 + 1) * sizeof *phases);
  for (size_t e = 0; e < n * d; e++) x[e] = spread * x[e] + (e % d == 3);
  for (size_t f = 0; f <= n / 2; f++) phases[f] = (double)(f * f % 17);
  geometry *g = clouds_geometry(x, n, d), *want;
  size_t wide = naive_surrogate(g, phases, &y);
  want = clouds_geometry(y, n, wide);
  null_setting given = {.n = n, .ordered = true, .phases = phases, .phase_draws = 1, .phase_columns = n / 2 + 1};
  void *prepared = prepared_of(&given, g);
  geometry *got = surrogate(&given, prepared, 0);
  const double *a, *b, *ca, *cb, *kc;
  assert_ok(geometry_cosines(want, RAW, &a, NULL), NULL);
  assert_ok(geometry_cosines(got, RAW, &b, NULL), NULL);
  assert_ok(geometry_cosines(want, CENTRED, &ca, NULL), NULL);
  assert_ok(geometry_cosines(got, CENTRED, &cb, NULL), NULL);
  assert_ok(geometry_centred_gram(want, &kc, NULL), NULL);
  for (size_t e = 0; e < n * n; e++) {
    double scale = sqrt(kc[e / n * (n + 1)] * kc[e % n * (n + 1)]);
    assert_near(b[e], a[e], 0, (n < 128 ? 1e-12 : 5e-6) * scale + 1e-14);
    assert_near(cb[e], ca[e], 0, n < 128 ? 1e-9 : 5e-6);
    assert_true(b[e] == b[e % n * n + e / n]);
  }
  twin()->release(prepared);
  geometry_destroy(g), geometry_destroy(want), geometry_destroy(got);
  free(x), free(y), free(phases);
}

static void test_products(void **state) {
  (void)state;
  check_products(127, 20, 1);
  check_products(128, 20, 1);
  check_products(150, 20, 1);
  check_products(301, 20, 0.01);
  /* many axes, by the Fourier basis: even n and odd, fewer axes than tokens and as many; by transforms */
  check_products(128, 200, 1);
  check_products(129, 200, 1);
  check_products(150, 70, 0.01);
  check_products(301, 400, 0.01);
  /* and by products, where n has a prime factor above 127 */
  check_products(131, 200, 1);
  check_products(139, 70, 0.01);
  check_products(262, 400, 0.01);
}

/* ---- moments by quadrature ---- */

static void test_moments_closed_forms(void **state) {
  (void)state;
  double scratch[16], mean[8], square[8];
  /* two directions without mean: E y_1^2/|y|^2 = sqrt a/(sqrt a + sqrt b); the range of t leaves
   * 3e-5 at r = 2 if a = b, a little more here */
  double s2[] = {0.8, 0.2}, none[] = {0, 0, 0, 0, 0, 0};
  sphere_moments(2, s2, none, scratch, mean, square);
  assert_near(square[0], sqrt(0.8) / (sqrt(0.8) + sqrt(0.2)), 0, 5e-5);
  assert_near(square[0] + square[1], 1, 0, 5e-5);
  assert_true(mean[0] == 0 && mean[1] == 0);
  /* three equal directions, mean a sigma along one:
   * E y_1/|y| = (1 - a^-2) erf(a/sqrt 2) + sqrt(2/pi)/a e^{-a^2/2} */
  for (double a = 0.5; a < 5; a *= 2) {
    double variance = 1 / (3 + a * a), s3[] = {variance, variance, variance}, mu[] = {a * sqrt(variance), 0, 0};
    sphere_moments(3, s3, mu, scratch, mean, square);
    double expected = (1 - 1 / (a * a)) * erf(a / sqrt(2)) + sqrt(2 / 3.14159265358979324) / a * exp(-a * a / 2);
    assert_near(mean[0], expected, 0, 4e-4 * mu[0]); /* t below 1e-7 is left out: 2 sqrt(1e-7/pi) mu */
    assert_near(square[0] + square[1] + square[2], 1, 0, 3e-6);
  }
  double s6[] = {0.3, 0.3, 0.1, 0.1, 0.1, 0.1};
  sphere_moments(6, s6, none, scratch, mean, square);
  double sum = 0;
  for (size_t k = 0; k < 6; k++) sum += square[k];
  assert_near(sum, 1, 0, 1e-7);
}

/* 40 coordinates, so more than one group of factors, against 200000 random vectors; 5 standard errors. */
static void test_moments_by_sampling(void **state) {
  (void)state;
  enum { R = 40, DRAWS = 100000 };
  double s[R], mu[R], scratch[2 * R], mean[R], square[R], total = 0, got_mean = 0, got_square = 0;
  for (size_t k = 0; k < R; k++) {
    s[k] = 1 / (double)(k + 1), mu[k] = k % 3 == 0 ? 0.4 : 0;
    total += s[k] + mu[k] * mu[k];
  }
  for (size_t k = 0; k < R; k++) s[k] /= total, mu[k] /= sqrt(total);
  sphere_moments(R, s, mu, scratch, mean, square);
  random_stream stream = {.seed = 2, .purpose = RANDOM_TEST};
  for (uint32_t d = 0; d < DRAWS; d++) {
    double norm = 0, y0 = 0;
    for (uint32_t k = 0; k < R; k++) {
      double y = mu[k] + sqrt(s[k]) * random_normal(&stream, d, k);
      norm += y * y;
      if (k == 0) y0 = y;
    }
    got_mean += y0 / sqrt(norm) / DRAWS, got_square += y0 * y0 / norm / DRAWS;
  }
  assert_near(mean[0], got_mean, 0, 5 * 0.5 / sqrt(DRAWS));
  assert_near(square[0], got_square, 0, 5 * 0.3 / sqrt(DRAWS));
}

/* The inverse of the moments: from s and mu to mean and variances and back. */
static void test_match_inverts_the_moments(void **state) {
  (void)state;
  enum { R = 12 };
  double t[R], m[R + 1], s[R + 1], mu[R + 1], got_s[R + 1], got_mu[R + 1], scratch[2 * R + 2], square[R + 1], total = 0;
  for (size_t k = 0; k <= R; k++) {
    s[k] = k < R ? 1 / (double)(k + 1) : 0, mu[k] = k == 2 ? 0.3 : k == R ? 0.8 : 0.05;
    total += s[k] + mu[k] * mu[k];
  }
  for (size_t k = 0; k <= R; k++) s[k] /= total, mu[k] /= sqrt(total);
  sphere_moments(R + 1, s, mu, scratch, m, square);
  for (size_t k = 0; k < R; k++) t[k] = square[k] - m[k] * m[k];
  sphere_fit fit;
  assert_ok(sphere_match(R, t, m, got_s, got_mu, &fit, NULL), NULL);
  assert_true(fit.error < 1e-6 && fit.iterations > 3 && fit.iterations < 200);
  for (size_t k = 0; k <= R; k++) { /* stopped at 1e-6 of the targets; the map is not steep here */
    assert_near(got_s[k], s[k], 1e-4, 0);
    assert_near(got_mu[k], mu[k], 1e-4, 0);
  }
}

/* ---- what a surrogate keeps ---- */

/* Mean over draws of the length of the mean and of the trace and the square of the centred covariance: those of the
 * data within 2 % (a cloud of n = 128 is one sample of the projected Gaussian: its moments stray by n^{-1/2} of their
 * size, over 40 draws of the same axes much less). */
static void check_moments_kept(bool ordered) {
  enum { N = 128, D = 10, DRAWS = 40 };
  double *x = clouds_normal(N, D, 1, 8);
  for (size_t i = 0; i < N; i++) x[i * D + 3] += 0.8; /* a mean */
  geometry *g = clouds_geometry(x, N, D);
  null_setting setting = {.seed = 4, .n = N, .ordered = ordered};
  void *prepared = prepared_of(&setting, g);
  double trace[2] = {0}, square[2] = {0}, mean[2] = {0};
  for (size_t d = 0; d <= DRAWS; d++) {
    geometry *h = d == DRAWS ? g : surrogate(&setting, prepared, d);
    double weight = d == DRAWS ? 1 : 1. / DRAWS;
    const double *raw, *centred;
    assert_ok(geometry_cosines(h, RAW, &raw, NULL), NULL);
    assert_ok(geometry_centred_gram(h, &centred, NULL), NULL);
    for (size_t e = 0; e < N * N; e++) {
      if (e % (N + 1) == 0) trace[d == DRAWS] += weight * centred[e];
      square[d == DRAWS] += weight * centred[e] * centred[e];
      mean[d == DRAWS] += weight * raw[e];
    }
    assert_near(raw[5], 0, 0, 1);
    if (h != g) geometry_destroy(h);
  }
  assert_near(trace[0], trace[1], 0.02, 0);
  assert_near(square[0], square[1], 0.02, 0);
  assert_near(mean[0], mean[1], 0.02, 0);
  twin()->release(prepared);
  geometry_destroy(g);
  free(x);
}

static void test_moments_kept(void **state) {
  (void)state;
  check_moments_kept(true);
  check_moments_kept(false);
}

/* A slow drift along the text: neighbours in sequence are alike. Phases keep that, rotations do not. */
static double serial(geometry *g) {
  const double *c;
  size_t n = geometry_n(g);
  double sum = 0;
  assert_ok(geometry_cosines(g, CENTRED, &c, NULL), NULL);
  for (size_t i = 0; i + 1 < n; i++) sum += c[i * n + i + 1] / (double)(n - 1);
  return sum;
}

static void test_serial_covariance(void **state) {
  (void)state;
  enum { N = 100, D = 6, DRAWS = 20 };
  double *x = clouds_normal(N, D, 0, 9);
  for (size_t e = D; e < N * D; e++) x[e] = 0.95 * x[e - D] + 0.3 * x[e];
  geometry *g = clouds_geometry(x, N, D);
  null_setting ordered = {.seed = 4, .n = N, .ordered = true};
  void *prepared = prepared_of(&ordered, g); /* below 128 tokens it serves both kinds of draws */
  double kept[2] = {0};
  for (size_t d = 0; d < 2 * DRAWS; d++) {
    null_setting setting = {.seed = 4, .n = N, .ordered = d % 2 == 0};
    geometry *h = surrogate(&setting, prepared, d / 2);
    kept[d % 2] += serial(h) / DRAWS;
    geometry_destroy(h);
  }
  assert_true(serial(g) > 0.8);
  assert_near(kept[0], serial(g), 0.07, 0); /* projection bends it a little */
  assert_near(kept[1], 0, 0, 0.1);
  twin()->release(prepared);
  geometry_destroy(g);
  free(x);
}

/* ---- none, and the same again ---- */

static const char *reason_for(const double *x, size_t n, size_t d) {
  geometry *g = clouds_geometry(x, n, d);
  void *prepared;
  const char *reason;
  dwell_error err;
  null_setting setting = {.n = n, .ordered = true};
  assert_ok(twin()->prepare(&setting, g, &prepared, &reason, &err), &err);
  assert_true((prepared == NULL) == (reason != NULL));
  twin()->release(prepared);
  geometry_destroy(g);
  return reason;
}

static void test_reasons(void **state) {
  (void)state;
  double *x = clouds_normal(20, 4, 0, 10);
  assert_string_equal(reason_for(x, 15, 4), "few_tokens");
  assert_null(reason_for(x, 16, 4));
  for (size_t e = 0; e < 80; e++) x[e] = e % 4 == 0 ? (double)(1 + e) : 0;
  assert_string_equal(reason_for(x, 20, 4), "collapsed");
  for (size_t i = 0; i < 7; i++) x[4 * i + 1] = x[4 * i], x[4 * i] = 0; /* two points: one direction */
  assert_string_equal(reason_for(x, 20, 4), "degenerate");
  free(x);
}

static void test_draws_are_functions_of_the_seed(void **state) {
  (void)state;
  enum { N = 30 };
  double *x = clouds_normal(N, 4, 1, 11), first[2] = {0};
  geometry *g = clouds_geometry(x, N, 4);
  null_setting ordered = {.seed = 7, .n = N, .ordered = true};
  void *prepared = prepared_of(&ordered, g);
  double phases[2 * 16] = {0}; /* draw 0 of given phases: no turn at all */
  for (size_t f = 16; f < 32; f++) phases[f] = 1;
  for (int round = 0; round < 4; round++) {
    null_setting setting = {.seed = round == 3 ? 8 : 7, .n = N, .ordered = round != 1};
    geometry *h = surrogate(&setting, prepared, 2);
    const double *c;
    assert_ok(geometry_cosines(h, RAW, &c, NULL), NULL);
    if (round < 2) first[round] = c[1];
    if (round == 2) assert_true(c[1] == first[0]);
    if (round == 3) assert_true(c[1] != first[0]);
    geometry_destroy(h);
  }
  assert_true(first[0] != first[1]);
  null_setting given = {.seed = 7, .n = N, .ordered = true, .phases = phases, .phase_draws = 2, .phase_columns = 16};
  geometry *h = surrogate(&given, prepared, 2); /* beyond the given draws: from the seed */
  const double *c;
  assert_ok(geometry_cosines(h, RAW, &c, NULL), NULL);
  assert_true(c[1] == first[0]);
  geometry_destroy(h);
  given.n = 29;
  void *draw;
  dwell_error err;
  assert_ok(twin()->begin_draw(&given, 0, &draw, &err), &err);
  assert_fails(twin()->surrogate(prepared, draw, &h, &err), DWELL_USAGE, &err, "a draw for 29 tokens");
  twin()->end_draw(draw);
  given.n = 1 << 16;
  assert_fails(twin()->begin_draw(&given, 0, &draw, &err), DWELL_UNSUPPORTED, &err, "65536 tokens");
  twin()->release(prepared);
  geometry_destroy(g);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_golden_iterations),
      cmocka_unit_test(test_products),
      cmocka_unit_test(test_moments_closed_forms),
      cmocka_unit_test(test_moments_by_sampling),
      cmocka_unit_test(test_match_inverts_the_moments),
      cmocka_unit_test(test_moments_kept),
      cmocka_unit_test(test_serial_covariance),
      cmocka_unit_test(test_reasons),
      cmocka_unit_test(test_draws_are_functions_of_the_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
