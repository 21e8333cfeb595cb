/* Pushes of a state: what moves where, what a random push keeps, how what is left is measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mechanism/push.h"
#include "util/testing.h"

enum { N = 11, D = 7 };
static const int64_t LABELS[N] = {0, 1, -1, 0, 0, 1, 2, 2, -1, 1, 2};

static void fill(double *x, size_t count, uint32_t which) {
  const random_stream s = {.seed = 8, .purpose = RANDOM_TEST, .replica = which};
  for (size_t i = 0; i < count; i++) x[i] = random_normal(&s, 0, (uint32_t)i);
}

/* Mean of the tokens of cluster c of x; of all in any cluster for c = -1. */
static void mean_of(const double *x, int64_t c, double *ret_mean) {
  double count = 0;
  memset(ret_mean, 0, D * sizeof *ret_mean);
  for (size_t i = 0; i < N; i++) {
    if (LABELS[i] < 0 || (c >= 0 && LABELS[i] != c)) continue;
    for (size_t k = 0; k < D; k++) ret_mean[k] += x[i * D + k];
    count++;
  }
  for (size_t k = 0; k < D; k++) ret_mean[k] /= count;
}

static size_t push(dwell_push_kind kind, double amount, const double *x, double *ret_y, double *ret_delta) {
  size_t clusters;
  assert_ok(push_make(kind, amount, N, D, x, LABELS, ret_delta, &clusters, NULL), NULL);
  assert_int_equal(clusters, 3);
  for (size_t i = 0; i < N * D; i++) ret_y[i] = x[i] + ret_delta[i];
  size_t rank;
  assert_ok(push_rank(N, D, ret_delta, &rank, NULL), NULL);
  return rank;
}

/* All tokens of a cluster at its mean; half-way; beyond. Nine tokens in three clusters: rank 9 - 3. */
static void test_centroid(void **state) {
  (void)state;
  double x[N * D], y[N * D], delta[N * D], mean[D];
  fill(x, N * D, 1);
  for (double amount = 0.5; amount <= 1.5; amount += 0.5) {
    assert_int_equal(push(DWELL_PUSH_CENTROID, amount, x, y, delta), 6);
    for (size_t i = 0; i < N; i++) {
      if (LABELS[i] >= 0) mean_of(x, LABELS[i], mean);
      for (size_t k = 0; k < D; k++) {
        double to = LABELS[i] < 0 ? x[i * D + k] : (1 - amount) * x[i * D + k] + amount * mean[k];
        assert_near(y[i * D + k], to, 0, 1e-14);
      }
    }
  }
}

/* Clusters as they were, their means at the same place: rank 3 - 1. */
static void test_together(void **state) {
  (void)state;
  double x[N * D], y[N * D], delta[N * D], all[D], mean[D], before[D];
  fill(x, N * D, 1);
  assert_int_equal(push(DWELL_PUSH_TOGETHER, 1, x, y, delta), 2);
  mean_of(x, -1, all);
  for (int64_t c = 0; c < 3; c++) {
    mean_of(y, c, mean), mean_of(x, c, before);
    for (size_t k = 0; k < D; k++) assert_near(mean[k], all[k], 0, 1e-14);
    for (size_t i = 0; i < N; i++) {
      for (size_t k = 0; k < D && LABELS[i] == c; k++)
        assert_near(y[i * D + k] - mean[k], x[i * D + k] - before[k], 0, 1e-14);
    }
  }
  for (size_t k = 0; k < D; k++) assert_true(y[2 * D + k] == x[2 * D + k] && y[8 * D + k] == x[8 * D + k]);
}

