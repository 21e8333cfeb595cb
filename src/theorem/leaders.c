/* theorem/leaders.c - T21, T23: attention on R^d in its growing frame: shapes of limits, leaders. */
#include <math.h>

#include "base/error.h"
#include "detect/taxonomy.h"
#include "flow/euclid.h"
#include "theorem/leaders.h"
#include "theorem/numerics.h"
#include "theorem/theorems.h"

enum { N = LEADERS_TOKENS };

/* x [n,d] from t = 0 to t. */
static dwell_status run(const euclid *e, double t, double *x, const dwell_context *ctx, dwell_error *err) {
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-9, .times = &t, .count = 1};
  ode_host host = {.ctx = ctx};
  ode_outcome outcome;
  return euclid_solve(e, &plan, &host, x, &outcome, err);
}

static euclid flow_of(size_t n, size_t d, const double *opt_v, bool is_rescaled, double *masses) {
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  return (euclid){.n = n, .d = d, .beta = 1, .masses = masses, .rescaled = is_rescaled, .opt_v = opt_v};
}

double leaders_start(uint32_t seed, size_t e) { return 10 * numerics_uniform(230, seed, e) - 5; }

/* ---- T21 ---- */

const leaders_shape leaders_shapes[LEADERS_SHAPES] = {
    {2, {1, 0, 0, 1}, TAXONOMY_POLYTOPE, true, 12, 1e-3},
    {3, {1, 0, 0, 0, 1, 0, 0, 0, 1}, TAXONOMY_POLYTOPE, true, 12, 1e-3},
    {2, {0.64709742, 0.81911926, 0.61210449, 0.63263484}, TAXONOMY_HYPERPLANES, true, 12, 1e-3},
    {3, {1, 0, 0, 0, 1, 0, 0, 0, -0.5}, TAXONOMY_PRODUCT, true, 12, 1e-3},
    {3, {-1, 0, 0, 0, -1, 0, 0, 0, -1}, TAXONOMY_ORIGIN, false, 2000, 0.02},
    {3,
     {0.92761287, 0.94333073, 0.3827744, 0.94333073, 0.59991396, 0.47825472, 0.3827744, 0.47825472, 0.46668605},
     TAXONOMY_HYPERPLANES,
     true,
     10,
     1e-3},
};

dwell_status leaders_limit(size_t which, uint32_t seed, bool *ret_right, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const leaders_shape *s = &leaders_shapes[which];
  double x[N * LEADERS_MOST_D], masses[N];
  euclid e = flow_of(N, s->d, s->v, s->rescaled, masses);
  taxonomy found;
  for (size_t k = 0; k < N * s->d; k++) x[k] = leaders_start(seed, k);
  TRY(run(&e, s->t, x, NULL, err));
  TRY(taxonomy_decide(N, s->d, x, s->v, 5, s->near, &found, err));
  /* a point is a polytope, but not this one */
  bool one = s->expected == TAXONOMY_POLYTOPE && found.points.limits < 2;
  *ret_right = found.shape == s->expected && !one;
done:
  return status;
}

/* Share of starts whose limit has the expected shape. value: which, starts. */
static dwell_status limit_shape(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  size_t sum = 0;
  for (uint32_t seed = 0; seed < (uint32_t)row->value[1]; seed++) {
    bool right;
    TRY(leaders_limit((size_t)row->value[0], seed, &right, err));
    sum += right;
  }
  out->measured = (double)sum / row->value[1];
done:
  return status;
}

/* V = -I: d ln(largest coordinate) / d ln t late. */
static dwell_status decay(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)row, (void)count;
  dwell_status status = DWELL_OK;
  double x[N * 3], masses[N], most[2] = {0};
  euclid e = flow_of(N, 3, leaders_shapes[4].v, false, masses);
  for (int k = 0; k < 2; k++) {
    for (size_t i = 0; i < N * 3; i++) x[i] = leaders_start(77, i);
    TRY(run(&e, k == 0 ? 500 : 5000, x, ctx, err));
    for (size_t i = 0; i < N * 3; i++) most[k] = fmax(most[k], fabs(x[i]));
  }
  out->measured = log(most[1] / most[0]) / log(10);
done:
  return status;
}

/* ---- T23: on the line, V = 1 ---- */

