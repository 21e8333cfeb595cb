/* theorem/density.c - many tokens against the equation of their density, on the circle and on the sphere. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "flow/meanfield.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { MODES = 64, SIZES = 4 };

/* The start: density 1 + .5 p_1 over the uniform one, p_1 = cos theta or the height <x, e>. */
static double circle_angle(double q) {
  double theta = 2 * acos(-1) * (q - 0.5);
  for (int k = 0; k < 60; k++) theta -= (theta + 0.5 * sin(theta) - 2 * acos(-1) * (q - 0.5)) / (1 + 0.5 * cos(theta));
  return theta;
}

/* On S^2 the height has density (1 + t / 2) / 2: t + t^2 / 4 = 2 q - 3/4. */
static double sphere_height(double q) { return 2 * (sqrt(1 + 2 * q - 0.75) - 1); }

static void place(particles *p, uint32_t replica) {
  for (size_t i = 0; i < p->n; i++) {
    double *x = p->x + i * p->d, q = numerics_uniform(760, replica, 2 * i);
    double angle = p->d == 2 ? circle_angle(q) : 2 * acos(-1) * numerics_uniform(760, replica, 2 * i + 1);
    double height = p->d == 2 ? 0 : sphere_height(q), across = sqrt(1 - height * height);
    x[0] = p->d == 2 ? cos(angle) : height;
    x[1] = p->d == 2 ? sin(angle) : across * cos(angle);
    if (p->d == 3) x[2] = across * sin(angle);
  }
  p->t = 0;
}

/* The mean of p_1 at time T by the density's equation. */
static dwell_status limit_of(size_t d, bool normalised, double beta, double t, double *ret_mean, dwell_error *err) {
  double y[2 * MODES] = {0};
  meanfield m = {d, beta, normalised, 0, MODES};
  ode_plan plan = {DWELL_RK45, 0, 1e-10, 1e-13, &t, 1};
  ode_host host = {0};
  ode_outcome outcome;
  if (d == 2) y[0] = 0.25;
  else y[0] = 1, y[1] = 0.5 / 3;
  dwell_status status = meanfield_solve(&m, &plan, &host, y, NULL, &outcome, err);
  *ret_mean = d == 2 ? y[0] : y[1];
  return status;
}

/* RMS over random starts of the mean of p_1 about `limit`. */
static dwell_status spread(const char *name, size_t n, size_t d, double beta, double t, size_t starts, double limit,
                           double *ret_rms, const dwell_context *ctx, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double sum = 0;
  particles p = {0};
  TRY(particles_open(name, n, d, beta, &p, err));
  p.plan.rtol = 1e-6;
  for (size_t r = 0; r < starts; r++) {
    double mean = 0;
    place(&p, (uint32_t)r);
    TRY(particles_to(&p, t, ctx, err));
    for (size_t i = 0; i < n; i++) mean += p.x[i * d] / (double)n;
    sum += (mean - limit) * (mean - limit);
  }
  *ret_rms = sqrt(sum / (double)starts);
done:
  particles_close(&p);
  return status;
}

/* d ln RMS / d ln n over n = 100, 200, 400, 800. value: usa, d, T, starts. beta = 2. */
static dwell_status slope(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  const char *name = row->value[0] == 1 ? "usa" : "sa";
  size_t d = (size_t)row->value[1], starts = (size_t)row->value[3];
  double limit, log_n[SIZES], log_rms[SIZES], rms;
  TRY(limit_of(d, row->value[0] != 1, 2, row->value[2], &limit, err));
  for (size_t k = 0; k < SIZES; k++) {
    size_t n = (size_t)100 << k;
    TRY(spread(name, n, d, 2, row->value[2], starts, limit, &rms, ctx, err));
    log_n[k] = log((double)n), log_rms[k] = log(rms);
  }
  out->measured = numerics_slope(SIZES, log_n, log_rms);
done:
  return status;
}

#define SLOPE(name, flow, usa, d, t, starts, eps, slow)                                                            \
  {                                                                                                                \
    "D.slope." name, "exponent of n in the error of the first moment against the density's equation",              \
        flow ", d = " #d ", beta = 2, density 1 + p_1 / 2, T = " #t ", n = 100 .. 800, " #starts                   \
             " random starts each",                                                                                \
        -0.5, THEOREM_EQUAL, eps, "four standard errors: sqrt(1 / 2N) of each RMS, over ln n with square sum 2.4", \
        slope, {usa, d, t, starts}, slow                                                                           \
  }

static const theorem_row rows[] = {
    SLOPE("sa.circle", "sa", 0, 2, 1, 200, 0.13, false),
    SLOPE("sa.sphere", "sa", 0, 3, 1, 200, 0.13, false),
    SLOPE("usa.sphere", "usa", 1, 3, 0.5, 200, 0.13, true),
    SLOPE("sa.sphere-1000", "sa", 0, 3, 1, 1000, 0.06, true),
};

const theorem theorem_density = {"D", "many tokens approach the solution of the density's equation like n^{-1/2}",
                                 "propagation of chaos; Galerkin's method against particles", THEOREM_ROWS(rows)};
