/* tests/flow/test_starts.c - initial tokens. */
#include "flow/capture.h"

#include "file/npy.h"
#include "flow/starts.h"

static double *start(const char *init, size_t n, size_t d, uint32_t replica) {
  starts s;
  dwell_error err = {.offset = -1};
  double *x = malloc(n * d * sizeof(double));
  assert_non_null(x);
  assert_ok(starts_open(init, n, d, &s, &err), &err);
  assert_ok(starts_make(&s, 3, replica, x, &err), &err);
  starts_close(&s);
  return x;
}

/* Largest |cosine - rho| over pairs and largest |length - 1|. */
static void check_cosines(const char *init, size_t n, size_t d, double rho, double allowed) {
  double *x = start(init, n, d, 0);
  for (size_t i = 0; i < n; i++) {
    assert_near(sqrt(dot(d, x + i * d, x + i * d)), 1, 0, allowed);
    for (size_t j = 0; j < i; j++) assert_near(dot(d, x + i * d, x + j * d), rho, 0, allowed);
  }
  free(x);
}

/* 2e-15: each cosine is a sum of d products of numbers that carry three or four roundings. */
static void test_equiangular(void **state) {
  (void)state;
  check_cosines("orthogonal", 8, 8, 0, 2e-15);
  check_cosines("orthogonal", 32, 100, 0, 2e-15);
  check_cosines("equiangular:0.5", 10, 10, 0.5, 2e-15);
  check_cosines("equiangular:-0.03", 32, 40, -0.03, 2e-15);
  check_cosines("equiangular:0.999999", 5, 9, 0.999999, 2e-15);
  check_cosines("equiangular:-0.5", 3, 2, -0.5, 2e-15);
  check_cosines("equiangular:-0.03225806451612903", 32, 31, -1.0 / 31, 2e-15);
  check_cosines("equiangular:-0.333333333333", 4, 3, -1.0 / 3, 2e-15); /* typed by hand */
  check_cosines("equiangular:-1", 2, 3, -1, 2e-15);
  check_cosines("equiangular:1", 20, 3, 1, 2e-15);
  check_cosines("equiangular:0.3", 1, 3, 0.3, 2e-15);
}

/* Means and second moments of 20000 uniform tokens: standard errors 1/sqrt(20000 d) and less; five of them allowed. */
static void test_uniform(void **state) {
  (void)state;
  size_t n = 20000;
  static const size_t dimensions[] = {2, 3, 10};
  for (size_t b = 0; b < 3; b++) {
    size_t d = dimensions[b];
    double *x = start("uniform", n, d, 1), se = 1 / sqrt((double)(n * d));
    for (size_t k = 0; k < d; k++) {
      double mean = 0;
      for (size_t i = 0; i < n; i++) mean += x[i * d + k] / (double)n;
      assert_near(mean, 0, 0, 5 * se);
      for (size_t l = 0; l <= k; l++) {
        double moment = 0;
        for (size_t i = 0; i < n; i++) moment += x[i * d + k] * x[i * d + l] / (double)n;
        assert_near(moment, k == l ? 1 / (double)d : 0, 0, 5 * se);
      }
    }
    free(x);
  }
}

/* The first axis of a random frame is uniform: its mean square projection is 1/d, over 2000 replicas. */
static void test_frames_are_turned_at_random(void **state) {
  (void)state;
  double mean[3] = {0}, moment[3] = {0};
  for (uint32_t r = 0; r < 2000; r++) {
    double *x = start("orthogonal", 3, 3, r);
    for (size_t k = 0; k < 3; k++) mean[k] += x[3 * 2 + k] / 2000, moment[k] += x[3 * 2 + k] * x[3 * 2 + k] / 2000;
    free(x);
  }
  for (size_t k = 0; k < 3; k++) {
    assert_near(mean[k], 0, 0, 5 / sqrt(3.0 * 2000)); /* five standard errors */
    assert_near(moment[k], 1.0 / 3, 0, 5 * 0.3 / sqrt(2000));
  }
}

