/* theorem/gaussian.c - T19, T22, F11: Gaussian clouds. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/euclid.h"
#include "flow/gaussian.h"
#include "linalg/eigen.h"
#include "theorem/numerics.h"
#include "theorem/theorems.h"

enum { D = 4, SIZE = D * D };

/* S' = V S A S + (V S A S)^T */
typedef struct cloud {
  double v[SIZE], a[SIZE];
} cloud;

static void multiply(const double *x, const double *y, double *ret) {
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) {
      ret[i * D + j] = 0;
      for (size_t k = 0; k < D; k++) ret[i * D + j] += x[i * D + k] * y[k * D + j];
    }
}

static void covariance(double t, const double *s, double *ret_v, const void *arg) {
  (void)t;
  const cloud *c = arg;
  double vs[SIZE], as[SIZE], w[SIZE];
  multiply(c->v, s, vs);
  multiply(c->a, s, as);
  multiply(vs, as, w);
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) ret_v[i * D + j] = w[i * D + j] + w[j * D + i];
}

/* The covariance and, behind it, v with v' = (v^T A v) V v. */
static void with_vector(double t, const double *x, double *ret_v, const void *arg) {
  const cloud *c = arg;
  const double *v = x + SIZE;
  double form = 0;
  covariance(t, x, ret_v, arg);
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) form += v[i] * c->a[i * D + j] * v[j];
  for (size_t i = 0; i < D; i++) {
    ret_v[SIZE + i] = 0;
    for (size_t j = 0; j < D; j++) ret_v[SIZE + i] += form * c->v[i * D + j] * v[j];
  }
}

static void identity(double *ret) {
  memset(ret, 0, SIZE * sizeof(double));
  for (size_t i = 0; i < D; i++) ret[i * D + i] = 1;
}

static void symmetric(uint32_t which, double scale, double *ret) {
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j <= i; j++) ret[i * D + j] = ret[j * D + i] = scale * numerics_normal(which, i, j);
}

/* V = I, A symmetric, start I: largest entry of S(t) (I - 2 t A) - I. */
static dwell_status closed_form(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  cloud c;
  double s[SIZE], inverse[SIZE], product[SIZE], t = row->value[0];
  identity(c.v);
  identity(s);
  symmetric(801, 0.5, c.a);
  numerics_rk4(SIZE, covariance, &c, 0, t, 4000, s);
  identity(inverse);
  for (size_t e = 0; e < SIZE; e++) inverse[e] -= 2 * t * c.a[e];
  multiply(s, inverse, product);
  out->measured = 0;
  for (size_t e = 0; e < SIZE; e++) out->measured = fmax(out->measured, fabs(product[e] - (e % (D + 1) == 0)));
  return DWELL_OK;
}

/* Blow-up: 1 / lambda_max(S) runs to zero in a straight line; where it would arrive, from two times before. */
static dwell_status blow_up(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)row, (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  cloud c;
  double s[SIZE], copy[SIZE], values[D], inverse[2], late;
  identity(c.v);
  identity(s);
  symmetric(801, 0.5, c.a);
  memcpy(copy, c.a, sizeof copy);
  TRY(eigen_values(D, copy, values, err));
  late = 0.8 / (2 * values[D - 1]);
  out->predicted = 1 / (2 * values[D - 1]);
  for (int k = 0; k < 2; k++) {
    numerics_rk4(SIZE, covariance, &c, late * k / 2, late * (k + 1) / 2, 4000, s);
    memcpy(copy, s, sizeof copy);
    TRY(eigen_values(D, copy, values, err));
    inverse[k] = 1 / values[D - 1];
  }
  out->measured = late + inverse[1] * (late / 2) / (inverse[0] - inverse[1]);
done:
  return status;
}

/* In one dimension: mean of y under the weights e^{a x y} of N(m, s), or e^{-c (x - y)^2}, by quadrature. */
typedef struct tilt {
  double m, s, a, x, power;
  bool l2;
} tilt;

static double tilted(double y, const void *arg) {
  const tilt *t = arg;
  double score = t->l2 ? -t->a * (t->x - y) * (t->x - y) : t->a * t->x * y;
  return pow(y, t->power) * exp(score - (y - t->m) * (y - t->m) / (2 * t->s));
}

