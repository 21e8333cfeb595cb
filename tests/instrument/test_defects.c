/* Defects of the field's best-known study that these instruments keep out, by their numbers there. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "instrument/instrument.h"
#include "util/testing.h"

static double gauss(uint32_t what, size_t i, size_t j) {
  const random_stream s = {.seed = 5, .purpose = RANDOM_TEST, .replica = what};
  return random_normal(&s, (uint32_t)i, (uint32_t)j);
}

/* n isotropic tokens. */
static double *isotropic(uint32_t what, size_t n, size_t d) {
  double *x = mem_alloc(n * d, sizeof(double));
  assert_non_null(x);
  for (size_t i = 0; i < n * d; i++) x[i] = gauss(what, i / d, i % d);
  return x;
}

/* Takes x over. */
static geometry *cloud(double *x, size_t n, size_t d) {
  size_t *rows = MEM_NEW(size_t, n);
  geometry *g;
  dwell_error err;
  assert_non_null(rows);
  for (size_t i = 0; i < n; i++) rows[i] = i;
  assert_ok(geometry_create(x, d, rows, n, &g, &err), &err);
  mem_free(rows), mem_free(x);
  return g;
}

static size_t column_of(const instrument *what, const char *column) {
  size_t k = 0;
  while (k < what->column_count && strcmp(what->columns[k].name, column) != 0) k++;
  assert_true(k < what->column_count);
  return k;
}

static double measure(geometry *g, representation r, const char *column) {
  const instrument *what = instrument_find(column);
  const instrument_setting setting = {.epsilon = 1e-15};
  value values[16];
  dwell_error err;
  assert_ok(what->state(g, r, &setting, values, &err), &err);
  value v = values[column_of(what, column)];
  assert_null(v.undefined);
  return v.number;
}

static double measure_step(geometry *a, geometry *b, const char *column) {
  const instrument *what = instrument_find(column);
  const instrument_setting setting = {.epsilon = 1e-15};
  value values[16];
  dwell_error err;
  assert_ok(what->step(a, b, &setting, values, &err), &err);
  value v = values[column_of(what, column)];
  assert_null(v.undefined);
  return v.number;
}

/* D-1-3: an eigengap counts two separated groups with a common mean as one. T and the silhouette count two. */
static void d_1_3_two_groups_with_a_common_mean_are_two(void **state) {
  (void)state;
  enum { N = 40, D = 64 };
  double *x = isotropic(1, N, D);
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++) {
      double common = 2 * gauss(2, 0, k), own = gauss(3, i % 2, k);
      x[i * D + k] = common + own + 0.35 * x[i * D + k];
    }
  }
  geometry *g = cloud(x, N, D);
  double within = 0, between = 0;
  const double *cosines;
  dwell_error err;
  assert_ok(geometry_cosines(g, RAW, &cosines, &err), &err);
  within = cosines[0 * N + 2], between = cosines[0 * N + 1];
  assert_true(within > 0.9 && between > 0.6); /* the case of the defect: both high */
  assert_true(measure(g, RAW, "cluster_count") == 2);
  assert_true(measure(g, RAW, "silhouette_k") == 2);
  geometry_destroy(g);
}

/* D-1-6: the mean cosine measures a common direction, not groups. The centred columns do not see it. */
static void d_1_6_a_common_mean_is_no_group(void **state) {
  (void)state;
  enum { N = 60, D = 64 };
  double *x = isotropic(4, N, D), *y = isotropic(4, N, D);
  for (size_t i = 0; i < N * D; i++) y[i] += 4 * gauss(5, 0, i % D);
  geometry *plain = cloud(x, N, D), *shifted = cloud(y, N, D);
  assert_true(measure(shifted, RAW, "ip_mean") > 0.9 && measure(shifted, RAW, "mass90") > 0.9);
  assert_true(measure(shifted, CENTRED, "mass90") == 0);
  assert_near(measure(shifted, CENTRED, "ip_mean"), measure(plain, CENTRED, "ip_mean"), 0, 0.01);
  geometry_destroy(plain), geometry_destroy(shifted);
}

