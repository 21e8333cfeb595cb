/* theorem/noise.c - T14: noise against attraction: where the uniform state ends, and how. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/meanfield.h"
#include "theorem/condensate.h"
#include "theorem/numerics.h"
#include "theorem/ring.h"
#include "theorem/theorems.h"

/* Noise 1/kappa takes l (l + d - 2) / kappa off the growth rate of degree l; here l = 1, d = 2. */
static dwell_status critical(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)ctx;
  dwell_status status = DWELL_OK;
  for (size_t r = 0; r < count; r++) {
    double rate;
    TRY(ring_rate(row[r].value[1] == 1 ? "usa" : "sa", row[r].value[0], 1, &rate, err));
    out[r].measured = 1 / rate;
  }
done:
  return status;
}

static dwell_status hot(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                        dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = 1e-4;
  out->measured = beta / (numerics_funk_hecke((size_t)row->value[0], 1, beta) * exp(beta));
  return DWELL_OK;
}

static double excess(double beta, const void *arg) {
  size_t d = *(const size_t *)arg;
  return (double)d * numerics_funk_hecke(d, 2, beta) - numerics_funk_hecke(d, 1, beta);
}

static dwell_status tricritical(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    size_t d = (size_t)row[r].value[0];
    out[r].measured = numerics_root(excess, &d, 0.5, 4);
  }
  return DWELL_OK;
}

/* The ordered state at kappa, in units of the linear threshold. */
static condensate ordered(double beta, double kappa) {
  condensate s = {0};
  double first = exp(numerics_log_bessel(1, beta));
  s.strength = kappa / first;
  for (size_t k = 1; k <= CONDENSATE_MODES; k++) {
    s.coupling[k] = exp(numerics_log_bessel((double)k, beta));
    s.c[k] = pow(0.95, (double)(k * k));
  }
  condensate_settle(&s);
  return s;
}

static double free_energy(double kappa, const void *arg) {
  condensate s = ordered(*(const double *)arg, kappa);
  return s.c[1] < 1e-3 ? 1 : condensate_free_energy(&s);
}

static double survives(double kappa, const void *arg) { return ordered(*(const double *)arg, kappa).c[1] - 1e-2; }

/* The zero of a function on [a, b], to 1e-5. */
static double locate(numerics_function f, const double *beta, double a, double b) {
  bool below = f(a, beta) < 0;
  while (b - a > 1e-5) {
    double middle = (a + b) / 2;
    if ((f(middle, beta) < 0) == below) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

/* kappa where both states have the same free energy, the order there, and where the ordered state ends. */
static dwell_status first_order(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = row->value[0], kappa = locate(free_energy, &beta, 0.7, 1.05);
  out[0].measured = kappa;
  out[1].measured = ordered(beta, kappa + 1e-5).c[1];
  out[2].measured = locate(survives, &beta, 0.7, 1.05);
  return DWELL_OK;
}

/* The published threshold beta^{d/2} / (2^{d/2} Gamma(d/2) I_{d/2}(beta)) against half of kappa_c = beta / a_1, a_1 by
 * its definition. value: d, beta. */
static dwell_status convention(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    double d = row[r].value[0], beta = row[r].value[1];
    out[r].predicted = exp(d / 2 * log(beta / 2) - lgamma(d / 2) - numerics_log_bessel(d / 2, beta));
    out[r].measured = beta / (numerics_funk_hecke((size_t)d, 1, beta) * exp(beta)) / 2;
  }
  return DWELL_OK;
}

/* R_1 of the density long after an ordered start minus that after a start next to uniform. value: beta, kappa in units
 * of the linear threshold. */
static dwell_status memory(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  enum { MODES = 24 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], end = 400, order[2];
  meanfield m = {.d = 2, .beta = beta, .modes = MODES};
  m.kappa = row->value[1] * beta / exp(numerics_log_bessel(1, beta));
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-8, .atol = 1e-10, .times = &end, .count = 1};
  ode_host host = {.ctx = ctx};
  for (int side = 0; side < 2; side++) {
    double y[2 * MODES] = {0};
    ode_outcome outcome;
    for (size_t k = 1; k <= MODES; k++) y[2 * (k - 1)] = side == 0 ? pow(0.8, (double)(k * k)) : 0;
    if (side == 1) y[0] = 1e-3;
    TRY(meanfield_solve(&m, &plan, &host, y, NULL, &outcome, err));
    order[side] = hypot(y[0], y[1]);
  }
  out->measured = order[0] - order[1];
done:
  return status;
}

