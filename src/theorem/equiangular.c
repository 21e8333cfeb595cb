/* theorem/equiangular.c - T5: equal angles stay equal and obey one scalar equation, in the flow and in a layer. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

typedef struct angles {
  bool usa;
  double n, beta;
} angles;

/* d rho / dt of the scalar equation. */
static double speed(const angles *a, double r) {
  double common = 2 * (1 - r) * ((a->n - 1) * r + 1);
  return a->usa ? common * exp(a->beta * r) / a->n : common / (exp(a->beta * (1 - r)) + a->n - 1);
}

static double slowness(double r, const void *arg) { return 1 / speed(arg, r); }

/* Particles from an orthogonal start. They are run to the time that the quadrature gives for each level, and the
 * crossing is then found from the little that is missing. */
static dwell_status times(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  angles a = {row->value[1] == 1, 32, row->value[0]};
  particles p = {0};
  TRY(particles_open(a.usa ? "usa" : "sa", 32, 32, a.beta, &p, err));
  particles_basis(&p);
  for (size_t r = 0; r < count; r++) {
    double level = row[r].value[2], t = numerics_integral(slowness, &a, 0, level, 1e-13);
    TRY(particles_to(&p, t, ctx, err));
    out[r].measured = t + (level - particles_mean_cosine(&p)) / speed(&a, level);
  }
done:
  particles_close(&p);
  return status;
}

/* Largest speed at equal angles of the given cosine. value: beta, rho, usa. */
static dwell_status rests(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)ctx;
  enum { N = 6 };
  dwell_status status = DWELL_OK;
  for (size_t r = 0; r < count; r++) {
    double v[N * N];
    field_facts facts;
    particles p = {0};
    status = particles_open(row[r].value[2] == 1 ? "usa" : "sa", N, N, row[r].value[0], &p, err);
    if (status == DWELL_OK) particles_equiangular(&p, row[r].value[1]);
    if (status == DWELL_OK) status = particles_velocity(&p, v, &facts, err);
    out[r].measured = facts.speed;
    particles_close(&p);
    TRY(status);
  }
done:
  return status;
}

/* Spread of the cosines, and the distance of their mean from the quadrature, at the moment rho = .7. */
static dwell_status spread(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  angles a = {false, 12, row->value[0]};
  particles p = {0};
  TRY(particles_open("sa", 12, 20, a.beta, &p, err));
  particles_equiangular(&p, row->value[1]);
  TRY(particles_to(&p, numerics_integral(slowness, &a, row->value[1], 0.7, 1e-13), ctx, err));
  double least = 1, most = -1;
  for (size_t i = 0; i < 12; i++)
    for (size_t j = 0; j < i; j++) {
      double c = particles_cosine(&p, i, j);
      least = fmin(least, c), most = fmax(most, c);
    }
  out[0].measured = most - least;
  out[1].measured = particles_mean_cosine(&p);
done:
  particles_close(&p);
  return status;
}

/* One layer x <- normalise(x + eta A(x)) of n tokens at equal cosines. */
static double layer_map(double n, double beta, double eta, double rho) {
  double z = 1 + (n - 1) * exp(beta * (rho - 1)), a = 1 / z, b = exp(beta * (rho - 1)) / z;
  double p = 1 + eta * (a - b), q = eta * b, common = rho * (p + n * q) * (p + n * q);
  return ((1 - rho) * (2 * p * q + n * q * q) + common) / ((1 - rho) * (p * p + 2 * p * q + n * q * q) + common);
}

static dwell_status layers(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  double beta = row->value[0], eta = row->value[1], rho = row->value[2];
  TRY(particles_open("sa", 8, 8, beta, &p, err));
  particles_equiangular(&p, rho);
  p.plan.integrator = DWELL_LAYER;
  p.plan.step = eta;
  TRY(particles_to(&p, 30 * eta, ctx, err));
  for (int layer = 0; layer < 30; layer++) rho = layer_map(8, beta, eta, rho);
  out->predicted = rho;
  out->measured = particles_mean_cosine(&p);
done:
  particles_close(&p);
  return status;
}

#define TIME(name, flow, usa, b, level, t, eps)                                                                        \
  {                                                                                                                    \
    "T5.time." name, "time at which the common cosine reaches " #level, flow ", n = 32, orthogonal start, beta = " #b, \
        t, THEOREM_EQUAL, eps, "half a unit of the last printed digit", NULL, {b, usa, level}, false                   \
  }
#define FIRST(name, flow, usa, b, level, t, eps)                                                                       \
  {                                                                                                                    \
    "T5.time." name, "time at which the common cosine reaches " #level, flow ", n = 32, orthogonal start, beta = " #b, \
        t, THEOREM_EQUAL, eps, "half a unit of the last printed digit", times, {b, usa, level}, false                  \
  }

