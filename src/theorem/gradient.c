/* theorem/gradient.c - E: energies and conserved quantities, by differences along the flow. */
#include <math.h>

#include "base/error.h"
#include "flow/layer.h"
#include "flow/meanfield.h"
#include "theorem/numerics.h"
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

/* One head of the given B (symmetric) and V under qkv: the difference of (1/2 beta n^2) sum e^{beta x_i B x_j} along
 * the flow against (1/n^2) sum_i Z_i <P_i A_i^B, P_i A_i^V>. value: beta, step, which (0: V = -I, B = I; 1: random). */
typedef struct forms {
  double b[D * D], v[D * D];
} forms;

static double form(const double *b, const double *x, const double *y) {
  double sum = 0;
  for (size_t k = 0; k < D; k++)
    for (size_t l = 0; l < D; l++) sum += x[k] * b[k * D + l] * y[l];
  return sum;
}

static double form_energy(const particles *p, const forms *f, double beta) {
  double sum = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) sum += exp(beta * form(f->b, p->x + i * D, p->x + j * D));
  return sum / (2 * beta * N * N);
}

/* <P_i A^B, P_i A^V> Z_i summed, over n^2; Z_i A_i^M = sum_j e^{..} M x_j. */
static double form_rate(const particles *p, const forms *f, double beta) {
  double total = 0;
  for (size_t i = 0; i < N; i++) {
    const double *x = p->x + i * D;
    double mean[D] = {0}, a[2][D] = {{0}}, z = 0, along[2] = {0}, inner = 0;
    for (size_t j = 0; j < N; j++) {
      double w = exp(beta * form(f->b, x, p->x + j * D));
      z += w;
      for (size_t k = 0; k < D; k++) mean[k] += w * p->x[j * D + k];
    }
    for (size_t k = 0; k < D; k++)
      for (size_t l = 0; l < D; l++) a[0][k] += f->b[k * D + l] * mean[l] / z, a[1][k] += f->v[k * D + l] * mean[l] / z;
    for (size_t k = 0; k < D; k++) along[0] += a[0][k] * x[k], along[1] += a[1][k] * x[k], inner += a[0][k] * a[1][k];
    total += z * (inner - along[0] * along[1]);
  }
  return total / (N * N);
}

static dwell_status form_law(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], h = row->value[1], at[5], one[D * D] = {0};
  forms f = {{0}, {0}};
  for (size_t k = 0; k < D; k++)
    for (size_t l = 0; l <= k; l++) {
      bool random = row->value[2] == 1;
      one[k * D + l] = k == l;
      f.b[k * D + l] = f.b[l * D + k] = random ? numerics_normal(8, k, l) / 2 : k == l;
      f.v[k * D + l] = random ? numerics_normal(9, k, l) / 2 : k == l ? -1 : 0;
      f.v[l * D + k] = random ? numerics_normal(10, k, l) / 2 : k == l ? -1 : 0;
    }
  flow_layer layer = {.d = D, .heads = 1, .rank = D, .query = f.b, .key = one, .value_rank = D, .read = f.v};
  layer.symmetric = true, layer.form_norm = 4, layer.value_norm = 4;
  particles p = {0};
  TRY(particles_open("qkv", N, D, beta, &p, err));
  p.plan.rtol = 1e-14, p.plan.system.layer = &layer;
  particles_uniform(&p, 5);
  for (int k = 0; k < 5; k++) {
    TRY(particles_to(&p, h * (k + 1), ctx, err));
    at[k] = form_energy(&p, &f, beta);
    if (k == 2) out->predicted = form_rate(&p, &f, beta);
  }
  out->measured = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * h);
done:
  particles_close(&p);
  return status;
}

/* Least growth between 40 moments of the smallest cosine with the pole of a hemisphere that holds the start, and of
 * the resultant at beta = 0. value: beta, which. */
static dwell_status never_falls(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  bool resultant = row->value[1] == 2;
  double before = -INFINITY;
  particles p = {0};
  TRY(particles_open(row->value[1] == 1 ? "usa" : "sa", N, D, row->value[0], &p, err));
  particles_uniform(&p, 11);
  for (size_t i = 0; i < N && !resultant; i++) p.x[i * D] = fabs(p.x[i * D]) + 0.05;
  field_normalise(N, D, p.x, p.x);
  out->measured = INFINITY;
  for (int k = 0; k < 40; k++) {
    TRY(particles_to(&p, 0.1 * k, ctx, err));
    double now = resultant ? particles_resultant(&p) : INFINITY;
    for (size_t i = 0; i < N && !resultant; i++) now = fmin(now, p.x[i * D]);
    out->measured = fmin(out->measured, k == 0 ? INFINITY : now - before);
    before = now;
  }
done:
  particles_close(&p);
  return status;
}

