/* tests/flow/test_logclock.c - exact times of metastable states: the clock in ln t, merging, plateaus. */
#include "flow/orbiting.h"

#include "flow/marks.h"
#include "trajectory/source.h"

#include <time.h>

/* Integrates until `until` clusters are left (0: to log_end); the end state goes to x. */
static flow_history history_of(const char *family, size_t n, size_t d, double beta, const double *masses, double *x,
                               double rtol, double merge, size_t until, double log_end, certificate *ret_certificate) {
  flow_history history = {0};
  flow_plan plan = {.family = flow_find(family), .system = {n, d, beta, masses, false}, .rtol = rtol};
  plan.log_clock = true, plan.merge = merge, plan.until_merged = until, plan.log_end = log_end;
  if (until == 0) plan.log_times = &log_end, plan.count = 1;
  double *kept = malloc(n * d * sizeof(double));
  kept_states states = {n * d, 0, kept};
  integrate_host host = {.emit = keep_state, .self = &states, .opt_history = &history};
  dwell_error err = {.offset = -1};
  assert_ok(integrate(&plan, &host, x, ret_certificate, &err), &err);
  free(kept);
  return history;
}

static double chord(double angle) { return 2 * sin(angle / 2); }

/* ln of the time in which two clusters at angle theta come to within .01. */
static double pair_time(const char *family, double beta, double theta, double mass, double rtol) {
  double masses[2] = {mass, 1 - mass}, x[4] = {1, 0, cos(theta), sin(theta)};
  certificate c;
  flow_history h = history_of(family, 2, 2, beta, masses, x, rtol, chord(0.01), 1, INFINITY, &c);
  assert_int_equal(h.merger_count, 1);
  double time = h.mergers[0].log_time;
  history_clear(&h);
  return time;
}

/* Theory T12: multiprecision quadrature, 15 digits published; 1e-9 in ln T. */
static void test_golden_merger_times(void **state) {
  (void)state;
  static const double thetas[5] = {.3, .8, 1.5, 2.0, 3.0};
  static const struct {
    double beta, log_time[5];
  } rows[] = {{50, {1.51423171671887, 11.2856147459210, 41.8666613931846, 66.3736648043859, 98.0436160565344}},
              {100, {2.28342155282893, 25.7241049227608, 87.6346063570209, 136.496844589026, 197.103953523846}},
              {400, {13.6791592977116, 115.303935050908, 365.025892158135, 559.961796781498, 793.037948189784}},
              {2000, {83.4821388438370, 598.958255128162, 1850.23663494009, 2824.18928720004, 3975.56080311293}}};
  for (size_t r = 0; r < 4; r++)
    for (size_t a = 0; a < 5; a++)
      assert_near(pair_time("sa", rows[r].beta, thetas[a], 0.5, 1e-13), rows[r].log_time[a], 0, 1e-9);
}

static void test_golden_unequal_masses(void **state) {
  (void)state;
  static const struct {
    double beta, theta, log_time[3];
  } rows[] = {{50, .8, {10.7748301880130, 9.76947339063102, 7.38624864978966}},
              {50, 2.0, {65.8628391806199, 64.8573173150178, 62.4715901096109}},
              {400, .8, {114.793109427142, 113.787587561540, 111.401860356133}},
              {400, 2.0, {559.450971157732, 558.445449292130, 556.059722086723}},
              {2000, .8, {598.447429504396, 597.441907638794, 595.056180433387}},
              {2000, 2.0, {2823.67846157627, 2822.67293971067, 2820.28721250526}}};
  static const double masses[3] = {.25, .1, .01};
  for (size_t r = 0; r < 6; r++)
    for (size_t a = 0; a < 3; a++)
      assert_near(pair_time("sa", rows[r].beta, rows[r].theta, masses[a], 1e-13), rows[r].log_time[a], 0, 1e-9);
}

