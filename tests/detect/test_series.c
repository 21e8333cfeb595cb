/* tests/detect/test_series.c - energies, time scales, collapse and the test over states. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "detect/detect.h"
#include "util/testing.h"

static const random_stream numbers = {.seed = 21, .purpose = RANDOM_TEST};

/* ---- energies ---- */

static energy_path path(const double *energy, const double *floor, size_t states) {
  static const double none[64];
  dwell_error err;
  energy_path p;
  assert_ok(detect_violations(energy, floor != NULL ? floor : none, states, &p, &err), &err);
  return p;
}

static void test_monotone_up(void **state) {
  (void)state;
  const double energy[] = {0.1, 0.2, 0.2, 0.7, 1};
  energy_path p = path(energy, NULL, 5);
  assert_near(p.index.number, 1, 0, 0);
  assert_near(p.drawdown_rel, 0, 0, 0);
  assert_int_equal(p.drops, 0);
  assert_true(p.worst_step == SIZE_MAX && p.peak == SIZE_MAX && p.trough == SIZE_MAX);
}

/* V = -I descends all the way: index -1, drawdown 1, although no single fall is large. */
static void test_descending(void **state) {
  (void)state;
  double energy[31];
  for (int l = 0; l <= 30; l++) energy[l] = 1 - l / 31.0;
  energy_path p = path(energy, NULL, 31);
  assert_near(p.index.number, -1, 1e-15, 0);
  assert_near(p.drawdown_rel, 1, 1e-15, 0);
  assert_near(p.max_drop_rel, 1 / 30.0, 1e-12, 0);
  assert_int_equal(p.drops, 30);
  assert_int_equal(p.peak, 0);
  assert_int_equal(p.trough, 30);
}

/* The drawdown is the largest fall to any later state, by every pair; index by its sum. */
static void test_violations_against_the_twin(void **state) {
  (void)state;
  enum { LENGTH = 12 };
  for (uint32_t run = 0; run < 200; run++) {
    double energy[LENGTH], floor[LENGTH], most = 0, sum = 0, all = 0, low = 2, high = 0;
    for (uint32_t l = 0; l < LENGTH; l++) {
      energy[l] = random_uniform(&numbers, run, l);
      floor[l] = 0.1 * random_uniform(&numbers, run, 100 + l);
      low = fmin(low, energy[l]), high = fmax(high, energy[l]);
    }
    for (size_t a = 0; a < LENGTH; a++) {
      for (size_t b = a + 1; b < LENGTH; b++) {
        double rise = energy[b] - energy[a];
        if (fabs(rise) <= floor[a] + floor[b]) rise = 0;
        if (-rise > most) most = -rise;
        if (b == a + 1) sum += rise, all += fabs(rise);
      }
    }
    energy_path p = path(energy, floor, LENGTH);
    assert_near(p.drawdown_rel, most / (high - low), 1e-12, 0);
    assert_near(p.index.number, sum / all, 1e-12, 0);
    if (most > 0) assert_near(energy[p.peak] - energy[p.trough], most, 1e-12, 0);
  }
}

/* The threshold is a bound on rounding at these two states, not one number for every beta and precision. */
static void d_1_8_falls_within_rounding_do_not_count(void **state) {
  (void)state;
  const double energy[] = {5, 5.5, 5.5 - 2e-6, 6}, f32[] = {1e-9, 1e-9, 1e-9, 1e-9}, bf16[] = {1e-3, 1e-3, 1e-3, 1e-3};
  energy_path p = path(energy, f32, 4);
  assert_int_equal(p.drops, 1);
  assert_int_equal(p.worst_step, 1);
  p = path(energy, bf16, 4);
  assert_int_equal(p.drops, 0);
  assert_int_equal(p.below_floor, 1);
  assert_near(p.index.number, 1, 0, 0);
  assert_near(p.drawdown_rel, 0, 0, 0);
}

static void test_energy_scale_and_shift(void **state) {
  (void)state;
  const double energy[] = {0.25, 0.5, 0.375, 0.75, 0.5}, moved[] = {5, 6, 5.5, 7, 6};
  energy_path a = path(energy, NULL, 5), b = path(moved, NULL, 5);
  assert_near(a.index.number, b.index.number, 0, 0);
  assert_near(a.drawdown_rel, b.drawdown_rel, 0, 0);
  assert_near(a.max_drop_rel, b.max_drop_rel, 0, 0);
}

