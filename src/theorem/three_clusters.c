/* theorem/three_clusters.c - T2, T3: one cluster at every temperature; where that fails on the circle. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Growth rate of a displacement of one of three clusters at 120 degrees: the flow's velocities at four distances to
 * either side, by the difference of eighth order. The velocity along the circle is v_y cos(angle) - v_x sin(angle). */
static double response(double beta, const void *arg) {
  static const double weight[4] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
  dwell_error *err = NULL;
  const double third = 2 * acos(-1) / 3, step = *(const double *)arg;
  double v[6], angles[3] = {0, third, 2 * third}, rate = 0;
  particles p = {0};
  if (particles_open("usa", 3, 2, beta, &p, err) != DWELL_OK) return NAN;
  for (int k = -4; k <= 4; k++) {
    if (k == 0) continue;
    angles[0] = k * step;
    particles_angles(&p, angles);
    if (particles_velocity(&p, v, NULL, err) != DWELL_OK) v[1] = NAN;
    rate += (k > 0 ? 1 : -1) * weight[abs(k) - 1] * (v[1] * cos(angles[0]) - v[0] * sin(angles[0])) / step;
  }
  particles_close(&p);
  return rate;
}

static dwell_status stability(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double step = 0.02;
  out[0].measured = numerics_root(response, &step, -0.9, -0.4);
  return DWELL_OK;
}

/* h'(2 pi / 3) of h = e^{beta cos x} sin x, by the rate of the displaced cluster: v' = -(2/3) h'. */
static dwell_status slope(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double step = 0.02;
  out->measured = -1.5 * response(row->value[0], &step);
  return DWELL_OK;
}

static const double together = 0.999999;

/* Share of uniform starts that do not end in one cluster. value: beta, n, starts, time, d, usa. */
static dwell_status basin(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[2], apart = 0;
  particles p = {0};
  TRY(particles_open(row->value[5] == 1 ? "usa" : "sa", (size_t)row->value[1], (size_t)row->value[4], row->value[0], &p,
                     err));
  p.plan.rtol = 1e-7;
  for (uint32_t s = 0; s < starts; s++) {
    particles_uniform(&p, 1000 + s);
    p.t = 0;
    for (double t = row->value[3] / 64; t <= row->value[3] && particles_least_cosine(&p) < together; t *= 2)
      TRY(particles_to(&p, t, ctx, err));
    apart += particles_least_cosine(&p) < together;
  }
  out->measured = (double)apart / (double)starts;
done:
  particles_close(&p);
  return status;
}

/* The same under the log clock, at temperatures whose times are beyond a double: share of starts with more than one
 * cluster left at ln t = value[3]. */
static dwell_status frozen(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[2], apart = 0;
  for (uint32_t s = 0; s < starts; s++) {
    particles p = {0};
    flow_history history = {0};
    status = particles_open("sa", (size_t)row->value[1], (size_t)row->value[4], row->value[0], &p, err);
    if (status == DWELL_OK) {
      particles_uniform(&p, 1300 + s);
      p.plan.rtol = 1e-8;
      status = particles_merge(&p, 1e-7 / sqrt(row->value[0]), 1, row->value[3], &history, ctx, err);
    }
    apart += history.merger_count + 1 < p.n;
    history_clear(&history);
    particles_close(&p);
    TRY(status);
  }
  out->measured = (double)apart / (double)starts;
done:
  return status;
}

#define NONE "a count: 0 of N leaves at most 3/N of the starts at 95 %"
#define ONE(name, flow, usa, beta, n, starts, t, d, slow)                                                          \
  {                                                                                                                \
    "T3.one." name, "share of uniform starts that do not end in one cluster",                                      \
        flow ", beta = " #beta ", n = " #n ", d = " #d ", " #starts " starts", 0, THEOREM_AT_MOST, 0, NONE, basin, \
        {beta, n, starts, t, d, usa}, slow                                                                         \
  }
