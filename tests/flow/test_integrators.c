/* tests/flow/test_integrators.c - orders of accuracy, times, failures. */
#include "flow/orbiting.h"

#include "flow/dopri.h"

enum { N = 10, D = 3 };

static double masses[N];

static flow_plan plan_of(dwell_integrator integrator, double step_or_rtol, const double *times, size_t count) {
  for (size_t i = 0; i < N; i++) masses[i] = 1.0 / N;
  return (flow_plan){flow_find("sa"), {N, D, 4, masses, false}, integrator, step_or_rtol, step_or_rtol, times, count};
}

/* Largest error of the end state against a run at 1e-14. */
static double error_at(dwell_integrator integrator, double step_or_rtol, double T, size_t *opt_steps) {
  double *x = random_tokens(N, D, 1);
  certificate c;
  flow_plan best = plan_of(DWELL_RK45, 1e-14, &T, 1), plan = plan_of(integrator, step_or_rtol, &T, 1);
  double *exact = run_plan(&best, x, &c), *got = run_plan(&plan, x, &c);
  double error = largest_difference(N * D, exact, got);
  if (opt_steps != NULL) *opt_steps = c.steps;
  free(x), free(exact), free(got);
  return error;
}

/* Slope of the error between two steps. */
static double slope(double (*error)(double h), double h) { return log2(error(h) / error(h / 2)); }

static double euler_error(double h) { return error_at(DWELL_EULER, h, 2, NULL); }
static double rk4_error(double h) { return error_at(DWELL_RK4, h, 2, NULL); }

/* Largest error at T = 2 of Dormand and Prince's steps, all of length h. */
static double dopri_fixed_error(double h) {
  double *x = random_tokens(N, D, 1), T = 2, memory[11][N * D], unused;
  certificate c;
  dwell_error err = {.offset = -1};
  flow_plan plan = plan_of(DWELL_RK45, 1e-14, &T, 1);
  double *exact = run_plan(&plan, x, &c);
  orbit o = {.plan = &plan, .x = x, .size = N * D, .y = memory[7], .stage = memory[8]};
  for (size_t m = 0; m < ORBIT_STAGES; m++) o.k[m] = memory[m];
  assert_ok(field_create(plan.family, &plan.system, NULL, &o.field, &err), &err);
  for (long step = 0, steps = lround(T / h); step < steps; step++) {
    assert_ok(field_velocity(&o.field, x, o.k[0], &o.facts, &err), &err);
    assert_ok(dopri_step(&o, h, &o.facts, &unused, &err), &err);
    field_normalise(N, D, o.y, x);
  }
  double error = largest_difference(N * D, exact, x);
  field_destroy(&o.field);
  free(exact), free(x);
  return error;
}

/* Of every integrator, to a tenth. */
static void test_orders(void **state) {
  (void)state;
  assert_near(slope(euler_error, 0.002), 1, 0, 0.1);
  assert_near(slope(rk4_error, 1.0 / 32), 4, 0, 0.1);
  assert_near(slope(dopri_fixed_error, 1.0 / 16), 5, 0, 0.1);
}

/* The error of a fifth-order method falls like steps^-5. */
static void test_order_of_rk45(void **state) {
  (void)state;
  size_t coarse, fine;
  double before = error_at(DWELL_RK45, 1e-6, 4, &coarse), after = error_at(DWELL_RK45, 1e-11, 4, &fine);
  assert_near(log(before / after) / log((double)fine / (double)coarse), 5, 0, 0.5);
  assert_true(after < 1e-10);
}

/* A state between two steps is as good as one at the end of a step. */
static void test_states_between_steps(void **state) {
  (void)state;
  enum { FRAMES = 57 };
  double times[FRAMES], *x = random_tokens(N, D, 2), worst = 0;
  certificate c;
  for (size_t t = 0; t < FRAMES; t++) times[t] = 4.0 * (double)t / (FRAMES - 1);
  flow_plan plan = plan_of(DWELL_RK45, 1e-8, times, FRAMES);
  double *states = run_plan(&plan, x, &c);
  assert_true(c.steps < FRAMES);
  for (size_t t = 1; t < FRAMES; t++) {
    flow_plan exact = plan_of(DWELL_RK45, 1e-13, times + t, 1);
    double *end = run_plan(&exact, x, &c);
    worst = fmax(worst, largest_difference(N * D, end, states + t * N * D));
    free(end);
  }
  assert_near(worst, 0, 0, 1e-8); /* a step's tolerance: errors of single steps are smaller, and partly cancel */
  assert_memory_equal(states, x, N * D * sizeof(double));
  free(states), free(x);
}

