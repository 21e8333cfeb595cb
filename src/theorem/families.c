/* theorem/families.c - L: statements of several theorems, measured by the families of flows that have them. */
#include <math.h>

#include "base/error.h"
#include "flow/gaussian.h"
#include "flow/geometric.h"
#include "flow/layer.h"
#include "flow/meanfield.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/ring.h"
#include "theorem/theorems.h"

/* ---- scores ---- */

/* Out of the uniform state of the circle: growth of two clusters under the linear score, decay of mode k of doubly
 * stochastic attention with V = I (clusters) divided by beta. value: which, k, beta. */
static dwell_status mode(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)ctx;
  dwell_status status = DWELL_OK;
  for (size_t r = 0; r < count; r++) {
    bool is_linear = row[r].value[0] == 0;
    TRY(ring_rate(is_linear ? "linear" : "sinkhorn", row[r].value[2], (size_t)row[r].value[1], &out[r].measured, err));
    if (!is_linear) out[r].measured *= row[r].value[2];
  }
done:
  return status;
}

/* Linear score, random tokens: least |cosine| and least cosine at t = 400. */
static dwell_status axis(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)row, (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("linear", 12, 4, 1, &p, err));
  particles_uniform(&p, 311);
  TRY(particles_to(&p, 400, ctx, err));
  out[0].measured = 1;
  for (size_t i = 0; i < p.n; i++)
    for (size_t j = 0; j < i; j++) out[0].measured = fmin(out[0].measured, fabs(particles_cosine(&p, i, j)));
  out[1].measured = particles_least_cosine(&p);
done:
  particles_close(&p);
  return status;
}

/* Velocities of two flows at the same tokens: largest difference. */
static double apart(size_t size, const double *a, const double *b) {
  double worst = 0;
  for (size_t e = 0; e < size; e++) worst = fmax(worst, fabs(a[e] - b[e]));
  return worst;
}

enum { N = 12, D = 4 };

static dwell_status same_as_sa(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double v[2][N * D];
  for (int k = 0; k < 2; k++) {
    particles p = {0};
    status = particles_open(k == 0 ? "sa" : "l2", N, D, row->value[0], &p, err);
    if (status == DWELL_OK) particles_uniform(&p, 312);
    if (status == DWELL_OK) status = particles_velocity(&p, v[k], NULL, err);
    particles_close(&p);
    TRY(status);
  }
  out->measured = apart(N * D, v[0], v[1]);
done:
  return status;
}

/* H equal heads with values I / H against one: largest difference of states at t = 3. */
static dwell_status equal_heads(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  enum { HEADS = 4 };
  dwell_status status = DWELL_OK;
  double query[HEADS * D * D], read[HEADS * D * D], one[D * D] = {0}, x[2][N * D];
  for (size_t k = 0; k < D; k++) one[k * (D + 1)] = 1;
  for (size_t h = 0; h < HEADS; h++)
    for (size_t e = 0; e < D * D; e++)
      query[h * D * D + e] = numerics_normal(313, e, 0) / 2, read[h * D * D + e] = one[e] / HEADS;
  for (int k = 0; k < 2; k++) {
    flow_layer layer = {.d = D, .heads = k == 0 ? 1 : HEADS, .rank = D, .query = query, .key = query, .value_rank = D};
    particles p = {0};
    layer.read = k == 0 ? one : read;
    layer.symmetric = true;
    layer.form_norm = 4;
    layer.value_norm = 1;
    status = particles_open("qkv", N, D, row->value[0], &p, err);
    if (status == DWELL_OK) particles_uniform(&p, 314);
    p.plan.system.layer = &layer;
    if (status == DWELL_OK) status = particles_to(&p, 3, ctx, err);
    for (size_t e = 0; e < N * D && status == DWELL_OK; e++) x[k][e] = p.x[e];
    particles_close(&p);
    TRY(status);
  }
  out->measured = apart(N * D, x[0], x[1]);
done:
  return status;
}

/* ---- Gaussian clouds ---- */

/* Time of the blow-up of the softmax flow, V = Q = K = I: 1 / (2 beta lambda_max). */
static dwell_status blow_up(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  double mean[3] = {0}, s[9] = {0.6, 0.1, 0, 0.1, 0.5, 0, 0, 0, 0.3}, times[1] = {10};
  double top = 0.55 + hypot(0.05, 0.1);
  gaussian g = {.kind = (gaussian_kind)row->value[0], .d = 3, .heads = 1, .beta = 1};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-11, .atol = 1e-14, .times = times, .count = 1};
  ode_host host = {0};
  ode_outcome outcome;
  bool blown = false;
  dwell_status status = gaussian_solve(&g, &plan, &host, NULL, mean, s, &blown, &outcome, err);
  if (status != DWELL_OK && !blown) return status;
  out->predicted = row->value[0] == GAUSSIAN_SOFTMAX ? 1 / (2 * top) : 10;
  out->measured = outcome.reached;
  return DWELL_OK;
}

/* ---- the mean-field equation ---- */

/* d/dt c_1 / c_1 of a small mode on the circle, noise included. value: beta, kappa, normalised. */
static dwell_status density_rate(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count, (void)ctx;
  enum { MODES = 32 };
  dwell_status status = DWELL_OK;
  size_t k = (size_t)row->value[3];
  meanfield m = {
      .d = 2, .beta = row->value[0], .kappa = row->value[1], .normalised = row->value[2] == 1, .modes = MODES};
  double y[2 * MODES] = {0}, slope[2 * MODES];
  y[2 * (k - 1)] = 1e-7;
  TRY(meanfield_slope(&m, y, slope, err));
  out->measured = slope[2 * (k - 1)] / 1e-7;
done:
  return status;
}

