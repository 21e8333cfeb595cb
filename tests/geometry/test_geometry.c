/* tests/geometry/test_geometry.c - every quantity against a plain loop, and the corners: one token, two, identical,
 * antipodal, a token at the mean, huge and tiny norms, more tokens than dimensions and fewer. */
#include <string.h>

#include "base/mem.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "util/clouds.h"

static const double *cosines(geometry *g, representation r) {
  dwell_error err;
  const double *c;
  assert_ok(geometry_cosines(g, r, &c, &err), &err);
  return c;
}

static const double *eigenvalues(geometry *g, representation r) {
  dwell_error err;
  const double *values;
  assert_ok(geometry_eigenvalues(g, r, &values, &err), &err);
  return values;
}

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

/* G, Kc and C of the definition (instruments.md 1), by plain loops; 1e-13: rounding of sums over d <= 40 terms. */
static void check_against_loops(size_t n, size_t d) {
  double *x = clouds_normal(n, d, 1, 1), *u = malloc(n * d * sizeof *u), *mean = calloc(d, sizeof *mean);
  geometry *g = clouds_geometry(x, n, d);
  for (size_t i = 0; i < n; i++) {
    double norm = sqrt(dot(d, x + i * d, x + i * d));
    assert_near(geometry_norms(g)[i], norm, 1e-14, 0);
    for (size_t k = 0; k < d; k++) u[i * d + k] = x[i * d + k] / norm, mean[k] += u[i * d + k] / (double)n;
  }
  const double *raw = cosines(g, RAW), *centred = cosines(g, CENTRED), *kc;
  assert_ok(geometry_centred_gram(g, &kc, NULL), NULL);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      double k_ij = 0, k_ii = 0, k_jj = 0;
      for (size_t k = 0; k < d; k++) {
        double a = u[i * d + k] - mean[k], b = u[j * d + k] - mean[k];
        k_ij += a * b, k_ii += a * a, k_jj += b * b;
      }
      assert_near(raw[i * n + j], i == j ? 1 : dot(d, u + i * d, u + j * d), 0, 1e-13);
      assert_near(kc[i * n + j], k_ij, 0, 1e-13);
      assert_near(centred[i * n + j], k_ij / sqrt(k_ii * k_jj), 0, 1e-12);
      assert_true(raw[i * n + j] == raw[j * n + i] && centred[i * n + j] == centred[j * n + i]);
    }
  }
  assert_false(geometry_collapsed(g));
  assert_int_equal(geometry_centred_undefined(g), 0);
  geometry_destroy(g);
  free(x), free(u), free(mean);
}

static void test_loops(void **state) {
  (void)state;
  check_against_loops(23, 7);
  check_against_loops(9, 40);
  check_against_loops(50, 64);
}

static size_t pairs_above(geometry *g, representation r, double limit) {
  dwell_error err;
  size_t count;
  assert_ok(geometry_pairs_above(g, r, limit, &count, &err), &err);
  return count;
}

/* Counted from the cosines of C by a plain loop, and without C for a surrogate; a token at the mean has cosine 0. */
static void check_pairs_above(size_t n, size_t d, bool with_mean) {
  static const double limits[] = {-1, -0.3, 0, 0.1, 0.9, 1};
  double *x = clouds_normal(n, d, 1, 5);
  for (size_t k = 0; with_mean && k < d; k++) { /* antipodal pairs around an axis, and the axis itself */
    for (size_t i = 1; i + 1 < n; i += 2) x[(i + 1) * d + k] = k == 0 ? (x[i * d] = 1) : -x[i * d + k];
    x[k] = k == 0;
  }
  geometry *g = clouds_geometry(x, n, d), *surrogate, *fresh;
  dwell_error err;
  double *copy = mem_copy(cosines(g, RAW), n * n, sizeof(double));
  assert_ok(geometry_from_gram(copy, n, d, &surrogate, &err), &err);
  const double *centred = cosines(surrogate, CENTRED), *raw = cosines(g, RAW);
  for (size_t l = 0; l < 6; l++) {
    size_t above_centred = 0, above_raw = 0;
    for (size_t i = 0; i < n; i++) {
      for (size_t j = i + 1; j < n; j++) {
        above_centred += centred[i * n + j] > limits[l];
        above_raw += raw[i * n + j] > limits[l];
      }
    }
    assert_int_equal(pairs_above(g, RAW, limits[l]), above_raw);
    assert_int_equal(pairs_above(surrogate, CENTRED, limits[l]), above_centred);
    copy = mem_copy(cosines(g, RAW), n * n, sizeof(double));
    assert_ok(geometry_from_gram(copy, n, d, &fresh, &err), &err);
    assert_int_equal(pairs_above(fresh, CENTRED, limits[l]), above_centred); /* C was never made */
    assert_int_equal(geometry_centred_undefined(fresh), geometry_centred_undefined(surrogate));
    assert_true(geometry_collapsed(fresh) == geometry_collapsed(surrogate));
    geometry_destroy(fresh);
  }
  geometry_destroy(g), geometry_destroy(surrogate);
  free(x);
}

