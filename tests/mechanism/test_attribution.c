/* mechanism: shares of the energy's change against a slow twin (the gradient written out, summed over many points),
 * and what must hold for any move. */
#include "mechanism/attribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/clouds.h"
#include "util/testing.h"

enum { BETAS = 4 };
static const double betas[BETAS] = {0.1, 1, 5, 9};

static size_t *every(size_t n) {
  size_t *rows = malloc(n * sizeof *rows);
  for (size_t i = 0; i < n; i++) rows[i] = i;
  return rows;
}

static double cosine(size_t d, const double *a, const double *b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < d; k++) ab += a[k] * b[k], aa += a[k] * a[k], bb += b[k] * b[k];
  return ab / sqrt(aa * bb);
}

static double energy(size_t n, size_t d, const double *x, double beta) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) sum += i == j ? 1 : exp(beta * (cosine(d, x + i * d, x + j * d) - 1));
  }
  return sum / (double)(n * n);
}

/* <grad E(x), p>, every term of the definition by itself. */
static double slope(size_t n, size_t d, const double *x, const double *p, double beta) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double *xi = x + i * d, *pi = p + i * d;
    double r = 0, up = 0;
    for (size_t k = 0; k < d; k++) r += xi[k] * xi[k];
    r = sqrt(r);
    for (size_t k = 0; k < d; k++) up += xi[k] / r * pi[k];
    for (size_t j = 0; j < n; j++) {
      if (j == i) continue;
      double g = cosine(d, xi, x + j * d), rj = 0, jp = 0;
      for (size_t k = 0; k < d; k++) rj += x[j * d + k] * x[j * d + k];
      for (size_t k = 0; k < d; k++) jp += x[j * d + k] / sqrt(rj) * pi[k];
      sum += 2 * beta / (double)(n * n) * exp(beta * (g - 1)) / r * (jp - g * up);
    }
  }
  return sum;
}

/* Share of part p of the move from x to t, by Simpson's rule. */
static double slow_share(size_t n, size_t d, const double *x, const double *t, const double *p, double beta) {
  enum { STEPS = 2000 };
  double sum = 0, *at = malloc(n * d * sizeof *at);
  for (size_t k = 0; k <= STEPS; k++) {
    double s = (double)k / STEPS, weight = k == 0 || k == STEPS ? 1 : k % 2 ? 4 : 2;
    for (size_t i = 0; i < n * d; i++) at[i] = x[i] + s * (t[i] - x[i]);
    sum += weight / (3 * STEPS) * slope(n, d, at, p, beta);
  }
  free(at);
  return sum;
}

static double *sum_of(size_t count, const double *x, const double *y, double by) {
  double *sum = malloc(count * sizeof *sum);
  for (size_t i = 0; i < count; i++) sum[i] = x[i] + by * y[i];
  return sum;
}

typedef struct result {
  double change[BETAS], defect[BETAS], share[3][BETAS];
  size_t panels;
} result;

/* One leg from x to t with up to three parts. */
static result attribute(size_t n, size_t d, const double *x, const double *t, const double *const *parts, size_t count,
                        int threads) {
  dwell_context ctx = {.threads = threads};
  dwell_error err = {0};
  attribution *a;
  result r;
  size_t *rows = every(n);
  dwell_cloud from = {n, d, DWELL_F64, x}, to = {n, d, DWELL_F64, t};
  assert_ok(attribution_create(&ctx, rows, n, d, betas, BETAS, &a, &err), &err);
  assert_ok(attribution_start(a, &from, &err), &err);
  assert_ok(attribution_leg(a, &to, true, r.change, &err), &err);
  attribution_defects(a, r.defect);
  r.panels = attribution_panels(a);
  for (size_t k = 0; k < count; k++) {
    dwell_cloud part = {n, d, DWELL_F64, parts[k]};
    assert_ok(attribution_share(a, &part, r.share[k], &err), &err);
  }
  attribution_destroy(a);
  free(rows);
  return r;
}

/* ---- against the slow twin ---- */

