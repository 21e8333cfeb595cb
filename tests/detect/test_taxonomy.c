/* tests/detect/test_taxonomy.c - shapes of limits on R^d: hulls against qhull, and flows whose limits are proved. */
#include "util/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "detect/taxonomy.h"
#include "flow/euclid.h"

/* ---- hulls ---- */

static void test_places(void **state) {
  (void)state;
  FILE *file = fopen(testing_source("tests/golden/flow/hulls.txt"), "r");
  assert_non_null(file);
  size_t n, d, clouds = 0;
  double x[400];
  taxonomy_place got[50];
  dwell_error err;
  while (fscanf(file, "%zu %zu", &n, &d) == 2) {
    for (size_t e = 0; e < n * d; e++) assert_int_equal(fscanf(file, "%lf", &x[e]), 1);
    assert_ok(taxonomy_places(n, d, x, got, &err), &err);
    for (size_t i = 0; i < n; i++) {
      int flag;
      assert_int_equal(fscanf(file, "%d", &flag), 1);
      if ((int)got[i] != flag) fail_msg("cloud %zu, point %zu: %d, not %d", clouds, i, (int)got[i], flag);
    }
    clouds++;
  }
  fclose(file);
  assert_int_equal(clouds, 7);
}

static void test_small_clouds(void **state) {
  (void)state;
  double x[12] = {0, 0, 1, 0, 0.5, 0, 0.25, 0};
  taxonomy_place got[4];
  taxonomy_points points;
  dwell_error err;
  assert_ok(taxonomy_places(1, 2, x, got, &err), &err);
  assert_int_equal(got[0], TAXONOMY_CORNER);
  assert_ok(taxonomy_places(4, 2, x, got, &err), &err); /* on a line: looked at within it */
  assert_true(got[0] == TAXONOMY_CORNER && got[1] == TAXONOMY_CORNER && got[2] == TAXONOMY_INSIDE &&
              got[3] == TAXONOMY_INSIDE);
  assert_ok(taxonomy_places(0, 2, x, got, &err), &err);
  double same[6] = {2, 1, 2, 1, 2, 1 + 1e-9};
  assert_ok(taxonomy_cloud(3, 2, same, 1e-6, &points, NULL, &err), &err);
  assert_true(points.limits == 1 && points.corners == 1 && points.zero == 0);
  double zero[2] = {0, 0};
  assert_ok(taxonomy_cloud(1, 2, zero, 1e-6, &points, NULL, &err), &err);
  assert_true(points.limits == 1 && points.zero == 1);
}

/* ---- flows with a theorem ---- */

static void run(size_t n, size_t d, const double *v, uint32_t seed, double t, bool rescaled, double *x) {
  random_stream s = {3, RANDOM_TEST, seed};
  double *masses = malloc(n * sizeof(double));
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  for (size_t e = 0; e < n * d; e++) x[e] = 10 * random_uniform(&s, (uint32_t)e, 0) - 5;
  euclid system = {n, d, 1, masses, false, rescaled, NULL, v};
  ode_plan plan = {DWELL_RK45, 0, 1e-9, 0, &t, 1};
  ode_host host = {0};
  ode_outcome outcome;
  dwell_error err;
  assert_ok(euclid_solve(&system, &plan, &host, x, &outcome, &err), &err);
  free(masses);
}

/* `seeds` starts of n tokens, all of which must end in this shape. */
static void check_shape(size_t n, size_t d, const double *v, double t, double near, bool rescaled,
                        taxonomy_shape shape) {
  double x[200];
  dwell_error err;
  taxonomy got;
  for (uint32_t seed = 0; seed < 12; seed++) {
    run(n, d, v, seed, t, rescaled, x);
    assert_ok(taxonomy_decide(n, d, x, v, 5, near, &got, &err), &err);
    if (got.shape != shape)
      fail_msg("seed %u: %s, not %s (%zu limits, %zu corners, %zu inside, %zu planes)", seed, taxonomy_name(got.shape),
               taxonomy_name(shape), got.points.limits, got.points.corners, got.points.inside, got.planes);
  }
}

/* The matrices are those of the paper's scripts (theory section 7). */
static void test_shapes(void **state) {
  (void)state;
  static const double plane[4] = {.64709742, .81911926, .61210449, .63263484};
  static const double mixed[9] = {1, 0, 0, 0, 1, 0, 0, 0, -.5};
  static const double symmetric[9] = {.92761287, .94333073, .3827744,  .94333073, .59991396,
                                      .47825472, .3827744,  .47825472, .46668605};
  static const double minus[4] = {-1, 0, 0, -1};
  check_shape(20, 2, NULL, 15, 1e-3, true, TAXONOMY_POLYTOPE);
  check_shape(20, 3, NULL, 15, 1e-3, true, TAXONOMY_POLYTOPE);
  check_shape(20, 1, NULL, 15, 1e-3, true, TAXONOMY_POLYTOPE);
  check_shape(20, 2, plane, 12, 1e-3, true, TAXONOMY_HYPERPLANES);
  check_shape(20, 3, symmetric, 10, 1e-3, true, TAXONOMY_HYPERPLANES);
  check_shape(20, 3, mixed, 15, 1e-3, true, TAXONOMY_PRODUCT);
  check_shape(8, 2, minus, 2000, 0.02, false, TAXONOMY_ORIGIN);
}

