/* theorem/heads.c - T27: one head against several, with noise. */
#include <math.h>

#include "theorem/condensate.h"
#include "theorem/numerics.h"
#include "theorem/theorems.h"

/* Coefficient l of e^{beta b cos} on the circle, by its definition. */
static double coefficient(size_t l, double u) { return u == 0 ? l == 0 : numerics_funk_hecke(2, l, u) * exp(u); }

/* beta over the largest coefficient of e^{beta cos} + heads(1) e^{-beta cos}. value: beta, second head (0 or 1). */
static dwell_status critical(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    double beta = row[r].value[0], most = 0;
    for (size_t l = 1; l < 12; l++) most = fmax(most, coefficient(l, beta) + row[r].value[1] * coefficient(l, -beta));
    out[r].measured = beta / most;
  }
  return DWELL_OK;
}

static double nematic(double c, const void *arg) {
  double beta = *(const double *)arg;
  return coefficient(2, beta) + coefficient(2, -c * beta) - coefficient(1, beta) - coefficient(1, -c * beta);
}

static dwell_status crossover(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) out[r].measured = numerics_root(nematic, &row[r].value[0], 0.1, 1);
  return DWELL_OK;
}

/* R_1 and R_2 of the stationary density at beta = 1. value: kappa, weight of the head b = -1, weight of b = 1. */
static dwell_status order(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)ctx, (void)err;
  condensate s = {.strength = row->value[0]};
  for (size_t k = 1; k <= CONDENSATE_MODES; k++) {
    double i = exp(numerics_log_bessel((double)k, 1));
    s.coupling[k] = i * (row->value[2] + row->value[1] * (k % 2 == 0 ? 1 : -1));
    s.c[k] = pow(0.7, (double)(k * k));
  }
  condensate_settle(&s);
  for (size_t r = 0; r < count; r++) out[r].measured = fabs(s.c[r + 1]);
  return DWELL_OK;
}

#define KAPPA(name, heads, b, second, k, eps, first)                                                          \
  {                                                                                                           \
    "T27.critical." name, "kappa at which the uniform state loses stability", heads ", d = 2, beta = " #b, k, \
        THEOREM_EQUAL, eps, "half a unit of the last printed digit", first, {b, second}, false                \
  }
#define ORDER(name, heads, kappa, minus, plus, r1, r2)                                                                 \
  {"T27.order." name ".R1",                                                                                            \
   "order parameter R_1 of the stationary density",                                                                    \
   heads ", beta = 1, kappa = " #kappa,                                                                                \
   r1,                                                                                                                 \
   THEOREM_EQUAL,                                                                                                      \
   1e-4,                                                                                                               \
   "digits printed",                                                                                                   \
   order,                                                                                                              \
   {kappa, minus, plus},                                                                                               \
   false},                                                                                                             \
  {                                                                                                                    \
    "T27.order." name ".R2", "order parameter R_2 of the stationary density", heads ", beta = 1, kappa = " #kappa, r2, \
        THEOREM_EQUAL, 1e-4, "digits printed", NULL, {kappa, minus, plus}, false                                       \
  }

static const theorem_row rows[] = {
    KAPPA("one-1", "one head", 1, 0, 1.76941, 6e-6, critical),
    KAPPA("one-2", "one head", 2, 0, 1.25736, 6e-6, NULL),
    KAPPA("one-3", "one head", 3, 0, 0.758846, 6e-7, NULL),
    KAPPA("one-4", "one head", 4, 0, 0.409859, 6e-7, NULL),
    KAPPA("one-5", "one head", 5, 0, 0.205460, 6e-7, NULL),
    KAPPA("two-1", "heads 1, -1", 1, 1, 3.68330, 6e-6, NULL),
    KAPPA("two-2", "heads 1, -1", 2, 1, 1.45149, 6e-6, NULL),
    KAPPA("two-3", "heads 1, -1", 3, 1, 0.668088, 6e-7, NULL),
    KAPPA("two-4", "heads 1, -1", 4, 1, 0.311420, 6e-7, NULL),
    KAPPA("two-5", "heads 1, -1", 5, 1, 0.142811, 6e-7, NULL),
    {"T27.crossover.1",
     "heads (1, -c): two clusters come first from this c on",
     "beta = 1",
     0.6920,
     THEOREM_EQUAL,
     6e-5,
     "half a unit of the last printed digit",
     crossover,
     {1},
     false},
    {"T27.crossover.2",
     "heads (1, -c): two clusters come first from this c on",
     "beta = 2",
     0.5933,
     THEOREM_EQUAL,
     6e-5,
     "half a unit of the last printed digit",
     NULL,
     {2},
     false},
    {"T27.crossover.4",
     "heads (1, -c): two clusters come first from this c on",
     "beta = 4",
     0.5930,
     THEOREM_EQUAL,
     6e-5,
     "half a unit of the last printed digit",
     NULL,
     {4},
     false},
    ORDER("one-1.6", "one head", 1.6, 0, 1, 0, 0),
    ORDER("one-2.0", "one head, twice the coupling of T27.pinned.1.0 at half its kappa", 2.0, 0, 1, 0.5438, 0.2053),
    ORDER("one-2.5", "one head", 2.5, 0, 1, 0.7816, 0.4633),
    ORDER("one-5", "one head", 5, 0, 1, 0.9474, 0.8089),
    ORDER("two-2.5", "heads 1, -1", 2.5, 1, 1, 0, 0),
    ORDER("two-3.5", "heads 1, -1", 3.5, 1, 1, 0, 0),
    ORDER("two-5", "heads 1, -1", 5, 1, 1, 0, 0.6670),
    {"T27.pinned.1.5",
     "heads I and diag(1, -1): R_1 of the density along the axis",
     "beta = 1, kappa = 1.5",
     0.8640,
     THEOREM_EQUAL,
     1e-4,
     "digits printed",
     order,
     {1.5, 0, 2},
     false},
    {"T27.pinned.1.0",
     "heads I and diag(1, -1): R_1 of the density along the axis",
     "beta = 1, kappa = 1",
     0.5438,
     THEOREM_EQUAL,
     1e-4,
     "digits printed",
     order,
     {1, 0, 2},
     false},
    {"T27.pinned.0.8",
     "below its threshold the uniform state holds",
     "beta = 1, kappa = .8",
     0,
     THEOREM_EQUAL,
     1e-4,
     "digits printed",
     order,
     {0.8, 0, 2},
     false},
};

const theorem theorem_heads = {"T27", "one head against several, with noise", "derived here", THEOREM_ROWS(rows)};