static void test_pairs_above(void **state) {
  (void)state;
  check_pairs_above(31, 8, false);
  check_pairs_above(2, 3, false);
  check_pairs_above(1, 3, false);
  check_pairs_above(31, 8, true);
}

/* A surrogate made of G alone must agree with the geometry of the coordinates: two ways to centre. */
static void test_from_gram(void **state) {
  (void)state;
  enum { N = 30, D = 12 };
  double *x = clouds_normal(N, D, 1, 2);
  geometry *g = clouds_geometry(x, N, D), *h;
  double *copy = mem_copy(cosines(g, RAW), N * N, sizeof(double));
  copy[1] = copy[N] = 1 + 1e-9;                  /* counted and clamped */
  copy[2 * N + 3] = copy[3 * N + 2] = 1 + 1e-15; /* clamped, but only rounding */
  copy[0] = 0.5;                                 /* made 1 */
  dwell_error err;
  assert_ok(geometry_from_gram(copy, N, D, &h, &err), &err);
  assert_int_equal(geometry_clamped(h), 1);
  assert_true(cosines(h, RAW)[1] == 1 && cosines(h, RAW)[0] == 1);
  assert_true(cosines(h, RAW)[2 * N + 3] == 1);
  copy[2 * N + 3] = copy[3 * N + 2] = cosines(g, RAW)[2 * N + 3];
  copy[1] = copy[N] = cosines(g, RAW)[1]; /* still ours to look into: it was not copied */
  const double *a = cosines(g, CENTRED), *b = cosines(h, CENTRED);
  for (size_t e = 0; e < N * N; e++) assert_near(b[e], a[e], 0, 1e-12);
  assert_null(geometry_unit(h));
  assert_true(geometry_norms(h)[3] == 1);
  geometry_destroy(g), geometry_destroy(h);
  free(x);
}

/* The narrow way (d x d) and the wide one (n x n, which a surrogate has to go) give the same spectrum. */
static void test_spectrum_two_ways(void **state) {
  (void)state;
  enum { N = 40, D = 6 };
  double *x = clouds_normal(N, D, 1, 3);
  geometry *g = clouds_geometry(x, N, D), *h;
  assert_ok(geometry_from_gram(mem_copy(cosines(g, RAW), N * N, sizeof(double)), N, D, &h, NULL), NULL);
  for (int r = RAW; r <= CENTRED; r++) {
    const double *a = eigenvalues(g, (representation)r), *b = eigenvalues(h, (representation)r);
    double trace = 0;
    for (size_t k = 0; k < N; k++) {
      assert_near(a[k], b[k], 0, 1e-12); /* rounding of an eigenvalue of norm <= 40 */
      assert_true(k == 0 || a[k] >= a[k - 1]);
      trace += a[k];
    }
    if (r == RAW) assert_near(trace, N, 1e-13, 0);
  }
  const double *states = eigenvalues(g, STATES);
  double trace = 0, squares = 0, longest = 0;
  for (size_t k = 0; k < N; k++) trace += states[k], longest = fmax(longest, geometry_norms(g)[k]);
  for (size_t e = 0; e < N * D; e++) squares += x[e] * x[e];
  assert_near(trace, squares / (longest * longest), 1e-13, 0);
  geometry_destroy(g), geometry_destroy(h);
  free(x);
}

/* Both spectra come from one reduction; 1e-13 of the largest: rounding, also near collapse, where G's is 1e6 times
 * Kc's. */
