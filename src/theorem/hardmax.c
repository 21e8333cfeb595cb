/* theorem/hardmax.c - T28: what a large beta selects where hardmax leaves a choice. */
#include <math.h>

#include "base/error.h"
#include "theorem/hardmax.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { MOST = 4 };

void hardmax_attract(double t, const double *z, double *ret_v, const void *arg) {
  (void)t;
  const hardmax_line *l = arg;
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

double hardmax_distance(double beta) {
  hardmax_line l = {3, beta};
  double z[MOST] = {-1, 0, 2}, h = 0.05 / l.beta, most = 0;
  if (h > 1e-3) h = 1e-3;
  for (double t = 0; t < 4; t += h) {
    numerics_rk4(3, hardmax_attract, &l, t, t + h, 1, z);
    most = fmax(most, fabs(z[1] + 2 * expm1(-(t + h))));
  }
  return most;
}

static dwell_status follows(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->measured = hardmax_distance(row->value[0]);
  return DWELL_OK;
}

/* Where the token that starts at 0 is at t = 4. value: beta, n, which one it is, the others. */
static dwell_status end(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                        dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  static const double starts[3][MOST] = {{-1, 0, 1, 0}, {-1, 0, 1, 1}, {-1, -1, 0, 1.5}};
  size_t which = (size_t)row->value[1], middle = which == 2 ? 2 : 1;
  hardmax_line l = {which == 0 ? 3 : 4, row->value[0]};
  double z[MOST];
  for (size_t i = 0; i < MOST; i++) z[i] = starts[which][i];
  numerics_rk4(l.n, hardmax_attract, &l, 0, 4, (size_t)(200 * l.beta), z);
  out->measured = z[middle];
  return DWELL_OK;
}

double hardmax_leaves(double beta, double delta) {
  hardmax_line l = {3, beta};
  double z[MOST] = {-1, delta, 1}, h = 0.02 / l.beta, t = 0, before = 0;
  for (; z[1] < 0.5 && t < 5; t += h) {
    before = z[1];
    numerics_rk4(3, hardmax_attract, &l, t, t + h, 1, z);
  }
  return t - h * (z[1] - 0.5) / (z[1] - before);
}

static dwell_status leaves(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  out->measured = hardmax_leaves(row->value[0], row->value[1]);
  return DWELL_OK;
}

/* The tie (-1, 0, 1) on the circle, angles -1, 0, 1: speed of the middle one under each rule of the flow. value: rule.
 */
static dwell_status rules(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)ctx;
  static const double angles[3] = {-1, 0, 1};
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("hardmax", 3, 2, 1, &p, err));
  particles_angles(&p, angles);
  for (size_t r = 0; r < count; r++) {
    double v[6];
    p.plan.system.rule = (flow_rule)row[r].value[0];
    TRY(particles_velocity(&p, v, NULL, err));
    out[r].measured = v[3];
  }
done:
  particles_close(&p);
  return status;
}

/* x' = softmax over (a, b, x) of beta <x, .>, minus x; a = (2, 1), b = (2, -1) stand. */
static void bisector(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  double beta = *(const double *)arg, score[3], top = -INFINITY, total = 0;
  const double at[3][2] = {{2, 1}, {2, -1}, {x[0], x[1]}};
  for (int j = 0; j < 3; j++) score[j] = beta * (x[0] * at[j][0] + x[1] * at[j][1]), top = fmax(top, score[j]);
  ret_v[0] = -x[0], ret_v[1] = -x[1];
  for (int j = 0; j < 3; j++) total += exp(score[j] - top);
  for (int j = 0; j < 3; j++)
    for (int k = 0; k < 2; k++) ret_v[k] += exp(score[j] - top) / total * at[j][k];
}

/* x(6) from (1, value[0]) at beta = 500. */
static dwell_status in_the_plane(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)ctx, (void)err;
  double beta = 500, x[2] = {1, row->value[0]};
  numerics_rk4(2, bisector, &beta, 0, 6, 100000, x);
  for (size_t r = 0; r < count; r++) out[r].measured = x[r];
  return DWELL_OK;
}

#define RULE(name, which, e, first)                                                                         \
  {                                                                                                         \
    "T28.rule." name, "between equal scores the flow's rule " name " decides: speed of the middle token",   \
        "flow hardmax, circle, angles -1, 0, 1", e, THEOREM_EQUAL, 1e-15, "rounding", first, {which}, false \
  }
#define PLANE(name, delta, k, e, first)                                                                  \
  {                                                                                                      \
    "T28.plane." name, "between (2, 1) and (2, -1): coordinate " k " of the token from (1, " #delta ")", \
        "beta = 500, t = 6", e, THEOREM_EQUAL, 6e-5, "digits printed", first, {delta}, false             \
  }
#define FOLLOWS(b, s, eps, reason)                                                                                   \
  {                                                                                                                  \
    "T28.follows." #b, "from (-1, 0, 2) the middle follows 2 (1 - e^-t): largest distance", "beta = " #b ", t <= 4", \
        s, THEOREM_EQUAL, eps, reason, follows, {b}, false                                                           \
  }
#define LEAVES(name, b, delta, t, eps, reason)                                                     \
  {                                                                                                \
    "T28.leaves." name, "time in which the middle of (-1, delta, 1) leaves the tie for 1/2",       \
        "beta = " #b ", delta = " #delta, t, THEOREM_EQUAL, eps, reason, leaves, {b, delta}, false \
  }

static const theorem_row rows[] = {
    RULE("mean", FLOW_RULE_MEAN, 0, rules),
    RULE("first", FLOW_RULE_FIRST, -0.841470984807897, NULL),
    RULE("last", FLOW_RULE_LAST, 0.841470984807897, NULL),
    PLANE("tie.x", 0, "1", 1.9975, in_the_plane),
    PLANE("tie.y", 0, "2", 0, NULL),
    PLANE("leaves.x", 1e-9, "1", 1.9975, in_the_plane),
    PLANE("leaves.y", 1e-9, "2", 0.9974, NULL),
    FOLLOWS(10, 0.12266, 6e-6, "half a unit of the last printed digit"),
    FOLLOWS(100, 0.013252, 6e-7, "half a unit of the last printed digit"),
    FOLLOWS(1000, 0.0013411, 2.5e-7, "half a unit, and the source's Runge-Kutta steps of 2e-4, which add 1.7e-7"),
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
    LEAVES("100-6", 100, 1e-6, 0.830, 6e-4, "half a unit of the last printed digit"),
    LEAVES("100-12", 100, 1e-12, 1.039, 6e-4, "half a unit of the last printed digit"),
    LEAVES("1000-6", 1000, 1e-6, 0.7032, 1e-4, "half a unit, and the source's steps of 1e-4 or so"),
    LEAVES("1000-12", 1000, 1e-12, 0.7240, 1e-4, "half a unit, and the source's steps of 1e-4 or so"),
};

const theorem theorem_hardmax = {"T28", "hardmax: what finite beta selects among its solutions",
                                 "open question of arXiv:2312.10794; numbers: derived here", THEOREM_ROWS(rows)};
