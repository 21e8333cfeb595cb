/* theorem/numerics.h - the small independent computations that predictions and measurements share: quadrature, Bessel
 * functions, fixed-step Runge-Kutta, roots. Plain and slow; nothing of the flows is used. */
#ifndef DWELL_THEOREM_NUMERICS_H
#define DWELL_THEOREM_NUMERICS_H

#include <stddef.h>
#include <stdint.h>

typedef double (*numerics_function)(double x, const void *arg);

/* Integral over [a, b] by Gauss-Kronrod 7/15, halving intervals until the estimate is good to `tolerance` relative to
 * the whole, at most 40 times. */
double numerics_integral(numerics_function f, const void *arg, double a, double b, double tolerance);
/* ln of the integral of e^f over [a, b], for f beyond the range of exp: the maximum of f over 4096 points is factored
 * out. */
double numerics_log_integral(numerics_function f, const void *arg, double a, double b, double tolerance);

/* The zero of f between a and b, where it has opposite signs, by bisection to the last bit. */
double numerics_root(numerics_function f, const void *arg, double a, double b);

/* ln I_nu(x), nu >= 0, x > 0: the power series, whose terms are positive. */
double numerics_log_bessel(double nu, double x);
/* I_{nu + 1}(x) / I_nu(x) */
double numerics_bessel_ratio(double nu, double x);
/* Funk-Hecke multiplier a_l of e^{beta <x, y>} on the sphere of R^d, times e^{-beta}. d = 2: I_l(beta) e^{-beta}. */
double numerics_multiplier(size_t d, size_t l, double beta);

/* The same by its definition: the integral of e^{beta (t - 1)} P_l(t) (1 - t^2)^{(d-3)/2}, P_l the Gegenbauer
 * polynomial with P_l(1) = 1, by quadrature. */
double numerics_funk_hecke(size_t d, size_t l, double beta);

/* dx/dt = f(t, x), `size` <= NUMERICS_MOST numbers, classical Runge-Kutta in `steps` equal steps. */
enum { NUMERICS_MOST = 2048 };
typedef void (*numerics_field)(double t, const double *x, double *ret_v, const void *arg);
void numerics_rk4(size_t size, numerics_field f, const void *arg, double t0, double t1, size_t steps, double *x);

/* Least-squares slope of y over x. */
double numerics_slope(size_t count, const double *x, const double *y);

/* Mean, and its standard error, of `count` numbers. */
double numerics_mean(size_t count, const double *x, double *ret_error);
/* Share of `count` numbers that are below `value`, those equal to it by half. */
double numerics_rank(size_t count, const double *x, double value);

/* Component k of the i-th vector of a fixed set of standard normal numbers; `which` tells sets apart. */
double numerics_normal(uint32_t which, size_t i, size_t k);
double numerics_uniform(uint32_t which, size_t i, size_t k);

#endif