static void check_spectra(size_t n, size_t d, double spread) {
  double *x = clouds_normal(n, d, 1, 8), *copy = malloc(n * n * sizeof *copy), *values = malloc(n * sizeof *values);
  for (size_t e = 0; e < n * d; e++) x[e] = x[e] * spread + (e % d == 1);
  geometry *g = clouds_geometry(x, n, d);
  const double *kc;
  assert_ok(geometry_centred_gram(g, &kc, NULL), NULL);
  for (representation r = RAW; r <= CENTRED; r++) {
    memcpy(copy, r == RAW ? cosines(g, RAW) : kc, n * n * sizeof *copy);
    assert_ok(eigen_values(n, copy, values, NULL), NULL);
    for (size_t k = 0; k < n; k++) assert_near(eigenvalues(g, r)[k], values[k], 0, 1e-13 * values[n - 1]);
  }
  geometry_destroy(g);
  free(x), free(copy), free(values);
}

static void test_spectra_in_one(void **state) {
  (void)state;
  check_spectra(1, 3, 1);
  check_spectra(2, 3, 1);
  check_spectra(60, 64, 1);
  check_spectra(60, 64, 1e-3);
  check_spectra(131, 140, 0.3);
}

/* Bit by bit what the rows alone give. */
static void test_part(void **state) {
  (void)state;
  enum { N = 70, D = 41 };
  double *x = clouds_normal(N, D, 1, 9);
  size_t rows[N], few[N], count = 0;
  geometry *all, *part, *alone;
  for (size_t i = 0; i < N; i++) rows[i] = i;
  for (size_t i = 1; i < N; i += 1 + i % 3) few[count++] = i;
  assert_ok(geometry_create(x, D, rows + 1, N - 1, &all, NULL), NULL);
  assert_ok(geometry_part(all, rows + 1, few, count, &part, NULL), NULL);
  assert_ok(geometry_create(x, D, few, count, &alone, NULL), NULL);
  for (representation r = RAW; r <= CENTRED; r++)
    assert_memory_equal(cosines(part, r), cosines(alone, r), count * count * sizeof(double));
  assert_memory_equal(geometry_norms(part), geometry_norms(alone), count * sizeof(double));
  assert_memory_equal(geometry_unit(part), geometry_unit(alone), count * D * sizeof(double));
  geometry_destroy(all), geometry_destroy(part), geometry_destroy(alone);
  free(x);
}

static void check_axes(size_t n, size_t d) {
  double *x = clouds_normal(n, d, 1, 4), *values, *axes;
  const double *kc;
  size_t count;
  geometry *g = clouds_geometry(x, n, d);
  assert_ok(geometry_principal_axes(g, &values, &axes, &count, NULL), NULL);
  assert_ok(geometry_centred_gram(g, &kc, NULL), NULL);
  assert_int_equal(count, d < n - 1 ? d : n - 1);
  for (size_t a = 0; a < count; a++) {
    for (size_t b = 0; b <= a; b++) assert_near(dot(n, axes + a * n, axes + b * n), a == b, 0, 1e-11);
    for (size_t i = 0; i < n; i++) /* Kc v = lam v */
      assert_near(dot(n, kc + i * n, axes + a * n), values[a] * axes[a * n + i], 0, 1e-11);
    assert_true(a == 0 || values[a] <= values[a - 1]);
  }
  geometry_destroy(g);
  mem_free(values), mem_free(axes), free(x);
}

static void test_principal_axes(void **state) {
  (void)state;
  check_axes(30, 5);
  check_axes(12, 20);
  check_axes(2, 3);
  check_axes(100, 130);
}

static void test_energy(void **state) {
  (void)state;
  enum { N = 37, D = 5 };
  static const double betas[] = {0, 0.1, 1, 2, 5, 60, -1.5, 7, 8, 9}; /* more than are remembered */
  double *x = clouds_normal(N, D, 0, 5);
  geometry *g = clouds_geometry(x, N, D);
  const double *gram = cosines(g, RAW);
  for (int round = 0; round < 2; round++) {
    for (size_t b = 0; b < sizeof betas / sizeof betas[0]; b++) {
      double energy, sum = 0;
      for (size_t e = 0; e < N * N; e++) sum += exp(betas[b] * (gram[e] - 1));
      assert_ok(geometry_energy(g, betas[b], &energy, NULL), NULL);
      assert_near(energy, sum / (N * N), 2e-15 * 8, 0); /* 4 ulp of vmath, a few of the sums */
      if (betas[b] == 0) assert_true(energy == 1);
    }
  }
  geometry_destroy(g);
  free(x);
}