/* Largest error at 15 places inside one step of length T. */
static double error_inside_a_step(double T) {
  enum { FRAMES = 16 };
  double times[FRAMES], *x = random_tokens(N, D, 2);
  certificate one, c;
  for (size_t t = 0; t < FRAMES; t++) times[t] = T * (double)(t + 1) / FRAMES;
  flow_plan plan = plan_of(DWELL_RK45, 1e-2, times, FRAMES), exact = plan_of(DWELL_RK45, 1e-14, times, FRAMES);
  double *states = run_plan(&plan, x, &one), *truth = run_plan(&exact, x, &c);
  assert_int_equal(one.steps, 1);
  double worst = largest_difference((FRAMES - 1) * N * D, states, truth);
  free(states), free(truth), free(x);
  return worst;
}

/* Inside a step the error is of sixth order in the step, as at its end (a quartic would give five). */
static void test_order_between_steps(void **state) {
  (void)state;
  assert_near(slope(error_inside_a_step, 0.06), 6, 0, 0.1);
}

/* Asking for more states changes neither the steps nor the end. */
static void test_more_states_same_path(void **state) {
  (void)state;
  static const dwell_integrator all[] = {DWELL_RK45, DWELL_RK4, DWELL_EULER};
  double few[1] = {2}, many[5] = {0, 0.33, 0.7, 1.9, 2}, *x = random_tokens(N, D, 3);
  for (size_t i = 0; i < 3; i++) {
    certificate a, b;
    double size = all[i] == DWELL_RK45 ? 1e-8 : 0.1;
    flow_plan one = plan_of(all[i], size, few, 1), five = plan_of(all[i], size, many, 5);
    double *end = run_plan(&one, x, &a), *states = run_plan(&five, x, &b);
    assert_int_equal(a.steps, b.steps);
    assert_memory_equal(end, states + 4 * N * D, N * D * sizeof(double));
    free(end), free(states);
  }
  free(x);
}

/* ceil(T/H - 1e-9) steps, the last one shortened. */
static void test_step_counts(void **state) {
  (void)state;
  static const double cases[][3] = {{1, 0.1, 10},  {1, 0.3, 4},    {2.1, 0.7, 3},
                                    {0.3, 0.1, 3}, {0.05, 0.1, 1}, {20, 0.7, 29}};
  double *x = random_tokens(N, D, 4);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    certificate c;
    flow_plan plan = plan_of(DWELL_RK4, cases[i][1], &cases[i][0], 1);
    free(run_plan(&plan, x, &c));
    assert_int_equal(c.steps, (size_t)cases[i][2]);
  }
  free(x);
}

/* The published scripts' map, by plain loops: add the velocity, normalise; the last step shorter. */
static void plain_euler(double beta, double h, double *x) {
  double next[N * D];
  for (size_t i = 0; i < N; i++) {
    double a[D] = {0}, z = 0, radial = 0;
    for (size_t j = 0; j < N; j++) {
      double w = exp(beta * (dot(D, x + i * D, x + j * D) - 1));
      z += w;
      for (size_t k = 0; k < D; k++) a[k] += w * x[j * D + k];
    }
    for (size_t k = 0; k < D; k++) radial += a[k] / z * x[i * D + k];
    for (size_t k = 0; k < D; k++) next[i * D + k] = x[i * D + k] + h * (a[k] / z - radial * x[i * D + k]);
  }
  memcpy(x, next, sizeof next);
  unit_rows(N, D, x);
}

static void test_euler_map(void **state) {
  (void)state;
  double T = 1, *x = random_tokens(N, D, 5);
  certificate c;
  flow_plan plan = plan_of(DWELL_EULER, 0.3, &T, 1);
  double *end = run_plan(&plan, x, &c);
  for (int s = 0; s < 3; s++) plain_euler(4, 0.3, x);
  plain_euler(4, 0.1, x);
  assert_near(largest_difference(N * D, end, x), 0, 0, 1e-14);
  free(end), free(x);
}

