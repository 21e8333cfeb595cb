/* The theory's clock: on the ideal map itself it must read the map's own steps, and leave no residual. */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "instrument/instruments.h"
#include "run/run.h"
#include "util/clouds.h"

enum { ETA_ONE, ETA, COSINE_ONE, COSINE, TAU_ONE, TAU, RESIDUAL_ONE, RESIDUAL, COLUMNS };

static dwell_run *measure_flow(dwell_flow_options flow, double beta) {
  dwell_context ctx = {.threads = 2};
  dwell_error err = {0};
  dwell_source *source;
  dwell_run *run;
  dwell_measure_options o = dwell_measure_options_default();
  o.instruments = "clock,ip", o.null_draws = 0, o.beta = beta;
  assert_ok(dwell_flow_open(&flow, &ctx, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &o, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

static double cell(const dwell_run *run, size_t b, const char *column) {
  double x;
  if (!dwell_run_number(run, "blocks", b, column, &x)) fail_msg("block %zu, %s is empty", b, column);
  return x;
}

/* Equiangular tokens under the layer map: the clock is the map's, for every temperature and step. */
static void test_the_layer_map(void **state) {
  (void)state;
  static const double cases[][3] = {{1, 0.1, 0.3}, {4, 0.5, 0.2}, {4, 3, 0.2}, {0.3, 1, 0.05}, {9, 0.7, 0.6}};
  enum { LAYERS = 15 };
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    double beta = cases[c][0], eta = cases[c][1], times[LAYERS + 1];
    dwell_flow_options o = dwell_flow_options_default();
    for (size_t l = 0; l <= LAYERS; l++) times[l] = (double)l * eta;
    o.n = 12, o.d = 17, o.beta = beta, o.integrator = DWELL_LAYER, o.step = eta;
    o.init = testing_format("equiangular:%g", cases[c][2]);
    o.times = times, o.times_count = LAYERS + 1;
    dwell_run *run = measure_flow(o, beta);
    assert_int_equal(dwell_run_rows(run, "blocks"), LAYERS);
    double moved = cell(run, 3, "eta_calibrated");
    for (size_t b = 0; b < LAYERS; b++) {
      double mean;
      assert_true(dwell_run_number(run, "layers", b + 1, "ip_mean", &mean));
      assert_near(cell(run, b, "gamma_residual_calibrated"), 0, 0, 1e-11);
      /* near collapse the motion itself is rounding */
      if (1 - mean < 1e-8) continue;
      assert_near(cell(run, b, "eta_calibrated"), eta, 1e-6, 0);
      assert_near(cell(run, b, "eta_cosine_calibrated"), 1, 0, 1e-9);
      assert_near(cell(run, b, "tau_calibrated"), (double)(b + 1) * eta, 1e-6, 0);
    }
    assert_near(moved, eta, 1e-6, 0);
    dwell_run_destroy(run);
  }
}

/* At another beta than the map's own there is a residual. */
static void test_another_temperature(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 12, o.d = 17, o.beta = 4, o.integrator = DWELL_LAYER, o.step = 0.3, o.until = 3, o.frames = 11;
  o.init = "equiangular:0.2";
  dwell_run *run = measure_flow(o, 4);
  assert_near(cell(run, 9, "gamma_residual_calibrated"), 0, 0, 1e-11);
  assert_true(fabs(cell(run, 9, "gamma_residual_b1")) <
              1e-11); /* one equation for all beta: it is the step that differs */
  assert_true(cell(run, 9, "tau_b1") < 0.9 * cell(run, 9, "tau_calibrated"));
  dwell_run_destroy(run);
}

/* Replicas begin anew. */
static void test_replicas(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 8, o.d = 4, o.beta = 2, o.integrator = DWELL_LAYER, o.step = 0.3, o.until = 1.5, o.frames = 6, o.replicas = 3;
  dwell_run *run = measure_flow(o, 2);
  assert_int_equal(dwell_run_rows(run, "blocks"), 15);
  for (size_t r = 0; r < 3; r++) {
    assert_true(cell(run, 5 * r, "tau_calibrated") == cell(run, 5 * r, "eta_calibrated"));
    double sum = 0;
    for (size_t b = 0; b < 5; b++) sum += cell(run, 5 * r + b, "eta_calibrated");
    assert_near(cell(run, 5 * r + 4, "tau_calibrated"), sum, 1e-15, 0);
  }
  dwell_run_destroy(run);
}

/* ---- one step ---- */

/* What the columns say, written out. */
static void slow(size_t n, size_t d, const double *u, const double *v, double beta, double *ret_eta,
                 double *ret_cosine) {
  double moved = 0, pulled = 0, both = 0, along = 0, square = 0;
  double *a = malloc(d * sizeof *a), *t = malloc(d * sizeof *t);
  for (size_t i = 0; i < n; i++) {
    double z = 0, ua = 0, uv = 0;
    memset(a, 0, d * sizeof *a);
    for (size_t j = 0; j < n; j++) {
      double g = 0;
      for (size_t k = 0; k < d; k++) g += u[i * d + k] * u[j * d + k];
      z += exp(beta * g);
      for (size_t k = 0; k < d; k++) a[k] += exp(beta * g) * u[j * d + k];
    }
    for (size_t k = 0; k < d; k++) a[k] /= z, ua += a[k] * u[i * d + k], uv += v[i * d + k] * u[i * d + k];
    for (size_t k = 0; k < d; k++) {
      t[k] = v[i * d + k] - uv * u[i * d + k];
      double p = a[k] - ua * u[i * d + k];
      moved += t[k] * t[k], pulled += p * p, both += t[k] * p, square += a[k] * a[k];
    }
    along += ua;
  }
  along /= (double)n, square /= (double)n;
  *ret_cosine = both / sqrt(moved * pulled);
  /* |P u'|^2 (1 + 2 eta <u,A> + eta^2 |A|^2) = eta^2 |P A|^2, by halving */
  double low = 0, high = 1e6, m2 = moved / pulled;
  for (int k = 0; k < 200; k++) {
    double eta = (low + high) / 2;
    if (eta * eta > m2 * (1 + 2 * eta * along + eta * eta * square)) high = eta;
    else low = eta;
  }
  *ret_eta = low;
  free(a), free(t);
}

static const double F64 = 1e-15, F32 = 6e-8; /* rounding errors of states */

static void step_of_states(double epsilon, size_t n, size_t d, const double *x, const double *y, double beta,
                           value ret[COLUMNS]) {
  dwell_error err = {0};
  geometry *before = clouds_geometry(x, n, d), *after = clouds_geometry(y, n, d);
  instrument_setting s = {.epsilon = epsilon, .beta = beta};
  assert_ok(instrument_clock.step(before, after, &s, ret, &err), &err);
  geometry_destroy(before);
  geometry_destroy(after);
}

static void step(size_t n, size_t d, const double *x, const double *y, double beta, value ret[COLUMNS]) {
  step_of_states(F64, n, d, x, y, beta, ret);
}

/* States of f32 are multiplied in f32, but their deviations from the mean: tokens that are nearly one lose nothing. */
static void test_narrow_states(void **state) {
  (void)state;
  enum { N = 150, D = 33 }; /* more than a tile of tokens */
  static const double spreads[] = {10, 1, 1e-3, 1e-6};
  for (size_t c = 0; c < 4; c++) {
    double *x = clouds_normal(N, D, 0, 40), *y = clouds_normal(N, D, 0, 41);
    value wide[COLUMNS], narrow[COLUMNS];
    for (size_t i = 0; i < N * D; i++) {
      x[i] = 1 + spreads[c] * x[i], y[i] = x[i] + 0.02 * spreads[c] * y[i];
    }
    step_of_states(F64, N, D, x, y, 3, wide);
    step_of_states(F32, N, D, x, y, 3, narrow);
    for (size_t k = 0; k < COLUMNS; k++) {
      assert_null(narrow[k].undefined);
      assert_near(narrow[k].number, wide[k].number, 3e-7, 3e-7); /* a few roundings of f32 in each of d sums */
    }
    assert_true(narrow[ETA].number != wide[ETA].number); /* or it was not done in f32 */
    free(x), free(y);
  }
}

static void test_one_step(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{3, 3}, {7, 4}, {40, 6}, {9, 33}};
  for (size_t c = 0; c < 4; c++) {
    size_t n = sizes[c][0], d = sizes[c][1];
    double *x = clouds_normal(n, d, 0, 30), *y = clouds_normal(n, d, 0, 31), eta, cosine;
    value got[COLUMNS];
    for (size_t i = 0; i < n * d; i++) y[i] = x[i] + 0.02 * y[i];
    geometry *before = clouds_geometry(x, n, d), *after = clouds_geometry(y, n, d);
    slow(n, d, geometry_unit(before), geometry_unit(after), 3, &eta, &cosine);
    step(n, d, x, y, 3, got);
    assert_null(got[ETA].undefined);
    assert_near(got[ETA].number, eta, 1e-10, 0);
    assert_near(got[COSINE].number, cosine, 0, 1e-12);
    slow(n, d, geometry_unit(before), geometry_unit(after), 1, &eta, &cosine);
    assert_near(got[ETA_ONE].number, eta, 1e-10, 0);
    geometry_destroy(before), geometry_destroy(after);
    free(x), free(y);
  }
}

static void test_undefined(void **state) {
  (void)state;
  double same[6] = {1, 2, 1, 2, 1, 2}, x[6] = {1, 0, 0.6, 0.8, 0, 1}, away[6] = {-1, 0.1, -0.6, -0.8, 0, -1};
  value got[COLUMNS];
  step(3, 2, same, x, 2, got);
  assert_string_equal(got[ETA].undefined, "no pull");
  step(3, 2, x, x, 2, got);
  assert_true(got[ETA].undefined == NULL && got[ETA].number == 0);
  assert_string_equal(got[COSINE].undefined, "nothing moves");
  double far[6] = {0, 1, -0.8, 0.6, -1, 0}; /* a quarter turn */
  step(3, 2, x, far, 2, got);
  assert_string_equal(got[ETA].undefined, "moves further than a step can");
  step(3, 2, x, away, NAN, got);
  for (size_t k = 1; k < COLUMNS; k += 2) assert_string_equal(got[k].undefined, "beta_uncalibrated");
  step(1, 2, x, away, 1, got);
  for (size_t k = 0; k < COLUMNS; k++) assert_string_equal(got[k].undefined, "n < 2");
}

/* What comes after an undefined step has no time. */
static void test_series(void **state) {
  (void)state;
  value values[3][COLUMNS], *rows[3] = {values[0], values[1], values[2]};
  instrument_setting s = {.beta = 2};
  for (size_t b = 0; b < 3; b++) {
    for (size_t k = 0; k < COLUMNS; k++) values[b][k] = VALUE(0.5);
  }
  values[1][ETA] = UNDEFINED("moves further than a step can");
  instrument_clock.series(10, &s, 3, rows);
  double rho = clock_map(10, 2, 0.5, 0.5);
  assert_near(values[0][TAU].number, 0.5, 0, 0);
  assert_near(values[0][RESIDUAL].number, 0.5 - rho, 0, 1e-15);
  assert_string_equal(values[1][TAU].undefined, "eta is undefined here or before");
  assert_string_equal(values[2][RESIDUAL].undefined, "eta is undefined here or before");
  assert_near(values[2][TAU_ONE].number, 1.5, 0, 0);
  assert_true(values[1][ETA].undefined != NULL && values[2][ETA].number == 0.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_layer_map), cmocka_unit_test(test_another_temperature),
      cmocka_unit_test(test_replicas),      cmocka_unit_test(test_one_step),
      cmocka_unit_test(test_narrow_states), cmocka_unit_test(test_undefined),
      cmocka_unit_test(test_series),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