/* What fits nothing is unknown: a start that has not moved, a leading pair of complex eigenvalues, a Jordan block. */
static void test_unknown(void **state) {
  (void)state;
  static const double spiral[4] = {1, -1, 1, 1}, jordan[4] = {1, 1, 0, 1};
  double x[40];
  taxonomy got;
  dwell_error err;
  run(20, 2, NULL, 1, 1e-6, true, x);
  assert_ok(taxonomy_decide(20, 2, x, NULL, 5, 1e-3, &got, &err), &err);
  assert_int_equal(got.shape, TAXONOMY_UNKNOWN);
  assert_ok(taxonomy_decide(20, 2, x, spiral, 5, 1e-3, &got, &err), &err);
  assert_true(got.shape == TAXONOMY_UNKNOWN && got.leading == 0);
  assert_ok(taxonomy_decide(20, 2, x, jordan, 5, 1e-3, &got, &err), &err);
  assert_true(got.shape == TAXONOMY_UNKNOWN && got.leading == 0);
  x[3] = NAN;
  assert_ok(taxonomy_decide(20, 2, x, NULL, 5, 1e-3, &got, &err), &err);
  assert_int_equal(got.shape, TAXONOMY_UNKNOWN);
}

/* Planted: four planes, two planes on one side, a limit inside the polytope. */
static void test_planted(void **state) {
  (void)state;
  static const double v[4] = {1, 0, 0, 0.5};
  double planes[8] = {-1, 3, 0, 1, 1, -2, 0, 4}, inside[12] = {1, 0, -1, 1, -1, -1, 0.1, 0.05, 1, 0, -1, 1};
  taxonomy got;
  dwell_error err;
  assert_ok(taxonomy_decide(4, 2, planes, v, 5, 1e-3, &got, &err), &err);
  assert_true(got.shape == TAXONOMY_HYPERPLANES && got.planes == 3);
  assert_near(got.plane[2], 1, 1e-12, 0);
  planes[6] = 2;
  assert_ok(taxonomy_decide(4, 2, planes, v, 5, 1e-3, &got, &err), &err);
  assert_int_equal(got.shape, TAXONOMY_UNKNOWN);
  assert_ok(taxonomy_decide(6, 2, inside, NULL, 5, 1e-3, &got, &err), &err);
  assert_true(got.shape == TAXONOMY_UNKNOWN && got.points.inside == 1 && got.points.corners == 3);
  inside[6] = inside[7] = 0; /* the origin is allowed */
  assert_ok(taxonomy_decide(6, 2, inside, NULL, 5, 1e-3, &got, &err), &err);
  assert_true(got.shape == TAXONOMY_POLYTOPE && got.points.zero == 1);
}

/* Theory T23: in one dimension every row of P becomes that of the smallest or of the greatest token. */
static void test_leaders(void **state) {
  (void)state;
  double x[20], start[20], p[400], masses[20];
  dwell_error err;
  for (size_t i = 0; i < 20; i++) masses[i] = 0.05;
  for (uint32_t seed = 0; seed < 12; seed++) {
    size_t low = 0, high = 0;
    run(20, 1, NULL, seed, 1e-12, true, start);
    run(20, 1, NULL, seed, 12, true, x);
    for (size_t i = 1; i < 20; i++) {
      if (start[i] < start[low]) low = i;
      if (start[i] > start[high]) high = i;
    }
    euclid e = {20, 1, 1, masses, false, true, NULL, NULL};
    assert_ok(euclid_attention(&e, 12, x, p, &err), &err);
    taxonomy_boolean b = taxonomy_attention(20, p, 1e-6);
    assert_true(b.rows == 20 && b.leaders == 2);
    assert_true(b.first == (low < high ? low : high) && b.last == (low < high ? high : low));
  }
  double third[9] = {1, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 0, 1};
  taxonomy_boolean b = taxonomy_attention(3, third, 1e-6);
  assert_true(b.rows == 2 && b.leaders == 2 && b.first == 0 && b.last == 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places),  cmocka_unit_test(test_small_clouds), cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_unknown), cmocka_unit_test(test_planted),      cmocka_unit_test(test_leaders),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
