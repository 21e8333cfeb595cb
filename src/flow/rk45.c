/* flow/rk45.c - Dormand-Prince 5(4) with projection, step control and dense output.
 *
 * Tableau: Dormand and Prince (1980). Step control: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I,
 * II.4 (with Gustafsson's stabilisation, as in DOPRI5). Interpolation: Shampine's quartic of DOPRI5, lifted to a
 * quintic by two more slopes (Enright, Jackson, Norsett, Thomsen 1986). */
#include <float.h>
#include <math.h>

#include "base/error.h"
#include "flow/orbit.h"

static const double tableau[ORBIT_STAGES][ORBIT_STAGES - 1] = {
    {0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
static const double error_weights[ORBIT_STAGES] = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                                   -17253.0 / 339200, 22.0 / 525, -1.0 / 40};
static const double quartic_weights[ORBIT_STAGES] = {-12715105075.0 / 11282082432,  0,
                                                     87487479700.0 / 32700410799,   -10690763975.0 / 1880347072,
                                                     701980252875.0 / 199316789632, -1453857185.0 / 822651844,
                                                     69997945.0 / 29380423};

/* Where the quintic takes its two inner slopes: h times INNER and 1 - INNER. Near the ends the quartic that the slopes
 * are taken on is most accurate; among .05 ... .45 this value gave the smallest errors on logistic-like test equations.
 */
#define INNER 0.15

typedef struct controller {
  double h;      /* next step to try */
  double last;   /* error of the last accepted step */
  bool rejected; /* the step before was rejected: do not grow at once */
} controller;

/* The largest tangential error of a token over rtol; NaN if it is not a number. */
static double error_norm(const orbit *o, double h) {
  size_t n = o->plan->system.n, d = o->plan->system.d;
  double worst = 0;
  for (size_t i = 0; i < n; i++) {
    double square = 0, radial = 0;
    for (size_t k = 0; k < d; k++) {
      double e = 0;
      for (size_t m = 0; m < ORBIT_STAGES; m++) e += error_weights[m] * o->k[m][i * d + k];
      square += e * e;
      radial += e * o->x[i * d + k];
    }
    square -= radial * radial;
    if (!(square <= worst)) worst = square;
  }
  return h * sqrt(worst) / o->plan->rtol;
}

/* Stages 2..7 of a step h; *ret_facts at its end, *ret_gain the integral of dE/dt over it. */
static dwell_status try_step(orbit *o, double h, field_facts *ret_facts, double *ret_gain, dwell_error *err) {
  double gain = tableau[6][0] * o->facts.power;
  for (size_t m = 1; m < ORBIT_STAGES; m++) {
    double *at = m == ORBIT_STAGES - 1 ? o->y : o->stage;
    orbit_combine(o, h, tableau[m], m, at);
    dwell_status status = field_velocity(&o->field, at, o->k[m], ret_facts, err);
    if (status != DWELL_OK) return status;
    if (m < ORBIT_STAGES - 1) gain += tableau[6][m] * ret_facts->power;
  }
  *ret_gain = h * gain;
  return DWELL_OK;
}

/* Hairer's first guess: a step whose second-order term is 1 % of the tolerance scale, from one Euler step. */
static dwell_status first_step(orbit *o, double *ret_h, dwell_error *err) {
  double rtol = o->plan->rtol, speed = o->facts.speed;
  *ret_h = o->end;
  if (speed * o->end < rtol) return DWELL_OK; /* nothing moves */
  double probe = fmin(0.01 / speed, o->end), unit = 1;
  field_facts facts;
  orbit_combine(o, probe, &unit, 1, o->stage);
  dwell_status status = field_velocity(&o->field, o->stage, o->k[1], &facts, err);
  if (status != DWELL_OK) return status;
  double bend = 0;
  for (size_t e = 0; e < o->size; e++) bend = fmax(bend, fabs(o->k[1][e] - o->k[0][e]));
  double slope = fmax(speed, bend / probe);
  *ret_h = fmin(100 * probe, pow(0.01 * rtol / slope, 0.2));
  return DWELL_OK;
}

/* ---- states inside a step ---- */

/* The quartic of DOPRI5 at theta in [0, 1] of the step from x to y. */
static void quartic(const orbit *o, double h, double theta, double *ret) {
  double rest = 1 - theta;
  for (size_t e = 0; e < o->size; e++) {
    double rise = o->y[e] - o->x[e], bend = h * o->k[0][e] - rise, curl = 0;
    for (size_t m = 0; m < ORBIT_STAGES; m++) curl += quartic_weights[m] * o->k[m][e];
    double twist = rise - h * o->k[ORBIT_STAGES - 1][e] - bend;
    ret[e] = o->x[e] + theta * (rise + rest * (bend + theta * (twist + rest * h * curl)));
  }
}

/* Slopes on the quartic at the two inner points. */
static dwell_status prepare_quintic(orbit *o, double h, dwell_error *err) {
  field_facts facts;
  for (size_t m = 0; m < 2; m++) {
    quartic(o, h, m == 0 ? INNER : 1 - INNER, o->stage);
    dwell_status status = field_velocity(&o->field, o->stage, o->inner[m], &facts, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

static const double nodes[4] = {0, INNER, 1 - INNER, 1};

static double node_product(double s) { return s * (s - INNER) * (s - 1 + INNER) * (1 - s); }

static double lagrange(size_t m, double s) {
  double value = 1;
  for (size_t j = 0; j < 4; j++)
    if (j != m) value *= (s - nodes[j]) / (nodes[m] - nodes[j]);
  return value;
}

/* Integrals over [0, theta] of the four Lagrange polynomials and of the product of nodes, by Gauss's three points
 * (exact to degree 5). */
static void integrals(double theta, double ret[5]) {
  static const double place[3] = {-0.77459666924148337704, 0, 0.77459666924148337704};
  static const double weight[3] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
  for (size_t m = 0; m < 5; m++) {
    ret[m] = 0;
    for (size_t g = 0; g < 3; g++) {
      double s = theta * 0.5 * (1 + place[g]);
      ret[m] += theta * weight[g] * (m < 4 ? lagrange(m, s) : node_product(s));
    }
  }
}

/* The slope is the quartic through four slopes whose mean is the rise of the step. */
static void quintic(const orbit *o, double h, double theta, double *ret) {
  const double *slopes[4] = {o->k[0], o->inner[0], o->inner[1], o->k[ORBIT_STAGES - 1]};
  double part[5], whole[5];
  integrals(theta, part);
  integrals(1, whole);
  double correction = part[4] / whole[4];
  for (size_t e = 0; e < o->size; e++) {
    double sum = 0;
    for (size_t m = 0; m < 4; m++) sum += (part[m] - correction * whole[m]) * slopes[m][e];
    ret[e] = o->x[e] + h * sum + correction * (o->y[e] - o->x[e]);
  }
  field_normalise(o->plan->system.n, o->plan->system.d, ret, ret);
}

/* Emits the requested times strictly inside the step from o->t to `after`. */
static dwell_status emit_inside(orbit *o, double h, double after, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool ready = false;
  while (o->next < o->plan->count && o->plan->times[o->next] < after) {
    if (!ready) TRY(prepare_quintic(o, h, err));
    ready = true;
    quintic(o, h, (o->plan->times[o->next] - o->t) / h, o->out);
    TRY(orbit_emit(o, o->out, err));
  }
done:
  return status;
}

/* ---- the loop ---- */

static double growth(const controller *c, double error) {
  double factor = 0.9 * pow(fmax(error, 1e-10), -0.17) * pow(c->last, 0.04);
  return fmin(c->rejected ? 1 : 5, fmax(0.2, factor));
}

/* Step h is good: emit what lies inside, move on. */
static dwell_status advance(orbit *o, double h, double after, const field_facts *facts, double gain, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(emit_inside(o, h, after, err));
  field_normalise(o->plan->system.n, o->plan->system.d, o->y, o->x);
  double *first = o->k[0];
  o->k[0] = o->k[ORBIT_STAGES - 1];
  o->k[ORBIT_STAGES - 1] = first;
  o->t = after;
  o->facts = *facts;
  o->certificate.longest_step = fmax(o->certificate.longest_step, h);
  if (o->next < o->plan->count && o->plan->times[o->next] <= after) TRY(orbit_emit(o, o->x, err));
  TRY(orbit_account(o, gain, err));
done:
  return status;
}

static dwell_status step_too_small(const orbit *o, dwell_error *err) {
  error_set(err, DWELL_FAILED, "the step needed for rtol %g fell below the rounding of t", o->plan->rtol);
  dwell_status status = orbit_failed(o, DWELL_FAILED, err);
  error_remedy(err, "Ask for a larger rtol or a shorter time");
  return status;
}

dwell_status orbit_rk45(orbit *o, dwell_error *err) {
  dwell_status status = DWELL_OK;
  controller c = {.last = 1e-4};
  TRY(orbit_failed(o, first_step(o, &c.h, err), err));
  while (o->t < o->end) {
    double left = o->end - o->t, cap = o->facts.rate > 0 ? 3 / o->facts.rate : DBL_MAX;
    double h = fmin(c.h, cap);
    bool last = h >= left * (1 - 1e-12);
    if (last) h = left;
    if (h < DBL_MIN || o->t + h <= o->t) TRY(step_too_small(o, err));
    field_facts facts;
    double gain = 0, error = NAN;
    status = try_step(o, h, &facts, &gain, err);
    if (status == DWELL_OK) error = error_norm(o, h);
    if (status != DWELL_OK && status != DWELL_FAILED) goto done;
    if (!(error <= 1)) { /* too large, or not a number because the step left the range of a double */
      o->certificate.rejected++;
      c.h = h * (isfinite(error) ? growth(&(controller){0, 1, true}, error) : 0.1);
      c.rejected = true;
      continue;
    }
    TRY(orbit_failed(o, advance(o, h, last ? o->end : o->t + h, &facts, gain, err), err));
    double next = h * growth(&c, error);
    c.h = last ? c.h : next;
    c.last = fmax(error, 1e-4);
    c.rejected = false;
  }
done:
  return status;
}
