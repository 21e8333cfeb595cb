/* tests/flow/test_orders.c - orders of accuracy of the integrators of vectors (flow/ode.h), with and without a decay
 * that is integrated apart. Those of tokens: test_integrators.c; geodesic steps: test_laws.c. */
#include "flow/capture.h"

#include "flow/ode.h"

/* Two logistic equations y' = y - y^2, of which y_1 hands the part -y to the exact decay; beside them a clock, y_2' =
 * t^3, so that times of stages count. */
static dwell_status logistic(void *self, double t, const double *y, double *ret_slope, dwell_error *err) {
  (void)err;
  const double *decay = self;
  for (size_t e = 0; e < 2; e++) ret_slope[e] = y[e] - y[e] * y[e] + decay[e] * y[e] + 0 * t;
  ret_slope[2] = pow(1 + t, 7);
  return DWELL_OK;
}

enum { MOST_STEPS = 64 };

/* Error at t = 1 in entry `which` in `steps` equal steps: those of rk45 end on times that are asked for, and its
 * tolerance is so large that it never takes shorter ones. */
static double error_of(dwell_integrator integrator, size_t steps, size_t which) {
  double decay[3] = {0, 1, 0}, y[3] = {0.1, 0.1, 0}, times[MOST_STEPS];
  for (size_t s = 0; s < steps; s++) times[s] = (double)(s + 1) / (double)steps;
  ode_problem problem = {3, logistic, decay, decay};
  ode_plan plan = {integrator, 1 / (double)steps, 1e3, 1e3, times, steps};
  ode_host host = {0};
  ode_outcome outcome;
  dwell_error err = {.offset = -1};
  assert_ok(ode_solve(&problem, &plan, &host, y, &outcome, &err), &err);
  assert_int_equal(outcome.steps, steps);
  double exact = which == 2 ? (pow(2, 8) - 1) / 8 : 1 / (1 + 9 * exp(-1));
  return fabs(y[which] - exact);
}

static void orders(void **state) {
  (void)state;
  static const struct {
    dwell_integrator integrator;
    double order;
    size_t steps;
  } rows[] = {{DWELL_EULER, 1, 32}, {DWELL_RK4, 4, 16}, {DWELL_RK45, 5, 24}};
  for (size_t r = 0; r < 3; r++)
    for (size_t which = 0; which < 3; which++) {
      double slope = log2(error_of(rows[r].integrator, rows[r].steps, which) /
                          error_of(rows[r].integrator, 2 * rows[r].steps, which));
      print_message("%s, entry %zu: order %.3f\n", dwell_integrator_name(rows[r].integrator), which, slope);
      assert_near(slope, rows[r].order, 0, 0.1);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(orders)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