/* Theory T12 in times up to e^560: ln T for two tokens to meet to within .01, 15 digits published. */
static void test_metastable_times(void **state) {
  (void)state;
  static const struct {
    double beta, theta, mass, log_time;
  } rows[] = {{50, 2.0, 0.5, 66.3736648043859},  {50, 3.0, 0.5, 98.0436160565344},  {100, 1.5, 0.5, 87.6346063570209},
              {400, 0.8, 0.5, 115.303935050908}, {400, 1.5, 0.5, 365.025892158135}, {400, 2.0, 0.5, 559.961796781498},
              {50, 0.8, 0.1, 9.76947339063102},  {50, 2.0, 0.01, 62.4715901096109}, {400, 0.8, 0.25, 114.793109427142}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    double pair[2] = {rows[r].mass, 1 - rows[r].mass}, T = exp(rows[r].log_time), beta = rows[r].beta;
    double x[4] = {1, 0, cos(rows[r].theta), sin(rows[r].theta)};
    flow_plan plan = {flow_find("sa"), {2, 2, beta, pair, false}, DWELL_RK45, 0, 1e-13, &T, 1};
    certificate c;
    double *end = run_plan(&plan, x, &c), gap = hypot(end[0] - end[2], end[1] - end[3]);
    double theta = 2 * asin(gap / 2), far = exp(beta * (1 - cos(0.01)));
    double speed = sin(0.01) * (pair[1] / (pair[0] * far + pair[1]) + pair[0] / (pair[1] * far + pair[0]));
    /* the pair closes in O(1) at the end of e^60..560: the moment of the end state decides, in units of T */
    assert_near(log(T + (theta - 0.01) / speed), rows[r].log_time, 0, 1e-9);
    free(end);
  }
}

/* ---- failures ---- */

static dwell_status broken_attention(const flow_system *s, const double *x, double *ret_pull, double *ret_along,
                                     double *ret_z, flow_work *work, dwell_error *err) {
  dwell_status status = flow_find("sa")->attention(s, x, ret_pull, ret_along, ret_z, work, err);
  if (x[0] > 0.9) ret_pull[0] = NAN; /* a wall that the first token runs into */
  return status;
}

static dwell_status drop_state(void *self, size_t index, const double *x, dwell_error *err) {
  (void)self, (void)index, (void)x, (void)err;
  return DWELL_OK;
}

static void test_failure_says_when(void **state) {
  (void)state;
  flow broken = *flow_find("sa");
  broken.attention = broken_attention;
  double T = 20;
  dwell_error err;
  certificate c;
  for (int i = 0; i < 3; i++) {
    static const dwell_integrator all[] = {DWELL_RK45, DWELL_RK4, DWELL_EULER};
    double x[4] = {0, 1, 1, 0}, pair[2] = {0.5, 0.5};
    flow_plan plan = {&broken, {2, 2, 1, pair, false}, all[i], 0.1, 1e-8, &T, 1};
    plan.system.masses = (double[]){1e-9, 1 - 1e-9}; /* the second token stays, the first comes to it */
    integrate_host host = {.emit = drop_state};
    assert_fails(integrate(&plan, &host, x, &c, &err), DWELL_FAILED, &err,
                 all[i] == DWELL_RK45 ? "rounding of t at t = " : "not finite at t = ");
    assert_true(c.steps > 3);
  }
}

static int stop_after(void *self) { return ++*(int *)self > 5; }

static void test_interruption(void **state) {
  (void)state;
  int asked = 0;
  dwell_context ctx = {.threads = 1, .interrupted = stop_after, .self = &asked};
  double T = 20, *x = random_tokens(N, D, 6);
  flow_plan plan = plan_of(DWELL_RK4, 0.01, &T, 1);
  integrate_host host = {.ctx = &ctx, .emit = drop_state};
  dwell_error err;
  certificate c;
  assert_fails(integrate(&plan, &host, x, &c, &err), DWELL_INTERRUPTED, &err, "interrupted");
  assert_true(c.steps >= 5 && c.steps < 10);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_order_of_rk45),
      cmocka_unit_test(test_states_between_steps),
      cmocka_unit_test(test_order_between_steps),
      cmocka_unit_test(test_more_states_same_path),
      cmocka_unit_test(test_step_counts),
      cmocka_unit_test(test_euler_map),
      cmocka_unit_test(test_metastable_times),
      cmocka_unit_test(test_failure_says_when),
      cmocka_unit_test(test_interruption),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
