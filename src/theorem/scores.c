/* theorem/scores.c - T26: other scores: by distance, additive, linear. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { N = 10, D = 3 };

static double square_distance(const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < D; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/* Softmax by distance on the sphere against sa at twice the constant: largest difference of velocities. */
static dwell_status distance(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double v[N * D], c = row->value[0];
  particles p = {0};
  TRY(particles_open("sa", N, D, 2 * c, &p, err));
  particles_uniform(&p, 26);
  TRY(particles_velocity(&p, v, NULL, err));
  out->measured = 0;
  for (size_t i = 0; i < N; i++) {
    double total = 0, sum[D] = {0}, along = 0;
    for (size_t j = 0; j < N; j++) {
      double w = exp(-c * square_distance(p.x + i * D, p.x + j * D));
      total += w;
      for (size_t k = 0; k < D; k++) sum[k] += w * p.x[j * D + k];
    }
    for (size_t k = 0; k < D; k++) along += sum[k] * p.x[i * D + k];
    for (size_t k = 0; k < D; k++)
      out->measured = fmax(out->measured, fabs((sum[k] - along * p.x[i * D + k]) / total - v[i * D + k]));
  }
done:
  particles_close(&p);
  return status;
}

/* On R^d, softmax by distance minus x is (1/2c) grad log sum_j e^{-c |x - x_j|^2}, by differences of the latter, of
 * eighth order. */
static dwell_status mean_shift(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  static const double weight[4] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
  double x[N * D], c = row->value[0], h = 0.01;
  for (size_t e = 0; e < N * D; e++) x[e] = numerics_normal(27, e, 0);
  out->measured = 0;
  for (size_t k = 0; k < D; k++) {
    double total = 0, pull = 0, gradient = 0, y[D];
    for (size_t j = 0; j < N; j++) {
      double w = exp(-c * square_distance(x, x + j * D));
      total += w, pull += w * (x[j * D + k] - x[k]);
    }
    for (int s = -4; s <= 4; s++) {
      double potential = 0;
      if (s == 0) continue;
      for (size_t m = 0; m < D; m++) y[m] = x[m] + (m == k ? s * h : 0);
      for (size_t j = 0; j < N; j++) potential += exp(-c * square_distance(y, x + j * D));
      gradient += (s > 0 ? 1 : -1) * weight[abs(s) - 1] * log(potential) / h / (2 * c);
    }
    out->measured = fmax(out->measured, fabs(pull / total - gradient));
  }
  return DWELL_OK;
}

/* p_ij = softmax_j(beta v^T tanh(W x_i + U x_j)) */
typedef struct additive {
  double beta, v[D], w[D * D], u[D * D];
} additive;

/* Random v, W, U, these two times the given scales. */
static additive draw_additive(double beta, double query, double key, uint32_t draw) {
  additive a = {.beta = beta};
  for (size_t m = 0; m < D; m++) {
    a.v[m] = numerics_normal(30, draw * D + m, 0);
    for (size_t k = 0; k < D; k++) {
      a.w[m * D + k] = query * numerics_normal(28, draw * D + m, k);
      a.u[m * D + k] = key * numerics_normal(29, draw * D + m, k);
    }
  }
  return a;
}

static void kernel(const additive *a, const double *x, double *ret_p) {
  for (size_t i = 0; i < N; i++) {
    double total = 0;
    for (size_t j = 0; j < N; j++) {
      double score = 0;
      for (size_t m = 0; m < D; m++) {
        double inner = 0;
        for (size_t k = 0; k < D; k++) inner += a->w[m * D + k] * x[i * D + k] + a->u[m * D + k] * x[j * D + k];
        score += a->v[m] * tanh(inner);
      }
      total += ret_p[i * N + j] = exp(a->beta * score);
    }
    for (size_t j = 0; j < N; j++) ret_p[i * N + j] /= total;
  }
}

