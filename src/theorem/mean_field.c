/* theorem/mean_field.c - T18, T29: many tokens: the limit, and how it is approached. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* The angle at which (theta + .5 sin theta) / 2 pi has grown to q, from -pi: quantiles of (1 + .5 cos theta) / 2 pi. */
static double quantile(double q) {
  double theta = 2 * acos(-1) * (q - 0.5);
  for (int k = 0; k < 100; k++) theta -= (theta + 0.5 * sin(theta) - 2 * acos(-1) * (q - 0.5)) / (1 + 0.5 * cos(theta));
  return theta;
}

enum { MOST = 10000 };

/* Angles at the middles of n equal shares, or at n random places. */
static void place(particles *p, bool random, uint32_t replica) {
  double angles[MOST];
  for (size_t i = 0; i < p->n; i++)
    angles[i] = quantile(random ? numerics_uniform(700, replica, i) : ((double)i + 0.5) / (double)p->n);
  particles_angles(p, angles);
  p->t = 0;
}

/* Real parts of c_1 and c_2, then their imaginary parts. */
static void coefficients(const particles *p, double ret[4]) {
  ret[0] = ret[1] = ret[2] = ret[3] = 0;
  for (size_t i = 0; i < p->n; i++) {
    double c = p->x[2 * i], s = p->x[2 * i + 1], n = (double)p->n;
    ret[0] += c / n, ret[1] += (c * c - s * s) / n, ret[2] += s / n, ret[3] += 2 * c * s / n;
  }
}

/* c_1 and c_2 of the limit. value: usa, T. */
static dwell_status reference(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  double c[4];
  particles p = {0};
  TRY(particles_open(row->value[0] == 1 ? "usa" : "sa", 1200, 2, 2, &p, err));
  place(&p, false, 0);
  TRY(particles_to(&p, row->value[1], ctx, err));
  coefficients(&p, c);
  for (size_t r = 0; r < count; r++) out[r].measured = c[r];
done:
  particles_close(&p);
  return status;
}

/* Angular velocities of equal tokens at beta = 2, *arg: usa. */
enum { STEPPED = 400 };

static void turn(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  for (size_t i = 0; i < STEPPED; i++) {
    double sum = 0, z = 0;
    for (size_t j = 0; j < STEPPED; j++) {
      double w = exp(2 * cos(x[j] - x[i]));
      sum += w * sin(x[j] - x[i]), z += w;
    }
    ret_v[i] = sum / (*(const bool *)arg ? STEPPED : z);
  }
}

/* c_1 and c_2 of tokens at quantiles by Runge-Kutta steps in the angles. value: usa, T, step. */
static dwell_status stepped(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)ctx, (void)err;
  bool usa = row->value[0] == 1;
  double x[STEPPED];
  for (size_t i = 0; i < STEPPED; i++) x[i] = quantile(((double)i + 0.5) / STEPPED);
  numerics_rk4(STEPPED, turn, &usa, 0, row->value[1], (size_t)round(row->value[1] / row->value[2]), x);
  for (size_t r = 0; r < count; r++) {
    out[r].measured = 0;
    for (size_t i = 0; i < STEPPED; i++) out[r].measured += cos((double)(r + 1) * x[i]) / STEPPED;
  }
  return DWELL_OK;
}

/* RMS of c_k - its limit over random starts, times sqrt(n), k of the row. value: usa, T, n, starts, k. */
static dwell_status deviations(const double *value, double ret[2], const dwell_context *ctx, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool usa = value[0] == 1;
  size_t starts = (size_t)value[3];
  double c[4], limit[4], sum[2] = {0};
  particles p = {0}, q = {0};
  TRY(particles_open(usa ? "usa" : "sa", 600, 2, 2, &q, err));
  TRY(particles_open(value[2] < 400 ? (usa ? "usa" : "sa") : (usa ? "circle-usa" : "circle"), (size_t)value[2], 2, 2,
                     &p, err));
  place(&q, false, 0);
  TRY(particles_to(&q, value[1], ctx, err));
  coefficients(&q, limit);
  p.plan.rtol = 1e-7;
  for (uint32_t r = 0; r < starts; r++) {
    place(&p, true, r);
    TRY(particles_to(&p, value[1], ctx, err));
    coefficients(&p, c);
    for (size_t k = 0; k < 2; k++) sum[k] += pow(c[k] - limit[k], 2) + pow(c[k + 2] - limit[k + 2], 2);
  }
  for (size_t k = 0; k < 2; k++) ret[k] = sqrt(sum[k] / (double)starts * value[2]);
done:
  particles_close(&p);
  particles_close(&q);
  return status;
}

static dwell_status fluctuation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  double found[2];
  dwell_status status = deviations(row->value, found, ctx, err);
  for (size_t r = 0; r < count && status == DWELL_OK; r++) out[r].measured = found[r];
  return status;
}