static void test_shares(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{2, 3}, {3, 2}, {7, 4}, {5, 9}, {9, 5}};
  for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
    size_t n = sizes[c][0], d = sizes[c][1];
    double *x = clouds_normal(n, d, 0, 1), *p = clouds_normal(n, d, 0, 2), *q = clouds_normal(n, d, 0.3, 3);
    double *half = sum_of(n * d, x, p, 0.7), *t = sum_of(n * d, half, q, 1);
    for (size_t i = 0; i < n * d; i++) p[i] *= 0.7;
    result r = attribute(n, d, x, t, (const double *const[]){p, q}, 2, 1);
    for (size_t k = 0; k < BETAS; k++) {
      double change = energy(n, d, t, betas[k]) - energy(n, d, x, betas[k]);
      assert_near(r.change[k], change, 0, 1e-15);
      assert_true(fabs(r.defect[k]) <= ATTRIBUTION_TOLERANCE);
      assert_near(r.share[0][k] + r.share[1][k], change + r.defect[k], 0, 1e-14);
      /* quadrature stops at 1e-10 of the sum; Simpson's rule is good to 1e-9 */
      assert_near(r.share[0][k], slow_share(n, d, x, t, p, betas[k]), 0, 5e-9);
      assert_near(r.share[1][k], slow_share(n, d, x, t, q, betas[k]), 0, 5e-9);
    }
    free(x), free(p), free(q), free(half), free(t);
  }
}

/* Of a small step the share is the difference that the part alone makes, to second order. */
static void test_finite_differences(void **state) {
  (void)state;
  enum { N = 8, D = 5 };
  double *x = clouds_normal(N, D, 0, 4), *p = clouds_normal(N, D, 0, 5), *q = clouds_normal(N, D, 0, 6);
  for (size_t i = 0; i < N * D; i++) p[i] *= 1e-4, q[i] *= 1e-4;
  double *with = sum_of(N * D, x, p, 1), *other = sum_of(N * D, x, q, 1), *t = sum_of(N * D, with, q, 1);
  result r = attribute(N, D, x, t, (const double *const[]){p, q}, 2, 1);
  for (size_t k = 0; k < BETAS; k++) {
    double start = energy(N, D, x, betas[k]);
    assert_near(r.share[0][k], energy(N, D, with, betas[k]) - start, 0, 2e-8);
    assert_near(r.share[1][k], energy(N, D, other, betas[k]) - start, 0, 2e-8);
    if (betas[k] >= 1) assert_true(fabs(r.share[0][k]) > 1e-6 && fabs(r.share[1][k]) > 1e-6);
  }
  free(x), free(p), free(q), free(with), free(other), free(t);
}

/* Where one part is zero the other carries all, whatever the length of the step. */
static void test_a_part_that_is_zero(void **state) {
  (void)state;
  enum { N = 8, D = 5 };
  static const double none[N * D];
  double *x = clouds_normal(N, D, 0, 7), *p = clouds_normal(N, D, 0, 8), *t = sum_of(N * D, x, p, 1);
  result r = attribute(N, D, x, t, (const double *const[]){p, none}, 2, 1);
  for (size_t k = 0; k < BETAS; k++) {
    double change = energy(N, D, t, betas[k]) - energy(N, D, x, betas[k]);
    assert_true(r.share[1][k] == 0);
    assert_near(r.share[0][k], change, 0, ATTRIBUTION_TOLERANCE);
  }
  free(x), free(p), free(t);
}

/* ---- what must hold ---- */

/* Steps far longer than the tokens need more panels, and get them. */
static void test_long_steps(void **state) {
  (void)state;
  enum { N = 40, D = 6 };
  double *x = clouds_normal(N, D, 0, 9), *p = clouds_normal(N, D, 0, 10), *t = sum_of(N * D, x, p, 3);
  result r = attribute(N, D, x, t, NULL, 0, 1);
  for (size_t k = 0; k < BETAS; k++) assert_true(fabs(r.defect[k]) <= ATTRIBUTION_TOLERANCE);
  assert_true(r.panels > 1);
  free(x), free(p), free(t);
}

/* The ideal layer map with V = I: attention alone raises the energy, and putting the tokens back on the sphere does
 * nothing to it. */
