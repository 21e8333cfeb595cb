/* theorem/numerics.c - quadrature, Bessel functions, Runge-Kutta, roots. */
#define _DEFAULT_SOURCE
#include "theorem/numerics.h"

#include <float.h>
#include <math.h>

#include "base/random.h"

/* ---- quadrature: Gauss-Kronrod 7/15 (Piessens et al. 1983) ---- */

static const double nodes[8] = {0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
                                0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
                                0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
                                0.207784955007898467600689403773245, 0};
static const double kronrod[8] = {0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
                                  0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
                                  0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
                                  0.204432940075298892414161999234649, 0.209482141084727828012999174891714};
static const double gauss[4] = {0.129484966168869693270611432679082, 0.279705391489276667901467771423780,
                                0.381830050505118944950369775488975, 0.417959183673469387755102040816327};

static double panel(numerics_function f, const void *arg, double a, double b, double *ret_error) {
  double middle = (a + b) / 2, half = (b - a) / 2, k15 = 0, g7 = 0;
  for (size_t i = 0; i < 8; i++) {
    double y = f(middle + half * nodes[i], arg);
    if (i < 7) y += f(middle - half * nodes[i], arg);
    k15 += kronrod[i] * y;
    if (i % 2 == 1) g7 += gauss[i / 2] * y;
  }
  *ret_error = fabs(k15 - g7) * fabs(half);
  return k15 * half;
}

static double refine(numerics_function f, const void *arg, double a, double b, double allowed, int depth) {
  double error, value = panel(f, arg, a, b, &error);
  if (error <= allowed || depth == 0) return value;
  double middle = (a + b) / 2;
  return refine(f, arg, a, middle, allowed, depth - 1) + refine(f, arg, middle, b, allowed, depth - 1);
}

double numerics_integral(numerics_function f, const void *arg, double a, double b, double tolerance) {
  enum { PANELS = 32 };
  double whole = 0, sum = 0, error;
  for (int p = 0; p < PANELS; p++)
    whole += fabs(panel(f, arg, a + (b - a) * p / PANELS, a + (b - a) * (p + 1) / PANELS, &error));
  for (int p = 0; p < PANELS; p++)
    sum += refine(f, arg, a + (b - a) * p / PANELS, a + (b - a) * (p + 1) / PANELS, tolerance * whole, 40);
  return sum;
}

typedef struct scaled {
  numerics_function f;
  const void *arg;
  double top;
} scaled;

static double scaled_value(double x, const void *arg) {
  const scaled *s = arg;
  return exp(s->f(x, s->arg) - s->top);
}

double numerics_log_integral(numerics_function f, const void *arg, double a, double b, double tolerance) {
  enum { POINTS = 4096 };
  scaled s = {f, arg, -INFINITY};
  for (int p = 0; p <= POINTS; p++) s.top = fmax(s.top, f(a + (b - a) * p / POINTS, arg));
  return s.top + log(numerics_integral(scaled_value, &s, a, b, tolerance));
}

double numerics_root(numerics_function f, const void *arg, double a, double b) {
  double at_a = f(a, arg);
  for (int k = 0; k < 200; k++) {
    double middle = (a + b) / 2, value = f(middle, arg);
    if (middle == a || middle == b) break;
    if ((value < 0) == (at_a < 0)) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

/* ---- Bessel functions ---- */

double numerics_log_bessel(double nu, double x) {
  double term = 1, sum = 1, quarter = x * x / 4, scale = 0;
  int sign;
  for (double k = 1; term > sum * 1e-19; k++) {
    term *= quarter / (k * (k + nu));
    sum += term;
    if (sum > 1e250) term *= 1e-250, sum *= 1e-250, scale += 250 * log(10);
  }
  return nu * log(x / 2) - lgamma_r(nu + 1, &sign) + log(sum) + scale;
}

double numerics_bessel_ratio(double nu, double x) {
  return exp(numerics_log_bessel(nu + 1, x) - numerics_log_bessel(nu, x));
}

double numerics_multiplier(size_t d, size_t l, double beta) {
  double nu = (double)d / 2 - 1;
  int sign;
  return exp(lgamma_r(nu + 1, &sign) + nu * log(2 / beta) + numerics_log_bessel((double)l + nu, beta) - beta);
}

typedef struct zonal {
  double d, beta;
  size_t l;
} zonal;

static double weight_of_latitude(double angle, const void *arg) { return pow(sin(angle), ((const zonal *)arg)->d - 2); }

static double zonal_integrand(double angle, const void *arg) {
  const zonal *z = arg;
  double t = cos(angle), before = 1, p = z->l == 0 ? 1 : t;
  for (double l = 1; l < (double)z->l; l++) {
    double next = ((2 * l + z->d - 2) * t * p - l * before) / (l + z->d - 2);
    before = p, p = next;
  }
  return exp(z->beta * (t - 1)) * p * weight_of_latitude(angle, arg);
}

double numerics_funk_hecke(size_t d, size_t l, double beta) {
  const double pi = acos(-1);
  zonal z = {(double)d, beta, l};
  return numerics_integral(zonal_integrand, &z, 0, pi, 1e-14) / numerics_integral(weight_of_latitude, &z, 0, pi, 1e-14);
}

/* ---- the rest ---- */

void numerics_rk4(size_t size, numerics_field f, const void *arg, double t0, double t1, size_t steps, double *x) {
  double k[4][NUMERICS_MOST], y[NUMERICS_MOST], h = (t1 - t0) / (double)steps;
  for (size_t s = 0; s < steps; s++) {
    double t = t0 + h * (double)s;
    f(t, x, k[0], arg);
    for (int stage = 1; stage < 4; stage++) {
      double share = stage == 3 ? h : h / 2;
      for (size_t e = 0; e < size; e++) y[e] = x[e] + share * k[stage - 1][e];
      f(t + share, y, k[stage], arg);
    }
    for (size_t e = 0; e < size; e++) x[e] += h / 6 * (k[0][e] + 2 * k[1][e] + 2 * k[2][e] + k[3][e]);
  }
}

double numerics_slope(size_t count, const double *x, const double *y) {
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < count; i++) mean_x += x[i] / (double)count, mean_y += y[i] / (double)count;
  for (size_t i = 0; i < count; i++) xx += (x[i] - mean_x) * (x[i] - mean_x), xy += (x[i] - mean_x) * (y[i] - mean_y);
  return xy / xx;
}

double numerics_mean(size_t count, const double *x, double *ret_error) {
  double mean = 0, square = 0, n = (double)count;
  for (size_t i = 0; i < count; i++) mean += x[i] / n;
  for (size_t i = 0; i < count; i++) square += (x[i] - mean) * (x[i] - mean);
  *ret_error = sqrt(square / (n * fmax(1, n - 1)));
  return mean;
}

double numerics_rank(size_t count, const double *x, double value) {
  double below = 0;
  for (size_t i = 0; i < count; i++) below += x[i] < value ? 1 : x[i] == value ? 0.5 : 0;
  return below / (double)count;
}

static const uint64_t seed = 20231217; /* of every random number of the table: results are the same on every run */

double numerics_normal(uint32_t which, size_t i, size_t k) {
  random_stream s = {seed, RANDOM_THEOREM, which};
  return random_normal(&s, (uint32_t)i, (uint32_t)k);
}

double numerics_uniform(uint32_t which, size_t i, size_t k) {
  random_stream s = {seed, RANDOM_THEOREM, which};
  return random_uniform(&s, (uint32_t)i, (uint32_t)k);
}