/* ---- noise ---- */

/* E <X_1, X_0> of one geodesic step of dwell's own, over |xi| by quadrature: xi tangent. value: d, h. */
typedef struct step {
  double d, spread, norm;
} step;

static double moved(double r, const void *arg) {
  const step *s = arg;
  double x[2] = {1, 0}, b[2] = {0}, xi[2] = {0, r}, y[2];
  geometric_move(2, x, 0, b, s->spread, xi, y);
  return y[0] * exp((s->d - 2) * log(r) - r * r / 2 - s->norm);
}

static double mass(double r, const void *arg) {
  const step *s = arg;
  return exp((s->d - 2) * log(r) - r * r / 2 - s->norm);
}

static dwell_status geodesic(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    double m = row[r].value[0] - 1, middle = sqrt(m);
    step s = {row[r].value[0], sqrt(2 * row[r].value[1]), m > 1 ? (m - 1) / 2 * (log(m - 1) - 1) : 0};
    out[r].measured = numerics_integral(moved, &s, fmax(1e-12, middle - 14), middle + 14, 1e-15) /
                      numerics_integral(mass, &s, fmax(1e-12, middle - 14), middle + 14, 1e-15);
  }
  return DWELL_OK;
}

#define MODE(name, what, which, k, beta, r, eps, first)                                                      \
  {                                                                                                          \
    "L." name, what, "d = 2, beta = " #beta ", k = " #k, r, THEOREM_EQUAL, eps,                              \
        "digits printed; the difference in the displacement is good to 1e-7", first, {which, k, beta}, false \
  }
#define SINK "T24, flow sinkhorn with V = I: mode k grows at k^2 r_k / (1 + r_k) in time times beta"
#define DENSITY(name, b, kappa, sa, k, r)                                                                             \
  {                                                                                                                   \
    "L.density." name, "T8, T14: growth rate in the mean-field equation, noise taking k^2 / kappa off",               \
        "circle, beta = " #b ", kappa = " #kappa ", k = " #k, r, THEOREM_EQUAL, 4e-6, "digits printed, of kappa too", \
        density_rate, {b, kappa, sa, k}, false                                                                        \
  }
#define STEP(d, h, e, first)                                                                                      \
  {                                                                                                               \
    "L.step.d" #d "-" #h, "T33: E <X_1, X_0> of one step of the flow noisy", "d = " #d ", kappa = 1, h = " #h, e, \
        THEOREM_EQUAL, 1e-10, "digits printed", first, {d, h}, false                                              \
  }

static const theorem_row rows[] = {
    MODE("linear.k2", "T26, flow linear: two clusters grow at 1/2 out of the uniform circle", 0, 2, 1, 0.5, 1e-8, mode),
    MODE("linear.k1", "T26, flow linear: one cluster is neutral", 0, 1, 1, 0, 1e-8, NULL),
    MODE("sinkhorn.5-1", SINK, 1, 1, 5, 0.471845, 6e-7, mode),
    MODE("sinkhorn.5-2", SINK, 1, 2, 5, 1.564906, 6e-7, NULL),
    MODE("sinkhorn.5-3", SINK, 1, 3, 5, 2.474789, 6e-7, NULL),
    {"L.linear.axis",
     "flow linear: all tokens on one axis (least |cosine|)",
     "n = 12, d = 4, t = 400",
     1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     axis,
     {0},
     false},
    {"L.linear.ends",
     "at both of its ends (least cosine)",
     "n = 12, d = 4, t = 400",
     -1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     NULL,
     {0},
     false},
    {"L.l2",
     "T26: flow l2 is sa on the sphere (largest difference of velocities)",
     "n = 12, d = 4, beta = 3",
     0,
     THEOREM_AT_MOST,
     1e-14,
     "rounding",
     same_as_sa,
     {3},
     false},
    {"L.heads",
     "T30: four equal heads with values I / 4 move as one (largest difference of states)",
     "flow qkv, n = 12, d = 4, beta = 2, t = 3",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-11, some hundred of them",
     equal_heads,
     {2},
     false},
    {"L.gaussian.softmax",
     "T19: the softmax flow of a Gaussian ends at 1 / (2 lambda_max)",
     "d = 3, Q = K = V = I",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-8,
     "steps of 1e-11",
     blow_up,
     {GAUSSIAN_SOFTMAX},
     false},
    {"L.gaussian.sinkhorn",
     "T19: the Sinkhorn flow from the same covariance does not (time reached)",
     "d = 3, Q = K = V = I",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-12,
     "it reaches the end",
     blow_up,
     {GAUSSIAN_SINKHORN},
     false},
    DENSITY("usa-3", 5, 0, 0, 3, 18.596070),
    DENSITY("sa-3", 5, 0, 1, 3, 0.682678),
    DENSITY("critical-1", 1, 1.76941, 0, 1, 0),
    DENSITY("critical-4", 4, 0.409859, 0, 1, 0),
    STEP(3, 0.1, 0.8128149055, geodesic),
    STEP(3, 0.0125, 0.9752072954, NULL),
    STEP(8, 0.1, 0.3976458840, NULL),
    STEP(8, 0.0125, 0.9141256729, NULL),
    STEP(2, 0.1, 0.904837418035960, NULL),
};

const theorem theorem_families = {"L", "the same statements in the families of flows that have them",
                                  "as the theorems named in each row", THEOREM_ROWS(rows)};
