/* tests/null/test_token_map.c - the maps over the token axis: orthogonal, fixing the constant vector; phases do to a
 * wave what they say and commute with shifts; rotations have the moments of the Haar measure. */
#include <math.h>

#include "base/random.h"
#include "null/token_map.h"
#include "util/testing.h"

enum { MOST_N = 110 };
static double map[MOST_N * MOST_N];

static void assert_orthogonal(size_t n) {
  for (size_t a = 0; a < n; a++) {
    double row = 0;
    for (size_t j = 0; j < n; j++) row += map[a * n + j];
    assert_near(row, 1, 0, 1e-12); /* the constant vector stays; n rounding errors of 1e-16 at most */
    for (size_t b = 0; b <= a; b++) {
      double dot = 0;
      for (size_t j = 0; j < n; j++) dot += map[a * n + j] * map[b * n + j];
      assert_near(dot, a == b, 0, 1e-12);
    }
  }
}

static void check_phases(size_t n) {
  double phases[MOST_N / 2 + 1];
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  for (size_t f = 0; f <= n / 2; f++) phases[f] = 6.283185307179586 * random_uniform(&s, (uint32_t)n, (uint32_t)f);
  assert_ok(token_map_phases(n, phases, map, NULL), NULL);
  assert_orthogonal(n);
  for (size_t i = 0; i < n; i++) { /* circulant, so it commutes with shifts and keeps every serial covariance */
    for (size_t j = 0; j < n; j++) assert_true(map[i * n + j] == map[(i + 1) % n * n + (j + 1) % n]);
  }
  /* cos(w t) -> cos(w t + phase); the last one of even n keeps or turns its sign */
  for (size_t f = 1; 2 * f <= n; f++) {
    double w = 6.283185307179586 * (double)f / (double)n;
    for (size_t i = 0; i < n; i++) {
      double image = 0, sign = cos(phases[f]) < 0 ? -1 : 1;
      for (size_t t = 0; t < n; t++) image += map[i * n + t] * cos(w * (double)t);
      double expected = 2 * f == n ? sign * cos(w * (double)i) : cos(w * (double)i + phases[f]);
      assert_near(image, expected, 0, 1e-12);
    }
  }
}

static void test_phases(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 4, 16, 17, 60};
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) check_phases(sizes[k]);
}

static void test_haar_is_orthogonal(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 16, 34, 35, 110}; /* below, at and above one block of reflections */
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    assert_ok(token_map_haar(5, k, sizes[k], map, NULL), NULL);
    assert_orthogonal(sizes[k]);
  }
  assert_ok(token_map_haar(5, 7, 3, map, NULL), NULL);
  double first = map[0];
  assert_ok(token_map_haar(5, 8, 3, map, NULL), NULL);
  assert_true(map[0] != first);
  assert_ok(token_map_haar(5, 7, 3, map, NULL), NULL);
  assert_true(map[0] == first);
}

/* With m = n - 1 and Q' the map of the complement, w a unit vector there, b = w' Q w: E b = 0, E b^2 = 1/m,
 * E b^4 = 3/(m(m+2)); E tr Q' = 0, E (tr Q')^2 = 1, E tr Q'^2 = 1 (Diaconis and Evans, Trans. AMS 353 (2001)).
 * A forgotten sign of one reflection moves the traces, a forgotten reflection moves b. 5 standard errors. */
static void check_haar(size_t n, size_t draws) {
  double m = (double)n - 1, b1 = 0, b2 = 0, b4 = 0, t1 = 0, t2 = 0, tq2 = 0;
  for (size_t d = 0; d < draws; d++) {
    assert_ok(token_map_haar(9, d, n, map, NULL), NULL);
    double trace = -1, square = -1, b = (map[0] - map[1] - map[n] + map[n + 1]) / 2; /* w = (e_0 - e_1)/sqrt 2 */
    for (size_t i = 0; i < n; i++) {
      trace += map[i * n + i];
      for (size_t j = 0; j < n; j++) square += map[i * n + j] * map[j * n + i];
    }
    b1 += b, b2 += b * b, b4 += b * b * b * b, t1 += trace, t2 += trace * trace, tq2 += square;
  }
  double count = (double)draws, se = 5 / sqrt(count);
  assert_near(b1 / count, 0, 0, se * sqrt(1 / m));
  assert_near(b2 / count, 1 / m, 0, se * sqrt(3 / (m * (m + 2)))); /* sd of b^2 below sqrt(E b^4) */
  assert_near(b4 / count, 3 / (m * (m + 2)), 0, se * sqrt(105 / (m * (m + 2) * (m + 4) * (m + 6))));
  assert_near(t1 / count, 0, 0, se);
  assert_near(t2 / count, 1, 0, se * sqrt(3)); /* E tr^4 = 3 */
  assert_near(tq2 / count, 1, 0, se * sqrt(3)); /* sd sqrt 2 */
}

static void test_haar_moments(void **state) {
  (void)state;
  check_haar(2, 2000);
  check_haar(4, 4000);
  check_haar(9, 2000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_phases),
      cmocka_unit_test(test_haar_is_orthogonal),
      cmocka_unit_test(test_haar_moments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
