/* tests/flow/test_batch.c - systems side by side against the exact equation and against the flow one by one. */
#include <math.h>

#include "base/error.h"
#include "flow/batch.h"
#include "flow/batch_kernel.h"
#include "flow/equiangular.h"
#include "flow/starts.h"
#include "linalg/elementary_f32.h"
#include "theorem/particles.h"
#include "util/testing.h"

enum { TOKENS = 32, MOST = 64 };

typedef struct listener {
  starts starts;
  size_t first; /* replica of system 0 */
  double beta[MOST], above[MOST], half[MOST], last[MOST];
  bool ordered;
} listener;

static dwell_status start(void *self, size_t system, double *ret_x, double *ret_beta, dwell_error *err) {
  const listener *l = self;
  *ret_beta = l->beta[system];
  return starts_make(&l->starts, 11, (uint32_t)(l->first + system), ret_x, err);
}

/* Half of the pairs are there at the least of the times up to which so many have come. */
static void note_half(listener *l, size_t system, double before, size_t count, const double *times,
                      const double *pairs) {
  double half = TOKENS * (TOKENS - 1) / 4.0, best = INFINITY;
  for (size_t e = 0; e < count; e++) {
    double up_to = before;
    for (size_t k = 0; k < count; k++) up_to += times[k] <= times[e] ? pairs[k] : 0;
    if (up_to >= half && times[e] < best) best = times[e];
  }
  l->half[system] = best;
}

static void crossings(void *self, size_t system, size_t count, const double *times, const double *pairs) {
  listener *l = self;
  double half = TOKENS * (TOKENS - 1) / 4.0, before = l->above[system], latest = l->last[system];
  for (size_t e = 0; e < count; e++) {
    l->above[system] += pairs[e];
    l->ordered &= times[e] >= l->last[system];
    latest = fmax(latest, times[e]);
  }
  if (before < half && l->above[system] >= half) note_half(l, system, before, count, times, pairs);
  l->last[system] = latest;
}

static batch_options usual(const starts *s, double until) {
  return (batch_options){TOKENS, s->d, until, 0.999, 1e-5, 5e-5, NULL}; /* as figure/diagram.c */
}

static listener listen(const char *init, size_t d, double beta) {
  listener l = {.ordered = true};
  dwell_error err;
  assert_int_equal(starts_open(init, TOKENS, d, &l.starts, &err), DWELL_OK);
  if (d > TOKENS) assert_int_equal(starts_reduce(&l.starts, &err), DWELL_OK);
  for (size_t i = 0; i < MOST; i++) l.beta[i] = beta;
  return l;
}

static void run_by(listener *l, size_t count, double until, const char *opt_isa) {
  dwell_error err;
  batch_options o = usual(&l->starts, until);
  o.opt_isa = opt_isa;
  batch_host host = {start, crossings, l};
  assert_int_equal(batch_run(&o, count, &host, NULL, NULL, &err), DWELL_OK);
}

static void run(listener *l, size_t count, double until) { run_by(l, count, until, NULL); }

/* All pairs of an orthogonal start meet at one time, a quadrature. 1e-4 is what phase diagrams promise. */
static void exact_times(void **state) {
  (void)state;
  static const double betas[] = {0, 0.1, 1, 3, 5, 7, 9};
  for (size_t k = 0; k < sizeof betas / sizeof betas[0]; k++) {
    equiangular e = {EQUIANGULAR_SA, TOKENS, betas[k], 0};
    double from = equiangular_coordinate(TOKENS, 1), to = equiangular_coordinate(TOKENS, 1e-3);
    double exact = exp(equiangular_log_time(&e, from, to));
    listener l = listen("orthogonal", TOKENS, betas[k]);
    run(&l, 3, 400);
    for (size_t s = 0; s < 3; s++) {
      assert_true(fabs(l.half[s] - exact) <= 1e-4 * exact);
      assert_near(l.above[s], TOKENS * (TOKENS - 1) / 2.0, 0, 0);
    }
    starts_close(&l.starts);
  }
}

/* Share of pairs at a moment by the flow's own integrator, without merging. */
static double share_at(const listener *l, size_t replica, double beta, double t) {
  particles p;
  dwell_error err;
  assert_int_equal(particles_open("sa", TOKENS, l->starts.d, beta, &p, &err), DWELL_OK);
  p.plan.rtol = 1e-10;
  assert_int_equal(starts_make(&l->starts, 11, (uint32_t)replica, p.x, &err), DWELL_OK);
  assert_int_equal(particles_to(&p, t, NULL, &err), DWELL_OK);
  double share = particles_share(&p, 0.999);
  particles_close(&p);
  return share;
}

/* The time at which half of the pairs have met lies within 1e-4 of itself of where the flow has it. (Colder systems
 * pass saddles; there single starts may differ by more, see docs/figures.md.) */
static void as_the_flow(void **state) {
  (void)state;
  static const struct {
    size_t d;
    double beta;
  } cases[] = {{3, 1}, {8, 1}, {8, 2}, {64, 1}, {64, 5}};
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    listener l = listen("uniform", cases[k].d, cases[k].beta);
    run(&l, 9, 60);
    assert_true(l.ordered);
    for (size_t s = 0; s < 3; s++) {
      assert_true(l.half[s] > 0);
      assert_true(share_at(&l, s, cases[k].beta, l.half[s] * (1 - 1e-4)) < 0.5);
      assert_true(share_at(&l, s, cases[k].beta, l.half[s] * (1 + 1e-4)) >= 0.5);
    }
    starts_close(&l.starts);
  }
}