static dwell_status velocity(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  tilt t = {0.3, 0.7, 0.9, 1.4, 1, row->value[0] == 1};
  double first = numerics_integral(tilted, &t, -14, 16, 1e-14);
  t.power = 0;
  out->measured = first / numerics_integral(tilted, &t, -14, 16, 1e-14);
  double c = t.a;
  out->predicted = t.l2 ? (t.m + 2 * c * t.s * t.x) / (1 + 2 * c * t.s) : t.m + t.s * t.a * t.x;
  return DWELL_OK;
}

/* The same in two dimensions by a random sample of the cloud: mean of y under the weights e^{y^T A x} or
 * e^{-c |Q x - K y|^2}, A = K^T Q, against its formula. value: samples, l2. Rows: the two components. */
static dwell_status velocity_of_sample(const theorem_row *row, size_t count, theorem_outcome *out,
                                       const dwell_context *ctx, dwell_error *err) {
  (void)ctx, (void)err;
  static const double q[4] = {0.9, 0.3, -0.2, 0.7}, key[4] = {0.8, -0.3, 0.4, 0.6}, root[4] = {0.8, 0, 0.3, 0.6};
  static const double alpha[2] = {0.3, -0.2}, x[2] = {0.7, -0.5}, c = 0.5;
  size_t n = (size_t)row->value[0];
  bool l2 = row->value[1] == 1;
  const double qx[2] = {q[0] * x[0] + q[1] * x[1], q[2] * x[0] + q[3] * x[1]};
  double total = 0, squares = 0, sum[2] = {0}, cross[2] = {0}, square[2] = {0};
  for (size_t i = 0; i < n; i++) {
    double z[2] = {numerics_normal(190, i, 0), numerics_normal(190, i, 1)}, y[2], ky[2];
    for (size_t k = 0; k < 2; k++) y[k] = alpha[k] + root[2 * k] * z[0] + root[2 * k + 1] * z[1];
    for (size_t k = 0; k < 2; k++) ky[k] = key[2 * k] * y[0] + key[2 * k + 1] * y[1];
    double score = qx[0] * ky[0] + qx[1] * ky[1], apart = pow(qx[0] - ky[0], 2) + pow(qx[1] - ky[1], 2);
    double w = exp(l2 ? -c * apart : score);
    total += w, squares += w * w;
    for (size_t k = 0; k < 2; k++) sum[k] += w * y[k], cross[k] += w * w * y[k], square[k] += w * w * y[k] * y[k];
  }
  double s[4], m[4], right[2], ax[2]; /* S = R R^T; right = alpha + (2 c or 1) S A x; m = 1 + 2 c S K^T K, or 1 */
  for (size_t k = 0; k < 4; k++) s[k] = root[k / 2 * 2] * root[k % 2 * 2] + root[k / 2 * 2 + 1] * root[k % 2 * 2 + 1];
  for (size_t k = 0; k < 2; k++) ax[k] = key[k] * qx[0] + key[2 + k] * qx[1];
  for (size_t k = 0; k < 2; k++) right[k] = alpha[k] + (l2 ? 2 * c : 1) * (s[2 * k] * ax[0] + s[2 * k + 1] * ax[1]);
  for (size_t k = 0; k < 4; k++) {
    m[k] = k == 0 || k == 3;
    for (size_t l = 0; l < 2 && l2; l++)
      m[k] += 2 * c * s[k / 2 * 2 + l] * (key[l] * key[k % 2] + key[2 + l] * key[2 + k % 2]);
  }
  double determinant = m[0] * m[3] - m[1] * m[2];
  for (size_t k = 0; k < count; k++) {
    double mean = sum[k] / total;
    out[k].measured = mean;
    out[k].predicted = (m[3 * (1 - k)] * right[k] - m[1 + k] * right[1 - k]) / determinant;
    out[k].tolerance = 4 * sqrt(square[k] - 2 * mean * cross[k] + mean * mean * squares) / total;
  }
  return DWELL_OK;
}

static double normal_excess(double z, const void *arg) { return erfc(-z / sqrt(2)) / 2 - *(const double *)arg; }

/* A cloud of normal quantiles on the line under the raw flow, V = Q = K = 1: its variance where half of the time to the
 * blow-up has gone, over that of the closed form from its own first variance. */