/* Slope of ln RMS over ln n from n = 100 to value[2]. */
static dwell_status order_in_n(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  double few[THEOREM_VALUES] = {row->value[0], row->value[1], 100, row->value[4]}, a[2], b[2];
  TRY(deviations(few, a, ctx, err));
  TRY(deviations(row->value, b, ctx, err));
  for (size_t r = 0; r < count; r++) out[r].measured = log(b[r] / a[r]) / log(row->value[2] / 100) - 0.5;
done:
  return status;
}

/* Starts at quantiles: slope of ln |c_1 - limit| over ln n, n = 10 and 20. */
static dwell_status quantiles(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  static const size_t sizes[3] = {10, 20, 600};
  double c[3][4];
  for (int k = 0; k < 3; k++) {
    particles p = {0};
    status = particles_open("sa", sizes[k], 2, 2, &p, err);
    if (status == DWELL_OK) place(&p, false, 0);
    if (status == DWELL_OK) status = particles_to(&p, row->value[0], ctx, err);
    coefficients(&p, c[k]);
    particles_close(&p);
    TRY(status);
  }
  out->measured = log(fabs(c[1][0] - c[2][0]) / fabs(c[0][0] - c[2][0])) / log(2);
done:
  return status;
}

/* d/dt ln W_2 to the limit point, late. */
static dwell_status contraction(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double distance[2] = {0};
  particles p = {0};
  TRY(particles_open("sa", 300, 2, row->value[0], &p, err));
  place(&p, false, 0);
  for (int k = 0; k < 2; k++) {
    TRY(particles_to(&p, k == 0 ? 4 : 14, ctx, err));
    for (size_t i = 0; i < p.n; i++) distance[k] += pow(atan2(p.x[2 * i + 1], p.x[2 * i]), 2) / (double)p.n;
  }
  out->measured = log(distance[1] / distance[0]) / 2 / 10;
done:
  particles_close(&p);
  return status;
}

/* Three caps of 5, 3 and 2 tenths of the mass at 120 degrees: clusters at time 1000. */
static dwell_status several(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double angles[60];
  particles p = {0};
  TRY(particles_open("sa", 60, 2, row->value[0], &p, err));
  for (size_t i = 0; i < 60; i++)
    angles[i] = 2 * acos(-1) / 3 * (i % 10 < 5 ? 0 : i % 10 < 8 ? 1 : 2) + 0.1 * (numerics_uniform(701, i, 0) - 0.5);
  particles_angles(&p, angles);
  TRY(particles_to(&p, 1000, ctx, err));
  out[0].measured = (double)particles_clusters(&p, 1e-6);
  out[1].measured = particles_resultant(&p);
done:
  particles_close(&p);
  return status;
}

static const theorem_row rows[] = {
    {"T18.contraction",
     "|beta| small, R(0) > 0: W_2 to the limit falls at least like e^{-t/100} (rate)",
     "sa, density (1 + .5 cos) / 2 pi, beta = .5, t = 4..14",
     -0.01,
     THEOREM_AT_MOST,
     0,
     "an inequality",
     contraction,
     {0.5},
     false},
    {"T18.clusters",
     "beta large: several clusters stand although R(0) > 0",
     "sa, caps of .5, .3, .2, beta = 20, t = 1000",
     3,
     THEOREM_EQUAL,
     0,
     "a count",
     several,
     {20},
     false},
    {"T18.resultant",
     "and R stays below that of a point",
     "sa, caps of .5, .3, .2, beta = 20, t = 1000",
     0.9,
     THEOREM_AT_MOST,
     0,
     "three caps have .26",
     NULL,
     {20},
     false},
};

#define LIMIT(name, flow, usa, t, c1, c2, eps)                                                \
  {"T29.limit." name ".c1",                                                                   \
   "first Fourier coefficient of the limit",                                                  \
   flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t,                                   \
   c1,                                                                                        \
   THEOREM_EQUAL,                                                                             \
   eps,                                                                                       \
   "half a unit, and the error of the source's steps (T29.steps)",                            \
   reference,                                                                                 \
   {usa, t},                                                                                  \
   false},                                                                                    \
  {                                                                                           \
    "T29.limit." name ".c2", "second Fourier coefficient of the limit",                       \
        flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t, c2, THEOREM_EQUAL, eps,      \
        "half a unit, and the error of the source's steps (T29.steps)", NULL, {usa, t}, false \
  }
#define STEPS(name, flow, usa, t, step, c1, c2)                                                                        \
  {"T29.steps." name ".c1",                                                                                            \
   "Runge-Kutta steps have the first one's printed digits",                                                            \
   flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t ", 400 quantiles, steps of " #step,                         \
   c1,                                                                                                                 \
   THEOREM_EQUAL,                                                                                                      \
   6e-11,                                                                                                              \
   "half a unit of the last printed digit",                                                                            \
   stepped,                                                                                                            \
   {usa, t, step},                                                                                                     \
   false},                                                                                                             \
  {                                                                                                                    \
    "T29.steps." name ".c2", "and the second one's",                                                                   \
        flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t ", 400 quantiles, steps of " #step, c2, THEOREM_EQUAL, \
        6e-11, "half a unit of the last printed digit", NULL, {usa, t, step}, false                                    \
  }