static void test_replicas(void **state) {
  (void)state;
  static const char *const kinds[] = {"uniform", "orthogonal", "equiangular:0.2", "caps:2,0.1"};
  for (size_t i = 0; i < 4; i++) {
    double *a = start(kinds[i], 4, 5, 0), *b = start(kinds[i], 4, 5, 0), *c = start(kinds[i], 4, 5, 1);
    assert_memory_equal(a, b, 20 * sizeof(double));
    assert_true(memcmp(a, c, 20 * sizeof(double)) != 0);
    free(a), free(b), free(c);
  }
}

/* Mean of s = 1 - <x, w> over a cap, by the midpoint rule on the angle: density sin^{d-2}. */
static double mean_depth(size_t d, double width) {
  double top = 0, bottom = 0, edge = acos(1 - width);
  for (int g = 0; g < 20000; g++) {
    double angle = edge * (g + 0.5) / 20000, density = pow(sin(angle), (double)d - 2);
    top += density * 2 * sin(angle / 2) * sin(angle / 2);
    bottom += density;
  }
  return top / bottom;
}

/* One cap of many tokens: its centre is the direction of their mean (to 1/sqrt(n)), none lies outside, and the mean
 * depth is that of the uniform law. */
static void test_cap_is_filled_uniformly(void **state) {
  (void)state;
  static const struct {
    size_t d;
    double width;
  } cases[] = {{2, 0.3}, {3, 0.1}, {3, 1}, {4, 0.5}, {50, 0.2}, {300, 1}};
  size_t n = 20000;
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    size_t d = cases[c].d;
    double width = cases[c].width, depth = 0, deepest = 0;
    double *x = start(testing_format("caps:1,%g", width), n, d, 0), *w = calloc(d, sizeof(double));
    for (size_t i = 0; i < n; i++)
      for (size_t k = 0; k < d; k++) w[k] += x[i * d + k];
    double norm = sqrt(dot(d, w, w));
    for (size_t i = 0; i < n; i++) {
      double s = 1 - dot(d, w, x + i * d) / norm;
      depth += s / (double)n;
      deepest = fmax(deepest, s);
    }
    /* the estimated centre is off by an angle of about sqrt(2 width / n), five of them allowed */
    double tilt = 5 * sqrt(2 * width / (double)n);
    assert_true(deepest <= width + 2 * tilt && deepest >= 0.9 * width);
    assert_near(depth, mean_depth(d, width), 0, 5 * width / sqrt((double)n) + 0.5 * tilt * tilt);
    free(x), free(w);
  }
}

/* Token i is in cap i mod K, and caps are apart. */
static void test_caps_are_apart(void **state) {
  (void)state;
  size_t n = 60, d = 3, caps = 4;
  double *x = start("caps:4,0.01", n, d, 0), same = 1, other = -1;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      double g = dot(d, x + i * d, x + j * d);
      if (i % caps == j % caps) same = fmin(same, g);
      else other = fmax(other, g);
    }
  assert_true(same >= cos(2 * acos(0.99)) - 1e-12);
  assert_true(other < 0.7); /* four random centres alone would often be nearer: 45 degrees */
  free(x);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *init;
    size_t n, d;
    const char *words;
  } cases[] = {
      {"orthogonal", 4, 3, "init: 4 orthogonal vectors do not fit into 3 dimensions"},
      {"equiangular:0.5", 4, 3, "4 equiangular vectors with cosine 0.5 need 4 dimensions, not 3"},
      {"equiangular:-0.333333333333", 4, 2, "need 3 dimensions, not 2"},
      {"equiangular:-0.5", 4, 9, "must be in [-0.333333, 1]"},
      {"equiangular:1.5", 4, 9, "must be in"},
      {"equiangular:", 4, 9, "is not a number"},
      {"equiangular:x", 4, 9, "is not a number"},
      {"caps:3", 4, 9, "caps:K,EPS"},
      {"caps:0,0.1", 4, 9, "caps:K,EPS"},
      {"caps:3,0", 4, 9, "caps:K,EPS"},
      {"caps:3,1.5", 4, 9, "caps:K,EPS"},
      {"caps:3,nan", 4, 9, "caps:K,EPS"},
      {"caps:99999999999999999999999999999999999999999,0.1", 4, 9, "caps:K,EPS"},
      {"sphere", 4, 9, "no start is called \"sphere\""},
      {"", 4, 9, "no start is called"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    starts s;
    dwell_error err;
    assert_fails(starts_open(cases[i].init, cases[i].n, cases[i].d, &s, &err), DWELL_USAGE, &err, cases[i].words);
    starts_close(&s);
  }
}

