/* theorem/markov.c - T25: attention as Markov kernels. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { N = 32, D = 4 };

/* Rows softmax_j(beta <x_i, x_j>), x from set `which`, not normalised: any tokens will do. */
static void kernel(uint32_t which, double beta, const double *opt_x, double *ret_p) {
  for (size_t i = 0; i < N; i++) {
    double z = 0;
    for (size_t j = 0; j < N; j++) {
      double score = 0;
      for (size_t k = 0; k < D; k++)
        score += opt_x != NULL ? opt_x[i * D + k] * opt_x[j * D + k]
                               : numerics_normal(which, i, k) * numerics_normal(which, j, k) / 4;
      z += ret_p[i * N + j] = exp(beta * score);
    }
    for (size_t j = 0; j < N; j++) ret_p[i * N + j] /= z;
  }
}

static void product(const double *a, const double *b, double *ret_c) {
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += a[i * N + k] * b[k * N + j];
      ret_c[i * N + j] = sum;
    }
}

static double apart(const double *a, const double *b) {
  double worst = 0;
  for (size_t e = 0; e < N * N; e++) worst = fmax(worst, fabs(a[e] - b[e]));
  return worst;
}

/* Largest total variation between two rows. */
static double dobrushin(const double *m) {
  double worst = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < i; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += fabs(m[i * N + k] - m[j * N + k]) / 2;
      worst = fmax(worst, sum);
    }
  return worst;
}

static dwell_status algebra(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double m[N * N], n[N * N], r[N * N], mn[N * N], nm[N * N], nr[N * N], left[N * N], right[N * N];
  kernel(1, 3, NULL, m);
  kernel(1, 1, NULL, n); /* the same tokens */
  kernel(2, 2, NULL, r);
  product(m, n, mn);
  product(n, m, nm);
  product(n, r, nr);
  product(mn, r, left);
  product(m, nr, right);
  out[0].measured = apart(left, right);
  out[1].measured = apart(mn, nm);
  out[2].measured = dobrushin(mn) - dobrushin(m) * dobrushin(n);
  double a = 0, b = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double mass = numerics_uniform(3, i, 0) / N, f = numerics_normal(4, j, 0);
      a += mass * m[i * N + j] * f;
    }
  for (size_t j = 0; j < N; j++) {
    double moved = 0;
    for (size_t i = 0; i < N; i++) moved += numerics_uniform(3, i, 0) / N * m[i * N + j];
    b += moved * numerics_normal(4, j, 0);
  }
  out[3].measured = fabs(a - b);
  return DWELL_OK;
}

/* The rank of the commutator value[0] among those of B = 3 I and B = I for uniform tokens of the sphere. */
static dwell_status ordinary(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx;
  enum { STARTS = 100 };
  dwell_status status = DWELL_OK;
  double m[N * N], n[N * N], mn[N * N], nm[N * N], found[STARTS];
  particles p = {0};
  TRY(particles_open("sa", N, D, 1, &p, err));
  for (uint32_t s = 0; s < STARTS; s++) {
    particles_uniform(&p, 2500 + s);
    kernel(0, 3, p.x, m);
    kernel(0, 1, p.x, n);
    product(m, n, mn);
    product(n, m, nm);
    found[s] = apart(mn, nm);
  }
  out->measured = numerics_rank(STARTS, found, row->value[0]);
done:
  particles_close(&p);
  return status;
}

/* pi_i = Z_i / sum Z: largest |pi_i P_ij - pi_j P_ji|, and |pi P - pi|. Z from the scores, not from P. */
static dwell_status reversible(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double p[N * N], pi[N], total = 0, balance = 0, invariance = 0;
  kernel(1, 2, NULL, p);
  for (size_t i = 0; i < N; i++) {
    pi[i] = 0;
    for (size_t j = 0; j < N; j++) {
      double score = 0;
      for (size_t k = 0; k < D; k++) score += numerics_normal(1, i, k) * numerics_normal(1, j, k) / 4;
      pi[i] += exp(2 * score);
    }
    total += pi[i];
  }
  for (size_t j = 0; j < N; j++) {
    double moved = 0;
    for (size_t i = 0; i < N; i++) {
      moved += pi[i] / total * p[i * N + j];
      balance = fmax(balance, fabs(pi[i] * p[i * N + j] - pi[j] * p[j * N + i]) / total);
    }
    invariance = fmax(invariance, fabs(moved - pi[j] / total));
  }
  out[0].measured = balance;
  out[1].measured = invariance;
  return DWELL_OK;
}