static dwell_status particles_half_way(const theorem_row *row, size_t count, theorem_outcome *out,
                                       const dwell_context *ctx, dwell_error *err) {
  (void)count;
  size_t n = (size_t)row->value[0];
  dwell_status status = DWELL_OK;
  double variance[2] = {0}, *x = MEM_NEW(double, n), *masses = MEM_NEW(double, n);
  if (x == NULL || masses == NULL) TRY_ALLOC(NULL, "a cloud");
  for (size_t i = 0; i < n; i++) {
    double share = ((double)i + 0.5) / (double)n;
    masses[i] = 1 / (double)n;
    x[i] = row->value[1] * numerics_root(normal_excess, &share, -9, 9);
    variance[0] += x[i] * x[i] / (double)n;
  }
  double end = 0.25 / variance[0];
  euclid e = {.n = n, .d = 1, .beta = 1, .masses = masses};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-7, .times = &end, .count = 1};
  ode_host host = {.ctx = ctx};
  ode_outcome outcome;
  TRY(euclid_solve(&e, &plan, &host, x, &outcome, err));
  for (size_t i = 0; i < n; i++) variance[1] += x[i] * x[i] / (double)n;
  out->measured = variance[1] / (2 * variance[0]);
done:
  mem_free(x);
  mem_free(masses);
  return status;
}

#define SOFTMAX_PULLS "softmax attention pulls x to alpha + S A x, A = K^T Q"
#define DISTANCE_PULLS "attention by distance pulls x to M (alpha + 2 c S A x), M = 1 / (1 + 2 c S K^T K)"
#define SAMPLED(name, statement, by_distance, component, first)                                                    \
  {                                                                                                                \
    "T19." name ".d2-" #component, statement,                                                                      \
        "d = 2, Q^T K not symmetric, 50000 samples of the cloud, component " #component, THEOREM_COMPUTED,         \
        THEOREM_EQUAL, THEOREM_COMPUTED, "four standard errors of the weighted mean", first, {50000, by_distance}, \
        false                                                                                                      \
  }

static const theorem_row rows[] = {
    {"T19.particles",
     "tokens follow the closure: variance half way to the blow-up over (1 / S(0) - 2 t)^-1",
     "softmax, d = 1, 1000 normal quantiles of deviation .5",
     1,
     THEOREM_EQUAL,
     0.01,
     "the tails that 1000 tokens lack",
     particles_half_way,
     {1000, 0.5},
     false},
    {"T19.softmax",
     "softmax attention to N(alpha, S) pulls x to alpha + S A x",
     "d = 1, quadrature",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-12,
     "the quadrature's",
     velocity,
     {0},
     false},
    {"T19.l2",
     "attention by distance pulls x to M (alpha + 2 c S x), M = 1 / (1 + 2 c S)",
     "d = 1, quadrature",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-12,
     "the quadrature's",
     velocity,
     {1},
     false},
    SAMPLED("softmax", SOFTMAX_PULLS, 0, 1, velocity_of_sample),
    SAMPLED("softmax", SOFTMAX_PULLS, 0, 2, NULL),
    SAMPLED("l2", DISTANCE_PULLS, 1, 1, velocity_of_sample),
    SAMPLED("l2", DISTANCE_PULLS, 1, 2, NULL),
    {"T19.closed-form",
     "V = I, A symmetric: S(t) = (S(0)^-1 - 2 t A)^-1 (largest entry of the difference)",
     "d = 4, t = .15",
     0,
     THEOREM_AT_MOST,
     1e-11,
     "the fourth power of steps of 4e-5, and rounding",
     closed_form,
     {0.15},
     false},
    {"T19.blow-up",
     "it blows up at 1 / (2 lambda_max(A))",
     "d = 4, S(0) = I",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-4,
     "a line through two times",
     blow_up,
     {0},
     false},
};

/* ---- T22: rank ---- */