/* Free energy (1/kappa) int f ln f - (1/2 beta) int int e^{beta cos} f f of a density on the circle, f relative to the
 * uniform one. */
static dwell_status free_energy(const meanfield *m, const double *y, double *ret_f, dwell_error *err) {
  enum { GRID = 256 };
  double at[GRID], f[GRID], entropy = 0, pairs = exp(numerics_log_bessel(0, m->beta));
  for (size_t g = 0; g < GRID; g++) at[g] = 2 * acos(-1) * (double)g / GRID;
  dwell_status status = meanfield_density(m, y, GRID, at, f, err);
  for (size_t g = 0; g < GRID && status == DWELL_OK; g++) entropy += f[g] > 0 ? f[g] * log(f[g]) / GRID : 0;
  for (size_t k = 1; k <= m->modes; k++)
    pairs += 2 * exp(numerics_log_bessel((double)k, m->beta)) * (pow(y[2 * k - 2], 2) + pow(y[2 * k - 1], 2));
  *ret_f = entropy / m->kappa - pairs / (2 * m->beta);
  return status;
}

/* Largest growth of the free energy between 40 moments. */
static dwell_status dissipation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  enum { MODES = 24 };
  dwell_status status = DWELL_OK;
  meanfield m = {.d = 2, .beta = row->value[0], .kappa = row->value[1], .modes = MODES};
  double y[2 * MODES] = {0.3, 0.1, 0.1}, before = INFINITY, now, span = 0.25;
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-10, .atol = 1e-13, .times = &span, .count = 1};
  ode_host host = {.ctx = ctx};
  ode_outcome outcome;
  out->measured = -INFINITY;
  for (int k = 0; k < 40; k++) {
    TRY(free_energy(&m, y, &now, err));
    if (k > 0) out->measured = fmax(out->measured, now - before);
    before = now;
    TRY(meanfield_solve(&m, &plan, &host, y, NULL, &outcome, err));
  }
done:
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
    {"E.rate-reversed",
     "V = -I turns the sign: the energy falls at that rate",
     "qkv, n = 9, d = 4, beta = 2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     "rounding of the energy, 1e-16, over the step, and the fourth power of the step 1e-3",
     form_law,
     {2, 1e-3, 0},
     false},
    {"E.rate-form",
     "B symmetric, any V: E_B grows at (1/n^2) sum_i Z_i <P_i A_i^B, P_i A_i^V>",
     "qkv, random B and V, n = 9, d = 4, beta = 2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     "rounding of the energy, 1e-16, over the step, and the fourth power of the step 1e-3",
     form_law,
     {2, 1e-3, 1},
     false},
    {"E.hemisphere-sa",
     "the smallest cosine with the pole of a hemisphere never falls (least growth)",
     "sa, n = 9, d = 4, beta = 3, 40 moments",
     0,
     THEOREM_AT_LEAST,
     1e-12,
     "rounding where it rests",
     never_falls,
     {3, 0},
     false},
    {"E.hemisphere-usa",
     "the smallest cosine with the pole of a hemisphere never falls (least growth)",
     "usa, n = 9, d = 4, beta = 3, 40 moments",
     0,
     THEOREM_AT_LEAST,
     1e-12,
     "rounding where it rests",
     never_falls,
     {3, 1},
     false},
    {"E.resultant",
     "at beta = 0 the length of the mean never falls (least growth)",
     "sa, n = 9, d = 4, 40 moments",
     0,
     THEOREM_AT_LEAST,
     1e-12,
     "rounding where it rests",
     never_falls,
     {0, 2},
     false},
    {"E.free-energy",
     "with noise the free energy (1/kappa) int f ln f - E never grows (largest growth)",
     "mean-field equation, circle, beta = 3, kappa = 1.2, 40 moments",
     0,
     THEOREM_AT_MOST,
     1e-10,
     "steps of 1e-10 where it rests",
     dissipation,
     {3, 1.2},
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
