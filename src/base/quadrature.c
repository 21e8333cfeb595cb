/* base/quadrature.c - adaptive Gauss-Kronrod quadrature of e^f.
 *
 * Nodes and weights: Piessens, de Doncker-Kapenga, Ueberhuber, Kahaner, QUADPACK (1983), rule of 15 points. */
#include "base/quadrature.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { HALF = 8, DEPTH = 60 };

static const double nodes[HALF] = {0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
                                   0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
                                   0.586087235467691130294144691693871, 0.405845151377397166906606412076961,
                                   0.207784955007898467600689403773245, 0};
static const double kronrod[HALF] = {0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
                                     0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
                                     0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
                                     0.204432940075298892414161999234649, 0.209482141084727828012999174891714};
static const double gauss[HALF] = {0, 0.129484966168869693270611432679082, 0, 0.279705391489276667901467771423780,
                                   0, 0.381830050505118944950369775488975, 0, 0.417959183673469387755102040816327};

typedef struct integrand {
  double (*f)(const void *self, double x);
  const void *self;
} integrand;

double quadrature_log_add(double a, double b) {
  double high = fmax(a, b), low = fmin(a, b);
  return high == -INFINITY ? high : high + log1p(exp(low - high));
}

/* Both rules over [a, b], as logarithms. */
static void rules(const integrand *g, double a, double b, double *ret_fine, double *ret_coarse) {
  double centre = (a + b) / 2, half = (b - a) / 2, value[2 * HALF], high = -INFINITY, fine = 0, coarse = 0;
  for (int k = 0; k < HALF; k++)
    for (int side = 0; side < 2; side++) {
      double x = centre + (side == 0 ? -1 : 1) * half * nodes[k];
      value[2 * k + side] = k == HALF - 1 && side == 1 ? -INFINITY : g->f(g->self, x);
      high = fmax(high, value[2 * k + side]);
    }
  if (high == -INFINITY) high = 0;
  for (int k = 0; k < 2 * HALF; k++) {
    fine += kronrod[k / 2] * exp(value[k] - high);
    coarse += gauss[k / 2] * exp(value[k] - high);
  }
  *ret_fine = high + log(fine * half);
  *ret_coarse = high + log(coarse * half);
}

/* The highest of f at both ends: of a monotone f the highest of all. */
static double top(const integrand *g, double a, double b) { return fmax(g->f(g->self, a), g->f(g->self, b)); }

/* *total: of the parts so far, to which this one is added. A peak at an end that no node has seen is one for which
 * the height there times the width is more than what the nodes found, by far. */
static void add(const integrand *g, double a, double b, int depth, double *total) {
  const double nothing = 40, unseen = 3;
  double fine, coarse, most = top(g, a, b) + log(b - a);
  if (most < *total - nothing) return;
  rules(g, a, b, &fine, &coarse);
  double enough = 1e-13 + 8 * DBL_EPSILON * fabs(most); /* f itself is rounded */
  double centre = (a + b) / 2;
  if (depth == 0 || !(centre > a && centre < b) || (fabs(expm1(coarse - fine)) <= enough && most < fine + unseen)) {
    *total = quadrature_log_add(*total, fine);
    return;
  }
  bool right_first = g->f(g->self, b) > g->f(g->self, a); /* so that the rest is seen to be nothing */
  if (right_first) add(g, centre, b, depth - 1, total);
  add(g, a, centre, depth - 1, total);
  if (!right_first) add(g, centre, b, depth - 1, total);
}

double quadrature_log(double (*f)(const void *self, double x), const void *self, double a, double b) {
  integrand g = {f, self};
  double total = -INFINITY;
  if (a < b) add(&g, a, b, DEPTH, &total);
  return total;
}
