/* null/sphere_match.c - moments of a projected Gaussian by quadrature, and the fixed point that inverts them. */
#include "null/sphere_match.h"

#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

/* All of instruments.md 4.1 (a). */
enum { NODES = 96, MOST_ITERATIONS = 200, GROUP = 32 };
static const double NODE_FIRST = 1e-7, NODE_LAST = 3e4, LEAST_VARIANCE = 1e-12, CLOSE = 1e-6;
static const double PI = 3.14159265358979323846;

/* phi(t) = E exp(-t |y|^2) = prod q_k^{-1/2} exp(-t mu_k^2/q_k), q_k = 1 + 2 t s_k; ret_inverse[k] = 1/q_k.
 * The product of a group stays finite: q_k < 1e5 where sum s = 1, and 32 of them are below 1e160. */
static double transform(size_t r, const double *s, const double *mu, double t, double *ret_inverse) {
  double exponent = 0, product = 1;
  for (size_t k = 0; k < r; k++) {
    double q = 1 + 2 * t * s[k];
    ret_inverse[k] = 1 / q;
    exponent -= t * mu[k] * mu[k] * ret_inverse[k];
    product *= q;
    if ((k + 1) % GROUP == 0) exponent -= log(product) / 2, product = 1;
  }
  return exp(exponent - log(product) / 2);
}

/* With t = e^x: dt = t dx, and (pi t)^{-1/2} dt = sqrt(t/pi) dx. */
void sphere_moments(size_t r, const double *s, const double *mu, double *scratch, double *ret_mean,
                    double *ret_square) {
  double spacing = (log(NODE_LAST) - log(NODE_FIRST)) / (NODES - 1);
  for (size_t k = 0; k < r; k++) ret_mean[k] = ret_square[k] = 0;
  for (int node = 0; node < NODES; node++) {
    double t = exp(log(NODE_FIRST) + spacing * node);
    double phi = transform(r, s, mu, t, scratch);
    double square_weight = spacing * t * phi, mean_weight = spacing * sqrt(t / PI) * phi;
    for (size_t k = 0; k < r; k++) {
      double m = mu[k] * scratch[k];
      ret_square[k] += square_weight * (s[k] * scratch[k] + m * m);
      ret_mean[k] += mean_weight * m;
    }
  }
}

/* One update of s and mu towards the targets; true when they were met before it. */
static bool improve(size_t r, const double *t, const double *m, const double *mean, const double *square, double *s,
                    double *mu, double *ret_error) {
  double missed = 0, wanted = 0, worst = 0, scale = 0;
  for (size_t k = 0; k <= r; k++) {
    if (k < r) {
      double variance = square[k] - mean[k] * mean[k];
      missed += fabs(t[k] - variance), wanted += t[k];
      s[k] *= variance > 0 ? fmin(2, fmax(0.5, t[k] / variance)) : 2;
    }
    worst = fmax(worst, fabs(m[k] - mean[k]));
    mu[k] += m[k] - mean[k];
    scale += s[k] + mu[k] * mu[k];
  }
  for (size_t k = 0; k <= r; k++) {
    mu[k] /= sqrt(scale);
    if (k < r) s[k] = fmax(s[k] / scale, LEAST_VARIANCE);
  }
  *ret_error = missed / wanted;
  return *ret_error < CLOSE && worst < CLOSE;
}

dwell_status sphere_match(size_t r, const double *t, const double *m, double *ret_s, double *ret_mu,
                          sphere_fit *ret_fit, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *work = MEM_NEW(double, 3 * (r + 1));
  TRY_ALLOC(work, "a sphere match");
  double *mean = work, *square = work + (r + 1), *scratch = work + 2 * (r + 1);
  for (size_t k = 0; k <= r; k++) ret_s[k] = k < r ? t[k] : 0, ret_mu[k] = m[k];
  *ret_fit = (sphere_fit){0};
  for (bool met = false; !met && ret_fit->iterations < MOST_ITERATIONS; ret_fit->iterations++) {
    sphere_moments(r + 1, ret_s, ret_mu, scratch, mean, square);
    met = improve(r, t, m, mean, square, ret_s, ret_mu, &ret_fit->error);
  }
done:
  mem_free(work);
  return status;
}
