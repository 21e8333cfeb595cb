/* study/special.c - binomial, beta and Student's t distributions. */
#include "study/special.h"

#include <math.h>

/* Stirling's series (NIST DLMF 5.11.1); its error is below 1e-16 from 12 on, so smaller arguments are moved there. */
double special_log_gamma(double x) {
  static const double series[] = {1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188, -691. / 360360, 1. / 156};
  enum { TERMS = sizeof series / sizeof series[0] };
  double product = 1, sum = 0;
  for (; x < 12; x += 1) product *= x;
  for (int k = TERMS - 1; k >= 0; k--) sum = sum / (x * x) + series[k];
  return (x - 0.5) * log(x) - x + 0.918938533204672741780 + sum / x - log(product);
}

/* The even and odd coefficients of the continued fraction of DLMF 8.17.22. */
static double coefficient(double a, double b, double x, double m, int odd) {
  if (odd) return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
  return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
}

/* 1 / (1 + d_1 / (1 + d_2 / (1 + ...))), evaluated forwards by ratios of successive numerators and denominators
 * (modified Lentz). */
static double continued_fraction(double a, double b, double x) {
  static const double TINY = 1e-300;
  double value = 1, c = 1, d = 0;
  for (int k = 1; k < 200000; k++) {
    double at = coefficient(a, b, x, (double)(k / 2), k % 2);
    d = 1 + at * d, c = 1 + at / c;
    if (fabs(d) < TINY) d = TINY;
    if (fabs(c) < TINY) c = TINY;
    d = 1 / d;
    value *= c * d;
    if (fabs(c * d - 1) < 1e-16) break;
  }
  return 1 / value;
}

/* I_x(a, b) with y = 1 - x given apart, so that neither loses its digits. */
static double beta_tail(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  /* The fraction converges fast on this side of the mean. */
  if (x > (a + 1) / (a + b + 2)) return 1 - beta_tail(b, a, y, x);
  double front = a * log(x) + b * log(y) + special_log_gamma(a + b) - special_log_gamma(a) - special_log_gamma(b);
  return exp(front) / a * continued_fraction(a, b, x);
}

double special_beta(double a, double b, double x) { return beta_tail(a, b, x, 1 - x); }

double special_beta_quantile(double a, double b, double p) {
  double low = 0, high = 1;
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  for (int k = 0; k < 1100; k++) {
    double middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (special_beta(a, b, middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

double special_binomial_above(size_t n, size_t k, double p) {
  if (k == 0) return 1;
  if (k > n) return 0;
  return special_beta((double)k, (double)(n - k) + 1, p);
}

double special_binomial_below(size_t n, size_t k, double p) {
  if (k >= n) return 1;
  return beta_tail((double)(n - k), (double)k + 1, 1 - p, p);
}

double special_t_above(double t, double nu) {
  double x = nu / (nu + t * t), y = t * t / (nu + t * t), tail = beta_tail(nu / 2, 0.5, x, y) / 2;
  return t >= 0 ? tail : 1 - tail;
}

double special_t_quantile(double p, double nu) {
  if (p > 0.5) return -special_t_quantile(1 - p, nu);
  double low = 0, high = 1;
  while (special_t_above(high, nu) > p && high < 1e300) low = high, high *= 2;
  for (int k = 0; k < 200; k++) {
    double middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (special_t_above(middle, nu) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