static void test_energy_edges(void **state) {
  (void)state;
  const double one[] = {0.5}, constant[] = {1, 1, 1}, bad[] = {1, NAN}, infinite[] = {INFINITY, 1};
  dwell_error err;
  energy_path p = path(one, NULL, 0);
  assert_non_null(p.index.undefined);
  p = path(one, NULL, 1);
  assert_int_equal(p.steps, 0);
  p = path(constant, NULL, 3);
  assert_non_null(p.index.undefined);
  assert_near(p.drawdown_rel, 0, 0, 0);
  assert_fails(detect_violations(bad, constant, 2, &p, &err), DWELL_BAD_INPUT, &err, "state 1");
  assert_fails(detect_violations(infinite, constant, 2, &p, &err), DWELL_BAD_INPUT, &err, "state 0");
  assert_fails(detect_violations(constant, bad, 2, &p, &err), DWELL_BAD_INPUT, &err, "state 1");
}

static void test_ideal_rate(void **state) {
  (void)state;
  assert_near(detect_ideal_rate(0, 0.1).number, 0, 0, 0);
  assert_near(detect_ideal_rate(9, 0.1).number, 0.26, 0, 0);
  assert_near(detect_ideal_rate(4.5, 0.1).number, 0.26, 0, 0); /* the next larger flow */
  assert_near(detect_ideal_rate(20, 1).number, 0.07, 0, 0);
  assert_near(detect_ideal_rate(300, 1).number, 0.07, 0, 0);
  assert_near(detect_ideal_rate(NAN, 2).number, 0.005, 0, 0);
  assert_near(detect_ideal_rate(NAN, 5).number, 0, 0, 0);
  assert_string_equal(detect_ideal_rate(4, 3).undefined, "not measured");
  assert_string_equal(detect_ideal_rate(-1, 1).undefined, "beta < 0");
}

/* ---- pairs of a fall ---- */

enum { N = 9 };

static void draw_cosines(uint32_t run, double cosines[N * N]) {
  for (uint32_t i = 0; i < N; i++) {
    cosines[i * N + i] = 1;
    for (uint32_t j = 0; j < i; j++)
      cosines[i * N + j] = cosines[j * N + i] = 2 * random_uniform(&numbers, 7000 + run, i * N + j) - 1;
  }
}

static double energy_of(const double *cosines, double beta) {
  double sum = 0;
  for (size_t k = 0; k < N * N; k++) sum += exp(beta * (cosines[k] - 1));
  return sum / (N * N);
}

/* With one part more per pair their sum is the energy's change; the worst ten are the smallest ten of all 36. */
static void test_pairs_make_up_the_change(void **state) {
  (void)state;
  double before[N * N], after[N * N];
  dwell_error err;
  energy_parts parts;
  for (uint32_t run = 0; run < 40; run++) {
    draw_cosines(2 * run, before), draw_cosines(2 * run + 1, after);
    double all[N * N], sum = 0;
    size_t pairs = 0, falling = 0;
    assert_ok(detect_drop_pairs(N, before, after, 2, NULL, NULL, NULL, &parts, &err), &err);
    for (size_t i = 0; i < N; i++) {
      for (size_t j = i + 1; j < N; j++) {
        all[pairs] = 2.0 / (N * N) * (exp(2 * (after[i * N + j] - 1)) - exp(2 * (before[i * N + j] - 1)));
        falling += all[pairs] < 0;
        sum += all[pairs++];
      }
    }
    assert_near(sum, energy_of(after, 2) - energy_of(before, 2), 1e-12, 1e-15);
    assert_int_equal(parts.count, falling < ENERGY_PAIRS ? falling : ENERGY_PAIRS);
    for (size_t k = 0; k < parts.count; k++) {
      size_t below = 0;
      for (size_t m = 0; m < pairs; m++) below += all[m] < parts.worst[k].change - 1e-15;
      assert_int_equal(below, k);
    }
  }
}