static void test_neighbours(void **state) {
  (void)state;
  /* Two copies of two directions and one between them: equal cosines everywhere; smaller index first. */
  static const double x[] = {1, 0, 0, 1, 1, 0, 0, 1, 1, 1};
  geometry *g = clouds_geometry(x, 5, 2);
  const uint32_t *order;
  size_t k;
  assert_ok(geometry_neighbours(g, RAW, &order, &k, NULL), NULL);
  assert_int_equal(k, 4);
  static const uint32_t expected[] = {2, 4, 1, 3, 3, 4, 0, 2, 0, 4, 1, 3, 1, 4, 0, 2, 0, 1, 2, 3};
  assert_memory_equal(order, expected, sizeof expected);
  geometry_destroy(g);

  double same[9 * 2]; /* nine tokens at one place: the first five others, whoever asks */
  for (size_t e = 0; e < 18; e++) same[e] = e % 2 ? 0 : 1;
  g = clouds_geometry(same, 9, 2);
  assert_ok(geometry_neighbours(g, RAW, &order, &k, NULL), NULL);
  for (size_t i = 0; i < 9; i++) {
    for (size_t rank = 0; rank < k; rank++) assert_int_equal(order[i * k + rank], rank + (rank >= i));
  }
  geometry_destroy(g);

  /* Three tokens at each of three places, but for the last bits: rounding must not say who is nearest. */
  double merged[9 * 2];
  for (size_t e = 0; e < 18; e++)
    merged[e] = (e % 2 ? sin(1.0 + (double)(e / 6)) : cos(1.0 + (double)(e / 6))) * (1 + 3e-16 * (double)((e * 7) % 5));
  g = clouds_geometry(merged, 9, 2);
  assert_ok(geometry_neighbours(g, CENTRED, &order, &k, NULL), NULL);
  for (size_t i = 0; i < 9; i++) {
    size_t first = i / 3 * 3;
    assert_int_equal(order[i * k], first + (i == first));
    assert_int_equal(order[i * k + 1], first + 2 - (i == first + 2));
  }
  geometry_destroy(g);

  enum { N = 60 };
  double *y = clouds_normal(N, 8, 0, 6);
  g = clouds_geometry(y, N, 8);
  assert_ok(geometry_neighbours(g, CENTRED, &order, &k, NULL), NULL);
  assert_int_equal(k, 5);
  const double *c = cosines(g, CENTRED);
  for (size_t i = 0; i < N; i++) {
    for (size_t rank = 0; rank < k; rank++) {
      size_t better = 0; /* tokens before the one of this rank */
      double own = c[i * N + order[i * k + rank]];
      for (size_t j = 0; j < N; j++) better += j != i && c[i * N + j] > own;
      assert_int_equal(better, rank);
    }
  }
  geometry_destroy(g);
  free(y);
}

static void test_corners(void **state) {
  (void)state;
  static const double one[] = {3, 4};
  geometry *g = clouds_geometry(one, 1, 2);
  assert_true(cosines(g, RAW)[0] == 1 && cosines(g, CENTRED)[0] == 0);
  assert_true(geometry_collapsed(g));
  assert_true(geometry_norms(g)[0] == 5);
  const uint32_t *order;
  size_t k;
  double energy;
  assert_ok(geometry_neighbours(g, CENTRED, &order, &k, NULL), NULL);
  assert_int_equal(k, 0);
  assert_ok(geometry_energy(g, 3, &energy, NULL), NULL);
  assert_true(energy == 1);
  geometry_destroy(g);

  static const double two[] = {1, 0, 0, 2}; /* centring makes any two tokens antipodal */
  g = clouds_geometry(two, 2, 2);
  assert_near(cosines(g, CENTRED)[1], -1, 0, 1e-15);
  geometry_destroy(g);

  static const double same[] = {1, 2, 3, 2, 4, 6, 0.3, 0.6, 0.9, 7, 14, 21};
  g = clouds_geometry(same, 4, 3);
  for (size_t e = 0; e < 16; e++) assert_near(cosines(g, RAW)[e], 1, 0, 4e-16);
  for (size_t e = 0; e < 16; e++) assert_true(cosines(g, CENTRED)[e] == 0); /* never directions of rounding errors */
  assert_int_equal(geometry_centred_undefined(g), 4);
  assert_true(geometry_collapsed(g));
  geometry_destroy(g);

  static const double at_mean[] = {1, 0, 1, 1, 0, -1, 1, 0, 0}; /* the third token is the direction of the mean ... */
  g = clouds_geometry(at_mean, 3, 3);
  assert_int_equal(geometry_centred_undefined(g), 0); /* ... but not the mean itself */
  geometry_destroy(g);
  static const double at_zero[] = {1, 0, -1, 0, 0, 1, 0, -1};
  g = clouds_geometry(at_zero, 4, 2);
  assert_true(cosines(g, CENTRED)[1] == -1 && cosines(g, CENTRED)[2] == 0);
  assert_false(geometry_collapsed(g));
  geometry_destroy(g);
}

