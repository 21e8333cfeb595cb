/* theorem/gradient.c - E: energies and conserved quantities, by differences along the flow. */
#include <math.h>

#include "base/error.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { N = 9, D = 4 };

/* (1/2 beta n^2) sum_ij e^{beta G_ij}, by plain loops. */
static double energy(const particles *p, double beta) {
  double sum = 0, n = (double)p->n;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < p->n; j++) sum += exp(beta * particles_cosine(p, i, j));
  return sum / (2 * beta * n * n);
}

/* The rate that the paper states: (1/n) sum |v_i|^2, or (1/n^2) sum Z_i |v_i|^2. */
static double stated_rate(const particles *p, const double *v, bool usa, double beta) {
  double sum = 0, n = (double)p->n;
  for (size_t i = 0; i < p->n; i++) {
    double square = 0, z = 0;
    for (size_t k = 0; k < p->d; k++) square += v[i * p->d + k] * v[i * p->d + k];
    for (size_t j = 0; j < p->n; j++) z += exp(beta * particles_cosine(p, i, j));
    sum += (usa ? 1 / n : z / (n * n)) * square;
  }
  return sum;
}

/* Fourth-order difference of the energy along the trajectory, in steps of value[1]. */
static dwell_status rate(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  bool usa = row->value[2] == 1;
  double beta = row->value[0], h = row->value[1], at[5], v[N * D];
  particles p = {0};
  TRY(particles_open(usa ? "usa" : "sa", N, D, beta, &p, err));
  p.plan.rtol = 1e-14;
  particles_uniform(&p, 5);
  for (int k = 0; k < 5; k++) {
    TRY(particles_to(&p, h * (k + 1), ctx, err));
    at[k] = energy(&p, beta);
    if (k == 2) {
      TRY(particles_velocity(&p, v, NULL, err));
      out->predicted = stated_rate(&p, v, usa, beta);
    }
  }
  out->measured = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * h);
done:
  particles_close(&p);
  return status;
}

/* Largest entry of sum_i c_i (x_i v_i^T - v_i x_i^T), c = 1 (usa) or Z_i (sa). */
static dwell_status torque(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  bool usa = row->value[2] == 1;
  double beta = row->value[0], v[N * D], worst = 0, scale = 0, c[N];
  particles p = {0};
  TRY(particles_open(usa ? "usa" : "sa", N, D, beta, &p, err));
  particles_uniform(&p, 6);
  TRY(particles_velocity(&p, v, NULL, err));
  for (size_t i = 0; i < N; i++) {
    c[i] = usa ? 1 : 0;
    for (size_t j = 0; j < N && !usa; j++) c[i] += exp(beta * (particles_cosine(&p, i, j) - 1));
    scale += c[i];
  }
  for (size_t a = 0; a < D; a++)
    for (size_t b = 0; b < a; b++) {
      double entry = 0;
      for (size_t i = 0; i < N; i++) entry += c[i] * (p.x[i * D + a] * v[i * D + b] - p.x[i * D + b] * v[i * D + a]);
      worst = fmax(worst, fabs(entry));
    }
  out->measured = worst / scale;
done:
  particles_close(&p);
  return status;
}

/* The same run from a permuted and reflected start: largest difference of the states after undoing both. */
static dwell_status equivariance(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0}, q = {0};
  TRY(particles_open("sa", N, D, row->value[0], &p, err));
  TRY(particles_open("sa", N, D, row->value[0], &q, err));
  particles_uniform(&p, 7);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < D; k++) /* tokens in reverse; coordinates rotated cyclically, the first negated */
      q.x[(N - 1 - i) * D + (k + 1) % D] = (k == 0 ? -1 : 1) * p.x[i * D + k];
  TRY(particles_to(&p, 3, ctx, err));
  TRY(particles_to(&q, 3, ctx, err));
  out->measured = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < D; k++) {
      double back = (k == 0 ? -1 : 1) * q.x[(N - 1 - i) * D + (k + 1) % D];
      out->measured = fmax(out->measured, fabs(back - p.x[i * D + k]));
    }
done:
  particles_close(&p);
  particles_close(&q);
  return status;
}

/* The flow's energy of ten tokens that coincide in groups of 5, 3 and 2 at 120 degrees. */
static dwell_status plateau(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double angles[10], v[20];
  field_facts facts;
  particles p = {0};
  for (size_t i = 0; i < 10; i++) angles[i] = (i < 5 ? 0 : i < 8 ? 1 : 2) * 2 * acos(-1) / 3;
  TRY(particles_open("sa", 10, 2, row->value[0], &p, err));
  particles_angles(&p, angles);
  TRY(particles_velocity(&p, v, &facts, err));
  out->measured = facts.energy;
done:
  particles_close(&p);
  return status;
}

#define RATE "rounding of the energy, 1e-16, over the step, and the fourth power of the step"

static const theorem_row rows[] = {
    {"E.rate-usa",
     "along usa the energy grows at (1/n) sum |v_i|^2",
     "n = 9, d = 4, beta = 2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     RATE,
     rate,
     {2, 1e-3, 1},
     false},
    {"E.rate-sa",
     "along sa it grows at (1/n^2) sum Z_i |v_i|^2",
     "n = 9, d = 4, beta = 2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     RATE,
     rate,
     {2, 5e-3, 0},
     false},
    {"E.rate-sa-cold",
     "the same at a low temperature",
     "n = 9, d = 4, beta = 6",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-7,
     "as above, of an energy of 50",
     rate,
     {6, 5e-3, 0},
     false},
    {"E.symmetric-usa",
     "sum_i x_i ^ v_i = 0 along usa (relative)",
     "n = 9, d = 4, beta = 3",
     0,
     THEOREM_AT_MOST,
     1e-14,
     "rounding",
     torque,
     {3, 0, 1},
     false},
    {"E.symmetric-sa",
     "sum_i Z_i x_i ^ v_i = 0 along sa (relative)",
     "n = 9, d = 4, beta = 3",
     0,
     THEOREM_AT_MOST,
     1e-14,
     "rounding",
     torque,
     {3, 0, 0},
     false},
    {"E.equivariance",
     "rotated and permuted starts give rotated and permuted states",
     "sa, n = 9, d = 4, t = 3",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-11, some hundred of them",
     equivariance,
     {4},
     false},
    {"E.plateau",
     "the bounded energy of separated clusters is the sum of squared masses",
     "masses .5, .3, .2 at 120 degrees, beta = 20",
     0.38,
     THEOREM_EQUAL,
     1e-12,
     "e^-30, the largest of what is left out",
     plateau,
     {20},
     false},
};

const theorem theorem_gradient = {
    "E", "energies: rates along the flows, symmetries, plateau values",
    "arXiv:2312.10794, section 3; Geshkovski et al., arXiv:2410.06833, section 6; plateau values: derived here",
    THEOREM_ROWS(rows)};