static void d_1_14_shares_of_special_and_massive_tokens(void **state) {
  (void)state;
  double before[N * N], after[N * N];
  const bool first[N] = {true};
  int64_t ids[N] = {0, 1, 2, 3, 4, 5, 6, 7, 7};
  dwell_error err;
  energy_parts parts;
  for (size_t k = 0; k < N * N; k++) before[k] = k % (N + 1) == 0 ? 1 : 0.5, after[k] = before[k];
  after[1] = after[N] = 0.25;              /* tokens 0 and 1 */
  after[7 * N + 8] = after[8 * N + 7] = 0; /* tokens 7 and 8, of one id */
  assert_ok(detect_drop_pairs(N, before, after, 1, first, NULL, ids, &parts, &err), &err);
  double a = exp(-0.5) - exp(-0.75), b = exp(-0.5) - exp(-1);
  assert_int_equal(parts.count, 2);
  assert_true(parts.worst[0].i == 7 && parts.worst[0].j == 8 && parts.worst[1].i == 0 && parts.worst[1].j == 1);
  assert_near(parts.massive.number, a / (a + b), 1e-12, 0);
  assert_near(parts.same_id.number, b / (a + b), 1e-12, 0);
  assert_string_equal(parts.special.undefined, "not known");
  assert_ok(detect_drop_pairs(N, after, before, 1, first, first, ids, &parts, &err), &err);
  assert_int_equal(parts.count, 0);
  assert_string_equal(parts.special.undefined, "no fall");
  before[1] = NAN;
  assert_fails(detect_drop_pairs(N, before, after, 1, NULL, NULL, NULL, &parts, &err), DWELL_BAD_INPUT, &err, "cosine");
  assert_ok(detect_drop_pairs(0, before, after, 1, NULL, NULL, NULL, &parts, &err), &err);
  assert_int_equal(parts.count, 0);
}

/* ---- the staircase ---- */

static staircase stairs(const size_t *counts, const double *time, size_t states) {
  double t[64] = {0};
  dwell_error err;
  staircase s;
  for (size_t l = 0; l < states; l++) t[l] = log(time[l]);
  assert_ok(detect_staircase(counts, t, states, &s, &err), &err);
  return s;
}

static void test_staircase(void **state) {
  (void)state;
  const size_t counts[] = {12, 8, 4, 3, 4, 3, 2, 1};
  const double time[] = {0, 1, 2, 4, 8, 20, 50, 60};
  staircase s = stairs(counts, time, 8);
  assert_int_equal(s.count, 3); /* 4: 2..4, 3: 4..50, 2: 50..60 */
  assert_int_equal(s.stairs[s.best].level, 3);
  assert_near(exp(s.log_ratio), 12.5, 1e-12, 0);
  assert_near(exp(s.stairs[0].log_exit), 4, 1e-12, 0); /* made non-increasing: the 4 at t = 8 is no way back */
  assert_false(s.stairs[2].censored);
  staircase_free(&s);
}

static void test_staircase_censored_and_flat(void **state) {
  (void)state;
  const size_t open[] = {8, 8, 2, 2}, straight[] = {8, 7, 1, 1}, none[] = {8, 8, 8, 8};
  const double time[] = {0, 1, 2, 30};
  staircase s = stairs(open, time, 4);
  assert_true(s.count == 1 && s.stairs[0].censored && s.stairs[0].level == 2);
  assert_near(exp(s.log_ratio), 15, 1e-12, 0);
  staircase_free(&s);
  s = stairs(straight, time, 4);
  assert_true(s.count == 0 && s.best == SIZE_MAX && s.log_ratio == 0);
  staircase_free(&s);
  const size_t skips[] = {8, 4, 1, 1}; /* 3 and 2 are never seen: 4 ends where fewer are */
  s = stairs(skips, time, 4);
  assert_true(s.count == 1 && s.stairs[0].level == 4 && !s.stairs[0].censored);
  assert_near(exp(s.log_ratio), 2, 1e-12, 0);
  staircase_free(&s);
  s = stairs(none, time, 4);
  assert_int_equal(s.count, 0);
  staircase_free(&s);
  s = stairs(none, time, 0);
  assert_int_equal(s.count, 0);
  staircase_free(&s);
}