static const theorem_row rows[] = {
    FIRST("sa-0-.5", "sa", 0, 0, 0.5, 1.748254, 6e-7),
    TIME("sa-0-.9", "sa", 0, 0, 0.9, 2.833213, 6e-7),
    TIME("sa-0-.999", "sa", 0, 0, 0.999, 5.186261, 6e-7),
    FIRST("sa-0.1-.5", "sa", 0, 0.1, 0.5, 1.752974, 6e-7),
    TIME("sa-0.1-.9", "sa", 0, 0.1, 0.9, 2.838852, 6e-7),
    TIME("sa-0.1-.999", "sa", 0, 0.1, 0.999, 5.192063, 6e-7),
    FIRST("sa-1-.5", "sa", 0, 1, 0.5, 1.819935, 6e-7),
    TIME("sa-1-.9", "sa", 0, 1, 0.9, 2.915566, 6e-7),
    TIME("sa-1-.999", "sa", 0, 1, 0.999, 5.270284, 6e-7),
    FIRST("sa-2-.5", "sa", 0, 2, 0.5, 1.991412, 6e-7),
    TIME("sa-2-.9", "sa", 0, 2, 0.9, 3.101915, 6e-7),
    TIME("sa-2-.999", "sa", 0, 2, 0.999, 5.458394, 6e-7),
    FIRST("sa-3-.5", "sa", 0, 3, 0.5, 2.407781, 6e-7),
    TIME("sa-3-.9", "sa", 0, 3, 0.9, 3.539275, 6e-7),
    TIME("sa-3-.999", "sa", 0, 3, 0.999, 5.897609, 6e-7),
    FIRST("sa-5-.5", "sa", 0, 5, 0.5, 5.977185, 6e-7),
    TIME("sa-5-.9", "sa", 0, 5, 0.9, 7.181969, 6e-7),
    TIME("sa-5-.999", "sa", 0, 5, 0.999, 9.544329, 6e-7),
    FIRST("sa-7-.5", "sa", 0, 7, 0.5, 28.505137, 6e-7),
    TIME("sa-7-.9", "sa", 0, 7, 0.9, 29.866246, 6e-7),
    TIME("sa-7-.999", "sa", 0, 7, 0.999, 32.233105, 6e-7),
    FIRST("sa-9-.5", "sa", 0, 9, 0.5, 174.65224, 6e-6),
    TIME("sa-9-.9", "sa", 0, 9, 0.9, 176.35903, 6e-6),
    TIME("sa-9-.999", "sa", 0, 9, 0.999, 178.73093, 6e-6),
    FIRST("usa-1-.5", "usa", 1, 1, 0.5, 1.48699, 6e-6),
    TIME("usa-1-.9", "usa", 1, 1, 0.9, 2.01174, 6e-6),
    TIME("usa-1-.999", "usa", 1, 1, 0.999, 2.89705, 6e-6),
    FIRST("usa-5-.5", "usa", 1, 5, 0.5, 0.923598, 6e-7),
    TIME("usa-5-.9", "usa", 1, 5, 0.9, 0.956744, 6e-7),
    TIME("usa-5-.999", "usa", 1, 5, 0.999, 0.974607, 6e-7),
    {"T5.simplex",
     "the simplex, rho = -1 / (n - 1), rests (speed)",
     "sa, n = 6, beta = 3",
     0,
     THEOREM_AT_MOST,
     1e-15,
     "rounding",
     rests,
     {3, -0.2, 0},
     false},
    {"T5.point",
     "and so does the point",
     "usa, n = 6, beta = 3",
     0,
     THEOREM_AT_MOST,
     1e-15,
     "rounding",
     NULL,
     {3, 1, 1},
     false},
    {"T5.spread",
     "equal angles stay equal: largest minus least cosine",
     "sa, n = 12, beta = 4, rho = .1 -> .7",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "rounding of 66 cosines, 1e-16 each, contracted by the flow",
     spread,
     {4, 0.1},
     false},
    {"T5.scalar",
     "the common cosine follows the scalar equation",
     "sa, n = 12, beta = 4, rho = .1 -> .7",
     0.7,
     THEOREM_EQUAL,
     1e-9,
     "steps of 1e-11, some hundred of them",
     NULL,
     {4, 0.1},
     false},
    {"T5.layer-map",
     "30 layers of step eta map the common cosine exactly as the printed rational map",
     "n = 8, beta = 3, eta = .1, rho = .05",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     2e-14,
     "rounding of 30 layers",
     layers,
     {3, 0.1, 0.05},
     false},
    {"T5.layer-map-eta1",
     "the same with full steps",
     "n = 8, beta = 6, eta = 1, rho = .2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     2e-14,
     "rounding of 30 layers",
     layers,
     {6, 1, 0.2},
     false},
};

const theorem theorem_equiangular = {
    "T5", "equal angles: the scalar equation of the orthogonal start, and its layer map",
    "arXiv:2312.10794, Theorem 6.8; times by quadrature of it; the layer map: derived here", THEOREM_ROWS(rows)};