#define SPREAD(flow, usa, t, n, starts, r1, r2, eps, slow)                                                          \
  {"T29.spread." flow "-" #t "-" #n ".c1",                                                                          \
   "RMS of c_1 about its limit, times sqrt(n): of order n^{-1/2}",                                                  \
   flow ", beta = 2, T = " #t ", n = " #n ", " #starts " random starts",                                            \
   r1,                                                                                                              \
   THEOREM_EQUAL,                                                                                                   \
   eps * r1,                                                                                                        \
   "four standard errors of table and run; the table's, 1.2, 2.5, 6.5 %, grow like N^{-1/2} from its N",            \
   fluctuation,                                                                                                     \
   {usa, t, n, starts},                                                                                             \
   slow},                                                                                                           \
  {                                                                                                                 \
    "T29.spread." flow "-" #t "-" #n ".c2", "RMS of c_2 about its limit, times sqrt(n)",                            \
        flow ", beta = 2, T = " #t ", n = " #n ", " #starts " random starts", r2, THEOREM_EQUAL, eps *r2,           \
        "four standard errors of table and run; the table's, 1.2, 2.5, 6.5 %, grow like N^{-1/2} from its N", NULL, \
        {usa, t, n, starts}, slow                                                                                   \
  }
#define ORDER(flow, usa, t, eps, reason)                                                          \
  {"T29.order." flow "-" #t ".c1",                                                                \
   "slope of ln RMS of c_1 - limit over ln n",                                                    \
   flow ", beta = 2, T = " #t ", n = 100 and 10000",                                              \
   -0.5,                                                                                          \
   THEOREM_EQUAL,                                                                                 \
   eps,                                                                                           \
   reason,                                                                                        \
   order_in_n,                                                                                    \
   {usa, t, 10000, 60, 1000},                                                                     \
   true},                                                                                         \
  {                                                                                               \
    "T29.order." flow "-" #t ".c2", "slope of ln RMS of c_2 - limit over ln n",                   \
        flow ", beta = 2, T = " #t ", n = 100 and 10000", -0.5, THEOREM_EQUAL, eps, reason, NULL, \
        {usa, t, 10000, 60, 1000}, true                                                           \
  }

static const theorem_row rows_29[] = {
    LIMIT("sa-1", "sa", 0, 1, 0.3511986800, 0.0276164423, 1.1e-10),
    LIMIT("sa-2", "sa", 0, 2, 0.4858693347, 0.1056408138, 2e-9),
    LIMIT("usa-1", "usa", 1, 1, 0.5371284408, 0.3760410266, 1.2e-8),
    STEPS("sa-1", "sa", 0, 1, 0.025, 0.3511986800, 0.0276164423),
    STEPS("sa-2", "sa", 0, 2, 0.05, 0.4858693347, 0.1056408138),
    STEPS("usa-1", "usa", 1, 1, 0.025, 0.5371284408, 0.3760410266),
    SPREAD("sa", 0, 1, 100, 400, 1.308, 1.736, 0.12, false),
    SPREAD("sa", 0, 1, 1000, 200, 1.338, 1.746, 0.18, true),
    SPREAD("sa", 0, 1, 10000, 60, 1.29, 1.76, 0.37, true),
    SPREAD("sa", 0, 2, 100, 400, 1.731, 2.727, 0.12, false),
    SPREAD("sa", 0, 2, 1000, 200, 1.780, 2.805, 0.18, true),
    SPREAD("sa", 0, 2, 10000, 60, 1.68, 2.72, 0.37, true),
    SPREAD("usa", 1, 1, 100, 400, 1.899, 3.771, 0.12, false),
    SPREAD("usa", 1, 1, 1000, 200, 1.957, 4.105, 0.18, true),
    SPREAD("usa", 1, 1, 10000, 60, 2.15, 4.17, 0.37, true),
    ORDER("sa", 0, 1, 0.05, "two standard errors of the 60 starts, 9 %, over ln 100"),
    ORDER("sa", 0, 2, 0.05, "two standard errors of the 60 starts, 9 %, over ln 100"),
    ORDER("usa", 1, 1, 0.08, "the same, and the constant still grows at n = 100"),
    {"T29.quantiles",
     "quantile starts are no sample: they converge faster than n^-2 (slope)",
     "sa, beta = 2, T = 1, n = 10 and 20",
     -2,
     THEOREM_AT_MOST,
     0,
     "an inequality",
     quantiles,
     {1},
     false},
};

const theorem theorem_mean_field = {"T18", "mean-field clustering, and its limits", "arXiv:2504.14697",
                                    THEOREM_ROWS(rows)};
const theorem theorem_chaos = {"T29", "propagation of chaos on the circle", "derived here", THEOREM_ROWS(rows_29)};
