/* theorem/leaders.c - T21, T23: the flow on R^d in its growing frame. */
#include <math.h>

#include "theorem/numerics.h"
#include "theorem/theorems.h"

enum { N = 20, MOST_D = 3 };

/* z' = sum_j P_ij V (z_j - z_i), P_ij = softmax_j(<x_i, x_j>), x = e^{tV} z, V diagonal. */
typedef struct frame {
  size_t n, d;
  double v[MOST_D];
} frame;

/* Row i of P at time t. */
static void row_of(const frame *f, double t, const double *z, size_t i, double *ret_p) {
  double top = -INFINITY, total = 0;
  for (size_t j = 0; j < f->n; j++) {
    ret_p[j] = 0;
    for (size_t k = 0; k < f->d; k++) ret_p[j] += exp(2 * t * f->v[k]) * z[i * f->d + k] * z[j * f->d + k];
    top = fmax(top, ret_p[j]);
  }
  for (size_t j = 0; j < f->n; j++) total += ret_p[j] = exp(ret_p[j] - top);
  for (size_t j = 0; j < f->n; j++) ret_p[j] /= total;
}

static void rescaled(double t, const double *z, double *ret_v, const void *arg) {
  const frame *f = arg;
  double p[N];
  for (size_t i = 0; i < f->n; i++) {
    row_of(f, t, z, i, p);
    for (size_t k = 0; k < f->d; k++) {
      double sum = 0;
      for (size_t j = 0; j < f->n; j++) sum += p[j] * (z[j * f->d + k] - z[i * f->d + k]);
      ret_v[i * f->d + k] = f->v[k] * sum;
    }
  }
}

/* Share of random starts in which every row of P ends at e_a or e_b, a and b the extreme tokens. value: starts. */
static dwell_status boolean(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  frame f = {N, 1, {1}};
  size_t held = 0, starts = (size_t)row->value[0];
  for (size_t s = 0; s < starts; s++) {
    double z[N], p[N];
    size_t low = 0, high = 0;
    bool right = true;
    for (size_t i = 0; i < N; i++) {
      z[i] = 10 * numerics_uniform(230, s, i) - 5;
      if (z[i] < z[low]) low = i;
      if (z[i] > z[high]) high = i;
    }
    numerics_rk4(N, rescaled, &f, 0, 12, 600, z);
    for (size_t i = 0; i < N && right; i++) {
      row_of(&f, 12, z, i, p);
      right = p[low] > 1 - 1e-6 || p[high] > 1 - 1e-6;
    }
    held += right;
  }
  out->measured = (double)held / (double)starts;
  return DWELL_OK;
}

/* From (.5, 1, 2, 3): least weight on the largest. From (-1, 0, 1): the middle row's largest distance from 1/3. */
static dwell_status particular(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  bool three = row->value[0] == 1;
  frame f = {three ? 3 : 4, 1, {1}};
  double z[4] = {0.5, 1, 2, 3}, p[N];
  if (three) z[0] = -1, z[1] = 0, z[2] = 1;
  numerics_rk4(f.n, rescaled, &f, 0, 8, 800, z);
  out->measured = three ? 0 : 1;
  for (size_t i = 0; i < f.n; i++) {
    row_of(&f, 8, z, i, p);
    if (!three) out->measured = fmin(out->measured, p[3]);
    for (size_t j = 0; j < 3 && three && i == 1; j++) out->measured = fmax(out->measured, fabs(p[j] - 1.0 / 3));
  }
  return DWELL_OK;
}

static void start(const frame *f, size_t seed, double *ret_z) {
  for (size_t e = 0; e < f->n * f->d; e++) ret_z[e] = 4 * numerics_uniform(210, seed, e) - 2;
}