static void additive_flow(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  double p[N * N];
  kernel(arg, x, p);
  for (size_t i = 0; i < N; i++) {
    double sum[D] = {0}, along = 0, norm = 0;
    for (size_t j = 0; j < N; j++)
      for (size_t k = 0; k < D; k++) sum[k] += p[i * N + j] * x[j * D + k];
    for (size_t k = 0; k < D; k++) along += sum[k] * x[i * D + k], norm += x[i * D + k] * x[i * D + k];
    for (size_t k = 0; k < D; k++) ret_v[i * D + k] = sum[k] - along / norm * x[i * D + k];
  }
}

static void unit_tokens(uint32_t draw, double *x) {
  for (size_t i = 0; i < N; i++) {
    double norm = 0;
    for (size_t k = 0; k < D; k++)
      x[i * D + k] = numerics_normal(31, draw * N + i, k), norm += x[i * D + k] * x[i * D + k];
    for (size_t k = 0; k < D; k++) x[i * D + k] /= sqrt(norm);
  }
}

static double cross_ratio(const double *x) {
  return sqrt(square_distance(x, x + D) * square_distance(x + 2 * D, x + 3 * D) /
              (square_distance(x, x + 2 * D) * square_distance(x + D, x + 3 * D)));
}

/* Relative change of a cross-ratio over t = 2, W times `query`. */
static double change(double query, uint32_t draw, size_t steps) {
  additive a = draw_additive(1, query, 1, draw);
  double x[N * D];
  unit_tokens(draw, x);
  double before = cross_ratio(x);
  numerics_rk4(N * D, additive_flow, &a, 0, 2, steps, x);
  return cross_ratio(x) / before - 1;
}

/* value[0]: scale of W. */
static dwell_status moebius(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->measured = fabs(change(row->value[0], 0, 400));
  return DWELL_OK;
}

/* The rank of the change value[1] among those of random W, U, v and tokens. value[0]: scale of W. */
static dwell_status ordinary(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  enum { DRAWS = 100 };
  double found[DRAWS];
  for (uint32_t draw = 0; draw < DRAWS; draw++) found[draw] = change(row->value[0], draw, 40);
  out->measured = numerics_rank(DRAWS, found, row->value[1]);
  return DWELL_OK;
}

/* Least p_ij n e^{2 beta |v|_1}. */
static dwell_status least_weight(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  additive a = draw_additive(row->value[0], 3, 3, 0);
  double x[N * D], p[N * N], one = 0;
  unit_tokens(0, x);
  kernel(&a, x, p);
  for (size_t m = 0; m < D; m++) one += fabs(a.v[m]);
  out->measured = INFINITY;
  for (size_t e = 0; e < N * N; e++) out->measured = fmin(out->measured, p[e] * N * exp(2 * a.beta * one));
  return DWELL_OK;
}

/* Slope of ln(largest difference between rows) over ln delta, for scores scaled by delta inside. */
static dwell_status third_order(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double spread[2] = {0}, x[N * D], p[N * N];
  unit_tokens(0, x);
  for (int s = 0; s < 2; s++) {
    double scale = s == 0 ? 1e-2 : 1e-3;
    additive a = draw_additive(1, scale, scale, 0);
    kernel(&a, x, p);
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < N; j++) spread[s] = fmax(spread[s], fabs(p[i * N + j] - p[j]));
  }
  out->measured = log(spread[0] / spread[1]) / log(10);
  return DWELL_OK;
}

/* Growth rate of degree 2 under the linear score: density 1 + eps P_2(z) about an axis, z' = (a z^2 + ...) in closed
 * form per token, means by quadrature. arg: d, eps, what (0 mass, 1 <z^2>, 2 its rate), a. */
typedef struct zonal {
  double d, eps, a;
  int what;
} zonal;

