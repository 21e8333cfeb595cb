/* theorem/sinkhorn.c - T24, F12: doubly stochastic attention, and the heat equation. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "theorem/numerics.h"
#include "theorem/theorems.h"

/* Scales the symmetric kernel k [n,n] to u_i k_ij u_j with row sums mass_i: u <- sqrt(u mass / (k u)). */
static void balance(size_t n, const double *k, const double *mass, double *ret_u) {
  for (size_t i = 0; i < n; i++) ret_u[i] = 1;
  for (int iteration = 0; iteration < 500; iteration++) {
    double moved = 0;
    for (size_t i = 0; i < n; i++) {
      double sum = 0;
      for (size_t j = 0; j < n; j++) sum += k[i * n + j] * ret_u[j];
      double next = sqrt(ret_u[i] * mass[i] / sum); /* in place: later rows see it */
      moved = fmax(moved, fabs(next / ret_u[i] - 1));
      ret_u[i] = next;
    }
    if (moved < 1e-15) break;
  }
}

/* ---- on the line: N(0, s) on a grid ---- */

/* E[x T(x)] under the self-plan of N(0, s) with kernel e^{-(x - y)^2 / 2 eps}. */
static dwell_status correlation(double s, double eps, double *ret_c, dwell_error *err) {
  enum { GRID = 241 };
  dwell_status status = DWELL_OK;
  double *k = MEM_NEW(double, GRID *GRID), u[GRID], mass[GRID], total = 0, half = (GRID - 1) / 2.0;
  TRY_ALLOC(k, "a plan");
  double step = 8 * sqrt(s) / half;
  for (size_t i = 0; i < GRID; i++) {
    double x = step * ((double)i - half);
    total += mass[i] = exp(-x * x / (2 * s));
  }
  for (size_t i = 0; i < GRID; i++) mass[i] /= total;
  for (size_t i = 0; i < GRID; i++)
    for (size_t j = 0; j < GRID; j++) {
      double apart = step * ((double)i - (double)j);
      k[i * GRID + j] = exp(-apart * apart / (2 * eps));
    }
  balance(GRID, k, mass, u);
  *ret_c = 0;
  for (size_t i = 0; i < GRID; i++)
    for (size_t j = 0; j < GRID; j++)
      *ret_c += u[i] * k[i * GRID + j] * u[j] * step * ((double)i - half) * step * ((double)j - half);
done:
  mem_free(k);
  return status;
}

/* s' = 2 (s - C) / eps of the scaled flow, C by the plan. value: eps. */
static dwell_status scaled_speed(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count, (void)ctx;
  double c, eps = row->value[0];
  dwell_status status = correlation(1, eps, &c, err);
  if (status == DWELL_OK) out->measured = 2 * (1 - c) / eps;
  return status;
}

/* Scalar cross-covariance for the kernel e^{b x y}: (-1 + sqrt(1 + 4 b^2 s^2)) / 2b; b = 1 / eps. */
static dwell_status plan(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count, (void)ctx;
  double s = row->value[0], b = row->value[1], c;
  dwell_status status = correlation(s, 1 / b, &c, err);
  out->predicted = (sqrt(1 + 4 * b * b * s * s) - 1) / (2 * b);
  if (status == DWELL_OK) out->measured = c;
  return status;
}

typedef struct variance {
  double eps;
  bool scaled;
} variance;

static void spread(double t, const double *s, double *ret_v, const void *arg) {
  (void)t;
  const variance *p = arg;
  double root = sqrt(p->eps * p->eps + 4 * s[0] * s[0]);
  ret_v[0] = p->scaled ? (2 * s[0] + p->eps - root) / p->eps : p->eps - root;
}

/* value: eps, t, scaled. */
static dwell_status variance_at(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    variance p = {row[r].value[0], row[r].value[2] == 1};
    double s = 1, t = row[r].value[1];
    numerics_rk4(1, spread, &p, 0, t, (size_t)(2000 * fmax(1, t / 5)), &s);
    out[r].measured = s;
  }
  return DWELL_OK;
}

static dwell_status printed_plan(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count, (void)ctx;
  return correlation(row->value[0], 1 / row->value[1], &out->measured, err);
}

/* ---- particles ---- */

enum { CLOUD = 300 };

typedef struct cloud {
  double eps;
  bool scaled;
  double *kernel; /* [CLOUD, CLOUD] */
} cloud;