/* The unnormalised flow in the theory's clock, e^{beta} not divided out; the masses do not matter. */
static void test_golden_usa(void **state) {
  (void)state;
  static const double rows[][3] = {{50, .8, -38.0212659237013},   {50, 2.0, 17.0668119849458},
                                   {400, .8, -284.002917768536},  {400, 2.0, 160.654943962058},
                                   {400, 3.0, 393.731095370344},  {2000, 2.0, 824.882434380598},
                                   {2000, 3.0, 1976.25395029349}, {2000, .8, -1400.34859769128}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    assert_near(pair_time("usa", rows[r][0], rows[r][1], r % 2 ? 0.5 : 0.3, 1e-13), rows[r][2], 0, 1e-9);
}

/* Small beta, linear times (theory T12). */
static void test_golden_linear_times(void **state) {
  (void)state;
  static const double rows[][3] = {{1, 3.0, 14.90060008}, {4, 2.0, 44.50405882},  {9, 1.5, 255.876495},
                                   {20, 1, 388.4380444},  {50, 0.8, 79667.32023}, {9, 3.0, 32375669.86}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) /* printed to ten digits */
    assert_near(exp(pair_time("sa", rows[r][0], rows[r][1], 0.5, 1e-12)), rows[r][2], 1e-9, 0);
}

/* Theory T11: when two equal clusters at right angles have left their caps. */
static void test_golden_cap_exits(void **state) {
  (void)state;
  static const double exits[6] = {7.0000746, 16.3157614, 25.9078957, 35.6192319, 45.3956334, 55.2130655};
  double masses[2] = {0.5, 0.5};
  for (size_t b = 0; b < 6; b++) {
    double x[4] = {1, 0, 0, 1}, beta = 10 * (double)(b + 1);
    certificate c;
    flow_history h = history_of("sa", 2, 2, beta, masses, x, 1e-12, 1e-6, 1, INFINITY, &c);
    assert_int_equal(h.plateau_count, 2);
    assert_near(h.plateaus[0].log_exit, exits[b], 0, 1e-7); /* seven digits are printed */
    assert_true(h.plateaus[0].log_enter == -INFINITY && h.plateaus[0].log_end > exits[b] - 1e-7);
    if (!isnan(h.plateaus[0].log_guarantee)) assert_true(h.plateaus[0].log_guarantee < exits[b]);
    assert_int_equal(c.guarantees, !isnan(h.plateaus[0].log_guarantee));
    assert_int_equal(c.broken_guarantees, 0);
    history_clear(&h);
  }
}

/* Sixty clusters on the circle at beta = 400, until one is left: times beyond e^700, in some 400 steps a merger. */
static void test_last_merger(void **state) {
  (void)state;
  double *masses = equal_masses(60), *x = random_tokens(60, 2, 21), total = 0;
  certificate c;
  flow_history h = history_of("sa", 60, 2, 400, masses, x, 1e-10, 5e-9, 1, INFINITY, &c);
  assert_true(c.steps + c.rejected < 50000); /* 24523 on the machine where this was written */
  assert_int_equal(h.merger_count, 59);
  assert_true(h.mergers[58].log_time > 700 && h.mergers[58].log_time < 900);
  assert_near(h.mergers[58].mass, 1, 1e-14, 0);
  for (size_t k = 1; k < 59; k++) {
    assert_true(h.mergers[k].log_time >= h.mergers[k - 1].log_time);
    assert_int_equal(h.mergers[k].clusters, 59 - k);
  }
  for (size_t k = 0; k < h.plateau_count; k++) total += h.plateaus[k].log_end - h.plateaus[k].log_enter > 1;
  assert_true(total >= 8); /* plateaus that last e times as long as everything before */
  assert_true(c.energy_residual < 1e-8 && c.energy_fall < 1e-13 && c.mergers == 59 && c.broken_guarantees == 0);
  free(x), free(masses), history_clear(&h);
}

/* The same moments at a tenth of a thousandth of the tolerance: what is exact does not depend on it. */
static void test_moments_converge(void **state) {
  (void)state;
  double *masses = equal_masses(20), *x = random_tokens(20, 3, 22), *y = random_tokens(20, 3, 22);
  certificate c;
  flow_history a = history_of("sa", 20, 3, 100, masses, x, 1e-10, 1e-8, 1, INFINITY, &c);
  flow_history b = history_of("sa", 20, 3, 100, masses, y, 1e-13, 1e-8, 1, INFINITY, &c);
  assert_int_equal(a.merger_count, b.merger_count);
  for (size_t k = 0; k < a.merger_count; k++) {
    assert_near(a.mergers[k].log_time, b.mergers[k].log_time, 1e-8, 1e-8);
    assert_true(a.mergers[k].first == b.mergers[k].first && a.mergers[k].second == b.mergers[k].second);
  }
  /* the plateau's energy is that of clusters that do not feel each other, up to their weights */
  for (size_t k = 0; k < a.plateau_count; k++) assert_true(a.plateaus[k].energy >= a.plateaus[k].squares - 1e-14);
  free(x), free(y), free(masses), history_clear(&a), history_clear(&b);
}

/* A run that leaps from mark to mark gives the states of one that takes every step, to the bit, and takes few; so it
 * does with so few marks that they are thinned out again and again. */
static void test_leaps_from_mark_to_mark(void **state) {
  (void)state;
  enum { N = 20, D = 3, FRAMES = 40 };
  double *masses = equal_masses(N), *start = random_tokens(N, D, 24), *x = random_tokens(N, D, 24), logs[FRAMES];
  certificate all, few;
  flow_history h = history_of("sa", N, D, 100, masses, x, 1e-10, 1e-8, 1, INFINITY, &all);
  flow_plan plan = {.family = flow_find("sa"), .system = {N, D, 100, masses, false}, .rtol = 1e-10, .log_times = logs};
  plan.log_clock = true, plan.merge = 1e-8, plan.until_merged = 1, plan.log_end = INFINITY;
  for (size_t f = 0; f < FRAMES; f++)
    logs[f] = f == 0 ? -INFINITY : h.mergers[N - 2].log_time * (double)f / (FRAMES - 1);
  plan.count = FRAMES;
  double *every = run_plan(&plan, start, &all), *leapt = malloc(sizeof(double) * FRAMES * N * D);
  static const size_t rooms[] = {512, 20};
  for (size_t k = 0; k < 2; k++) {
    flow_marks marks;
    dwell_error err = {.offset = -1};
    kept_states states = {N * D, 0, leapt};
    integrate_host host = {.emit = keep_state, .self = &states, .opt_marks = &marks};
    assert_ok(marks_create(N, D, &marks, &err), &err);
    marks.room = rooms[k];
    plan.count = 0;
    memcpy(x, start, sizeof(double) * N * D);
    assert_ok(integrate(&plan, &host, x, &few, &err), &err);
    assert_int_equal(few.steps, all.steps);
    assert_true(marks.count > 8 && marks.count <= marks.room);
    plan.count = FRAMES;
    memcpy(x, start, sizeof(double) * N * D);
    assert_ok(integrate(&plan, &host, x, &few, &err), &err);
    assert_int_equal(states.count, FRAMES);
    assert_memory_equal(leapt, every, sizeof(double) * FRAMES * N * D);
    print_message("%zu of %zu steps with %zu marks\n", few.steps, all.steps, marks.count);
    assert_true(few.steps < all.steps / (k == 0 ? 5 : 1));
    marks_destroy(&marks);
  }
  free(every), free(leapt), free(start), free(x), free(masses), history_clear(&h);
}

/* Three tokens of which two coincide are two tokens, one of twice the mass. */
static void test_merging_is_exact(void **state) {
  (void)state;
  for (int family = 0; family < 2; family++) {
    double third[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3}, pair[2] = {2.0 / 3, 1.0 / 3};
    double x[6] = {1, 0, 1, 0, cos(2), sin(2)}, y[4] = {1, 0, cos(2), sin(2)};
    certificate c;
    const char *name = family == 0 ? "sa" : "usa";
    flow_history a = history_of(name, 3, 2, 30, third, x, 1e-12, 1e-6, 1, INFINITY, &c);
    flow_history b = history_of(name, 2, 2, 30, pair, y, 1e-12, 1e-6, 1, INFINITY, &c);
    assert_true(a.merger_count == 2 && b.merger_count == 1 && a.mergers[0].log_time == -INFINITY);
    assert_true(a.mergers[1].first == 3 && a.mergers[1].second == 2);
    assert_near(a.mergers[1].log_time, b.mergers[0].log_time, 1e-12, 0);
    history_clear(&a), history_clear(&b);
  }
}

/* Both clocks pass through the same states, with tokens merged or not, in few and in many dimensions. */
static void test_same_states_as_the_plain_clock(void **state) {
  (void)state;
  enum { N = 12, FRAMES = 9 };
  static const size_t dimensions[] = {2, 3, 12, 20};
  double times[FRAMES], logs[FRAMES], *masses = equal_masses(N);
  for (size_t t = 0; t < FRAMES; t++) times[t] = 3 * (double)t, logs[t] = log(times[t]);
  for (size_t k = 0; k < 4; k++)
    for (int merge = 0; merge < 2; merge++)
      for (int family = 0; family < 2; family++) {
        size_t d = dimensions[k];
        const flow *f = flow_find(family == 0 ? "sa" : "usa");
        double *x = random_tokens(N, d, (uint32_t)k), scale = family == 0 ? 1 : exp(-3), beta = 3;
        double now[FRAMES], then[FRAMES];
        for (size_t t = 0; t < FRAMES; t++) now[t] = scale * times[t], then[t] = logs[t] + log(scale);
        flow_plan plain = {f, {N, d, beta, masses, false}, DWELL_RK45, 0, 1e-12, now, FRAMES};
        flow_plan logged = plain;
        logged.log_clock = true, logged.log_times = then, logged.log_end = then[FRAMES - 1];
        logged.merge = merge ? 1e-8 : 0;
        certificate c;
        double *a = run_plan(&plain, x, &c), *b = run_plan(&logged, x, &c);
        assert_near(largest_difference(FRAMES * N * d, a, b), 0, 0, 3e-8); /* merged tokens are within 1e-8 */
        if (!merge) assert_near(largest_difference(FRAMES * N * d, a, b), 0, 0, 1e-9);
        assert_true(c.mergers == 0 || merge);
        free(a), free(b), free(x);
      }
  free(masses);
}

/* Forces that cancel: nothing moves, and asking for one cluster says so. */
static void test_tokens_at_rest(void **state) {
  (void)state;
  static const double logs[2] = {-INFINITY, 50};
  double masses[2] = {0.5, 0.5}, start[4] = {1, 0, -1, 0};
  flow_plan plan = {.family = flow_find("sa"), .system = {2, 2, 9, masses, false}, .rtol = 1e-10};
  plan.log_clock = true, plan.log_times = logs, plan.count = 2, plan.log_end = 50, plan.merge = 1e-7;
  certificate c;
  double *states = run_plan(&plan, start, &c);
  assert_memory_equal(states, start, sizeof start);
  assert_memory_equal(states + 4, start, sizeof start);
  free(states);
  plan.count = 0, plan.log_times = NULL, plan.until_merged = 1, plan.log_end = INFINITY;
  dwell_error err = {.offset = -1};
  integrate_host host = {0};
  assert_fails(integrate(&plan, &host, start, &c, &err), DWELL_FAILED, &err, "came to rest in 2 clusters");
}

/* ---- as a source ---- */

static dwell_flow_options merging_options(void) {
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 8, o.d = 2, o.beta = 50, o.until_merged = 1, o.frames = 7, o.replicas = 5;
  return o;
}

/* Each replica ends at its own last merger, on any number of threads. */
static void test_replicas_until_merged(void **state) {
  (void)state;
  dwell_flow_options o = merging_options();
  capture one = capture_flow(&o, 1), two = capture_flow(&o, 2);
  assert_memory_equal(one.x, two.x, 5 * 7 * 16 * sizeof(double));
  assert_memory_equal(one.log_times, two.log_times, 5 * 7 * sizeof(double));
  for (size_t r = 0; r < 5; r++) {
    const double *x = capture_at(&one, r, 6), *log_time = one.log_times + r * 7;
    assert_true(log_time[0] == -INFINITY && log_time[6] > 3);
    for (size_t f = 2; f < 6; f++) assert_near(log_time[f + 1] - log_time[f], log_time[2] - log_time[1], 1e-12, 1e-12);
    for (size_t i = 1; i < 8; i++) assert_near(dot(2, x, x + 2 * i), 1, 0, 1e-12);
    assert_true(r == 0 || log_time[6] != one.log_times[6]);
  }
  capture_free(&one), capture_free(&two);
}

static void test_records_of_a_run(void **state) {
  (void)state;
  dwell_flow_options o = merging_options();
  dwell_source *source = NULL;
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = 2, .seed = 7};
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  capture c = capture_source(source, &ctx);
  source_records r = source_get_records(source);
  size_t mergers = 0, plateaus = 0;
  for (size_t k = 0; k < r.event_count; k++) {
    mergers += strcmp(r.events[k].kind, "merger") == 0;
    plateaus += strcmp(r.events[k].kind, "metastable") == 0;
    assert_true(k == 0 || r.events[k].replica >= r.events[k - 1].replica);
  }
  assert_true(mergers == 5 * 7 && plateaus > 5 && r.array_count == 3);
  assert_string_equal(r.arrays[0].name, "merge_log_times");
  const double *times = r.arrays[0].data;
  const int64_t *pairs = r.arrays[1].data;
  for (size_t k = 0; k < 5; k++) {
    assert_near(times[7 * k + 6], c.log_times[7 * k + 6], 1e-12, 0);
    assert_true(pairs[14 * k] < 8 && pairs[14 * k + 1] < 8 && pairs[14 * k + 13] < 14);
  }
  capture_free(&c);
  dwell_source_destroy(source);
}

