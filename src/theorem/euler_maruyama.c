/* theorem/euler_maruyama.c - T33, F7: the geometric Euler-Maruyama step, without Monte Carlo. */
#define _DEFAULT_SOURCE
#include <math.h>

#include "theorem/numerics.h"
#include "theorem/theorems.h"

/* One step of free Brownian motion: |v| = sqrt(2 tau) r, r a chi variable of m = d - 1 degrees of freedom. */
typedef struct step {
  double m, tau, norm;
  bool projected;
} step;

static double chi(double r, const void *arg) {
  const step *s = arg;
  return exp((s->m - 1) * log(r) - r * r / 2 - s->norm);
}

/* <X_1, X_0>: cos |v| on the geodesic, 1 / sqrt(1 + |v|^2) after a projection. */
static double moved(double r, const void *arg) {
  const step *s = arg;
  double square = 2 * s->tau * r * r;
  return chi(r, arg) * (s->projected ? 1 / sqrt(1 + square) : cos(sqrt(square)));
}

static double expectation(double d, double tau, bool projected) {
  int sign;
  step s = {d - 1, tau, (d - 1) / 2 * log(2) - log(2) + lgamma_r((d - 1) / 2, &sign), projected};
  double middle = sqrt(s.m);
  return numerics_integral(moved, &s, fmax(0, middle - 14), middle + 14, 1e-15);
}

/* 1F1(m/2; 1/2; -tau) = e^-tau 1F1(1/2 - m/2; 1/2; tau), by its series. */
static double kummer(double m, double tau) {
  double term = 1, sum = 1;
  for (double k = 0; k < 200; k++) term *= (0.5 - m / 2 + k) / (0.5 + k) * tau / (k + 1), sum += term;
  return exp(-tau) * sum;
}

static dwell_status one_step(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) out[r].measured = expectation(row[r].value[0], row[r].value[1], false);
  return DWELL_OK;
}

static dwell_status series(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->predicted = kummer(row->value[0] - 1, row->value[1]);
  out->measured = expectation(row->value[0], row->value[1], false);
  return DWELL_OK;
}

/* Error at t = 1 of steps h, kappa = value[2]: the expectation to the power 1 / h against e^{-(d - 1) / kappa}. */
static dwell_status global(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    double d = row[r].value[0], h = row[r].value[1], kappa = row[r].value[2];
    out[r].measured = pow(expectation(d, h / kappa, false), round(1 / h)) - exp(-(d - 1) / kappa);
  }
  return DWELL_OK;
}

static dwell_status bias(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double d = row->value[0], tau = row->value[1];
  out->measured = (expectation(d, tau, row->value[2] == 1) - exp(-(d - 1) * tau)) / (tau * tau);
  return DWELL_OK;
}

#define ONE(d, h, e, first)                                                                                          \
  {                                                                                                                  \
    "T33.step.d" #d "-" #h, "E <X_1, X_0> of one geodesic step", "d = " #d ", kappa = 1, h = " #h, e, THEOREM_EQUAL, \
        1e-10, "digits printed", first, {d, h}, false                                                                \
  }
#define GLOBAL(d, k, h, e, eps, first)                                                                    \
  {                                                                                                       \
    "T33.global.d" #d "-" #h, "error of E <X_t, X_0> at t = 1", "d = " #d ", kappa = " #k ", h = " #h, e, \
        THEOREM_EQUAL, eps, "half a unit of the last printed digit", first, {d, h, k}, false              \
  }

static const theorem_row rows[] = {
    ONE(3, 0.1, 0.8128149055, one_step),
    ONE(3, 0.05, 0.9032676086, NULL),
    ONE(3, 0.025, 0.9508250592, NULL),
    ONE(3, 0.0125, 0.9752072954, NULL),
    ONE(8, 0.1, 0.3976458840, NULL),
    ONE(8, 0.05, 0.6753094761, NULL),
    ONE(8, 0.025, 0.8314435724, NULL),
    ONE(8, 0.0125, 0.9141256729, NULL),
    {"T33.step.d2-0.1",
     "on the circle a step is exact: e^-h",
     "d = 2, kappa = 1, h = 0.1",
     0.904837418035960,
     THEOREM_EQUAL,
     1e-15,
     "rounding",
     NULL,
     {2, 0.1},
     false},
    {"T33.series.d3",
     "it is 1F1(m/2; 1/2; -tau), m = d - 1",
     "d = 3, tau = .05",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-15,
     "rounding of the quadrature",
     series,
     {3, 0.05},
     false},
    {"T33.series.d8",
     "it is 1F1(m/2; 1/2; -tau), m = d - 1",
     "d = 8, tau = .05",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-15,
     "rounding of the quadrature",
     series,
     {8, 0.05},
     false},
    GLOBAL(3, 1, 0.1, -9.467e-3, 6e-7, global),
    GLOBAL(3, 1, 0.05, -4.619e-3, 6e-7, NULL),
    GLOBAL(3, 1, 0.025, -2.282e-3, 6e-7, NULL),
    GLOBAL(3, 1, 0.0125, -1.134e-3, 6e-7, NULL),
    GLOBAL(8, 1, 0.1, -8.13e-4, 6e-7, NULL),
    GLOBAL(8, 1, 0.05, -5.23e-4, 6e-7, NULL),
    GLOBAL(8, 1, 0.025, -2.91e-4, 6e-7, NULL),
    GLOBAL(8, 1, 0.0125, -1.52e-4, 6e-7, NULL),
    GLOBAL(128, 100, 0.1, -1.562e-2, 6e-6, NULL),
    GLOBAL(128, 100, 0.05, -7.647e-3, 6e-7, NULL),
    GLOBAL(128, 100, 0.025, -3.784e-3, 6e-7, NULL),
    GLOBAL(128, 100, 0.0125, -1.882e-3, 6e-7, NULL),
    {"T33.bias.geodesic",
     "bias of one geodesic step over tau^2 (limit -2/3)",
     "d = 3, tau = .0125",
     -0.657,
     THEOREM_EQUAL,
     6e-4,
     "digits printed",
     bias,
     {3, 0.0125, 0},
     false},
    {"T33.bias.projected-d3",
     "bias of one projected step over tau^2 (limit 10)",
     "d = 3, tau = .005",
     9.45,
     THEOREM_EQUAL,
     6e-3,
     "digits printed",
     bias,
     {3, 0.005, 1},
     false},
    {"T33.bias.projected-d2",
     "bias of one projected step over tau^2 (limit 4)",
     "d = 2, tau = .005",
     3.82,
     THEOREM_EQUAL,
     6e-3,
     "digits printed",
     bias,
     {2, 0.005, 1},
     false},
};

const theorem theorem_euler_maruyama = {"T33", "the order of the geometric Euler-Maruyama scheme", "derived here",
                                        THEOREM_ROWS(rows)};
