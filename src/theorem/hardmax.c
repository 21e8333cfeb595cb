/* theorem/hardmax.c - T28: what a large beta selects where hardmax leaves a choice. */
#include <math.h>

#include "theorem/numerics.h"
#include "theorem/theorems.h"

enum { MOST = 4 };

typedef struct line {
  size_t n;
  double beta;
} line;

/* z_i' = sum_j softmax_j(beta z_i z_j) (z_j - z_i) */
static void attract(double t, const double *z, double *ret_v, const void *arg) {
  (void)t;
  const line *l = arg;
  for (size_t i = 0; i < l->n; i++) {
    double top = -INFINITY, total = 0, sum = 0;
    for (size_t j = 0; j < l->n; j++) top = fmax(top, z[i] * z[j]);
    for (size_t j = 0; j < l->n; j++) {
      double w = exp(l->beta * (z[i] * z[j] - top));
      total += w, sum += w * (z[j] - z[i]);
    }
    ret_v[i] = sum / total;
  }
}

/* sup over t <= 4 of |z_2 - 2 (1 - e^-t)| from (-1, 0, 2). */
static dwell_status follows(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  line l = {3, row->value[0]};
  double z[MOST] = {-1, 0, 2}, h = 0.05 / l.beta;
  if (h > 1e-3) h = 1e-3;
  out->measured = 0;
  for (double t = 0; t < 4; t += h) {
    numerics_rk4(3, attract, &l, t, t + h, 1, z);
    out->measured = fmax(out->measured, fabs(z[1] + 2 * expm1(-(t + h))));
  }
  return DWELL_OK;
}

/* Where the token that starts at 0 is at t = 4. value: beta, n, which one it is, the others. */
static dwell_status end(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                        dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  static const double starts[3][MOST] = {{-1, 0, 1, 0}, {-1, 0, 1, 1}, {-1, -1, 0, 1.5}};
  size_t which = (size_t)row->value[1], middle = which == 2 ? 2 : 1;
  line l = {which == 0 ? 3 : 4, row->value[0]};
  double z[MOST];
  for (size_t i = 0; i < MOST; i++) z[i] = starts[which][i];
  numerics_rk4(l.n, attract, &l, 0, 4, (size_t)(200 * l.beta), z);
  out->measured = z[middle];
  return DWELL_OK;
}

/* Time in which the middle of (-1, delta, 1) reaches 1/2. */
static dwell_status leaves(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  line l = {3, row->value[0]};
  double z[MOST] = {-1, row->value[1], 1}, h = 0.02 / l.beta, t = 0, before = 0;
  for (; z[1] < 0.5 && t < 5; t += h) {
    before = z[1];
    numerics_rk4(3, attract, &l, t, t + h, 1, z);
  }
  out->measured = t - h * (z[1] - 0.5) / (z[1] - before);
  return DWELL_OK;
}

#define FOLLOWS(b, s, eps)                                                                                           \
  {                                                                                                                  \
    "T28.follows." #b, "from (-1, 0, 2) the middle follows 2 (1 - e^-t): largest distance", "beta = " #b ", t <= 4", \
        s, THEOREM_EQUAL, eps,                                                                                       \
        "digits printed; at beta = 1000 they are of a smaller step than the source took (.0013411)", follows, {b},   \
        false                                                                                                        \
  }
#define LEAVES(name, b, delta, t)                                                                             \
  {                                                                                                           \
    "T28.leaves." name, "time in which the middle of (-1, delta, 1) leaves the tie for 1/2",                  \
        "beta = " #b ", delta = " #delta, t, THEOREM_EQUAL, 6e-4, "digits printed", leaves, {b, delta}, false \
  }

static const theorem_row rows[] = {
    FOLLOWS(10, 0.12266, 6e-6),
    FOLLOWS(100, 0.013252, 6e-7),
    FOLLOWS(1000, 0.0013409, 1.1e-7),
    {"T28.tie",
     "the symmetric tie (-1, 0, 1) is kept: z at t = 4",
     "beta = 10",
     0,
     THEOREM_EQUAL,
     1e-12,
     "rounding, which may grow at rate 2 beta / 3 - 1",
     end,
     {10, 0},
     false},
    {"T28.majority",
     "from (-1, 0, 1, 1) the middle goes right: 1 - e^-4",
     "beta = 1000, t = 4",
     0.98166,
     THEOREM_EQUAL,
     6e-6,
     "digits printed",
     end,
     {1000, 1},
     false},
    {"T28.mean",
     "from (-1, -1, 0, 1.5) it goes left: the mean decides, not the longest",
     "beta = 1000, t = 4",
     -0.98165,
     THEOREM_EQUAL,
     6e-6,
     "digits printed",
     end,
     {1000, 2},
     false},
    LEAVES("100-6", 100, 1e-6, 0.830),
    LEAVES("100-12", 100, 1e-12, 1.039),
    LEAVES("1000-6", 1000, 1e-6, 0.7032),
    LEAVES("1000-12", 1000, 1e-12, 0.7240),
};

const theorem theorem_hardmax = {"T28", "hardmax: what finite beta selects among its solutions",
                                 "open question of arXiv:2312.10794; numbers: derived here", THEOREM_ROWS(rows)};