static const double one_time[1] = {1};

#define SPOIL(name, statement) \
  static void name(dwell_flow_options *o) { statement; }
SPOIL(fixed_step, (o->clock = DWELL_CLOCK_LOG, o->integrator = DWELL_RK4))
SPOIL(endless, o->until_log = INFINITY)
SPOIL(wide, o->merge = 1.5)
SPOIL(odd_merge, o->merge = -0.5)
SPOIL(masked, (o->merge = 1e-6, o->causal = true))
SPOIL(masked_count, (o->until_merged = 1, o->causal = true))
SPOIL(unmerged, (o->until_merged = 1, o->merge = DWELL_MERGE_OFF))
SPOIL(timed, (o->until_merged = 1, o->times = one_time, o->times_count = 1))

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *words;
    void (*spoil)(dwell_flow_options *o);
  } cases[] = {
      {"need the integrator rk45", fixed_step},
      {"must be finite", endless},
      {"merged at a distance in (0, 1]", wide},
      {"merge", odd_merge},
      {"under a causal mask", masked},
      {"which is off", masked_count},
      {"which is off", unmerged},
      {"ask for frames", timed},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    dwell_flow_options o = dwell_flow_options_default();
    dwell_source *source = NULL;
    dwell_error err = {.offset = -1};
    o.clock = DWELL_CLOCK_LOG;
    cases[i].spoil(&o);
    assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, cases[i].words);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_merger_times), cmocka_unit_test(test_golden_unequal_masses),
      cmocka_unit_test(test_golden_usa),          cmocka_unit_test(test_golden_linear_times),
      cmocka_unit_test(test_golden_cap_exits),    cmocka_unit_test(test_last_merger),
      cmocka_unit_test(test_moments_converge),    cmocka_unit_test(test_leaps_from_mark_to_mark),
      cmocka_unit_test(test_merging_is_exact),    cmocka_unit_test(test_same_states_as_the_plain_clock),
      cmocka_unit_test(test_tokens_at_rest),      cmocka_unit_test(test_replicas_until_merged),
      cmocka_unit_test(test_records_of_a_run),    cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