/* Times beyond a double are logarithms as any other; a change of the unit of time changes nothing. */
static void test_staircase_of_astronomic_times(void **state) {
  (void)state;
  const size_t counts[] = {8, 8, 3, 3, 1};
  const double log_time[] = {-INFINITY, 0, 2, 5000, 5001}, shifted[] = {-INFINITY, 1, 3, 5001, 5002};
  dwell_error err;
  staircase a, b;
  assert_ok(detect_staircase(counts, log_time, 5, &a, &err), &err);
  assert_ok(detect_staircase(counts, shifted, 5, &b, &err), &err);
  assert_near(a.log_ratio, 4999, 1e-12, 0);
  assert_near(b.log_ratio, 4999, 1e-12, 0);
  staircase_free(&a), staircase_free(&b);
  const double back[] = {0, 2, 1, 3, 4}, none[] = {0, 1, NAN, 3, 4};
  assert_fails(detect_staircase(counts, back, 5, &a, &err), DWELL_BAD_INPUT, &err, "state 2");
  assert_fails(detect_staircase(counts, none, 5, &a, &err), DWELL_BAD_INPUT, &err, "state 2");
}

/* ---- within and between ---- */

static void test_within_between(void **state) {
  (void)state;
  const int32_t labels[] = {0, 0, 1, 1, -1}, one[] = {0, 0, 0, 0, -1};
  double cosines[25], w, b;
  for (size_t k = 0; k < 25; k++) cosines[k] = k / 5 < 2 && k % 5 < 2 ? 0.9 : k / 5 < 4 && k / 5 > 1 ? 0.5 : -0.25;
  cosines[1 * 5 + 0] = NAN; /* only i < j is read */
  cosines[2 * 5 + 3] = 0.7;
  detect_within_between(5, cosines, labels, &w, &b);
  assert_near(w, (0.1 + 0.3) / 2, 1e-12, 0);
  assert_near(b, 1.25, 1e-12, 0);
  detect_within_between(5, cosines, one, &w, &b);
  assert_true(isnan(b) && !isnan(w));
}

static two_timescales scales(const double *w, const double *b, const double *log_time, size_t states) {
  dwell_error err;
  two_timescales s;
  assert_ok(detect_two_timescales(w, b, log_time, states, &s, &err), &err);
  return s;
}

/* Exponentials are straight in the logarithm: the halving times are exact. */
static void test_two_exponentials(void **state) {
  (void)state;
  double w[41], b[41], t[41], shifted[41];
  for (int l = 0; l <= 40; l++) {
    w[l] = 0.3 * exp(-1.0 * l), b[l] = 0.8 * exp(-0.05 * l);
    t[l] = log(l), shifted[l] = t[l] + 3;
  }
  two_timescales s = scales(w, b, t, 41);
  assert_near(exp(s.log_form.number), log(2), 1e-12, 0);
  assert_near(exp(s.log_merge.number), log(2) / 0.05, 1e-12, 0);
  assert_near(exp(s.log_ratio.number), 20, 1e-12, 0);
  assert_false(s.censored);
  assert_near(scales(w, b, shifted, 41).log_ratio.number, s.log_ratio.number, 1e-12, 0); /* unit of time */
  s = scales(w, b, t, 10);
  assert_true(s.censored);
  assert_near(exp(s.log_ratio.number), 9 / log(2), 1e-12, 0);
  s = scales(b, w, t, 10); /* the groups do not tighten */
  assert_string_equal(s.log_ratio.undefined, "no_formation");
}

/* Both times are of the same run and the same groups. */
static void d_1_5_two_times_of_one_partition(void **state) {
  (void)state;
  const double w[] = {0.5, 0.5, 0.5, 0.1, 0.1}, t[] = {-INFINITY, 0, 0.7, 1.1, 1.4};
  two_timescales s = scales(w, w, t, 5); /* one cone: everything closes in at once */
  assert_near(s.log_ratio.number, 0, 0, 1e-15);
}

static void test_scales_edges(void **state) {
  (void)state;
  const double zero[] = {0, 0}, bad[] = {1, NAN}, t[] = {-INFINITY, 0}, falls[] = {1, 0};
  dwell_error err;
  two_timescales s = scales(zero, falls, t, 0);
  assert_non_null(s.log_ratio.undefined);
  s = scales(zero, falls, t, 2);
  assert_string_equal(s.log_ratio.undefined, "no_formation");
  assert_fails(detect_two_timescales(bad, falls, t, 2, &s, &err), DWELL_BAD_INPUT, &err, "state 1");
  value v = detect_halving(falls, t, 2); /* to exact zero: the logarithm is cut at 1e-300 */
  assert_near(exp(v.number), log(2) / log(1e300), 1e-9, 0);
}

