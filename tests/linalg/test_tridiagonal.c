/* tests/linalg/test_tridiagonal.c - eigenvalues of tridiagonal matrices against spectra known in closed form, and
 * against the slow twin that counts them by Sturm's sequence. */
#include "linalg/tridiagonal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "util/testing.h"

enum { MOST = 300 };
static const double PI = 3.14159265358979323846;
static dwell_error err;

typedef struct matrix {
  size_t n;
  double d[MOST], e[MOST], values[MOST];
} matrix;

static tridiagonal of(matrix *m) { return (tridiagonal){m->n, m->d, m->e, m->values}; }

static double norm(const matrix *m) {
  double most = 0;
  for (size_t i = 0; i < m->n; i++) {
    double row = fabs(m->d[i]) + (i > 0 ? fabs(m->e[i - 1]) : 0) + (i + 1 < m->n ? fabs(m->e[i]) : 0);
    most = fmax(most, row);
  }
  return most;
}

/* How many eigenvalues lie below x: negative pivots of T - x. */
static size_t count_below(const matrix *m, double x) {
  size_t below = 0;
  double pivot = 1, least = 1e-290 * fmax(1, norm(m));
  for (size_t i = 0; i < m->n; i++) {
    pivot = m->d[i] - x - (i > 0 ? m->e[i - 1] / pivot * m->e[i - 1] : 0);
    if (fabs(pivot) < least) pivot = -least;
    below += pivot < 0;
  }
  return below;
}

static double bisect(const matrix *m, size_t k) {
  double low = -norm(m), high = norm(m);
  for (int round = 0; round < 80; round++) {
    double middle = 0.5 * (low + high);
    *(count_below(m, middle) <= k ? &low : &high) = middle;
  }
  return 0.5 * (low + high);
}

/* Sums of n rounded turns: 2 n u |T|, and room for the twin's own error. */
static void check_against_twin(matrix *m) {
  double allowed = 2 * ((double)m->n + 2) * DBL_EPSILON * norm(m);
  for (size_t k = 0; k < m->n; k++) assert_near(m->values[k], bisect(m, k), 0, allowed);
}

static void solve(matrix *m) {
  const tridiagonal one = of(m);
  assert_ok(tridiagonal_values(1, &one, &err), &err);
}

/* 2 - 2 cos(pi k / (n + 1)). */
static void path(matrix *m, size_t n) {
  m->n = n;
  for (size_t i = 0; i < n; i++) m->d[i] = 2, m->e[i] = -1;
}

static void known_path(void **state) {
  (void)state;
  static const size_t orders[] = {1, 2, 3, 4, 7, 64, 300};
  static matrix m;
  for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
    size_t n = orders[o];
    path(&m, n);
    solve(&m);
    for (size_t k = 0; k < n; k++) {
      double expected = 2 - 2 * cos(PI * (double)(k + 1) / (double)(n + 1));
      assert_near(m.values[k], expected, 0, 4 * (double)n * DBL_EPSILON);
    }
  }
}

typedef enum shape { DRAWN, GRADED_UP, GRADED_DOWN, BROKEN, GLUED, LOW_RANK, SHAPES } shape;

static void draw(matrix *m, shape which, size_t n, uint64_t seed) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_TEST, .replica = (uint32_t)which};
  m->n = n;
  for (size_t i = 0; i < n; i++) {
    double size = pow(10, -16.0 * (double)(which == GRADED_UP ? n - 1 - i : i) / (double)n);
    m->d[i] = random_normal(&s, 0, (uint32_t)i), m->e[i] = random_normal(&s, 1, (uint32_t)i);
    if (which == GRADED_UP || which == GRADED_DOWN) m->d[i] *= size, m->e[i] *= size;
    if (which == BROKEN && i % 7 == 3) m->e[i] = 0;
    if (which == GLUED) m->d[i] = fabs((double)(i % 21) - 10), m->e[i] = i % 21 == 20 ? 1e-9 : 1;
    if (which == LOW_RANK && i > n / 4) m->d[i] = m->e[i - 1] = 0;
  }
}

static void against_sturm(void **state) {
  (void)state;
  static matrix m;
  for (shape which = 0; which < SHAPES; which++) {
    for (size_t n = 1; n <= 130; n += n < 6 ? 1 : 31) {
      draw(&m, which, n, 3);
      solve(&m);
      for (size_t k = 1; k < n; k++) assert_true(m.values[k - 1] <= m.values[k]);
      check_against_twin(&m);
    }
  }
}

/* Powers of two far outside the range in which squares exist. */
static void any_scale(void **state) {
  (void)state;
  static matrix m, scaled;
  for (int exponent = -900; exponent <= 900; exponent += 600) {
    draw(&m, DRAWN, 40, 5);
    scaled = m;
    for (size_t i = 0; i < m.n; i++) scaled.d[i] = ldexp(m.d[i], exponent), scaled.e[i] = ldexp(m.e[i], exponent);
    solve(&m);
    solve(&scaled);
    for (size_t k = 0; k < m.n; k++) assert_true(scaled.values[k] == ldexp(m.values[k], exponent));
  }
}

static void zeros(void **state) {
  (void)state;
  static matrix m;
  for (m.n = 1; m.n < 6; m.n++) {
    memset(m.d, 0, sizeof m.d), memset(m.e, 0, sizeof m.e);
    solve(&m);
    for (size_t k = 0; k < m.n; k++) assert_true(m.values[k] == 0);
  }
  const tridiagonal none = {0};
  assert_ok(tridiagonal_values(1, &none, &err), &err);
  assert_ok(tridiagonal_values(0, NULL, &err), &err);
}

/* Four of different orders at once, the bits of each alone; in place. */
static void company_changes_no_bit(void **state) {
  (void)state;
  static matrix m[TRIDIAGONAL_MOST];
  static const size_t orders[TRIDIAGONAL_MOST] = {97, 128, 1, 60};
  tridiagonal all[TRIDIAGONAL_MOST];
  double alone[TRIDIAGONAL_MOST][MOST];
  for (size_t k = 0; k < TRIDIAGONAL_MOST; k++) {
    draw(&m[k], (shape)k, orders[k], 8);
    solve(&m[k]);
    memcpy(alone[k], m[k].values, sizeof alone[k]);
    all[k] = (tridiagonal){m[k].n, m[k].d, m[k].e, m[k].d};
  }
  for (size_t count = TRIDIAGONAL_MOST; count > 0; count--) {
    assert_ok(tridiagonal_values(count, all, &err), &err);
    for (size_t k = 0; k < count; k++) assert_memory_equal(m[k].d, alone[k], m[k].n * sizeof(double));
    for (size_t k = 0; k < TRIDIAGONAL_MOST; k++) draw(&m[k], (shape)k, orders[k], 8);
  }
}

static void refuses_what_is_not_finite(void **state) {
  (void)state;
  static matrix m;
  const double bad[] = {NAN, INFINITY};
  for (size_t b = 0; b < 2; b++) {
    path(&m, 5);
    m.d[3] = bad[b];
    const tridiagonal one = of(&m);
    assert_fails(tridiagonal_values(1, &one, &err), DWELL_FAILED, &err, "not finite");
    path(&m, 5);
    m.e[2] = bad[b];
    assert_fails(tridiagonal_values(1, &one, &err), DWELL_FAILED, &err, "not finite");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_path),
      cmocka_unit_test(against_sturm),
      cmocka_unit_test(any_scale),
      cmocka_unit_test(zeros),
      cmocka_unit_test(company_changes_no_bit),
      cmocka_unit_test(refuses_what_is_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