/* D-1-7: one long token owns the effective rank of raw states (283 to 115). Directions do not know its length. */
static void d_1_7_one_long_token_does_not_own_the_rank(void **state) {
  (void)state;
  enum { N = 300, D = 768 };
  double *x = isotropic(6, N, D), *y = isotropic(6, N, D);
  for (size_t k = 0; k < D; k++) y[17 * D + k] *= 100;
  geometry *plain = cloud(x, N, D), *longer = cloud(y, N, D);
  assert_true(measure(longer, RAW, "states_erank") < 0.5 * measure(plain, RAW, "states_erank")); /* the defect */
  for (int r = RAW; r <= CENTRED; r++) {
    assert_near(measure(longer, (representation)r, "effective_rank"),
                measure(plain, (representation)r, "effective_rank"), 1e-9, 0);
  }
  assert_near(measure(longer, RAW, "pr_unbiased"), measure(plain, RAW, "pr_unbiased"), 1e-9, 0);
  geometry_destroy(plain), geometry_destroy(longer);
}

/* D-1-9: biased CKA of two unrelated clouds is near 1 where d is large against n. The unbiased one is near 0. */
static void d_1_9_unrelated_clouds_are_not_similar(void **state) {
  (void)state;
  enum { N = 20, D = 768, PAIRS = 20 };
  double biased = 0, unbiased = 0;
  for (uint32_t k = 0; k < PAIRS; k++) {
    geometry *a = cloud(isotropic(100 + 2 * k, N, D), N, D), *b = cloud(isotropic(101 + 2 * k, N, D), N, D);
    biased += measure_step(a, b, "cka") / PAIRS;
    unbiased += measure_step(a, b, "cka_u") / PAIRS;
    geometry_destroy(a), geometry_destroy(b);
  }
  assert_near(biased, 0.977, 0, 0.005);                  /* the defect, as measured there */
  assert_true(fabs(unbiased) < 4 * 0.057 / sqrt(PAIRS)); /* sd of one pair: instruments.md 3.1 */
}

/* D-1b-1: tokens always lie in an open half-space where n <= d, so a positive margin alone says nothing; its share of
 * the mean's length does: 1 for an equiangular cone, far less for an isotropic cloud. */
static void d_1b_1_a_positive_margin_is_no_cone(void **state) {
  (void)state;
  enum { N = 40, D = 128 };
  geometry *g = cloud(isotropic(7, N, D), N, D);
  double margin = measure(g, RAW, "margin"), ratio = margin / measure(g, RAW, "mean_norm");
  assert_true(margin > 0 && ratio < 0.99);
  geometry_destroy(g);
  double *x = mem_zero((size_t)N * D, sizeof(double));
  assert_non_null(x);
  for (size_t i = 0; i < N; i++) x[i * D + i] = 1, x[i * D + N] = 0.8;
  g = cloud(x, N, D);
  assert_near(measure(g, RAW, "margin") / measure(g, RAW, "mean_norm"), 1, 1e-6, 0);
  geometry_destroy(g);
}

/* D-2-1, D-2b-2: in a frame that blows up, few states survive before they overflow, and falls of the energy "vanish"
 * with the others. A trajectory that has nothing to do with any map, without and with a frame of 10^3 per state: all 49
 * states are there, with the same falls. */
static void d_2_1_no_fall_vanishes_in_a_frame_that_blows_up(void **state) {
  (void)state;
  enum { N = 20, D = 16, MOMENTS = 49 };
  double *walk = mem_zero((size_t)N * D, sizeof(double)), before[2] = {0};
  size_t falls[2] = {0};
  assert_non_null(walk);
  for (size_t l = 0; l < MOMENTS; l++) {
    for (size_t i = 0; i < N * D; i++) walk[i] += gauss(200 + (uint32_t)l, i / D, i % D);
    for (size_t framed = 0; framed < 2; framed++) {
      double *x = mem_copy(walk, (size_t)N * D, sizeof(double)), scale = framed ? pow(1e3, (double)l) : 1;
      assert_non_null(x);
      for (size_t i = 0; i < N * D; i++) x[i] *= scale;
      geometry *g = cloud(x, N, D);
      double energy = measure(g, RAW, "energy_b1");
      falls[framed] += l > 0 && energy < before[framed];
      before[framed] = energy;
      geometry_destroy(g);
    }
    assert_near(before[1], before[0], 1e-12, 0);
  }
  assert_true(falls[0] > 10 && falls[1] == falls[0]);
  mem_free(walk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(d_1_3_two_groups_with_a_common_mean_are_two),
      cmocka_unit_test(d_1_6_a_common_mean_is_no_group),
      cmocka_unit_test(d_1_7_one_long_token_does_not_own_the_rank),
      cmocka_unit_test(d_1_9_unrelated_clouds_are_not_similar),
      cmocka_unit_test(d_1b_1_a_positive_margin_is_no_cone),
      cmocka_unit_test(d_2_1_no_fall_vanishes_in_a_frame_that_blows_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
