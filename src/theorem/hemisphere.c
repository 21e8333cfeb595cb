/* theorem/hemisphere.c - T4: a hemisphere of its own, and how fast a cone closes. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Are all of n points of R^3 on one side of the plane through two of them, for some two? Then and only then some open
 * half space holds all. */
static bool one_side(size_t n, const double *x) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      const double *a = x + 3 * i, *b = x + 3 * j;
      double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
      size_t above = 0, below = 0;
      for (size_t k = 0; k < n; k++) {
        double side = normal[0] * x[3 * k] + normal[1] * x[3 * k + 1] + normal[2] * x[3 * k + 2];
        if (k != i && k != j) above += side > 0, below += side < 0;
      }
      if (above == 0 || below == 0) return true;
    }
  return false;
}

/* value: n, samples. */
static dwell_status wendel(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  size_t n = (size_t)row->value[0], samples = (size_t)row->value[1], held = 0;
  double x[3 * 32], m = (double)(n - 1), p = (1 + m + m * (m - 1) / 2) * exp2(-m);
  for (size_t s = 0; s < samples; s++) {
    for (size_t e = 0; e < 3 * n; e++) x[e] = numerics_normal(40, s, e);
    held += one_side(n, x);
  }
  out->predicted = p;
  out->measured = (double)held / (double)samples;
  out->tolerance = 4 * sqrt(p * (1 - p) / (double)samples);
  return DWELL_OK;
}

/* d/dt ln(1 - least cosine) late in a collapse. value: beta, usa. */
static dwell_status rate(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], unit = row->value[1] == 1 ? exp(-beta) : 1, late[2];
  particles p = {0};
  TRY(particles_open(row->value[1] == 1 ? "usa" : "sa", 8, 8, beta, &p, err));
  particles_uniform(&p, 41);
  TRY(particles_to(&p, row->value[2], ctx, err));
  for (int k = 0; k < 2; k++) {
    late[k] = log(1 - particles_least_cosine(&p));
    if (k == 0) TRY(particles_to(&p, p.t + 2 * unit, ctx, err));
  }
  out->measured = (late[1] - late[0]) / (2 * unit);
  out->predicted = -2 / unit;
  out->tolerance = 1e-3 / unit;
done:
  particles_close(&p);
  return status;
}

/* alpha = least <x_i, x*> from alpha = 1/2 on, x* the limit: least value of alpha' - (1 - alpha) / (2 n e^{2 beta})
 * relative to the bound. */
static dwell_status bound(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  enum { FRAMES = 400, N = 8, D = 8 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], limit[D], before = 0, step = 0.05;
  particles p = {0}, end = {0};
  TRY(particles_open("sa", N, D, beta, &p, err));
  TRY(particles_open("sa", N, D, beta, &end, err));
  particles_uniform(&p, 42);
  particles_uniform(&end, 42);
  TRY(particles_to(&end, 200, ctx, err));
  for (size_t k = 0; k < D; k++) limit[k] = end.x[k];
  out->measured = INFINITY;
  for (int f = 0; f < FRAMES; f++) {
    TRY(particles_to(&p, step * (f + 1), ctx, err));
    double alpha = 1;
    for (size_t i = 0; i < N; i++) {
      double c = 0;
      for (size_t k = 0; k < D; k++) c += p.x[i * D + k] * limit[k];
      alpha = fmin(alpha, c);
    }
    double least = (1 - before) / (2 * N * exp(2 * beta)); /* at the start of the step: the larger one */
    if (f > 0 && before >= 0.5 && 1 - alpha > 1e-9)
      out->measured = fmin(out->measured, (alpha - before) / step / least);
    before = alpha;
  }
done:
  particles_close(&p);
  particles_close(&end);
  return status;
}

#define WENDEL(n, samples, slow)                                                                                    \
  {                                                                                                                 \
    "T4.wendel.n" #n, "share of uniform samples that an open hemisphere holds", "d = 3, n = " #n, THEOREM_COMPUTED, \
        THEOREM_EQUAL, THEOREM_COMPUTED, "four standard errors of the share", wendel, {n, samples}, slow            \
  }

static const theorem_row rows[] = {
    WENDEL(4, 20000, false),
    WENDEL(6, 20000, false),
    WENDEL(9, 20000, false),
    {"T4.rate-sa",
     "late in a collapse ln(1 - least cosine) falls at rate 2",
     "sa, n = d = 8, beta = 1",
     -2,
     THEOREM_EQUAL,
     1e-3,
     "a fit's, the next order is below 1e-4 by then",
     rate,
     {1, 0, 8},
     false},
    {"T4.rate-usa",
     "under usa at rate 2 e^beta",
     "usa, n = d = 8, beta = 1",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "1e-3 relative: the next order is below 1e-4 by then",
     rate,
     {1, 1, 4},
     false},
    {"T4.bound",
     "alpha' >= (1 - alpha) / (2 n e^{2 beta}) for alpha = least <x_i, x*> >= 1/2 (least ratio of the two)",
     "sa, n = d = 8, beta = 1",
     1,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     bound,
     {1},
     false},
};

const theorem theorem_hemisphere = {"T4", "hemispheres (Wendel) and the closing of a cone",
                                    "arXiv:2312.10794, Theorem 6.3, Lemma 6.4, Theorem 6.7; rates: arXiv:2512.01868",
                                    THEOREM_ROWS(rows)};