/* V = diag(1, -.3, -.5): distinct limits of the first coordinate (gaps above 1e-3), the most over starts. */
static dwell_status hyperplanes(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  frame f = {N, 3, {1, -0.3, -0.5}};
  out->measured = 0;
  for (size_t s = 0; s < (size_t)row->value[0]; s++) {
    double z[N * 3];
    size_t values = 0;
    start(&f, s, z);
    numerics_rk4(N * 3, rescaled, &f, 0, 12, 600, z);
    for (size_t i = 0; i < N; i++) {
      bool seen = false;
      for (size_t j = 0; j < i; j++) seen = seen || fabs(z[3 * i] - z[3 * j]) < 1e-3;
      values += !seen;
    }
    out->measured = fmax(out->measured, (double)values);
  }
  return DWELL_OK;
}

/* In the plane: how far z_i is inside the hull of all: the least over directions of max_j <z_j, w> - <z_i, w>. */
static double depth(size_t n, const double *z, size_t i) {
  double least = INFINITY;
  for (int k = 0; k < 3600; k++) {
    double c = cos(acos(-1) * k / 1800), s = sin(acos(-1) * k / 1800), top = -INFINITY;
    for (size_t j = 0; j < n; j++) top = fmax(top, c * z[2 * j] + s * z[2 * j + 1]);
    least = fmin(least, top - c * z[2 * i] - s * z[2 * i + 1]);
  }
  return least;
}

/* V = I in the plane: largest depth of a limit inside the hull of all limits, over starts. */
static dwell_status polytope(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  frame f = {N, 2, {1, 1}};
  out->measured = 0;
  for (size_t s = 0; s < (size_t)row->value[0]; s++) {
    double z[N * 2];
    start(&f, 100 + s, z);
    numerics_rk4(N * 2, rescaled, &f, 0, 14, 700, z);
    for (size_t i = 0; i < N; i++)
      if (hypot(z[2 * i], z[2 * i + 1]) > 1e-3) out->measured = fmax(out->measured, depth(N, z, i));
  }
  return DWELL_OK;
}

static const theorem_row rows_21[] = {
    {"T21.polytope",
     "V = I: limits lie on the boundary of their hull, or at 0 (largest depth)",
     "R^2, n = 20, 10 starts, t = 14",
     0,
     THEOREM_AT_MOST,
     1e-3,
     "tokens on an edge are still within a thousandth of it",
     polytope,
     {10},
     false},
    {"T21.hyperplanes",
     "V with one positive leading eigenvalue: at most three values of the leading coordinate",
     "R^3, V = diag(1, -.3, -.5), n = 20, 20 starts, t = 12",
     3,
     THEOREM_AT_MOST,
     0,
     "a count",
     hyperplanes,
     {20},
     false},
};

static const theorem_row rows[] = {
    {"T23.boolean",
     "V > 0, QK > 0: every row of P ends at one of the two extreme tokens (share of starts)",
     "d = 1, n = 20, 40 starts, t = 12",
     1,
     THEOREM_EQUAL,
     0,
     "a count",
     boolean,
     {40},
     false},
    {"T23.boolean-200",
     "the same from the table's number of starts",
     "d = 1, n = 20, 200 starts, t = 12",
     1,
     THEOREM_EQUAL,
     0,
     "a count",
     boolean,
     {200},
     true},
    {"T23.positive",
     "positive tokens: every row ends at the largest (least weight on it)",
     "(.5, 1, 2, 3), t = 8",
     1,
     THEOREM_EQUAL,
     1e-6,
     "weights like e^{-e^{2t}}",
     particular,
     {0},
     false},
    {"T23.exception",
     "(-1, 0, 1): the middle row stays at (1/3, 1/3, 1/3) (largest distance)",
     "t = 8",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "the sum cancels exactly",
     particular,
     {1},
     false},
};

const theorem theorem_taxonomy = {"T21", "limits on R^d in the growing frame",
                                  "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465",
                                  THEOREM_ROWS(rows_21)};
const theorem theorem_leaders = {"T23", "leaders and Boolean limits on the line",
                                 "arXiv:2305.05465, the theorem on Boolean limits", THEOREM_ROWS(rows)};
