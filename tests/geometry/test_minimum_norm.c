/* tests/geometry/test_minimum_norm.c - the point of least norm against enumeration of all faces, known hulls, the two
 * algorithms against each other, and Grams that rounding has made indefinite. */
#include "geometry/minimum_norm.h"

#include <string.h>

#include "util/clouds.h"

/* Solves the k x k system a x = b by elimination with pivoting; false if it is singular. Destroys a and b. */
static bool eliminate(size_t k, double *a, double *b) {
  for (size_t c = 0; c < k; c++) {
    size_t best = c;
    for (size_t r = c; r < k; r++) best = fabs(a[r * k + c]) > fabs(a[best * k + c]) ? r : best;
    if (fabs(a[best * k + c]) < 1e-9) return false;
    for (size_t j = 0; j < k; j++) {
      double kept = a[c * k + j];
      a[c * k + j] = a[best * k + j], a[best * k + j] = kept;
    }
    double kept = b[c];
    b[c] = b[best], b[best] = kept;
    for (size_t r = 0; r < k; r++) {
      if (r == c) continue;
      double by = a[r * k + c] / a[c * k + c];
      for (size_t j = 0; j < k; j++) a[r * k + j] -= by * a[c * k + j];
      b[r] -= by * b[c];
    }
  }
  for (size_t c = 0; c < k; c++) b[c] /= a[c * k + c];
  return true;
}

/* Of the tokens in `face`: G a = t 1, sum a = 1. The squared norm t if a >= 0, else INFINITY. */
static double norm_of_face(size_t n, const double *gram, unsigned face) {
  size_t points[8], k = 0;
  double a[81], b[9];
  for (size_t i = 0; i < n; i++) {
    if (face >> i & 1) points[k++] = i;
  }
  for (size_t r = 0; r <= k; r++) {
    for (size_t c = 0; c <= k; c++)
      a[r * (k + 1) + c] = r < k && c < k ? gram[points[r] * n + points[c]] : r == c ? 0 : r < k ? -1 : 1;
    b[r] = r == k;
  }
  if (!eliminate(k + 1, a, b)) return INFINITY;
  for (size_t i = 0; i < k; i++) {
    if (b[i] < 0) return INFINITY;
  }
  return fmax(0, b[k]);
}

/* The minimum over all faces: the minimiser is in the interior of one of them. */
static double by_enumeration(size_t n, const double *gram) {
  double least = INFINITY;
  for (unsigned face = 1; face < 1u << n; face++) least = fmin(least, norm_of_face(n, gram, face));
  return least;
}

typedef dwell_status algorithm(size_t, const double *, size_t, minimum_norm_result *, double *, dwell_error *);
static algorithm *const algorithms[] = {minimum_norm, minimum_norm_wolfe};

/* Weights are weights, worth what is said; the gap is as small as promised. */
static double solve(algorithm *run, size_t n, const double *gram, size_t rank, double most_gap) {
  minimum_norm_result r;
  dwell_error err;
  double *a = malloc(n * sizeof *a), sum = 0, square = 0;
  assert_ok(run(n, gram, rank, &r, a, &err), &err);
  for (size_t i = 0; i < n; i++) {
    assert_true(a[i] >= 0);
    sum += a[i];
    for (size_t j = 0; j < n; j++) square += a[i] * a[j] * gram[i * n + j];
  }
  assert_near(sum, 1, 1e-12, 0);
  assert_near(r.square, fmax(0, square), 1e-10, 1e-14);
  if (r.square > 1e-10) assert_true(r.gap >= 0 && r.gap <= most_gap);
  free(a);
  return r.square;
}

static const double *gram_of(geometry *g) {
  const double *gram;
  assert_ok(geometry_cosines(g, RAW, &gram, NULL), NULL);
  return gram;
}

static void test_enumeration(void **state) {
  (void)state;
  size_t inside = 0, outside = 0;
  for (uint32_t c = 0; c < 300; c++) {
    size_t n = 1 + c % 7, d = 1 + c / 7 % 6;
    double *x = clouds_normal(n, d, 1, c);
    for (size_t i = 0; i < n && c % 3 == 0; i++) x[i * d] += 1.5;
    geometry *g = clouds_geometry(x, n, d);
    double expected = by_enumeration(n, gram_of(g));
    for (size_t k = 0; k < 2; k++) assert_near(solve(algorithms[k], n, gram_of(g), d, 1e-10), expected, 0, 1e-10);
    inside += expected<1e-9, outside += expected> 1e-4;
    geometry_destroy(g), free(x);
  }
  assert_true(inside > 50 && outside > 100); /* both sides were tried */
}

