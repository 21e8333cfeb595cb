/* theorem/causal.c - T15: causal attention. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Largest distance from the first token at time value[0]. */
static dwell_status first_token(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  enum { N = 12, D = 4 };
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", N, D, 1, &p, err));
  p.plan.system.causal = true;
  particles_uniform(&p, 61);
  double first[D];
  for (size_t k = 0; k < D; k++) first[k] = p.x[k];
  TRY(particles_to(&p, row->value[0], ctx, err));
  out->measured = 0;
  for (size_t i = 0; i < N; i++) {
    double square = 0;
    for (size_t k = 0; k < D; k++) square += (p.x[i * D + k] - first[k]) * (p.x[i * D + k] - first[k]);
    out->measured = fmax(out->measured, sqrt(square));
  }
done:
  particles_close(&p);
  return status;
}

static double slowness(double rho, const void *arg) {
  return (1 + exp(*(const double *)arg * (1 - rho))) / (1 - rho * rho);
}

/* Two tokens: the time from rho = 0 to .9 is twice that of the flow without a mask. */
static dwell_status two_tokens(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], t = numerics_integral(slowness, &beta, 0, 0.9, 1e-13);
  particles p = {0};
  TRY(particles_open("sa", 2, 2, beta, &p, err));
  p.plan.system.causal = true;
  particles_basis(&p);
  TRY(particles_to(&p, t, ctx, err));
  out->predicted = t;
  out->measured = t + (0.9 - particles_cosine(&p, 0, 1)) * slowness(0.9, &beta);
done:
  particles_close(&p);
  return status;
}

/* Mean number of centres among n uniform tokens in sequence. value: d (2 or 3), delta, n, strong, samples. */
static dwell_status centres(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  enum { MOST_TOKENS = 1024, MOST_SAMPLES = 2000 };
  size_t d = (size_t)row->value[0], n = (size_t)row->value[2], samples = (size_t)row->value[4];
  bool strong = row->value[3] == 1;
  double near = cos(row->value[1]), found[MOST_SAMPLES], x[3 * MOST_TOKENS], error;
  for (size_t s = 0; s < samples; s++) {
    size_t kept = 0, number = 0; /* tokens that keep others from being centres; centres */
    for (size_t i = 0; i < n; i++) {
      double *y = x + 3 * kept, norm = 0;
      bool centre = true;
      for (size_t k = 0; k < d; k++) y[k] = numerics_normal(9000, s, i * d + k), norm += y[k] * y[k];
      for (size_t k = 0; k < d; k++) y[k] /= sqrt(norm);
      for (size_t j = 0; j < kept && centre; j++) {
        double c = 0;
        for (size_t k = 0; k < d; k++) c += y[k] * x[3 * j + k];
        centre = c < near;
      }
      number += centre;
      kept += centre || strong;
    }
    found[s] = (double)number;
  }
  out->measured = numerics_mean(samples, found, &error);
  out->tolerance = 4 * error;
  return DWELL_OK;
}

/* Where h(x) = e^{beta (cos x - 1)} sin x is largest, by golden section. */
static dwell_status strongest(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = row->value[0], a = 0, b = 1.5, golden = (sqrt(5) - 1) / 2;
  while (b - a > 1e-9) {
    double u = b - golden * (b - a), v = a + golden * (b - a);
    if (beta * (cos(u) - 1) + log(sin(u)) > beta * (cos(v) - 1) + log(sin(v))) b = v;
    else a = u;
  }
  out->predicted = acos((sqrt(4 * beta * beta + 1) - 1) / (2 * beta));
  out->measured = (a + b) / 2;
  return DWELL_OK;
}

static const theorem_row rows[] = {
    {"T15.first-token",
     "every token ends where the first one is (largest distance)",
     "n = 12, d = 4, beta = 1, t = 100",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "rounding",
     first_token,
     {100},
     false},
    {"T15.not-at-once",
     "but not before their time",
     "n = 12, d = 4, beta = 1, t = 5",
     1e-3,
     THEOREM_AT_LEAST,
     0,
     "an order of magnitude",
     first_token,
     {5},
     false},
    {"T15.two-tokens",
     "rho' = (1 - rho^2) / (1 + e^{beta (1 - rho)}) for two tokens: time from 0 to .9",
     "beta = 3",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-8,
     "steps of 1e-11, some hundred of them",
     two_tokens,
     {3},
     false},
    {"T15.strong-centres.d2",
     "strong Renyi centres number pi / delta",
     "d = 2, delta = .5, n = 200, 2000 samples",
     6.28318530717959,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {2, 0.5, 200, 1, 2000},
     false},
    {"T15.centres.d2",
     "ordinary Renyi centres at n = 200",
     "d = 2, delta = .5, n = 200, 2000 samples",
     9.13,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {2, 0.5, 200, 0, 2000},
     false},
    {"T15.strong-centres.d3",
     "strong Renyi centres number 1 / sin^2(delta / 2)",
     "d = 3, delta = .8, n = 200, 2000 samples",
     6.59432,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {3, 0.8, 200, 1, 2000},
     false},
    {"T15.interaction",
     "h(x) = e^{beta (cos x - 1)} sin x is largest at arccos((sqrt(4 beta^2 + 1) - 1) / (2 beta))",
     "beta = 64",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-7,
     "the square root of rounding",
     strongest,
     {64},
     false},
};

const theorem theorem_causal = {"T15", "causal attention: the first token, Renyi centres",
                                "Karagodin, Polyanskiy, Rigollet, arXiv:2411.04990", THEOREM_ROWS(rows)};