/* Tokens spread by 1e-7 around one direction: the centred cosines keep their digits (from G they would have none). */
static void test_near_collapse(void **state) {
  (void)state;
  enum { N = 20, D = 6 };
  double *x = clouds_normal(N, D, 0, 7), *y = malloc(N * D * sizeof *y);
  for (size_t i = 0; i < N; i++) x[i * D] = 0; /* moves at right angles to the common direction only */
  for (size_t e = 0; e < N * D; e++) y[e] = e % D == 0 ? 1 : 1e-7 * x[e];
  geometry *g = clouds_geometry(y, N, D);
  const double *c = cosines(g, CENTRED);
  double mean[D] = {0};
  for (size_t e = 0; e < N * D; e++) mean[e % D] += x[e] / N;
  for (size_t e = 0; e < N * D; e++) x[e] -= mean[e % D];
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < N; j++) {
      double a = dot(D, x + i * D, x + i * D), b = dot(D, x + j * D, x + j * D);
      /* unit rows are exact to 1e-16, their differences of 1e-7 to 1e-9 */
      assert_near(c[i * N + j], dot(D, x + i * D, x + j * D) / sqrt(a * b), 0, 1e-8);
    }
  }
  assert_true(geometry_collapsed(g));
  geometry_destroy(g);
  free(x), free(y);
}

static void test_scales(void **state) {
  (void)state;
  static const double x[] = {3e200, 4e200, 3e-200, -4e-200, 5e-324, 0};
  geometry *g = clouds_geometry(x, 3, 2);
  assert_near(geometry_norms(g)[0], 5e200, 1e-15, 0);
  assert_near(geometry_norms(g)[1], 5e-200, 1e-15, 0);
  assert_near(cosines(g, RAW)[1], -7. / 25, 1e-14, 0);
  assert_near(cosines(g, RAW)[2], 0.6, 1e-14, 0);
  geometry_destroy(g);
}

static void test_errors(void **state) {
  (void)state;
  dwell_error err;
  geometry *g;
  static const double x[] = {1, 0, 0, 0, NAN, 1, INFINITY, 0};
  assert_fails(geometry_create(x, 2, (size_t[]){0, 1}, 2, &g, &err), DWELL_BAD_INPUT, &err, "token 1 has zero norm");
  assert_null(g);
  assert_fails(geometry_create(x, 2, (size_t[]){0, 2}, 2, &g, &err), DWELL_BAD_INPUT, &err, "token 2 has a non-finite");
  assert_fails(geometry_create(x, 2, (size_t[]){3}, 1, &g, &err), DWELL_BAD_INPUT, &err, "token 3 has a non-finite");
  assert_fails(geometry_create(x, 2, (size_t[]){0}, 0, &g, &err), DWELL_USAGE, &err, "empty");
  assert_ok(geometry_create(x, 2, (size_t[]){0}, 1, &g, &err), &err); /* only the selected rows are looked at */
  geometry_destroy(g);
  geometry_destroy(NULL);
  assert_true(geometry_bytes(512, 768) > 3 * 512 * 512 * 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_loops),          cmocka_unit_test(test_pairs_above),
      cmocka_unit_test(test_from_gram),      cmocka_unit_test(test_spectrum_two_ways),
      cmocka_unit_test(test_spectra_in_one), cmocka_unit_test(test_part),
      cmocka_unit_test(test_principal_axes), cmocka_unit_test(test_energy),
      cmocka_unit_test(test_neighbours),     cmocka_unit_test(test_corners),
      cmocka_unit_test(test_near_collapse),  cmocka_unit_test(test_scales),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