/* Share of random starts in which every row of P is one of two unit vectors, those of the extreme tokens. */
static dwell_status boolean(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double z[N], p[N * N], masses[N];
  euclid e = flow_of(N, 1, NULL, true, masses);
  size_t held = 0;
  for (uint32_t seed = 0; seed < (uint32_t)row->value[0]; seed++) {
    size_t low = 0, high = 0;
    for (size_t i = 0; i < N; i++) {
      z[i] = leaders_start(seed, i);
      if (z[i] < z[low]) low = i;
      if (z[i] > z[high]) high = i;
    }
    TRY(run(&e, 12, z, ctx, err));
    TRY(euclid_attention(&e, 12, z, p, err));
    taxonomy_boolean b = taxonomy_attention(N, p, 1e-6);
    size_t first = low < high ? low : high, last = low < high ? high : low;
    held += b.rows == N && b.leaders == 2 && b.first == first && b.last == last;
  }
  out->measured = (double)held / row->value[0];
done:
  return status;
}

/* From (.5, 1, 2, 3): least weight on the largest. From (-1, 0, 1): the middle row's largest distance from 1/3. */
static dwell_status particular(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  bool three = row->value[0] == 1;
  double z[4] = {three ? -1 : 0.5, three ? 0 : 1, three ? 1 : 2, 3}, p[16], masses[4];
  euclid e = flow_of(three ? 3 : 4, 1, NULL, true, masses);
  TRY(run(&e, 8, z, ctx, err));
  TRY(euclid_attention(&e, 8, z, p, err));
  out->measured = three ? 0 : 1;
  for (size_t k = 0; k < (three ? 3 : 4); k++)
    out->measured = three ? fmax(out->measured, fabs(p[3 + k] - 1.0 / 3)) : fmin(out->measured, p[4 * k + 3]);
done:
  return status;
}

#define SHAPE(name, what, which, words)                                                                               \
  {                                                                                                                   \
    "T21." name, what " (share of starts)", words ", n = 20, 12 starts in [-5, 5]^d", 1, THEOREM_EQUAL, 0, "a count", \
        limit_shape, {which, 12}, false                                                                               \
  }

#define MANY(name, which, words)                                                                                      \
  {                                                                                                                   \
    "T21." name "-200", "the same from the table's number of starts", words ", n = 20, 200 starts", 1, THEOREM_EQUAL, \
        0, "a count", limit_shape, {which, 200}, true                                                                 \
  }

static const theorem_row rows_21[] = {
    MANY("polytope-2d", 0, "R^2, t = 12"),
    MANY("polytope-3d", 1, "R^3, t = 12"),
    MANY("hyperplanes", 2, "R^2, the paper's V, t = 12"),
    MANY("hyperplanes-3d", 5, "R^3, the paper's symmetric V, t = 10"),
    MANY("product", 3, "R^3, t = 12"),
    SHAPE("polytope-2d", "V = I: limits are 0 or on the boundary of their hull", 0, "R^2, t = 12"),
    SHAPE("polytope-3d", "V = I: limits are 0 or on the boundary of their hull", 1, "R^3, t = 12"),
    SHAPE("hyperplanes", "one positive leading eigenvalue: at most three hyperplanes", 2, "R^2, the paper's V, t = 12"),
    SHAPE("hyperplanes-3d", "one positive leading eigenvalue: at most three hyperplanes", 5,
          "R^3, the paper's symmetric V, t = 10"),
    SHAPE("product", "V = diag(1, 1, -.5): a polytope times a line", 3, "R^3, t = 12"),
    {"T21.decay",
     "V = -I: norms fall like t^{-1/2} (exponent)",
     "R^3, raw flow, n = 20, t = 500 .. 5000",
     -0.5,
     THEOREM_EQUAL,
     0.05,
     "the exponent settles like 1 / ln t",
     decay,
     {0},
     false},
    SHAPE("origin", "V = -I: the origin", 4, "R^3, raw flow, t = 2000"),
};

static const theorem_row rows[] = {
    {"T23.boolean",
     "V > 0, QK > 0: every row of P ends at one of the two extreme tokens (share of starts)",
     "d = 1, n = 20, 40 starts in [-5, 5], t = 12",
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