/* n, d, power of the spectrum and shift of the mean: from cones to clouds around the origin, n above and below d. */
static void test_two_ways_agree(void **state) {
  (void)state;
  static const struct {
    size_t n, d;
    double power, shift;
  } cases[] = {{60, 90, 0, 0},  {60, 90, 1, 0},    {60, 90, 2, 0},   {60, 90, 1, 2}, {60, 45, 1, 0.5},
               {60, 30, 0, 0},  {60, 30, 1, 1},    {90, 60, 0, 0.1}, {90, 3, 0, 3},  {90, 2, 0, 0},
               {130, 40, 2, 0}, {130, 33, 2, 0.3}, {200, 300, 1, 0}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    size_t n = cases[c].n, d = cases[c].d;
    double *x = clouds_normal(n, d, cases[c].power, 50 + (uint32_t)c);
    for (size_t i = 0; i < n; i++) x[i * d + d / 2] += cases[c].shift;
    geometry *g = clouds_geometry(x, n, d);
    double a = solve(minimum_norm, n, gram_of(g), d, 1e-10), b = solve(minimum_norm_wolfe, n, gram_of(g), d, 1e-10);
    assert_near(a, b, 0, 1e-10);
    for (uint32_t w = 0; w < 50; w++) { /* no direction has a larger margin */
      double *along = clouds_normal(1, d, 0, 900 + w), length = geometry_norm(d, along), least = 1;
      for (size_t i = 0; i < n; i++) {
        double cosine = 0;
        for (size_t k = 0; k < d; k++) cosine += geometry_unit(g)[i * d + k] * along[k] / length;
        least = fmin(least, cosine);
      }
      assert_true(least <= sqrt(a) + 1e-5);
      free(along);
    }
    geometry_destroy(g), free(x);
  }
}

static void test_known_hulls(void **state) {
  (void)state;
  enum { N = 40 };
  static double gram[N * N], one[] = {1}, poles[] = {1, -1, -1, 1};
  for (size_t k = 0; k < 2; k++) {
    assert_near(solve(algorithms[k], 1, one, 1, 1e-10), 1, 1e-12, 0);
    assert_near(solve(algorithms[k], 2, poles, 1, 1e-10), 0, 0, 1e-10);
    static const double cosines[] = {0, 0.3, 0.99, 1 - 1e-9, 1}; /* equiangular: all weights alike; then one point */
    for (size_t c = 0; c < 5; c++) {
      for (size_t e = 0; e < N * N; e++) gram[e] = e % (N + 1) == 0 ? 1 : cosines[c];
      assert_near(solve(algorithms[k], N, gram, N, 1e-10), cosines[c] + (1 - cosines[c]) / N, 0, 1e-10);
    }
    /* the simplex around the origin */
    for (size_t e = 0; e < N * N; e++) gram[e] = e % (N + 1) == 0 ? 1 : -1. / (N - 1);
    assert_near(solve(algorithms[k], N, gram, N - 1, 1e-10), 0, 0, 1e-10);
    /* two groups of coincident tokens at 60 degrees: half way between them, however the weight is spread */
    for (size_t e = 0; e < N * N; e++) gram[e] = (e / N < 7) == (e % N < 7) ? 1 : 0.5;
    assert_near(solve(algorithms[k], N, gram, 2, 1e-10), 0.75, 0, 1e-10);
    assert_near(solve(algorithms[k], N, gram, N, 1e-10), 0.75, 0, 1e-10);
  }
}

/* Surrogates are made in f32: their Gram is off by 1e-7 and has eigenvalues as much below 0. The answer may be off by
 * as much, and must end. */
static void test_rounded_grams(void **state) {
  (void)state;
  enum { N = 150 };
  static const size_t widths[] = {10, 60, 140, 300};
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  for (size_t c = 0; c < 12; c++) {
    size_t d = widths[c % 4];
    double *x = clouds_normal(N, d, 1, 300 + (uint32_t)c), *noisy = malloc(N * N * sizeof *noisy);
    for (size_t i = 0; i < N; i++) x[i * d + 2] += 0.4 * (double)(c / 4);
    geometry *g = clouds_geometry(x, N, d);
    for (size_t i = 0; i < N; i++) {
      for (size_t j = 0; j <= i; j++)
        noisy[i * N + j] = noisy[j * N + i] =
            gram_of(g)[i * N + j] + (i == j ? 0 : 6e-8 * random_normal(&s, (uint32_t)c, (uint32_t)(i * N + j)));
    }
    double exact = solve(minimum_norm, N, gram_of(g), d, 1e-10);
    for (size_t k = 0; k < 2; k++) assert_near(solve(algorithms[k], N, noisy, d, 1e-6), exact, 0, 1e-6);
    geometry_destroy(g), free(x), free(noisy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_enumeration), cmocka_unit_test(test_two_ways_agree),
                                     cmocka_unit_test(test_known_hulls), cmocka_unit_test(test_rounded_grams)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
