/* tests/measure/test_principal.c - the cloud in three dimensions against a plain twin: covariance by loops, its
 * eigenvectors by power iteration. */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

enum { L = 4, N = 30, D = 110, AXES = 3 };

static dwell_error err;

static dwell_run *measure(const double *x, size_t states, size_t n, size_t d, int threads) {
  static int files;
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  const size_t shape[] = {states, n, d};
  const char *path = testing_format("%s/states%d.npz", testing_folder(), files++);
  npz_writer *w;
  dwell_source *source;
  dwell_run *run;
  ctx.threads = threads;
  options.drop_special = false, options.null_draws = 0;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

/* Three groups that drift apart, of tokens whose lengths differ. */
static void fill(double *x, size_t d) {
  random_stream s = {.seed = 4, .purpose = RANDOM_TEST};
  for (size_t l = 0; l < L; l++) {
    for (size_t i = 0; i < N; i++) {
      for (size_t k = 0; k < d; k++) {
        double noise = random_normal(&s, (uint32_t)i, (uint32_t)k) / sqrt((double)d), pull = 0.2 * (double)(l + 1);
        x[(l * N + i) * d + k] = (1 + (double)(i % 5)) * (noise + (k == 7 + i % 3 ? pull * (double)(1 + i % 3) : 0));
      }
    }
  }
}

/* Unit tokens of a state less their mean. */
static void centred(const double *x, size_t d, double *u) {
  double *mean = calloc(d, sizeof *mean);
  for (size_t i = 0; i < N; i++) {
    double length = 0;
    for (size_t k = 0; k < d; k++) length += x[i * d + k] * x[i * d + k];
    for (size_t k = 0; k < d; k++) u[i * d + k] = x[i * d + k] / sqrt(length), mean[k] += u[i * d + k] / N;
  }
  for (size_t i = 0; i < N * d; i++) u[i] -= mean[i % d];
  free(mean);
}

/* The axes by 2000 rounds of power iteration, each orthogonal to those before. */
static void plain_axes(const double *u, size_t rows, size_t d, double *axes) {
  double *y = calloc(d, sizeof *y);
  for (size_t a = 0; a < AXES; a++) {
    double *v = axes + a * d;
    for (size_t k = 0; k < d; k++) v[k] = 1 + (double)((k * 7 + a) % 11);
    for (size_t round = 0; round < 2000; round++) {
      double length = 0;
      memset(y, 0, d * sizeof *y);
      for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) sum += u[i * d + k] * v[k];
        for (size_t k = 0; k < d; k++) y[k] += sum * u[i * d + k];
      }
      for (size_t b = 0; b < a; b++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) sum += y[k] * axes[b * d + k];
        for (size_t k = 0; k < d; k++) y[k] -= sum * axes[b * d + k];
      }
      for (size_t k = 0; k < d; k++) length += y[k] * y[k];
      for (size_t k = 0; k < d; k++) v[k] = y[k] / sqrt(length);
    }
  }
  free(y);
}

static void compare(size_t d) {
  double *x = calloc(L * N * d, sizeof *x), *u = calloc(L * N * d, sizeof *u), *axes = calloc(AXES * d, sizeof *axes);
  double *points, *share;
  size_t rank, shape[4];
  fill(x, d);
  dwell_run *run = measure(x, L, N, d, 2);
  assert_ok(run_read_array(run, "pca", &points, &rank, shape, &err), &err);
  assert_non_null(points);
  assert_int_equal(rank, 3);
  assert_true(shape[0] == L && shape[1] == N && shape[2] == AXES);
  assert_ok(run_read_array(run, "pca_share", &share, &rank, shape, &err), &err);
  assert_true(share != NULL && rank == 2 && shape[0] == L && shape[1] == AXES);
  for (size_t l = 0; l < L; l++) centred(x + l * N * d, d, u + l * N * d);
  plain_axes(u, L * N, d, axes);
  for (size_t a = 0; a < AXES; a++) {
    double same = 0;
    for (size_t i = 0; i < N; i++) { /* the sign of an axis is a convention */
      double on = 0;
      for (size_t k = 0; k < d; k++) on += u[i * d + k] * axes[a * d + k];
      same += on * points[i * AXES + a];
    }
    for (size_t l = 0; l < L; l++) {
      double total = 0, along = 0;
      for (size_t i = 0; i < N; i++) {
        double on = 0;
        for (size_t k = 0; k < d; k++) {
          on += u[(l * N + i) * d + k] * axes[a * d + k];
          total += u[(l * N + i) * d + k] * u[(l * N + i) * d + k];
        }
        along += on * on;
        /* points are floats of size below 1 */
        assert_near(points[(l * N + i) * AXES + a], same < 0 ? -on : on, 0, 2e-6);
      }
      assert_near(share[l * AXES + a], along / total, 1e-6, 0);
    }
  }
  mem_free(points), mem_free(share);
  free(x), free(u), free(axes);
  dwell_run_destroy(run);
}