/* x_i' = (x_i - T_i) / eps, or -T_i: T_i the mean of the partners of i in the plan. */
static void away(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  const cloud *c = arg;
  double u[CLOUD], mass[CLOUD];
  for (size_t i = 0; i < CLOUD; i++) {
    mass[i] = 1.0 / CLOUD;
    for (size_t j = 0; j < CLOUD; j++) c->kernel[i * CLOUD + j] = exp(-pow(x[i] - x[j], 2) / (2 * c->eps));
  }
  balance(CLOUD, c->kernel, mass, u);
  for (size_t i = 0; i < CLOUD; i++) {
    double mean = 0;
    for (size_t j = 0; j < CLOUD; j++) mean += CLOUD * u[i] * c->kernel[i * CLOUD + j] * u[j] * x[j];
    ret_v[i] = c->scaled ? (x[i] - mean) / c->eps : -mean;
  }
}

static double normal_excess(double z, const void *arg) { return erfc(-z / sqrt(2)) / 2 - *(const double *)arg; }

/* Variance of 300 normal quantiles, scaled to the variance 1 at the start. value: eps, t, scaled. */
static dwell_status quantiles_at(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count, (void)ctx;
  double x[CLOUD], t = row->value[1], power = 0;
  cloud c = {row->value[0], row->value[2] == 1, MEM_NEW(double, CLOUD *CLOUD)};
  if (c.kernel == NULL) return error_no_memory(err, "a plan");
  for (size_t i = 0; i < CLOUD; i++) {
    double share = ((double)i + 0.5) / CLOUD;
    x[i] = numerics_root(normal_excess, &share, -9, 9);
    power += x[i] * x[i] / CLOUD;
  }
  for (size_t i = 0; i < CLOUD; i++) x[i] /= sqrt(power);
  numerics_rk4(CLOUD, away, &c, 0, t, (size_t)ceil(t / 0.05), x);
  out->measured = 0;
  for (size_t i = 0; i < CLOUD; i++) out->measured += x[i] * x[i] / CLOUD;
  mem_free(c.kernel);
  return DWELL_OK;
}

/* ---- on the circle ---- */

/* Decay rate of mode k of V = -I, time multiplied by beta. value: beta, k, doubly stochastic. */
static dwell_status circle(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx;
  enum { TOKENS = 256 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], mode = row->value[1], *k = MEM_NEW(double, TOKENS *TOKENS), u[TOKENS], mass[TOKENS];
  double sums[2] = {0}, angle[TOKENS], move = 1e-5;
  TRY_ALLOC(k, "a plan");
  for (int side = 0; side < 2; side++) {
    for (size_t i = 0; i < TOKENS; i++) {
      double rest = 2 * acos(-1) * (double)i / TOKENS;
      angle[i] = rest + (side == 0 ? move : -move) * sin(mode * rest), mass[i] = 1.0 / TOKENS;
    }
    for (size_t i = 0; i < TOKENS; i++)
      for (size_t j = 0; j < TOKENS; j++) k[i * TOKENS + j] = exp(beta * (cos(angle[i] - angle[j]) - 1));
    if (row->value[2] == 1) balance(TOKENS, k, mass, u);
    for (size_t i = 0; i < TOKENS; i++) {
      double pull = 0, total = 0;
      for (size_t j = 0; j < TOKENS; j++) {
        double w = k[i * TOKENS + j] * (row->value[2] == 1 ? u[i] * u[j] : 1);
        pull += w * sin(angle[j] - angle[i]), total += w;
      }
      sums[side] += sin(2 * acos(-1) * mode * (double)i / TOKENS) * beta * pull / total;
    }
  }
  out->measured = (sums[0] - sums[1]) / (2 * move) / (TOKENS / 2);
done:
  mem_free(k);
  return status;
}

#define QUANTILES(name, what, e, t, scaled, v)                                                                       \
  {                                                                                                                  \
    "T24.particles." name, "300 normal quantiles: variance of the " what " flow", "d = 1, eps = " #e ", t = " #t, v, \
        THEOREM_EQUAL, 5e-5, "digits printed, and steps of .05", quantiles_at, {e, t, scaled}, true                  \
  }
#define SPEED(e, v)                                                                                                 \
  {                                                                                                                 \
    "T24.speed." #e, "speed of the variance under the scaled flow, at s = 1", "d = 1, eps = " #e, v, THEOREM_EQUAL, \
        6e-7, "digits printed", scaled_speed, {e}, false                                                            \
  }
#define GROWN(e, v, first)                                                                                          \
  {                                                                                                                 \
    "T24.scaled." #e, "variance of the scaled flow at t = .5 (heat: 1.5)", "s(0) = 1, eps = " #e, v, THEOREM_EQUAL, \
        6e-7, "digits printed", first, {e, 0.5, 1}, false                                                           \
  }