static void test_the_ideal_flow(void **state) {
  (void)state;
  enum { N = 30, D = 4, STEPS = 12 };
  double *x = clouds_normal(N, D, 0, 11), *t = malloc(N * D * sizeof *t), change[BETAS];
  size_t *rows = every(N);
  dwell_error err = {0};
  attribution *a;
  for (size_t i = 0; i < N; i++) {
    double norm = 0;
    for (size_t k = 0; k < D; k++) norm += x[i * D + k] * x[i * D + k];
    for (size_t k = 0; k < D; k++) x[i * D + k] /= sqrt(norm);
  }
  assert_ok(attribution_create(NULL, rows, N, D, betas, BETAS, &a, &err), &err);
  dwell_cloud state_x = {N, D, DWELL_F64, x}, middle = {N, D, DWELL_F64, t};
  assert_ok(attribution_start(a, &state_x, &err), &err);
  for (size_t step = 0; step < STEPS; step++) {
    double *before = malloc(N * D * sizeof *before), shares[BETAS];
    memcpy(before, x, N * D * sizeof *before);
    for (size_t i = 0; i < N; i++) {
      double z = 0, sum[D] = {0};
      for (size_t j = 0; j < N; j++) {
        double w = exp(betas[2] * (cosine(D, x + i * D, x + j * D) - 1));
        z += w;
        for (size_t k = 0; k < D; k++) sum[k] += w * x[j * D + k];
      }
      for (size_t k = 0; k < D; k++) t[i * D + k] = x[i * D + k] + 0.3 * sum[k] / z;
    }
    double start = energy(N, D, x, betas[2]);
    assert_ok(attribution_leg(a, &middle, true, change, &err), &err);
    double *attention = sum_of(N * D, t, before, -1);
    dwell_cloud part = {N, D, DWELL_F64, attention};
    assert_ok(attribution_share(a, &part, shares, &err), &err);
    for (size_t i = 0; i < N; i++) {
      double norm = 0;
      for (size_t k = 0; k < D; k++) norm += t[i * D + k] * t[i * D + k];
      for (size_t k = 0; k < D; k++) x[i * D + k] = t[i * D + k] / sqrt(norm);
    }
    assert_near(shares[2], energy(N, D, x, betas[2]) - start, 0, ATTRIBUTION_TOLERANCE);
    assert_true(shares[2] > 0);
    assert_ok(attribution_leg(a, &state_x, false, change, &err), &err);
    assert_near(change[2], 0, 0, 1e-14);
    free(before), free(attention);
  }
  attribution_destroy(a);
  free(x), free(t), free(rows);
}

static void test_threads(void **state) {
  (void)state;
  enum { N = 150, D = 20 };
  double *x = clouds_normal(N, D, 0.2, 12), *p = clouds_normal(N, D, 0, 13), *t = sum_of(N * D, x, p, 1);
  result one = attribute(N, D, x, t, (const double *const[]){p}, 1, 1);
  result two = attribute(N, D, x, t, (const double *const[]){p}, 1, 2);
  assert_memory_equal(&one.share[0], &two.share[0], sizeof one.share[0]);
  assert_memory_equal(&one.defect, &two.defect, sizeof one.defect);
  free(x), free(p), free(t);
}

/* Only the tokens that are named count, in either type of number. */
static void test_rows(void **state) {
  (void)state;
  enum { N = 9, D = 4, KEPT = 5 };
  static const size_t rows[KEPT] = {1, 2, 5, 6, 8};
  double *x = clouds_normal(N, D, 0, 14), *p = clouds_normal(N, D, 0, 15), *t = sum_of(N * D, x, p, 1);
  float x32[N * D], t32[N * D], p32[N * D];
  for (size_t i = 0; i < N * D; i++) x32[i] = (float)x[i], p32[i] = (float)p[i], t32[i] = (float)t[i];
  double kept_x[KEPT * D], kept_t[KEPT * D], kept_p[KEPT * D], change[BETAS], shares[BETAS];
  for (size_t i = 0; i < KEPT * D; i++) {
    size_t at = rows[i / D] * D + i % D;
    kept_x[i] = (double)x32[at], kept_t[i] = (double)t32[at], kept_p[i] = (double)p32[at];
  }
  result r = attribute(KEPT, D, kept_x, kept_t, (const double *const[]){kept_p}, 1, 1);
  dwell_cloud from = {N, D, DWELL_F32, x32}, to = {N, D, DWELL_F32, t32}, part = {N, D, DWELL_F32, p32};
  attribution *a;
  dwell_error err = {0};
  assert_ok(attribution_create(NULL, rows, KEPT, D, betas, BETAS, &a, &err), &err);
  assert_ok(attribution_start(a, &from, &err), &err);
  assert_ok(attribution_leg(a, &to, true, change, &err), &err);
  assert_ok(attribution_share(a, &part, shares, &err), &err);
  assert_memory_equal(shares, r.share[0], sizeof shares);
  attribution_destroy(a);
  free(x), free(p), free(t);
}