static void test_nothing_moves(void **state) {
  (void)state;
  const int64_t none[N] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  double x[N * D], delta[N * D];
  size_t clusters, rank;
  fill(x, N * D, 1);
  assert_ok(push_make(DWELL_PUSH_CENTROID, 1, N, D, x, none, delta, &clusters, NULL), NULL);
  assert_int_equal(clusters, 0);
  for (size_t i = 0; i < N * D; i++) assert_true(delta[i] == 0);
  assert_ok(push_rank(N, D, delta, &rank, NULL), NULL);
  assert_int_equal(rank, 0);
  assert_int_equal(push(DWELL_PUSH_TOGETHER, 0, x, x, delta), 0);
}

/* The products of the moves, and with them norms, rank and singular values; and nothing of the direction: over the
 * draws <delta, delta Q> / <delta, delta> has mean 0 and, for Haar Q, sd 1/D times sqrt(trace(A^2)) D / trace(A) <= 1,
 * A = delta^T delta, so below 1: five standard errors of 400 draws are 0.25. */
static void test_random(void **state) {
  (void)state;
  enum { DRAWS = 400 };
  double x[N * D], y[N * D], delta[N * D], drawn[N * D], again[N * D], mean = 0, square = 0;
  size_t rows[N];
  for (size_t i = 0; i < N; i++) rows[i] = i;
  fill(x, N * D, 1);
  push(DWELL_PUSH_CENTROID, 1, x, y, delta);
  for (size_t r = 0; r < DRAWS; r++) {
    assert_ok(push_random(4, r, N, D, delta, drawn, NULL), NULL);
    for (size_t i = 0; i < N; i++) {
      for (size_t j = 0; j < N; j++) {
        double a = 0, b = 0;
        for (size_t k = 0; k < D; k++)
          a += delta[i * D + k] * delta[j * D + k], b += drawn[i * D + k] * drawn[j * D + k];
        assert_near(b, a, 0, 1e-12);
      }
    }
    for (size_t i = 0; i < N * D; i++) y[i] = x[i] + drawn[i];
    double kept = push_measure(D, rows, N, x, y, delta).kept;
    mean += kept / DRAWS, square += kept * kept / DRAWS;
  }
  assert_near(mean, 0, 0, 0.25 * sqrt(square) + 1e-3);
  assert_true(square < 0.5);
  assert_ok(push_random(4, DRAWS - 1, N, D, delta, again, NULL), NULL);
  assert_memory_equal(drawn, again, sizeof drawn);
  assert_ok(push_random(5, DRAWS - 1, N, D, delta, again, NULL), NULL);
  assert_memory_not_equal(drawn, again, sizeof drawn);
}

static void test_measure(void **state) {
  (void)state;
  const double x[6] = {3, 4, 0, 2, 1, 0}, y[6] = {6, 8, 9, 9, 0, 1}, delta[4] = {1, 0, 0, 2};
  const size_t rows[2] = {0, 2};
  push_distance m = push_measure(2, rows, 2, x, y, delta);
  assert_near(m.distance, sqrt((9 + 16 + 1 + 1) / 26.0), 1e-15, 0);
  assert_near(m.turn, 1, 1e-15, 0); /* the first token kept its direction, the other turned by 90 degrees */
  assert_near(m.kept, (3 * 1 + 1 * 2) / 5.0, 1e-15, 0);
  m = push_measure(2, rows, 2, x, x, delta);
  assert_true(m.distance == 0 && m.turn == 0 && m.kept == 0);
}

static void test_p(void **state) {
  (void)state;
  const double draws[] = {1, 2, 3, 4};
  assert_near(push_p(0.5, draws, 4), 0.2, 1e-15, 0);
  assert_near(push_p(2, draws, 4), 0.6, 1e-15, 0); /* ties count */
  assert_near(push_p(9, draws, 4), 1, 1e-15, 0);
  assert_near(push_p(9, draws, 0), 1, 1e-15, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_centroid),      cmocka_unit_test(test_together),
                                     cmocka_unit_test(test_nothing_moves), cmocka_unit_test(test_random),
                                     cmocka_unit_test(test_measure),       cmocka_unit_test(test_p)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