/* ---- files ---- */

static const char *array_file(const char *name, size_t rank, const size_t *shape, const double *values) {
  const char *path = testing_format("%s/%s", testing_folder(), name);
  dwell_error err;
  assert_ok(npy_write(path, NPY_FLOAT, 8, rank, shape, values, &err), &err);
  return path;
}

/* Rows are normalised, also where their squares leave the range of a double; n and d come from the file. */
static void test_file(void **state) {
  (void)state;
  const double values[8] = {3, 4, 0, -1e300, 1e300, 1e300, 1e-300, 1e-300}, half = sqrt(0.5);
  const double expected[8] = {0.6, 0.8, 0, -1, half, half, half, half};
  const size_t shape[2] = {4, 2};
  const char *path = array_file("start.npy", 2, shape, values);
  starts s;
  dwell_error err;
  double x[8];
  assert_ok(starts_open(path, 100, 100, &s, &err), &err);
  assert_true(s.n == 4 && s.d == 2);
  assert_ok(starts_make(&s, 1, 0, x, &err), &err);
  for (size_t e = 0; e < 8; e++) assert_near(x[e], expected[e], 0, 2e-16);
  starts_close(&s);
  /* masses belong to as many tokens as the options say: fewer than the file's rows must not be read beyond their end */
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *source = NULL;
  const double masses[4] = {1, 2, 3, 4};
  o.init = path;
  o.n = 3;
  o.masses = masses;
  assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, "there are 3 masses for the 4 tokens");
  o.n = 4;
  assert_ok(dwell_flow_open(&o, NULL, &source, &err), &err);
  dwell_source_destroy(source);
}

static void test_bad_files(void **state) {
  (void)state;
  static const double zero[4] = {1, 0, 0, 0}, missing[4] = {1, 0, NAN, 1};
  static const struct {
    const char *name;
    size_t rank, shape[3];
    const double *values;
    const char *words;
  } cases[] = {{"zero.npy", 2, {2, 2}, zero, "row 1 is zero and has no direction"},
               {"nan.npy", 2, {2, 2}, missing, "row 1, column 0 is not a finite number"},
               {"flat.npy", 1, {4}, zero, "this one has 1 axes"},
               {"deep.npy", 3, {1, 2, 2}, zero, "this one has 3 axes"},
               {"thin.npy", 2, {4, 1}, zero, "this one is 4 x 1"},
               {"empty.npy", 2, {0, 4}, zero, "this one is 0 x 4"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path = array_file(cases[i].name, cases[i].rank, cases[i].shape, cases[i].values);
    starts s;
    dwell_error err;
    assert_fails(starts_open(path, 3, 3, &s, &err), DWELL_BAD_INPUT, &err, cases[i].words);
    assert_non_null(strstr(err.file, cases[i].name));
    starts_close(&s);
  }
  starts s;
  dwell_error err;
  const char *junk = testing_write(testing_format("%s/junk.npy", testing_folder()), "not an array", 12);
  assert_fails(starts_open(junk, 3, 3, &s, &err), DWELL_BAD_INPUT, &err, "junk.npy");
  starts_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equiangular),
      cmocka_unit_test(test_uniform),
      cmocka_unit_test(test_frames_are_turned_at_random),
      cmocka_unit_test(test_replicas),
      cmocka_unit_test(test_cap_is_filled_uniformly),
      cmocka_unit_test(test_caps_are_apart),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_file),
      cmocka_unit_test(test_bad_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