static void it_is_the_plain_one(void **state) {
  (void)state;
  compare(20);
  compare(D);
}

static void threads_change_no_bit(void **state) {
  (void)state;
  double *x = calloc(L * N * 300, sizeof *x), *points[2];
  size_t rank, shape[4];
  fill(x, 300);
  for (int k = 0; k < 2; k++) {
    dwell_run *run = measure(x, L, N, 300, 1 + k);
    assert_ok(run_read_array(run, "pca", &points[k], &rank, shape, &err), &err);
    dwell_run_destroy(run);
  }
  assert_memory_equal(points[0], points[1], L * N * AXES * sizeof(double));
  mem_free(points[0]), mem_free(points[1]);
  free(x);
}

/* Lengths whose inverse no double holds. */
static void lengths_do_not_matter(void **state) {
  (void)state;
  double *x = calloc(L * N * 20, sizeof *x), *points[2];
  size_t rank, shape[4];
  fill(x, 20);
  for (int k = 0; k < 2; k++) {
    dwell_run *run = measure(x, L, N, 20, 1);
    assert_ok(run_read_array(run, "pca", &points[k], &rank, shape, &err), &err);
    assert_non_null(points[k]);
    dwell_run_destroy(run);
    for (size_t i = 0; i < L * N * 20; i++) x[i] *= 0x1p-1030;
  }
  /* the smallest have 40 bits, points are floats */
  for (size_t i = 0; i < L * N * AXES; i++) assert_near(points[1][i], points[0][i], 0, 1e-6);
  mem_free(points[0]), mem_free(points[1]);
  free(x);
}

/* Two dimensions need no axes; tokens that coincide have none. */
static void where_there_is_none(void **state) {
  (void)state;
  double *x = calloc(L * N * 20, sizeof *x), *points;
  size_t rank, shape[4];
  fill(x, 20);
  dwell_run *run = measure(x, L, N, 2, 1);
  assert_ok(run_read_array(run, "pca", &points, &rank, shape, &err), &err);
  assert_null(points);
  dwell_run_destroy(run);
  for (size_t i = 0; i < L * N * 20; i++) x[i] = (double)(1 + i % 20);
  run = measure(x, L, N, 20, 1);
  assert_ok(run_read_array(run, "pca", &points, &rank, shape, &err), &err);
  for (size_t i = 0; points != NULL && i < L * N * AXES; i++) assert_near(points[i], 0, 0, 1e-12);
  mem_free(points);
  dwell_run_destroy(run);
  free(x);
}

/* [d, d] would be 80 GB: such states are measured without the picture, within a bound that knows it. */
static void not_in_many_dimensions(void **state) {
  (void)state;
  enum { MANY = 100000 };
  double *x = calloc((size_t)2 * 8 * MANY, sizeof *x), *points;
  size_t rank, shape[4];
  for (size_t i = 0; i < (size_t)2 * 8 * MANY; i++) x[i] = 1 + (double)(i % 7919);
  dwell_run *run = measure(x, 2, 8, MANY, 1);
  assert_ok(run_read_array(run, "pca", &points, &rank, shape, &err), &err);
  assert_null(points);
  dwell_run_destroy(run);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_the_plain_one),    cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(lengths_do_not_matter),  cmocka_unit_test(where_there_is_none),
      cmocka_unit_test(not_in_many_dimensions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
