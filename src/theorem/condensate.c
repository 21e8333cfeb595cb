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

/* <cos k theta> of the density that the state makes: ret_next [CONDENSATE_MODES + 1]. */
static void respond(const condensate *s, double *ret_next) {
  double f[GRID], potential[GRID];
  density(s, f, potential);
  for (size_t k = 0; k <= CONDENSATE_MODES; k++) ret_next[k] = 0;
  for (size_t g = 0; g < GRID; g++) {
    double c = cos(acos(-1) * ((double)g + 0.5) / GRID), before = 1, now = c;
    for (size_t k = 1; k <= CONDENSATE_MODES; k++) {
      ret_next[k] += f[g] * now;
      double after = 2 * c * now - before;
      before = now, now = after;
    }
  }
}

void condensate_settle(condensate *s) {
  for (int iteration = 0; iteration < 20000; iteration++) {
    double moved = 0, next[CONDENSATE_MODES + 1];
    respond(s, next);
    for (size_t k = 1; k <= CONDENSATE_MODES; k++) moved = fmax(moved, fabs(next[k] - s->c[k])), s->c[k] = next[k];
    if (moved < 1e-11) break;
  }
}

static double order_at(condensate *s, double strength) {
  double next[CONDENSATE_MODES + 1];
  s->strength = strength;
  respond(s, next);
  return next[1];
}

/* The strength at which the response has c_1 = order, by the secant method from the present one: c_1 grows with the
 * strength and has no inflection on the way. */
static void match_strength(condensate *s, double order) {
  double before = s->strength > 0 ? s->strength : 1 / s->coupling[1], now = 1.01 * before;
  double excess = order_at(s, before) - order;
  for (int i = 0; i < 40; i++) {
    double next = order_at(s, now) - order, slope = (next - excess) / (now - before);
    before = now, excess = next;
    if (fabs(next) < 1e-14 || !(slope > 0)) break;
    now = fmax(now / 2, fmin(now * 2, now - next / slope));
  }
  s->strength = before;
}

void condensate_with_order(condensate *s, double order) {
  for (int iteration = 0; iteration < 200; iteration++) {
    double moved = 0, next[CONDENSATE_MODES + 1];
    s->c[1] = order;
    match_strength(s, order);
    respond(s, next);
    for (size_t k = 2; k <= CONDENSATE_MODES; k++) moved = fmax(moved, fabs(next[k] - s->c[k])), s->c[k] = next[k];
    if (moved < 1e-12) break;
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