/* ---- collapse ---- */

static collapse collapse_of(const double *ip, const double *log_time, size_t states) {
  dwell_error err;
  collapse c;
  assert_ok(detect_collapse(ip, log_time, states, &c, &err), &err);
  return c;
}

static void test_exponential_collapse(void **state) {
  (void)state;
  double ip[30], t[30], twice[30];
  for (int l = 0; l < 30; l++) ip[l] = 1 - 0.9 * exp(-0.3 * l), t[l] = log(l), twice[l] = log(2 * l);
  collapse c = collapse_of(ip, t, 30), slow = collapse_of(ip, twice, 30);
  assert_near(c.rate.number, 0.3, 1e-9, 0);
  assert_near(c.half_time.number, log(2) / 0.3, 1e-9, 0);
  assert_near(c.fit_rate.number, 0.3, 1e-9, 0);
  assert_near(c.fit_r2.number, 1, 1e-12, 0);
  assert_near(c.fit_se.number, 0, 0, 1e-9);
  assert_near(slow.rate.number, 0.15, 1e-9, 0);
  assert_near(slow.half_time.number, 2 * log(2) / 0.3, 1e-9, 0);
}

/* States after everything met are rounding and take no part. */
static void test_arrived(void **state) {
  (void)state;
  const double ip[] = {0, 0.5, 0.75, 1, 1 - 1e-16, 1};
  const double t[] = {-INFINITY, 0, log(2), log(3), log(4), log(5)};
  collapse c = collapse_of(ip, t, 6);
  assert_near(c.rate.number, log(4) / 2, 1e-12, 0);
  assert_near(c.fit_rate.number, log(2), 1e-12, 0);
  assert_near(c.half_time.number, 1, 1e-12, 0);
}

/* Without times the number of the state is the time. */
static void test_rate_per_state(void **state) {
  (void)state;
  const double ip[] = {0.2, 0.5, 0.4, 0.9, 1};
  double time[5];
  dwell_error err;
  collapse c;
  for (size_t l = 0; l < 5; l++) time[l] = log((double)l);
  assert_ok(detect_collapse(ip, time, 5, &c, &err), &err);
  assert_near(detect_collapse_rate(ip, 5).number, c.rate.number, 1e-15, 0);
  assert_near(c.rate.number, log(0.8 / 0.1) / 3, 1e-14, 0);
  assert_non_null(detect_collapse_rate(ip, 1).undefined);
}

static void test_no_collapse(void **state) {
  (void)state;
  const double ip[] = {0.2, 0.1, 0.05, 0}, flat[] = {0.5, 0.5, 0.5, 0.5}, one[] = {1, 1};
  const double t[] = {-INFINITY, 0, log(2), log(3)}, far[] = {-INFINITY, 800, 900, 1000};
  collapse c = collapse_of(ip, t, 4);
  assert_true(c.rate.undefined == NULL && c.rate.number < 0);
  assert_string_equal(c.half_time.undefined, "no halving");
  assert_string_equal(c.fit_half_life.undefined, "no collapse");
  c = collapse_of(flat, t, 4);
  assert_near(c.rate.number, 0, 0, 0);
  assert_non_null(c.fit_r2.undefined);
  c = collapse_of(one, t, 2);
  assert_string_equal(c.rate.undefined, "collapsed at the start");
  c = collapse_of(ip, t, 1);
  assert_string_equal(c.rate.undefined, "one state");
  c = collapse_of(ip, t, 0);
  assert_true(c.rate.undefined != NULL && c.half_time.undefined != NULL);
  c = collapse_of(ip, far, 4);
  assert_string_equal(c.rate.undefined, "time beyond a double");
  const double bad[] = {0.1, NAN};
  dwell_error err;
  assert_fails(detect_collapse(bad, t, 2, &c, &err), DWELL_BAD_INPUT, &err, "not finite");
}