static double zonal_mean(double angle, const void *arg) {
  const zonal *s = arg;
  double z = cos(angle), b = (1 - s->a) / (s->d - 1);
  double weight = pow(sin(angle), s->d - 2) * (1 + s->eps * (s->d * z * z - 1) / (s->d - 1));
  if (s->what == 0) return weight;
  if (s->what == 1) return weight * z * z;
  return weight * 2 * z * (s->a * z - (s->a * z * z + b * (1 - z * z)) * z);
}

static dwell_status linear(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  const double pi = acos(-1);
  double found[2];
  for (int side = 0; side < 2; side++) {
    zonal s = {row->value[0], side == 0 ? 1e-4 : -1e-4, 0, 0};
    double mass = numerics_integral(zonal_mean, &s, 0, pi, 1e-14);
    s.what = 1;
    s.a = numerics_integral(zonal_mean, &s, 0, pi, 1e-14) / mass;
    s.what = 2;
    found[side] = numerics_integral(zonal_mean, &s, 0, pi, 1e-14) / mass / (s.a - 1 / s.d);
  }
  out->measured = (found[0] + found[1]) / 2;
  out->predicted = 2 / (row->value[0] + 2);
  return DWELL_OK;
}

#define LINEAR(d)                                                                                                   \
  {                                                                                                                 \
    "T26.linear.d" #d, "linear score: degree 2 grows at 2 / (d + 2) out of the uniform state", "d = " #d,           \
        THEOREM_COMPUTED, THEOREM_EQUAL, 1e-6, "the square of the perturbation 1e-4, and rounding over it", linear, \
        {d}, false                                                                                                  \
  }

static const theorem_row rows[] = {
    {"T26.distance",
     "on the sphere softmax by distance is sa at beta = 2c (largest difference of velocities)",
     "n = 10, d = 3, c = 1.5",
     0,
     THEOREM_AT_MOST,
     1e-14,
     "rounding",
     distance,
     {1.5},
     false},
    {"T26.mean-shift",
     "on R^d it is mean shift: (1/2c) grad log of the density (largest difference)",
     "n = 10, d = 3, c = .7",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "rounding over steps of .01; their eighth power is smaller",
     mean_shift,
     {0.7},
     false},
    {"T26.additive-moebius",
     "additive score without queries: one Moebius map, cross-ratios conserved (relative change)",
     "n = 10, d = 3, W = 0, t = 2",
     0,
     THEOREM_AT_MOST,
     1e-10,
     "the fourth power of steps of .005",
     moebius,
     {0},
     false},
    {"T26.additive-queries",
     "with queries they are not",
     "n = 10, d = 3, t = 2",
     1e-4,
     THEOREM_AT_LEAST,
     0,
     "an order of magnitude",
     moebius,
     {0.5},
     false},
    {"T26.additive-half",
     "the source's change with W / 2, -2.1e-3, is an ordinary one (share of draws below it)",
     "n = 10, d = 3, t = 2, 100 random W, U, v and starts",
     THEOREM_ORDINARY,
     ordinary,
     {0.5, -2.1e-3},
     false},
    {"T26.additive-whole",
     "and that with W, .11",
     "n = 10, d = 3, t = 2, 100 random W, U, v and starts",
     THEOREM_ORDINARY,
     ordinary,
     {1, 0.11},
     false},
    {"T26.additive-bound",
     "p_ij >= e^{-2 beta |v|_1} / n (least ratio)",
     "n = 10, beta = 1",
     1,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     least_weight,
     {1},
     false},
    {"T26.additive-order",
     "rows of an additive score differ at third order in its scale (slope)",
     "scales .01, .001",
     3,
     THEOREM_EQUAL,
     0.05,
     "the next order, and rounding over 1e-9",
     third_order,
     {0},
     false},
    LINEAR(2),
    LINEAR(3),
    LINEAR(8),
};

const theorem theorem_scores = {"T26", "other scores: by distance, additive, linear", "derived here",
                                THEOREM_ROWS(rows)};
