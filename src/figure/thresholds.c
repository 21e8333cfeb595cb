/* figure/thresholds.c - roots of ratios of Bessel functions. */
#include "figure/thresholds.h"

#include "theorem/numerics.h"

typedef struct ratio {
  double half, goal;
} ratio;

static double excess(double beta, const void *arg) {
  const ratio *r = arg;
  return numerics_bessel_ratio(r->half, beta) - r->goal;
}

/* The ratio is below beta / (d + 2), and tends to 1. */
static double root(size_t d, double goal) {
  ratio r = {(double)d / 2, goal};
  double low = goal * (double)(d + 2), high = 2 * low;
  while (excess(high, &r) < 0) high *= 2;
  return numerics_root(excess, &r, low * 0.5, high);
}

double threshold_frontier(size_t d) { return root(d, (double)(d - 1) / (2 * (double)d)); }

double threshold_tricritical(size_t d) { return root(d, 1 / (double)d); }