/* Random V and A, rank-one start, t = .5: lambda_2 / lambda_1, and |S - v v^T|. */
static dwell_status rank_one(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)row, (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  cloud c;
  double x[SIZE + D], values[D];
  for (size_t i = 0; i < D; i++) {
    x[SIZE + i] = 0.4 * numerics_normal(810, i, 0);
    for (size_t j = 0; j < D; j++)
      c.v[i * D + j] = numerics_normal(811, i, j) / 2, c.a[i * D + j] = numerics_normal(812, i, j) / 2;
  }
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) x[i * D + j] = x[SIZE + i] * x[SIZE + j];
  numerics_rk4(SIZE + D, with_vector, &c, 0, 0.5, 2000, x);
  out[1].measured = 0;
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++)
      out[1].measured = fmax(out[1].measured, fabs(x[i * D + j] - x[SIZE + i] * x[SIZE + j]));
  TRY(eigen_values(D, x, values, err));
  out[0].measured = fmax(fabs(values[0]), fabs(values[2])) / values[3];
done:
  return status;
}

/* Diagonal V A = va at .999 of the time of blow-up. */
static dwell_status diagonal(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)row, (void)ctx, (void)err;
  static const double va[D] = {0.7, -0.45, -0.06, 0}, start[D] = {0.6, 1.1, 0.8, 0.4};
  cloud c;
  double s[SIZE] = {0}, t = 0, end = 0.999 / (2 * 0.7 * 0.6);
  identity(c.v);
  memset(c.a, 0, sizeof c.a);
  for (size_t i = 0; i < D; i++) c.a[i * (D + 1)] = va[i], s[i * (D + 1)] = start[i];
  while (end - t > 1e-12) { /* steps shrink with what is left to the blow-up */
    double h = fmin(end - t, 1e-3 * (end / 0.999 - t));
    numerics_rk4(SIZE, covariance, &c, t, t + h, 1, s);
    t += h;
  }
  for (size_t r = 0; r < count; r++) out[r].measured = s[r * (D + 1)];
  return DWELL_OK;
}

/* Rank of the limit for V = I, A = -diag of value[0] ones: eigenvalues above 1e-3 at t = 1e4. */
static dwell_status limit(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  cloud c;
  double s[SIZE], values[D], t = 0;
  identity(c.v);
  memset(c.a, 0, sizeof c.a);
  for (size_t i = 0; i < (size_t)row->value[0]; i++) c.a[i * (D + 1)] = -1;
  symmetric(813, 0.1, s);
  for (size_t i = 0; i < D; i++) s[i * (D + 1)] += 1;
  while (t < 1e4) {
    double h = 0.01 * (1 + t);
    numerics_rk4(SIZE, covariance, &c, t, t + h, 1, s);
    t += h;
  }
  TRY(eigen_values(D, s, values, err));
  out->measured = 0;
  for (size_t i = 0; i < D; i++) out->measured += values[i] > 1e-3;
done:
  return status;
}

/* A = diag(1, 1, -1, -1), S the projector on e_1 + e_3, e_2 + e_4: |S A S|, and the rank of S. */
static dwell_status isotropic(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)ctx;
  dwell_status status = DWELL_OK;
  cloud c;
  double s[SIZE] = {0}, v[SIZE], values[D], moved = 0;
  identity(c.v);
  memset(c.a, 0, sizeof c.a);
  for (size_t i = 0; i < D; i++) c.a[i * (D + 1)] = i < 2 ? 1 : -1;
  for (size_t i = 0; i < 2; i++) s[i * D + i] = s[(i + 2) * D + i + 2] = s[i * D + i + 2] = s[(i + 2) * D + i] = 0.5;
  covariance(0, s, v, &c);
  for (size_t e = 0; e < SIZE; e++) moved = fmax(moved, fabs(v[e]));
  TRY(eigen_values(D, s, values, err));
  double rank = 0;
  for (size_t i = 0; i < D; i++) rank += values[i] > 1e-9;
  for (size_t r = 0; r < count; r++) out[r].measured = row[r].value[0] == 1 ? moved : rank;
done:
  return status;
}

/* A random start of rank two, V and A: the eigenvalues at t = .5, ascending [D]. */
static dwell_status rank_two(uint32_t draw, double *ret_values, dwell_error *err) {
  cloud c;
  double s[SIZE];
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) {
      size_t at = draw * D + i;
      c.v[i * D + j] = numerics_normal(811, at, j) / 2, c.a[i * D + j] = numerics_normal(812, at, j) / 2;
      s[i * D + j] = 0;
      for (size_t k = 0; k < 2; k++)
        s[i * D + j] += 0.16 * numerics_normal(810, at, k) * numerics_normal(810, draw * D + j, k);
    }
  numerics_rk4(SIZE, covariance, &c, 0, 0.5, 2000, s);
  return eigen_values(D, s, ret_values, err);
}

