/* theorem/perceptron.c - T20: perceptron blocks, and how much mass a narrow cluster of a repulsive energy can carry. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/theorems.h"

enum { N = 7, D = 3, UNITS = 4 };

typedef struct block {
  double beta, omega[UNITS], a[UNITS * D];
} block;

/* x_i' = P_x((1/n) sum_j e^{beta G_ij} x_j + sum_m omega_m tanh(<a_m, x_i>) a_m) */
static void flow_of(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  const block *b = arg;
  for (size_t i = 0; i < N; i++) {
    double sum[D] = {0}, along = 0, norm = 0;
    for (size_t j = 0; j < N; j++) {
      double g = 0;
      for (size_t k = 0; k < D; k++) g += x[i * D + k] * x[j * D + k];
      for (size_t k = 0; k < D; k++) sum[k] += exp(b->beta * g) * x[j * D + k] / N;
    }
    for (size_t m = 0; m < UNITS; m++) {
      double inner = 0;
      for (size_t k = 0; k < D; k++) inner += b->a[m * D + k] * x[i * D + k];
      for (size_t k = 0; k < D; k++) sum[k] += b->omega[m] * tanh(inner) * b->a[m * D + k];
    }
    for (size_t k = 0; k < D; k++) along += sum[k] * x[i * D + k], norm += x[i * D + k] * x[i * D + k];
    for (size_t k = 0; k < D; k++) ret_v[i * D + k] = sum[k] - along / norm * x[i * D + k];
  }
}

/* (1 / 2 beta n^2) sum e^{beta G} + (1 / 2n) sum_i sum_m omega_m phi(<a_m, x_i>), phi = 2 ln cosh. */
static double energy(const block *b, const double *x) {
  double pairs = 0, single = 0;
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < N; j++) {
      double g = 0;
      for (size_t k = 0; k < D; k++) g += x[i * D + k] * x[j * D + k];
      pairs += exp(b->beta * g);
    }
    for (size_t m = 0; m < UNITS; m++) {
      double inner = 0;
      for (size_t k = 0; k < D; k++) inner += b->a[m * D + k] * x[i * D + k];
      single += b->omega[m] * 2 * log(cosh(inner));
    }
  }
  return pairs / (2 * b->beta * N * N) + single / (2 * N);
}

static dwell_status gradient(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  block b = {.beta = 1.5};
  double x[N * D], v[N * D], at[2], h = 1e-4, y[N * D];
  for (size_t m = 0; m < UNITS; m++) {
    b.omega[m] = numerics_normal(200, m, 0);
    for (size_t k = 0; k < D; k++) b.a[m * D + k] = numerics_normal(201, m, k);
  }
  for (size_t i = 0; i < N; i++) {
    double norm = 0;
    for (size_t k = 0; k < D; k++) x[i * D + k] = numerics_normal(202, i, k), norm += x[i * D + k] * x[i * D + k];
    for (size_t k = 0; k < D; k++) x[i * D + k] /= sqrt(norm);
  }
  flow_of(0, x, v, &b);
  out->predicted = 0;
  for (size_t e = 0; e < N * D; e++) out->predicted += v[e] * v[e] / N;
  for (int side = 0; side < 2; side++) {
    for (size_t e = 0; e < N * D; e++) y[e] = x[e];
    numerics_rk4(N * D, flow_of, &b, 0, side == 0 ? h : -h, 1, y);
    at[side] = energy(&b, y);
  }
  out->measured = (at[0] - at[1]) / (2 * h);
  return DWELL_OK;
}

/* Splitting a cluster of mass m in two changes the repulsive energy by (m/2)^2-weighted second derivatives of the
 * kernel inside, at most -w, and m/2 (1 - m) outside, at most c: no minimum once (m/2) w > (1 - m) c. Here the largest
 * second derivative c of -(e^{-s^2/2}) and w over the cluster's width 1/2, both by search; s = sqrt(beta) angle. */
static dwell_status mass(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double c = 0, w = INFINITY, width = row->value[0];
  for (int k = 0; k <= 100000; k++) {
    double s = 5.0 * k / 100000, second = (s * s - 1) * exp(-s * s / 2);
    c = fmax(c, second);
    if (s <= width) w = fmin(w, -second);
  }
  out->measured = 2 * c / (2 * c + w);
  return DWELL_OK;
}

/* A cluster of mass m at 0 and the rest where it holds most, at s = sqrt(3): second variation of the repulsive energy
 * when half of the cluster is moved, per mass; arg: beta. Its zero in m. */
static double split(double m, const void *arg) {
  double beta = *(const double *)arg, h = 1e-3 / sqrt(beta), place = sqrt(3 / beta), change = 0;
  for (int side = -1; side <= 1; side++) {
    double x = side * h, weight = side == 0 ? -2 : 1;
    double e = m * m / 4 * 2 * exp(beta * (cos(x) - 1)) + m * (1 - m) / 2 * exp(beta * (cos(x - place) - 1)) +
               m * (1 - m) / 2 * exp(beta * (cos(x + place) - 1));
    change += weight * e;
  }
  return change / (h * h * beta);
}

static dwell_status atom(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->measured = numerics_root(split, &row->value[0], 0.05, 0.95);
  return DWELL_OK;
}

static const theorem_row rows[] = {
    {"T20.gradient",
     "attention and a perceptron block: the energy with phi' = 2 sigma grows at (1/n) sum |v_i|^2",
     "usa, beta = 1.5, n = 7, d = 3, four units",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-6,
     "the square of the step 1e-4",
     gradient,
     {0},
     false},
    {"T20.mass",
     "largest mass of a cluster of width 1 / (2 sqrt(beta)) that splitting cannot improve",
     "circle, beta large",
     0.5742,
     THEOREM_EQUAL,
     6e-5,
     "digits printed",
     mass,
     {0.5},
     false},
    {"T20.atom",
     "a cluster without width, beside the rest where it holds most, splits from a mass below that on",
     "circle, beta = 400",
     0.5742,
     THEOREM_AT_MOST,
     0,
     "an inequality",
     atom,
     {400},
     false},
};

const theorem theorem_perceptron = {"T20", "perceptron blocks: gradient structure, masses of clusters",
                                    "arXiv:2601.21366; the constant: re-derived here", THEOREM_ROWS(rows)};
