/* theorem/layer_norm.c - T30, T31: with a norm one point, without one several; outcomes of plain cases. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Mean number of clusters on the sphere at the times of the rows. value: time, starts. */
static dwell_status with_norm(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  enum { MOST = 400, TIMES = 4 };
  size_t starts = (size_t)row->value[1];
  double found[TIMES][MOST], error;
  particles p = {0};
  TRY(particles_open("sa", 32, 3, 1, &p, err));
  p.plan.rtol = 1e-7;
  for (uint32_t s = 0; s < starts; s++) {
    particles_uniform(&p, 3000 + s);
    p.t = 0;
    for (size_t r = 0; r < count; r++) {
      TRY(particles_to(&p, row[r].value[0], ctx, err));
      found[r][s] = (double)particles_clusters(&p, 0.0002); /* distance .02 */
    }
  }
  for (size_t r = 0; r < count; r++) {
    out[r].measured = numerics_mean(starts, found[r], &error);
    out[r].tolerance = fmax(1e-9, 4 * error * sqrt(1 + (double)starts / 200));
  }
done:
  particles_close(&p);
  return status;
}

enum { TOKENS = 12 };

/* x_i' = P_x C x_i, C the second-moment matrix: the linear score. */
static void linear(double t, const double *x, double *ret_v, const void *arg) {
  (void)t, (void)arg;
  for (size_t i = 0; i < TOKENS; i++) {
    double sum[3] = {0}, norm = 0, along = 0;
    for (size_t k = 0; k < 3; k++) norm += x[3 * i + k] * x[3 * i + k];
    for (size_t j = 0; j < TOKENS; j++) {
      double g = x[3 * i] * x[3 * j] + x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2];
      for (size_t k = 0; k < 3; k++) sum[k] += g * x[3 * j + k] / TOKENS;
    }
    for (size_t k = 0; k < 3; k++) along += sum[k] * x[3 * i + k] / norm;
    for (size_t k = 0; k < 3; k++) ret_v[3 * i + k] = sum[k] - along * x[3 * i + k];
  }
}

/* Least |cosine| at the end, and the least cosine. */
static dwell_status antipodal(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double x[3 * TOKENS];
  for (size_t i = 0; i < TOKENS; i++) {
    double norm = 0;
    for (size_t k = 0; k < 3; k++) x[3 * i + k] = numerics_normal(311, i, k), norm += x[3 * i + k] * x[3 * i + k];
    for (size_t k = 0; k < 3; k++) x[3 * i + k] /= sqrt(norm);
  }
  numerics_rk4(3 * TOKENS, linear, NULL, 0, 400, 8000, x);
  out[0].measured = 1, out[1].measured = 1;
  for (size_t i = 0; i < TOKENS; i++)
    for (size_t j = 0; j < i; j++) {
      double g = 0, a = 0, b = 0;
      for (size_t k = 0; k < 3; k++)
        g += x[3 * i + k] * x[3 * j + k], a += x[3 * i + k] * x[3 * i + k], b += x[3 * j + k] * x[3 * j + k];
      g /= sqrt(a * b);
      out[0].measured = fmin(out[0].measured, fabs(g)), out[1].measured = fmin(out[1].measured, g);
    }
  return DWELL_OK;
}

/* Largest final 1 - R of starts on the sphere, V = B = I. */
static dwell_status one_point(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", 32, (size_t)row->value[0], 1, &p, err));
  p.plan.rtol = 1e-7;
  out->measured = 0;
  for (uint32_t s = 0; s < 20; s++) {
    particles_uniform(&p, 3100 + s);
    p.t = 0;
    TRY(particles_to(&p, 100, ctx, err));
    out->measured = fmax(out->measured, 1 - particles_resultant(&p));
  }
done:
  particles_close(&p);
  return status;
}

#define NORM(t, c, first)                                                                          \
  {                                                                                                \
    "T30.norm.t" #t, "mean number of clusters at linkage .02, with norm",                          \
        "sa, beta = 1, n = 32, d = 3, t = " #t ", 200 starts", c, THEOREM_EQUAL, THEOREM_COMPUTED, \
        "four standard errors of the table's 200 starts and of these", first, {t, 200}, false      \
  }

static const theorem_row rows_30[] = {
    NORM(4, 29.7, with_norm),
    NORM(8, 2.41, NULL),
    NORM(12, 1.015, NULL),
    NORM(20, 1, NULL),
};

static const theorem_row rows_31[] = {
    {"T31.point.d2",
     "V = B = I on the sphere: one point from every start (1 - R, the worst)",
     "n = 32, d = 2, beta = 1",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-7; distances end at e^-50",
     one_point,
     {2},
     false},
    {"T31.point.d8",
     "V = B = I on the sphere: one point from every start (1 - R, the worst)",
     "n = 32, d = 8, beta = 1",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-7; distances end at e^-50",
     one_point,
     {8},
     false},
    {"T31.antipodal",
     "linear score: all tokens on one axis (least |cosine|)",
     "n = 12, d = 3, t = 400",
     1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     antipodal,
     {0},
     false},
    {"T31.both-ends",
     "at both of its ends (least cosine)",
     "n = 12, d = 3, t = 400",
     -1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     NULL,
     {0},
     false},
};

const theorem theorem_layer_norm = {"T30", "with a norm", "note on arXiv:2312.10794; numbers: derived here",
                                    THEOREM_ROWS(rows_30)};
const theorem theorem_exploration = {"T31", "outcomes of the plain cases",
                                     "arXiv:2305.05465, arXiv:2312.10794; protocol: derived here",
                                     THEOREM_ROWS(rows_31)};