/* Those above 1e-12. */
static dwell_status rank_kept(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)row, (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double values[D];
  TRY(rank_two(0, values, err));
  out->measured = 0;
  for (size_t k = 0; k < D; k++) out->measured += values[k] > 1e-12;
done:
  return status;
}

/* The rank of value[1] among the eigenvalue of place value[0] of many draws, one row each. */
static dwell_status eigenvalues_of_two(const theorem_row *row, size_t count, theorem_outcome *out,
                                       const dwell_context *ctx, dwell_error *err) {
  (void)ctx;
  enum { DRAWS = 100 };
  dwell_status status = DWELL_OK;
  double values[D], found[D][DRAWS];
  for (uint32_t draw = 0; draw < DRAWS; draw++) {
    TRY(rank_two(draw, values, err));
    for (size_t k = 0; k < D; k++) found[k][draw] = values[k];
  }
  for (size_t r = 0; r < count; r++)
    out[r].measured = numerics_rank(DRAWS, found[(size_t)row[r].value[0]], row[r].value[1]);
done:
  return status;
}

/* V = I, A = -diag of 4, 3, 2, 1 ones, a full start: largest entry of Runge-Kutta's S(t) - (S(0)^-1 - 2 t A)^-1, where
 * S(0) = 1 / (1 + k) on the diagonal. value: time, steps. */
static dwell_status late_closed_form(const theorem_row *row, size_t count, theorem_outcome *out,
                                     const dwell_context *ctx, dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->measured = 0;
  for (size_t ones = 1; ones <= D; ones++) {
    cloud c = {{0}, {0}};
    double s[SIZE] = {0};
    identity(c.v);
    for (size_t k = 0; k < D; k++) c.a[k * (D + 1)] = k < ones ? -1 : 0, s[k * (D + 1)] = 1 / (1 + (double)k);
    numerics_rk4(SIZE, covariance, &c, 0, row->value[0], (size_t)row->value[1], s);
    for (size_t k = 0; k < D; k++) {
      double exact = 1 / (1 + (double)k + (k < ones ? 2 * row->value[0] : 0));
      out->measured = fmax(out->measured, fabs(s[k * (D + 1)] - exact));
    }
  }
  return DWELL_OK;
}

/* 2 t times the vanishing eigenvalue at t = 10^6, by the library's equations: A = -diag(1, 1, 0, 0), S(0) = .1 I. */
static dwell_status vanishing(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  double query[SIZE] = {0}, one[SIZE], mean[D] = {0}, s[SIZE] = {0}, t = row->value[0];
  identity(one);
  for (size_t i = 0; i < D; i++) s[i * (D + 1)] = 0.1, query[i * (D + 1)] = i < 2 ? -1 : 0;
  gaussian g = {.kind = GAUSSIAN_SOFTMAX, .d = D, .heads = 1, .beta = 1, .opt_q = query, .opt_k = one, .opt_v = one};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-11, .atol = 1e-20, .times = &t, .count = 1};
  ode_host host = {.ctx = ctx};
  ode_outcome outcome;
  bool blown = false;
  dwell_status status = gaussian_solve(&g, &plan, &host, NULL, mean, s, &blown, &outcome, err);
  out[0].measured = 2 * t * s[0];
  out[1].measured = s[SIZE - 1];
  return status;
}

#define LIMIT(ones, r)                                                                   \
  {                                                                                      \
    "T22.limit." #ones, "rank of the limit is the dimension of the kernel of A",         \
        "V = I, A = -diag with " #ones " ones, d = 4", r, THEOREM_EQUAL, 0,              \
        "a count: vanishing eigenvalues are 1 / 2t = 5e-5 by then", limit, {ones}, false \
  }
#define NEAR(k, s, eps, first)                                                                                      \
  {                                                                                                                 \
    "T22.diagonal." #k, "commuting case: sigma_k(0) / (1 - 2 v_k a_k sigma_k(0) t) just before the blow-up",        \
        "va = (.7, -.45, -.06, 0), sigma(0) = (.6, 1.1, .8, .4), .999 t*", s, THEOREM_EQUAL, eps, "digits printed", \
        first, {0}, false                                                                                           \
  }