#define BASIN(n, share, eps, slow)                                                                            \
  {                                                                                                           \
    "T3.basin.n" #n, "share of uniform starts that stay in three clusters, where these are stable",           \
        "usa, beta = -1, d = 2, n = " #n ", 1000 starts", share, THEOREM_EQUAL, eps,                          \
        "three standard errors of the table's 200 starts and of these", basin, {-1, n, 1000, 400, 2, 1}, slow \
  }

static const theorem_row rows[] = {
    {"T2.small-beta",
     "beta <= 1/n: share of uniform starts that do not end in one cluster",
     "sa, beta = .1, n = 10, d = 2, 300 starts",
     0,
     THEOREM_AT_MOST,
     0,
     NONE,
     basin,
     {0.1, 10, 300, 150, 2, 0},
     false},
    {"T2.circle",
     "d = 2, beta <= 1: the same",
     "usa, beta = 1, n = 10, d = 2, 300 starts",
     0,
     THEOREM_AT_MOST,
     0,
     NONE,
     basin,
     {1, 10, 300, 150, 2, 1},
     false},
    {"T2.large-beta",
     "beta >= C n^2: the same, by the log clock",
     "sa, beta = 40, n = 3, d = 2, 40 starts, ln t <= 200",
     0,
     THEOREM_AT_MOST,
     0,
     NONE,
     frozen,
     {40, 3, 40, 200, 2},
     false},
};

static const theorem_row rows_3[] = {
    {"T3.threshold",
     "three equal clusters at 120 degrees turn stable at beta = -2/3",
     "usa, d = 2, n = 3",
     -2.0 / 3,
     THEOREM_EQUAL,
     1e-12,
     "the specification's: rounding over steps of .02 is 1e-14, their eighth power smaller",
     stability,
     {0},
     false},
    {"T3.slope--0.6",
     "h'(120 degrees) below the threshold",
     "beta = -.6",
     -0.0675,
     THEOREM_EQUAL,
     6e-5,
     "half a unit of the last printed digit",
     slope,
     {-0.6},
     false},
    {"T3.slope--0.7",
     "h'(120 degrees) above the threshold",
     "beta = -.7",
     0.0355,
     THEOREM_EQUAL,
     6e-5,
     "half a unit of the last printed digit",
     slope,
     {-0.7},
     false},
    BASIN(3, 0.085, 0.065, false),
    BASIN(6, 0.015, 0.03, false),
    BASIN(4, 0, 0.0149, false),
    BASIN(5, 0, 0.0149, true),
    BASIN(7, 0, 0.0149, true),
    BASIN(9, 0.005, 0.017, true),
    ONE("sa-d3", "sa", 0, 2, 12, 200, 300, 3, false),
    ONE("usa-d3", "usa", 1, 4, 12, 200, 300, 3, false),
    {"T3.one.cold",
     "share of uniform starts that do not end in one cluster, by the log clock",
     "sa, beta = 20, n = 16, d = 3, 20 starts, ln t <= 1000",
     0,
     THEOREM_AT_MOST,
     0,
     NONE,
     frozen,
     {20, 16, 20, 1000, 3},
     false},
    ONE("sa-d2", "sa", 0, 2, 8, 200, 300, 2, false),
    ONE("usa-negative", "usa", 1, -0.16, 9, 200, 500, 2, false),
    ONE("usa-between", "usa", 1, -0.5, 9, 200, 500, 2, true),
    ONE("usa-between-.2", "usa", 1, -0.2, 9, 200, 500, 2, true),
    ONE("usa-past", "usa", 1, -0.7, 9, 200, 2000, 2, true),
};

const theorem theorem_temperatures = {"T2", "small and large beta: one cluster",
                                      "arXiv:2312.10794, Theorems 4.2, 4.3, 5.1", THEOREM_ROWS(rows)};
const theorem theorem_three_clusters = {
    "T3", "any beta: one cluster; the exception on the circle at negative beta",
    "arXiv:2312.10794, Theorem 6.1; Polyanskiy, Rigollet, Yao, arXiv:2507.22857; -2/3: derived here",
    THEOREM_ROWS(rows_3)};