/* A state that something else was put into: the next leg starts there. */
static void test_starting_elsewhere(void **state) {
  (void)state;
  enum { N = 6, D = 3 };
  double *x = clouds_normal(N, D, 0, 16), *t = clouds_normal(N, D, 0, 17), *y = clouds_normal(N, D, 0, 18);
  double change[BETAS], again[BETAS];
  dwell_cloud a_x = {N, D, DWELL_F64, x}, a_t = {N, D, DWELL_F64, t}, a_y = {N, D, DWELL_F64, y};
  size_t *rows = every(N);
  attribution *a;
  dwell_error err = {0};
  assert_ok(attribution_create(NULL, rows, N, D, betas, BETAS, &a, &err), &err);
  assert_ok(attribution_start(a, &a_x, &err), &err);
  assert_ok(attribution_leg(a, &a_t, false, change, &err), &err);
  assert_ok(attribution_start(a, &a_y, &err), &err);
  assert_ok(attribution_leg(a, &a_t, true, change, &err), &err);
  assert_ok(attribution_start(a, &a_t, &err), &err); /* it is there already */
  assert_ok(attribution_leg(a, &a_x, false, again, &err), &err);
  for (size_t k = 0; k < BETAS; k++) {
    assert_near(change[k], energy(N, D, t, betas[k]) - energy(N, D, y, betas[k]), 0, 1e-15);
    assert_near(again[k], energy(N, D, x, betas[k]) - energy(N, D, t, betas[k]), 0, 1e-15);
  }
  attribution_destroy(a);
  free(x), free(t), free(y), free(rows);
}

/* A token that passes through zero has no direction there; one token has no pairs; identical ones no slope. */
static void test_edges(void **state) {
  (void)state;
  double x[6] = {1, 0, 0, 1, 1, 1}, t[6] = {-1, 0, 0, 1, 1, 1}, p[6] = {-2, 0, 0, 0, 0, 0};
  result r = attribute(3, 2, x, t, (const double *const[]){p}, 1, 1);
  for (size_t k = 0; k < BETAS; k++) {
    assert_true(isnan(r.defect[k]) && isnan(r.share[0][k]));
    assert_near(r.change[k], energy(3, 2, t, betas[k]) - energy(3, 2, x, betas[k]), 0, 1e-15);
  }
  r = attribute(1, 2, x, t + 2, (const double *const[]){p}, 1, 1);
  for (size_t k = 0; k < BETAS; k++) assert_true(r.change[k] == 0 && r.share[0][k] == 0 && r.defect[k] == 0);
  double same[6] = {1, 2, 1, 2, 1, 2}, grown[6] = {2, 4, 2, 4, 2, 4};
  r = attribute(3, 2, same, grown, (const double *const[]){same}, 1, 1);
  for (size_t k = 0; k < BETAS; k++) assert_near(r.share[0][k], 0, 0, 1e-14);
  dwell_error err = {0};
  attribution *a;
  size_t rows[2] = {0, 1};
  double zero[4] = {1, 2, 0, 0};
  dwell_cloud cloud = {2, 2, DWELL_F64, zero};
  assert_ok(attribution_create(NULL, rows, 2, 2, betas, BETAS, &a, &err), &err);
  assert_fails(attribution_start(a, &cloud, &err), DWELL_BAD_INPUT, &err, "token 1 has no direction");
  attribution_destroy(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares),
      cmocka_unit_test(test_finite_differences),
      cmocka_unit_test(test_a_part_that_is_zero),
      cmocka_unit_test(test_long_steps),
      cmocka_unit_test(test_the_ideal_flow),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_starting_elsewhere),
      cmocka_unit_test(test_edges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