/* ---- the test over states ---- */

static void test_max_t(void **state) {
  (void)state;
  enum { DRAWS = 19, LENGTH = 3 };
  double observed[LENGTH] = {1, 0.5, 100}, drawn[DRAWS * LENGTH], z[LENGTH];
  for (size_t k = 0; k < DRAWS; k++) {
    drawn[k * LENGTH] = (double)(k % 2);      /* mean 9/19 */
    drawn[k * LENGTH + 1] = 0.5;              /* no spread: no scale */
    drawn[k * LENGTH + 2] = k == 4 ? NAN : 0; /* no null there */
  }
  dwell_error err;
  max_t m;
  assert_ok(detect_max_t(observed, drawn, DRAWS, LENGTH, z, &m, &err), &err);
  assert_int_equal(m.best, 0);
  assert_near(m.p.number, 10 / 20.0, 1e-12, 0); /* nine draws are as large; ties count */
  assert_true(isnan(z[1]) && isnan(z[2]) && z[0] > 0);
  observed[0] = 1.5;
  assert_ok(detect_max_t(observed, drawn, DRAWS, LENGTH, NULL, &m, &err), &err);
  assert_near(m.p.number, 1 / 20.0, 1e-12, 0);
  observed[0] = NAN;
  assert_ok(detect_max_t(observed, drawn, DRAWS, LENGTH, NULL, &m, &err), &err);
  assert_string_equal(m.p.undefined, "degenerate");
  assert_ok(detect_max_t(observed, drawn, 0, LENGTH, NULL, &m, &err), &err);
  assert_string_equal(m.p.undefined, "no draws");
}

/* One p for twelve dependent states: p <= .05 in 5 % of the runs within 3 standard errors, where the smallest of the
 * states' own p would be in far more. */
static void test_max_t_keeps_its_level(void **state) {
  (void)state;
  enum { RUNS = 600, DRAWS = 39, LENGTH = 12 };
  double x[(DRAWS + 1) * LENGTH];
  size_t found = 0;
  for (uint32_t run = 0; run < RUNS; run++) {
    for (uint32_t k = 0; k <= DRAWS; k++) {
      double shared = random_normal(&numbers, 100000 + run, k * 100);
      for (uint32_t l = 0; l < LENGTH; l++)
        x[k * LENGTH + l] = (1 + l) * (0.7 * shared + 0.7 * random_normal(&numbers, 100000 + run, k * 100 + 1 + l));
    }
    dwell_error err;
    max_t m;
    assert_ok(detect_max_t(x, x + LENGTH, DRAWS, LENGTH, NULL, &m, &err), &err);
    found += m.p.number <= 0.05;
  }
  /* z of the data is out of the sample that gave mean and sd, z of the draws is in it: sqrt(1 + 1/39) and more at the
   * maximum; with 39 draws the level is 6 to 7 %. */
  assert_true((double)found <= (0.07 + 3 * sqrt(0.07 * 0.93 / RUNS)) * RUNS);
  assert_true(found > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_monotone_up),
      cmocka_unit_test(test_descending),
      cmocka_unit_test(test_violations_against_the_twin),
      cmocka_unit_test(d_1_8_falls_within_rounding_do_not_count),
      cmocka_unit_test(test_energy_scale_and_shift),
      cmocka_unit_test(test_energy_edges),
      cmocka_unit_test(test_ideal_rate),
      cmocka_unit_test(test_pairs_make_up_the_change),
      cmocka_unit_test(d_1_14_shares_of_special_and_massive_tokens),
      cmocka_unit_test(test_staircase),
      cmocka_unit_test(test_staircase_censored_and_flat),
      cmocka_unit_test(test_staircase_of_astronomic_times),
      cmocka_unit_test(test_within_between),
      cmocka_unit_test(test_two_exponentials),
      cmocka_unit_test(d_1_5_two_times_of_one_partition),
      cmocka_unit_test(test_scales_edges),
      cmocka_unit_test(test_exponential_collapse),
      cmocka_unit_test(test_arrived),
      cmocka_unit_test(test_no_collapse),
      cmocka_unit_test(test_rate_per_state),
      cmocka_unit_test(test_max_t),
      cmocka_unit_test(test_max_t_keeps_its_level),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