#define RAW(t, v, eps, first)                                                                                       \
  {                                                                                                                 \
    "T24.raw.t" #t, "variance of the raw flow: it collapses", "s(0) = 1, eps = .2, t = " #t, v, THEOREM_EQUAL, eps, \
        "digits printed", first, {0.2, t, 0}, false                                                                 \
  }
#define CIRCLE(b, k, r)                                                                                               \
  {                                                                                                                   \
    "T24.circle." #b "-" #k, "Sinkhorn, V = -I: mode k of the circle decays at k^2 r_k / (1 + r_k), r_k = I_k / I_0", \
        "beta = " #b ", k = " #k, r, THEOREM_EQUAL, 6e-7,                                                             \
        "half a unit of the last digit; the difference is good to 1e-7", circle, {b, k, 1}, false                     \
  }
#define SOFTMAX(k, r)                                                                                             \
  {                                                                                                               \
    "T24.softmax.20-" #k, "softmax, V = -I: mode k decays at k^2 r_k, twice as fast", "beta = 20, k = " #k, r,    \
        THEOREM_EQUAL, 6e-7, "half a unit of the last digit; the difference is good to 1e-7", circle, {20, k, 0}, \
        false                                                                                                     \
  }

static const theorem_row rows[] = {
    {"T24.plan-printed",
     "cross-covariance of a Gaussian's self-plan with kernel e^{bxy}",
     "d = 1, s = 1.3, b = .9, grid",
     0.858177791,
     THEOREM_EQUAL,
     1e-9,
     "digits printed; the grid ends at eight standard deviations",
     printed_plan,
     {1.3, 0.9},
     false},
    QUANTILES("scaled.4", "scaled", 0.4, 0.5, 1, 1.458774),
    QUANTILES("scaled.2", "scaled", 0.2, 0.5, 1, 1.479048),
    QUANTILES("scaled.1", "scaled", 0.1, 0.5, 1, 1.488828),
    QUANTILES("raw.2", "raw", 0.2, 1, 0, 0.208609),
    {"T24.plan",
     "cross-covariance of a Gaussian's self-plan with kernel e^{bxy}",
     "d = 1, s = 1, b = 1, grid",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     "the grid ends at eight standard deviations",
     plan,
     {1, 1},
     false},
    {"T24.plan-cold",
     "cross-covariance of a Gaussian's self-plan with kernel e^{bxy}",
     "d = 1, s = .7, b = 5, grid",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     "the grid ends at eight standard deviations",
     plan,
     {0.7, 5},
     false},
    SPEED(0.4, 0.900980),
    SPEED(0.2, 0.950124),
    SPEED(0.1, 0.975016),
    GROWN(0.4, 1.459094, variance_at),
    GROWN(0.2, 1.479602, NULL),
    GROWN(0.1, 1.489828, NULL),
    RAW(1, 0.208619, 6e-7, variance_at),
    RAW(2, 0.0803196, 6e-8, NULL),
    RAW(5, 0.0243081, 6e-8, NULL),
    RAW(20, 0.00524480, 6e-9, NULL),
    RAW(100, 0.00100953, 6e-9, NULL),
    CIRCLE(5, 1, 0.471845),
    CIRCLE(5, 2, 1.564906),
    CIRCLE(5, 3, 2.474789),
    CIRCLE(20, 1, 0.493586),
    CIRCLE(20, 2, 1.897540),
    CIRCLE(20, 3, 3.983736),
    CIRCLE(80, 1, 0.498428),
    CIRCLE(80, 2, 1.974844),
    CIRCLE(80, 3, 4.372685),
    SOFTMAX(1, 0.974671),
    SOFTMAX(2, 3.610132),
    SOFTMAX(3, 7.147475),
};

static const theorem_row rows_12[] = {
    {"F12.printed",
     "printed: Sinkhorn attention with V = -I is the heat flow, variance s(1) = 1 + 1",
     "raw flow, eps = .2",
     2,
     THEOREM_DIFFERS,
     1,
     "it collapses to the origin",
     variance_at,
     {0.2, 1, 0},
     false},
    {"F12.corrected",
     "the scaled difference (T(x) - x) / eps tends to it: s' tends to 1",
     "d = 1, s = 1, eps = .02",
     1,
     THEOREM_EQUAL,
     0.0051,
     "the next term is eps / 4",
     scaled_speed,
     {0.02},
     false},
};

const theorem theorem_sinkhorn = {"T24", "doubly stochastic attention with V = -I",
                                  "arXiv:2406.10823 (the limit); "
                                  "numbers: derived here",
                                  THEOREM_ROWS(rows)};
const theorem theorem_f12 = {"F12", "which Sinkhorn flow is the heat flow", "slides on arXiv:2406.10823",
                             THEOREM_ROWS(rows_12)};