/* The same by 20000 particles on the circle by Euler-Maruyama steps with the drift by Fourier modes; on the circle the
 * noise of a step is exact. value: as above, step, steps. */
static dwell_status particle_memory(const theorem_row *row, size_t count, theorem_outcome *out,
                                    const dwell_context *ctx, dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  enum { TOKENS = 20000, MODES = 12 };
  double beta = row->value[0], first = exp(numerics_log_bessel(1, beta)), kappa = row->value[1] * beta / first;
  double h = row->value[2], order[2], coupling[MODES + 1], *angle = MEM_NEW(double, TOKENS);
  if (angle == NULL) return error_no_memory(err, "the particles of a theorem");
  for (size_t k = 1; k <= MODES; k++) coupling[k] = 2 * (double)k / beta * exp(numerics_log_bessel((double)k, beta));
  for (int side = 0; side < 2; side++) {
    uint32_t which = 1400 + (uint32_t)side;
    for (size_t i = 0; i < TOKENS; i++)
      angle[i] = side == 0 ? 0.5 * numerics_normal(which, i, 0) : 2 * acos(-1) * ((double)i + 0.5) / TOKENS;
    for (size_t step = 1; step <= (size_t)row->value[3]; step++) {
      double re[MODES + 1] = {0}, im[MODES + 1] = {0};
      for (size_t i = 0; i < TOKENS; i++) {
        double c = cos(angle[i]), s = sin(angle[i]), a = 1, b = 0;
        for (size_t k = 1; k <= MODES; k++) {
          double next = a * c - b * s;
          b = a * s + b * c, a = next, re[k] += a / TOKENS, im[k] += b / TOKENS;
        }
      }
      order[side] = hypot(re[1], im[1]);
      for (size_t i = 0; i < TOKENS; i++) {
        double c = cos(angle[i]), s = sin(angle[i]), a = 1, b = 0, drift = 0;
        for (size_t k = 1; k <= MODES; k++) {
          double next = a * c - b * s;
          b = a * s + b * c, a = next, drift += coupling[k] * (im[k] * a - re[k] * b);
        }
        angle[i] += h * drift + sqrt(2 * h / kappa) * numerics_normal(which, i, step);
      }
    }
  }
  mem_free(angle);
  out->measured = order[0] - order[1];
  return DWELL_OK;
}

#define CRITICAL(name, flow, usa, b, k, eps, first)                                                          \
  {                                                                                                          \
    "T14.critical." name, "kappa at which the uniform state loses stability", flow ", d = 2, beta = " #b, k, \
        THEOREM_EQUAL, eps, "half a unit of the last printed digit", first, {b, usa}, false                  \
  }
#define STAR(d, b, eps, first)                                                                               \
  {                                                                                                          \
    "T14.beta-star.d" #d, "beta up to which the transition is continuous", "d = " #d, b, THEOREM_EQUAL, eps, \
        "half a unit of the last printed digit", first, {d}, false                                           \
  }
#define JUMP(b, k, r, eps, s, slow)                                                                             \
  {"T14.jump." #b ".kappa",                                                                                     \
   "kappa of equal free energies, in units of the linear threshold",                                            \
   "d = 2, beta = " #b,                                                                                         \
   k,                                                                                                           \
   THEOREM_EQUAL,                                                                                               \
   0.0021,                                                                                                      \
   "the table's own accuracy",                                                                                  \
   first_order,                                                                                                 \
   {b},                                                                                                         \
   slow},                                                                                                       \
      {"T14.jump." #b ".order",                                                                                 \
       "order parameter R_1 at the jump",                                                                       \
       "d = 2, beta = " #b,                                                                                     \
       r,                                                                                                       \
       THEOREM_EQUAL,                                                                                           \
       eps,                                                                                                     \
       "how far R_1 moves over the table's accuracy of .002 in kappa",                                          \
       NULL,                                                                                                    \
       {b},                                                                                                     \
       slow},                                                                                                   \
  {                                                                                                             \
    "T14.jump." #b ".spinodal", "kappa at which the ordered state ends", "d = 2, beta = " #b, s, THEOREM_EQUAL, \
        0.0021, "the table's own accuracy", NULL, {b}, slow                                                     \
  }

#define CONVENTION(d, b, first)                                                                                       \
  {                                                                                                                   \
    "T14.published-threshold.d" #d,                                                                                   \
        "the published threshold beta^{d/2} / (2^{d/2} Gamma(d/2) I_{d/2}) is kappa_c / 2", "d = " #d ", beta = " #b, \
        THEOREM_COMPUTED, THEOREM_EQUAL, 1e-12, "the quadrature's", first, {d, b}, false                              \
  }