static const theorem_row rows_22[] = {
    {"T22.rank-one",
     "rank one is kept: lambda_2 / lambda_1",
     "d = 4, random V and A, t = .5",
     0,
     THEOREM_AT_MOST,
     1e-14,
     "the specification's: rounding over 2000 steps, which mostly cancels",
     rank_one,
     {0},
     false},
    {"T22.vector",
     "and S = v v^T with v' = (v^T A v) V v",
     "d = 4, random V and A, t = .5",
     0,
     THEOREM_AT_MOST,
     1e-13,
     "the specification's: rounding, and the fourth power of the step 2.5e-4",
     NULL,
     {0},
     false},
    {"T22.rank-two",
     "rank two is kept: eigenvalues above 1e-12",
     "d = 4, random V and A, t = .5",
     2,
     THEOREM_EQUAL,
     0,
     "a count",
     rank_kept,
     {0},
     false},
    {"T22.rank-two.least",
     "the source's lesser eigenvalue, .183, is an ordinary one (share of draws below it)",
     "d = 4, 100 random V and A, t = .5",
     THEOREM_ORDINARY,
     eigenvalues_of_two,
     {2, 0.183},
     false},
    {"T22.rank-two.most",
     "and its larger one, .911",
     "d = 4, 100 random V and A, t = .5",
     THEOREM_ORDINARY,
     NULL,
     {3, 0.911},
     false},
    {"T22.closed-form",
     "V = I: Runge-Kutta steps follow 1 / (1 / S(0) + 2 t) and S(0) (largest difference)",
     "A = -diag with 1 to 4 ones, S(0) = diag(1, 1/2, 1/3, 1/4), t = 50, steps of .0025",
     0,
     THEOREM_AT_MOST,
     5e-15,
     "the specification's: errors shrink with the square of the solution",
     late_closed_form,
     {50, 20000},
     false},
    {"T22.vanishing",
     "V = I, A negative: eigenvalues vanish like 1 / (2t) (2t times one)",
     "A = -diag(1, 1, 0, 0), S(0) = .1 I, t = 10^6",
     1,
     THEOREM_EQUAL,
     6e-6,
     "1 / (2 t S(0)) = 5e-6",
     vanishing,
     {1e6},
     false},
    {"T22.frozen",
     "and where A vanishes they stay",
     "A = -diag(1, 1, 0, 0), S(0) = .1 I, t = 10^6",
     0.1,
     THEOREM_EQUAL,
     1e-12,
     "rounding",
     NULL,
     {1e6},
     false},
    NEAR(1, 600, 0.01, diagonal),
    NEAR(2, 0.5052, 6e-5, NULL),
    NEAR(3, 0.7180, 6e-5, NULL),
    NEAR(4, 0.4, 1e-12, NULL),
    LIMIT(4, 0),
    LIMIT(3, 1),
    LIMIT(2, 2),
    LIMIT(1, 3),
};

static const theorem_row rows_11[] = {
    {"F11.stationary",
     "the projector on e_1 + e_3, e_2 + e_4 is stationary (largest entry of S')",
     "V = I, A = diag(1, 1, -1, -1)",
     0,
     THEOREM_AT_MOST,
     1e-15,
     "rounding",
     isotropic,
     {1},
     false},
    {"F11.printed",
     "printed: stationary points have rank 1 (or less)",
     "V = I, A = diag(1, 1, -1, -1)",
     1,
     THEOREM_DIFFERS,
     0.5,
     "a count",
     isotropic,
     {0},
     false},
    {"F11.corrected",
     "up to min(n+, n-) + n0, the signature of A",
     "V = I, A = diag(1, 1, -1, -1)",
     2,
     THEOREM_EQUAL,
     0,
     "a count",
     isotropic,
     {0},
     false},
};

const theorem theorem_gaussian = {"T19", "Gaussian clouds: velocities, closed form, blow-up",
                                  "Castin, Ablin, Carrillo, Peyre, arXiv:2501.18322; closed form: derived here",
                                  THEOREM_ROWS(rows)};
const theorem theorem_rank = {"T22", "Gaussian clouds: rank", "slides on arXiv:2501.18322; read precisely here",
                              THEOREM_ROWS(rows_22)};
const theorem theorem_f11 = {"F11", "the rank of stationary covariances", "slides on arXiv:2501.18322",
                             THEOREM_ROWS(rows_11)};
