/* theorem/dynamic.c - T11: dynamic metastability: exponential times, and the inequalities that guarantee them. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* ln dt / du of two equal clusters, u = ln tan(theta / 2). */
static double log_slowness(double u, const void *arg) {
  double gap = *(const double *)arg * (1 + tanh(u));
  return gap + log1p(exp(-gap)) - log(2);
}

static double clock_of(double angle) { return log(tan(angle / 2)); }

/* ln of the time in which both clusters of a pair leave their caps, or come within .01. */
static double pair_time(double beta, double rho, bool exit) {
  double start = acos(rho), end = exit ? start - 2 * acos(0.98) : 0.01;
  return numerics_log_integral(log_slowness, &beta, clock_of(end), clock_of(start), 1e-14);
}

/* The exit of the first cluster, by the flow's log clock. value: beta, rho. */
static dwell_status leave(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  double angles[2] = {0, acos(row->value[1])};
  TRY(particles_open("sa", 2, 2, row->value[0], &p, err));
  p.plan.rtol = 1e-12;
  particles_angles(&p, angles);
  TRY(particles_merge(&p, 2 * sin(0.005), 1, 1e5, &history, ctx, err));
  if (history.plateau_count > 0) out->measured = history.plateaus[0].log_exit;
  if (row->value[2] == 1 && history.merger_count > 0) out->measured = history.mergers[0].log_time;
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* ln of the time of three equal clusters from a common cosine to .9: x = ln(1 - rho). */
typedef struct triple {
  double beta;
} triple;

static double triple_slowness(double x, const void *arg) {
  double gap = exp(x), beta = ((const triple *)arg)->beta;
  return beta * gap + log1p(2 * exp(-beta * gap)) - log(2 * (2 * (1 - gap) + 1));
}

static double triple_time(double beta, double rho) {
  triple t = {beta};
  return numerics_log_integral(triple_slowness, &t, log(0.1), log(1 - rho), 1e-14);
}

/* Slope over beta = 10 (or value[2]), ..., 60 of ln T, or of ln T + ln beta. value: rho, kind, first beta, prefactor.
 */
static dwell_status slope(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta[6], time[6], rho = row->value[0];
  size_t points = 0;
  for (double b = row->value[2]; b <= 60; b += 10, points++) {
    double t = row->value[1] == 2 ? triple_time(b, rho) : pair_time(b, rho, row->value[1] == 1);
    beta[points] = b, time[points] = t + (row->value[3] == 1 ? log(b) : 0);
  }
  out->measured = numerics_slope(points, beta, time);
  return DWELL_OK;
}

/* How far the slope of ln T itself is from 1 - rho, relative to it. value: as of slope. */
static dwell_status shortfall(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  dwell_status status = slope(row, count, out, ctx, err);
  out->measured = out->measured / (1 - row->value[0]) - 1;
  return status;
}

/* The first d from which on caps of eps = 4 ln d / d are below 1/16. */
static dwell_status caps_fit(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  size_t d = 1000;
  while (4 * log((double)(d - 1)) / (double)(d - 1) < 1.0 / 16) d--;
  out->measured = (double)d;
  return DWELL_OK;
}

/* Three caps of three tokens each: ln of the measured exit minus ln of the guaranteed time. */
static dwell_status guarantee(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  const double third = 2 * acos(-1) / 3;
  TRY(particles_open("sa", 9, 3, row->value[0], &p, err));
  for (size_t i = 0; i < 9; i++) {
    double centre[3] = {cos(third * (double)(i % 3)), sin(third * (double)(i % 3)), 0};
    for (size_t k = 0; k < 3; k++) p.x[3 * i + k] = centre[k] + 0.02 * numerics_normal(50, i, k);
  }
  field_normalise(9, 3, p.x, p.x);
  TRY(particles_merge(&p, 1e-6, 2, 1e4, &history, ctx, err));
  for (size_t k = 0; k < history.plateau_count; k++) {
    const flow_plateau *q = &history.plateaus[k];
    if (q->clusters == 3 && isfinite(q->log_guarantee)) out->measured = q->log_exit - q->log_guarantee;
  }
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* Within a cap of the same run without the log clock: least of rho' minus its lower bound, over the bound's scale, rho
 * the least cosine inside the cap, as long as the caps stand. */
static dwell_status inside(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], n = 6, alpha = cos(2 * acos(-1) / 3 - 0.2), before = 0, step = 0.01;
  particles p = {0};
  TRY(particles_open("sa", 6, 2, beta, &p, err));
  double angles[6] = {0, 0.06, 2.0944, 2.13, 4.1888, 4.16};
  particles_angles(&p, angles);
  out->measured = INFINITY;
  for (int k = 0; k <= 300; k++) {
    double rho = particles_cosine(&p, 0, 1);
    double bound = 2 / n * before * (1 - before) * exp(beta * (before - 1)) - 2 * n * exp(-(1 - alpha) * beta);
    double now = 2 / n * rho * (1 - rho) * exp(beta * (rho - 1)) - 2 * n * exp(-(1 - alpha) * beta);
    if (k > 0) out->measured = fmin(out->measured, (rho - before) / step - fmin(bound, now));
    before = rho;
    TRY(particles_to(&p, step * (k + 1), ctx, err));
  }
done:
  particles_close(&p);
  return status;
}

#define EXIT(b, t)                                                                                             \
  {                                                                                                            \
    "T11.exit." #b, "ln of the time in which two clusters leave their caps, by the flow's log clock",          \
        "sa, rho = 0, eps = .01, beta = " #b, t, THEOREM_EQUAL, 1.1e-7, "digits printed", leave, {b, 0}, false \
  }
#define SLOPE(name, what, rho, kind, first, prefactor, s)                                                            \
  {                                                                                                                  \
    "T11.slope." name, what, "rho = " #rho ", beta = " #first ", .., 60", s, THEOREM_EQUAL,                          \
        prefactor == 1 ? 6e-6 : 6e-5, "half a unit of the last printed digit", slope, {rho, kind, first, prefactor}, \
        false                                                                                                        \
  }
#define SHORT(name, rho, s)                                                                                        \
  {                                                                                                                \
    "T11.slope.three-bare-" name, "slope of ln T of three equal clusters over 1 - rho, less one, without ln beta", \
        "rho = " #rho ", beta = 10, .., 60", s, THEOREM_EQUAL, 6e-4, "half a unit of the last printed digit",      \
        shortfall, {rho, 2, 10, 0}, false                                                                          \
  }
#define BARE "slope of ln T over beta, short of 1 - rho by d ln(beta) / d beta"
#define FULL "slope of ln T + ln beta until the clusters meet"
#define CAPS "slope of ln T + ln beta until they leave their caps"

static const theorem_row rows[] = {
    EXIT(10, 7.0000746),
    EXIT(20, 16.3157614),
    EXIT(30, 25.9078957),
    EXIT(40, 35.6192319),
    EXIT(50, 45.3956334),
    EXIT(60, 55.2130655),
    {"T11.meet.10",
     "ln of the time in which they come within .01",
     "sa, rho = 0, beta = 10",
     7.0314359,
     THEOREM_EQUAL,
     1.1e-7,
     "digits printed",
     leave,
     {10, 0, 1},
     false},
    SLOPE("bare--.5", BARE, -0.5, 0, 10, 0, 1.4671),
    SLOPE("bare-0", BARE, 0, 0, 10, 0, 0.9653),
    SLOPE("bare-.5", BARE, 0.5, 0, 10, 0, 0.4582),
    SLOPE("meet--.5", FULL, -0.5, 0, 10, 1, 1.50136),
    SLOPE("meet-0", FULL, 0, 0, 10, 1, 0.99958),
    SLOPE("meet-.5", FULL, 0.5, 0, 10, 1, 0.49246),
    SLOPE("exit--.5", CAPS, -0.5, 1, 10, 1, 1.50164),
    SLOPE("exit-0", CAPS, 0, 1, 10, 1, 1.00003),
    SLOPE("exit-.5", CAPS, 0.5, 1, 10, 1, 0.49797),
    SLOPE("exit-cold--.5", CAPS, -0.5, 1, 30, 1, 1.50061),
    SLOPE("exit-cold-0", CAPS, 0, 1, 30, 1, 0.99994),
    SLOPE("exit-cold-.5", CAPS, 0.5, 1, 30, 1, 0.49909),
    SLOPE("three--.3", "slope of ln T + ln beta of three equal clusters, to .9", -0.3, 2, 10, 1, 1.30359),
    SLOPE("three-0", "slope of ln T + ln beta of three equal clusters, to .9", 0, 2, 10, 1, 1.00077),
    SLOPE("three-.5", "slope of ln T + ln beta of three equal clusters, to .9", 0.5, 2, 10, 1, 0.49665),
    SHORT("-.3", -0.3, -0.024),
    SHORT("0", 0, -0.034),
    SHORT(".5", 0.5, -0.075),
    {"T11.dimensions",
     "uniform tokens: the theorem's caps eps = 4 ln d / d < 1/16 begin at this d",
     "dimensions from 1000 downwards",
     381,
     THEOREM_EQUAL,
     0,
     "a whole number",
     caps_fit,
     {0},
     false},
    {"T11.guarantee.30",
     "clusters stay in their caps for (eps / n) e^{(1 - alpha) beta} (ln of exit over guarantee)",
     "sa, nine tokens in three caps, d = 3, beta = 30",
     0,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     guarantee,
     {30},
     false},
    {"T11.guarantee.60",
     "clusters stay in their caps for (eps / n) e^{(1 - alpha) beta} (ln of exit over guarantee)",
     "sa, nine tokens in three caps, d = 3, beta = 60",
     0,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     guarantee,
     {60},
     false},
    {"T11.inside",
     "rho' >= (2/n) rho (1 - rho) e^{beta (rho - 1)} - 2 n e^{-(1 - alpha) beta} within a cap (least excess)",
     "sa, three caps of two tokens, d = 2, beta = 20",
     0,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     inside,
     {20},
     false},
};

const theorem theorem_dynamic = {"T11", "dynamic metastability: how long clusters stand",
                                 "Geshkovski, Koubbi, Polyanskiy, Rigollet, arXiv:2410.06833; exit times: derived here",
                                 THEOREM_ROWS(rows)};