/* z' = (P(z) - I) z and U' = (P(z) - I) U in one state [N D + N N]. */
static void propagate(double t, const double *x, double *ret_v, const void *arg) {
  (void)t, (void)arg;
  double p[N * N];
  const double *z = x, *u = x + N * D;
  kernel(0, 1, z, p);
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++) {
      ret_v[i * D + k] = -z[i * D + k];
      for (size_t j = 0; j < N; j++) ret_v[i * D + k] += p[i * N + j] * z[j * D + k];
    }
    for (size_t k = 0; k < N; k++) {
      double sum = -u[i * N + k];
      for (size_t j = 0; j < N; j++) sum += p[i * N + j] * u[j * N + k];
      ret_v[N * D + i * N + k] = sum;
    }
  }
}

static dwell_status propagator(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double x[N * D + N * N] = {0}, start[N * D], sums = 0, least = 1, error = 0;
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++) start[i * D + k] = x[i * D + k] = numerics_normal(5, i, k) / 2;
    x[N * D + i * N + i] = 1;
  }
  numerics_rk4(N * D + N * N, propagate, NULL, 0, 3, 60, x);
  for (size_t i = 0; i < N; i++) {
    double sum = 0;
    for (size_t j = 0; j < N; j++) sum += x[N * D + i * N + j], least = fmin(least, x[N * D + i * N + j]);
    sums = fmax(sums, fabs(sum - 1));
    for (size_t k = 0; k < D; k++) {
      double moved = 0;
      for (size_t j = 0; j < N; j++) moved += x[N * D + i * N + j] * start[j * D + k];
      error = fmax(error, fabs(moved - x[i * D + k]));
    }
  }
  out[0].measured = sums, out[1].measured = least, out[2].measured = error;
  return DWELL_OK;
}

/* Constant kernels, delta at the second and at the first of two places: |MN - N| + |NM - M|. */
static dwell_status constants(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double m[N * N] = {0}, n[N * N] = {0}, mn[N * N], nm[N * N];
  for (size_t i = 0; i < N; i++) m[i * N + 1] = 1, n[i * N] = 1;
  product(m, n, mn);
  product(n, m, nm);
  out->measured = apart(mn, n) + apart(nm, m);
  return DWELL_OK;
}

#define TOKENS "n = 32, d = 4"

static const theorem_row rows[] = {
    {"T25.associative", "(MN)R = M(NR)", TOKENS, 0, THEOREM_AT_MOST, 1e-14, "rounding", algebra, {0}, false},
    {"T25.not-commutative",
     "MN differs from NM, even for kernels of the same tokens",
     TOKENS ", beta = 3 and 1",
     0,
     THEOREM_DIFFERS,
     1e-3,
     "rounding is 1e-16",
     NULL,
     {0},
     false},
    {"T25.contraction",
     "Dobrushin: delta(MN) - delta(M) delta(N)",
     TOKENS,
     0,
     THEOREM_AT_MOST,
     1e-14,
     "rounding",
     NULL,
     {0},
     false},
    {"T25.duality", "<mu M, f> = <mu, M f>", TOKENS, 0, THEOREM_AT_MOST, 1e-14, "rounding", NULL, {0}, false},
    {"T25.commutator",
     "the source's largest |MN - NM|, 6.7e-3, is an ordinary one (share of starts below it)",
     TOKENS ", B = 3 I and B = I, 100 uniform starts on the sphere",
     THEOREM_ORDINARY,
     ordinary,
     {6.7e-3},
     false},
    {"T25.balance",
     "symmetric scores: pi_i P_ij = pi_j P_ji with pi = Z / sum Z",
     TOKENS ", beta = 2",
     0,
     THEOREM_AT_MOST,
     1e-15,
     "rounding of numbers of at most 1",
     reversible,
     {0},
     false},
    {"T25.invariance",
     "symmetric scores: pi P = pi",
     TOKENS ", beta = 2",
     0,
     THEOREM_AT_MOST,
     1e-15,
     "rounding of numbers of at most 1",
     NULL,
     {0},
     false},
    {"T25.constants",
     "constant kernels: the last one decides, MN = N and NM = M",
     "n = 32, deltas at two places",
     0,
     THEOREM_EQUAL,
     0,
     "sums of one 1 and zeros",
     constants,
     {0},
     false},
    {"T25.rows",
     "the propagator of z' = (P - I) z has rows that sum to 1",
     TOKENS ", t = 3",
     0,
     THEOREM_AT_MOST,
     1e-13,
     "rounding over 240 stages",
     propagator,
     {0},
     false},
    {"T25.positive", "and no negative entry", TOKENS ", t = 3", 0, THEOREM_AT_LEAST, 0, "a sign", NULL, {0}, false},
    {"T25.composition",
     "and takes z(0) to z(t)",
     TOKENS ", t = 3",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "rounding over 240 stages",
     NULL,
     {0},
     false},
};

const theorem theorem_markov = {"T25", "attention as Markov kernels; rollout as their composition", "derived here",
                                THEOREM_ROWS(rows)};
