/* theorem/condensate.c - stationary densities of noisy interactions on the circle. */
#include "theorem/condensate.h"

#include <math.h>

enum { GRID = 160 }; /* midpoints of (0, pi): the trapezoidal rule of a periodic function */

/* exp(potential - its maximum), normalised, and the potential, on the grid. */
static void density(const condensate *s, double *ret_f, double *ret_potential) {
  double top = -INFINITY, sum = 0;
  for (size_t g = 0; g < GRID; g++) {
    double c = cos(acos(-1) * ((double)g + 0.5) / GRID), before = 1, now = c, potential = 0;
    for (size_t k = 1; k <= CONDENSATE_MODES; k++) {
      potential += s->coupling[k] * s->c[k] * now;
      double next = 2 * c * now - before;
      before = now, now = next;
    }
    ret_potential[g] = 2 * s->strength * potential;
    top = fmax(top, ret_potential[g]);
  }
  for (size_t g = 0; g < GRID; g++) sum += ret_f[g] = exp(ret_potential[g] - top);
  for (size_t g = 0; g < GRID; g++) ret_f[g] /= sum;
}

void condensate_settle(condensate *s) {
  double f[GRID], potential[GRID];
  for (int iteration = 0; iteration < 20000; iteration++) {
    double moved = 0, next[CONDENSATE_MODES + 1] = {0};
    density(s, f, potential);
    for (size_t g = 0; g < GRID; g++) {
      double c = cos(acos(-1) * ((double)g + 0.5) / GRID), before = 1, now = c;
      for (size_t k = 1; k <= CONDENSATE_MODES; k++) {
        next[k] += f[g] * now;
        double after = 2 * c * now - before;
        before = now, now = after;
      }
    }
    for (size_t k = 1; k <= CONDENSATE_MODES; k++) moved = fmax(moved, fabs(next[k] - s->c[k])), s->c[k] = next[k];
    if (moved < 1e-11) break;
  }
}

double condensate_free_energy(const condensate *s) {
  double f[GRID], potential[GRID], entropy = 0, pairs = 0;
  density(s, f, potential);
  for (size_t g = 0; g < GRID; g++)
    if (f[g] > 0) entropy += f[g] * log(f[g] * GRID);
  for (size_t k = 1; k <= CONDENSATE_MODES; k++) pairs += s->coupling[k] * s->c[k] * s->c[k];
  return entropy - s->strength * pairs;
}