#define MEMORY(name, b, kappa, r, relation, what, reason)                                                   \
  {                                                                                                         \
    "T14.hysteresis." name, what, "mean-field equation, d = 2, kappa = " #kappa " kappa_c, t = 400",        \
        relation == THEOREM_AT_MOST ? 0 : r, relation, relation == THEOREM_AT_MOST ? r : 0, reason, memory, \
        {b, kappa}, false                                                                                   \
  }
#define PARTICLES(name, b, kappa, h, steps, r, relation, what, reason)                                               \
  {                                                                                                                  \
    "T14.particles." name, what, "n = 20000, d = 2, kappa = " #kappa " kappa_c, " #steps " steps of " #h,            \
        relation == THEOREM_AT_MOST ? 0 : r, relation, relation == THEOREM_AT_MOST ? r : 0, reason, particle_memory, \
        {b, kappa, h, steps}, true                                                                                   \
  }

static const theorem_row rows[] = {
    CRITICAL("usa-1", "usa", 1, 1, 1.7694, 6e-5, critical),
    CRITICAL("usa-2", "usa", 1, 2, 1.2574, 6e-5, NULL),
    CRITICAL("usa-3", "usa", 1, 3, 0.75885, 6e-6, NULL),
    CRITICAL("usa-4", "usa", 1, 4, 0.40986, 6e-6, NULL),
    CRITICAL("sa-1", "sa", 0, 1, 2.2402, 6e-5, NULL),
    CRITICAL("sa-5", "sa", 0, 5, 5.5967, 6e-5, NULL),
    {"T14.hot.d2",
     "kappa_c tends to d as beta tends to 0",
     "d = 2, beta = 1e-4",
     2,
     THEOREM_EQUAL,
     1e-6,
     "the next term is beta^2",
     hot,
     {2},
     false},
    {"T14.hot.d7",
     "kappa_c tends to d as beta tends to 0",
     "d = 7, beta = 1e-4",
     7,
     THEOREM_EQUAL,
     1e-6,
     "the next term is beta^2",
     hot,
     {7},
     false},
    STAR(2, 2.446918, 6e-7, tricritical),
    STAR(3, 1.816155, 6e-7, NULL),
    STAR(4, 1.575257, 6e-7, NULL),
    STAR(5, 1.445485, 6e-7, NULL),
    STAR(8, 1.266553, 6e-7, NULL),
    STAR(16, 1.128972, 6e-7, NULL),
    STAR(32, 1.0635, 6e-5, NULL),
    STAR(128, 1.0157, 6e-5, NULL),
    STAR(1024, 1.0020, 6e-5, NULL),
    CONVENTION(2, 3, convention),
    CONVENTION(3, 2, NULL),
    CONVENTION(8, 5, NULL),
    MEMORY("first-order", 4, 0.965, 0.6, THEOREM_AT_LEAST,
           "beta = 4: below the linear threshold order and disorder both last (R_1 of one minus the other)",
           "the branch has R_1 = .7 there"),
    MEMORY("continuous", 1, 0.9, 1e-3, THEOREM_AT_MOST, "beta = 1: they do not (R_1 of one minus the other)",
           "e^{-.1 t / kappa} is 1e-10 by then"),
    PARTICLES("first-order", 4, 0.985, 0.004, 2000, 0.6, THEOREM_AT_LEAST,
              "beta = 4: hysteresis of 20000 particles (R_1 from an ordered start minus from a uniform one)",
              "R_1 = .75 against fluctuations of n^{-1/2} / (1 - .985)^{1/2} = .06"),
    PARTICLES("continuous", 1, 0.9, 0.05, 1200, 0.08, THEOREM_AT_MOST,
              "beta = 1: none (R_1 from an ordered start minus from a uniform one)",
              "fluctuations of n^{-1/2} / (1 - .9)^{1/2} = .02, four of them"),
    JUMP(2.6, 0.999, 0.20, 0.1, 0.9975, true),
    JUMP(3, 0.9912, 0.458, 0.03, 0.9875, true),
    JUMP(4, 0.9551, 0.668, 0.01, 0.9438, false),
    JUMP(6, 0.8775, 0.790, 0.01, 0.8538, false),
};

const theorem theorem_noise = {"T14", "noise: the loss of the uniform state, continuous or not",
                               "Mun, Rosenzweig, arXiv:2606.05140; thresholds and first-order data: derived here",
                               THEOREM_ROWS(rows)};
