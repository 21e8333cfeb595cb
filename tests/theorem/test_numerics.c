/* tests/theorem/test_numerics.c - the tools of the theorems against closed forms and tables. */
#include <math.h>

#include "theorem/numerics.h"
#include "util/testing.h"

static double bump(double x, const void *arg) { return exp(-*(const double *)arg * x * x); }
static double steep(double x, const void *arg) { return *(const double *)arg * x; }
static double cubic(double x, const void *arg) { return x * x * x - *(const double *)arg; }

static void quadrature(void **state) {
  (void)state;
  double narrow = 1e6, big = 4000, two = 2;
  assert_near(numerics_integral(bump, &narrow, -1, 2, 1e-14), sqrt(acos(-1) / narrow), 1e-12, 0);
  /* ln of (e^4000 - 1) / 4000 */
  assert_near(numerics_log_integral(steep, &big, 0, 1, 1e-14), 4000 - log(4000), 0, 1e-11);
  assert_near(numerics_root(cubic, &two, 0, 2), cbrt(2), 1e-15, 0);
}

/* I_0(1), I_1(5), I_2(20) from Abramowitz and Stegun, table 9.8; I_{1/2} is a hyperbolic sine. */
static void bessel(void **state) {
  (void)state;
  const double pi = acos(-1);
  assert_near(exp(numerics_log_bessel(0, 1)), 1.2660658777520084, 1e-14, 0);
  assert_near(exp(numerics_log_bessel(1, 5)), 24.335642142450524, 1e-14, 0);
  assert_near(exp(numerics_log_bessel(0.5, 3)), sqrt(2 / (3 * pi)) * sinh(3), 1e-14, 0);
  for (size_t d = 2; d < 40; d += 5)
    for (size_t l = 0; l < 5; l++)
      assert_near(numerics_funk_hecke(d, l, 7), numerics_multiplier(d, l, 7), 1e-11, 1e-14);
}

static void rotation(double t, const double *x, double *ret_v, const void *arg) {
  (void)t, (void)arg;
  ret_v[0] = -x[1];
  ret_v[1] = x[0];
}

static void runge_kutta(void **state) {
  (void)state;
  double x[2] = {1, 0};
  numerics_rk4(2, rotation, NULL, 0, 1, 100, x);
  assert_near(x[0], cos(1), 0, 1e-10);
  assert_near(x[1], sin(1), 0, 1e-10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quadrature),
      cmocka_unit_test(bessel),
      cmocka_unit_test(runge_kutta),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
