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

enum { MOST = 1200 };

/* Angles at the middles of n equal shares, or at n random places. */
static void place(particles *p, bool random, uint32_t replica) {
  double angles[MOST];
  for (size_t i = 0; i < p->n; i++)
    angles[i] = quantile(random ? numerics_uniform(700, replica, i) : ((double)i + 0.5) / (double)p->n);
  particles_angles(p, angles);
  p->t = 0;
}

static void coefficients(const particles *p, double ret[3]) {
  ret[0] = ret[1] = ret[2] = 0;
  for (size_t i = 0; i < p->n; i++) {
    double c = p->x[2 * i], s = p->x[2 * i + 1], n = (double)p->n;
    ret[0] += c / n, ret[1] += (c * c - s * s) / n, ret[2] += s / n;
  }
}

/* c_1 and c_2 of the limit. value: usa, T. */
static dwell_status reference(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  double c[3];
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

/* RMS of c_1 - its limit over random starts, times sqrt(n). value: usa, T, n, starts. */
static dwell_status fluctuation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[3];
  double c[3], limit[3], sum = 0;
  particles p = {0}, q = {0};
  TRY(particles_open("sa", 600, 2, 2, &q, err));
  TRY(particles_open("sa", (size_t)row->value[2], 2, 2, &p, err));
  place(&q, false, 0);
  TRY(particles_to(&q, row->value[1], ctx, err));
  coefficients(&q, limit);
  p.plan.rtol = 1e-7;
  for (uint32_t r = 0; r < starts; r++) {
    place(&p, true, r);
    TRY(particles_to(&p, row->value[1], ctx, err));
    coefficients(&p, c);
    sum += (c[0] - limit[0]) * (c[0] - limit[0]) + c[2] * c[2];
  }
  out->measured = sqrt(sum / (double)starts * row->value[2]);
done:
  particles_close(&p);
  particles_close(&q);
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

#define LIMIT(name, flow, usa, t, c1, c2)                                                 \
  {"T29.limit." name ".c1",                                                               \
   "first Fourier coefficient of the limit",                                              \
   flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t,                               \
   c1,                                                                                    \
   THEOREM_EQUAL,                                                                         \
   3e-8,                                                                                  \
   "the table's own step: good to 1e-8",                                                  \
   reference,                                                                             \
   {usa, t},                                                                              \
   false},                                                                                \
  {                                                                                       \
    "T29.limit." name ".c2", "second Fourier coefficient of the limit",                   \
        flow ", beta = 2, density (1 + .5 cos) / 2 pi, T = " #t, c2, THEOREM_EQUAL, 3e-8, \
        "the table's own step: good to 1e-8", NULL, {usa, t}, false                       \
  }
#define SPREAD(name, n, starts, r, eps, slow)                                                             \
  {                                                                                                       \
    "T29.spread." name, "RMS of c_1 about its limit, times sqrt(n): of order n^{-1/2}",                   \
        "sa, beta = 2, T = 1, n = " #n ", " #starts " random starts", r, THEOREM_EQUAL, eps,              \
        "four standard errors, sqrt(1 / 2N) each, of table and run", fluctuation, {0, 1, n, starts}, slow \
  }

static const theorem_row rows_29[] = {
    LIMIT("sa-1", "sa", 0, 1, 0.3511986800, 0.0276164423),
    LIMIT("sa-2", "sa", 0, 2, 0.4858693347, 0.1056408138),
    LIMIT("usa-1", "usa", 1, 1, 0.5371284408, 0.3760410266),
    SPREAD("100", 100, 400, 1.308, 0.2, false),
    SPREAD("400", 400, 200, 1.31, 0.28, true),
    SPREAD("1000", 1000, 200, 1.338, 0.28, true),
};

const theorem theorem_mean_field = {"T18", "mean-field clustering, and its limits", "arXiv:2504.14697",
                                    THEOREM_ROWS(rows)};
const theorem theorem_chaos = {"T29", "propagation of chaos on the circle", "derived here", THEOREM_ROWS(rows_29)};