/* At the end so many pairs are above as the flow says, in cold systems that merge and are moved to smaller blocks. */
static void clusters_at_the_end(void **state) {
  (void)state;
  listener l = listen("uniform", 4, 9);
  run(&l, 20, 30);
  for (size_t s = 0; s < 20; s += 5) {
    double share = l.above[s] / (TOKENS * (TOKENS - 1) / 2.0);
    assert_true(fabs(share - share_at(&l, s, 9, 30)) < 1e-12);
  }
  starts_close(&l.starts);
}

/* A system's crossings do not depend on who is beside it, warm or cold and with many mergers. */
static void alone_and_among_others(void **state) {
  (void)state;
  listener all = listen("uniform", 6, 4);
  for (size_t s = 0; s < 21; s++) all.beta[s] = s % 3 == 0 ? 4 : 0.5 * (double)(s % 7);
  run(&all, 21, 20);
  for (size_t s = 0; s < 21; s += 4) {
    listener one = listen("uniform", 6, all.beta[s]);
    one.first = s;
    run(&one, 1, 20);
    assert_true(one.half[0] == all.half[s] && one.last[0] == all.last[s] && one.above[0] == all.above[s]);
    starts_close(&one.starts);
  }
  starts_close(&all.starts);
}

/* Every instruction set of this CPU, with wide and with narrow registers: the same crossings but for rounding (to 1e-7,
 * which grows on the way), and a system's bits do not depend on its lane. */
static void every_instruction_set(void **state) {
  (void)state;
  static const char *const sets[] = {"avx512", "avx2", "baseline"};
  listener first = listen("uniform", 6, 4), narrow = first;
  run_by(&first, 13, 20, "baseline");
  for (size_t k = 0; k < 3; k++) {
    if (batch_kernels_of(sets[k]) == NULL) continue;
    assert_string_equal(batch_kernels_of(sets[k])->isa, sets[k]);
    listener l = narrow;
    run_by(&l, 13, 20, sets[k]);
    for (size_t s = 0; s < 13; s++) {
      assert_near(l.half[s], first.half[s], 1e-4, 0);
      assert_near(l.last[s], first.last[s], 1e-4, 0);
      assert_near(l.above[s], first.above[s], 0, 0);
    }
    listener late = narrow;
    late.first = 9;
    run_by(&late, 4, 20, sets[k]);
    for (size_t s = 0; s < 4; s++) assert_true(late.half[s] == l.half[9 + s] && late.last[s] == l.last[9 + s]);
  }
  assert_null(batch_kernels_of("mmx"));
  starts_close(&first.starts);
}

/* Where in a step a pair passes: exponential approach; one whose rate rises from .9 to 1.1; and a
 * gap that is beyond the level by rounding where its cosine was not, which has passed at once. */
static void where_pairs_pass(void **state) {
  (void)state;
  static const char *const sets[] = {"avx512", "avx2", "baseline"};
  double level = 1e-3, b = exp(-1);
  for (size_t k = 0; k < 3; k++) {
    const batch_kernels *kernels = batch_kernels_of(sets[k]);
    if (kernels == NULL) continue;
    double gap[3] = {4e-3, 2e-3, level * (1 - 1e-7)}, end[3] = {2.5e-4, 2e-3 * b, level / 4}, rise[3], goal[3];
    double leave[3] = {-4e-3 * log(16), -2e-3 * 0.9, -level}, arrive[3] = {-2.5e-4 * log(16), -2e-3 * b * 1.1, -level};
    double where[3];
    batch_passages p = {gap, end, leave, arrive, rise, goal, where};
    kernels->passages(3, level, &p);
    assert_near(where[0], 0.5, 1e-12, 0);
    double s = where[1]; /* ln gap = ln 2e-3 - .9 s - .1 s^2 has these slopes and this end */
    assert_near(-0.9 * s - 0.1 * s * s, log(0.5), 1e-6, 0);
    assert_near(where[2], 0, 0, 0);
  }
}

/* The exponential of the weights: 9e-8 of the polynomial and the rounding of its last operations. */
static void powers_of_two(void **state) {
  (void)state;
  for (float r = -0.5f; r <= 0.5f; r += 0x1p-12f) assert_near(ELEMENTARY_EXP2_F32(r), exp2(r), 2.5e-7, 0);
}

static dwell_status refuse(void *self, size_t system, double *ret_x, double *ret_beta, dwell_error *err) {
  (void)self, (void)system, (void)ret_x, (void)ret_beta;
  return error_set(err, DWELL_BAD_INPUT, "no start");
}

static void a_start_that_fails(void **state) {
  (void)state;
  dwell_error err;
  batch_options o = {TOKENS, 4, 10, 0.999, 1e-6, 1e-4, NULL};
  batch_host host = {refuse, crossings, NULL};
  assert_int_equal(batch_run(&o, 3, &host, NULL, NULL, &err), DWELL_BAD_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_times),           cmocka_unit_test(as_the_flow),
      cmocka_unit_test(clusters_at_the_end),   cmocka_unit_test(alone_and_among_others),
      cmocka_unit_test(every_instruction_set), cmocka_unit_test(where_pairs_pass),
      cmocka_unit_test(powers_of_two),         cmocka_unit_test(a_start_that_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
