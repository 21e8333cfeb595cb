/* theorem/concentration.c - T6, T7: uniform starts in d dimensions against the scalar equation, and phase diagrams. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { TOKENS = 32, REPLICAS = 512, TIMES = 8 };

static dwell_status start(size_t ambient, double beta, particles *ret_p, dwell_error *err) {
  dwell_status status = particles_open("sa", TOKENS, ambient < TOKENS ? ambient : TOKENS, beta, ret_p, err);
  if (status == DWELL_OK) ret_p->plan.rtol = 1e-7;
  return status;
}

static void place(particles *p, size_t ambient, uint32_t replica) {
  if (ambient < TOKENS) particles_uniform(p, 5000 + replica);
  else particles_bartlett(p, ambient, 5000 + replica);
  p->t = 0;
}

/* Mean cosine at the times of the rows. value: d, beta, time, replicas, standard error of the table. */
static dwell_status mean_cosine(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t d = (size_t)row->value[0], replicas = (size_t)row->value[3];
  static const size_t most = REPLICAS;
  double found[TIMES][REPLICAS];
  particles p = {0};
  if (replicas > most || count > TIMES)
    return error_set(err, DWELL_FAILED, "a case of more rows than there is room for");
  TRY(start(d, row->value[1], &p, err));
  for (uint32_t r = 0; r < replicas; r++) {
    place(&p, d, r);
    for (size_t k = 0; k < count; k++) {
      TRY(particles_to(&p, row[k].value[2], ctx, err));
      found[k][r] = particles_mean_cosine(&p);
    }
  }
  for (size_t k = 0; k < count; k++) {
    double error;
    out[k].measured = numerics_mean(replicas, found[k], &error);
    out[k].tolerance = 4 * hypot(error, row[k].value[4]);
  }
done:
  particles_close(&p);
  return status;
}

static void scalar(double t, const double *rho, double *ret_v, const void *arg) {
  (void)t;
  double beta = *(const double *)arg, n = TOKENS, r = rho[0];
  ret_v[0] = 2 * (1 - r) * ((n - 1) * r + 1) / (exp(beta * (1 - r)) + n - 1);
}

/* The limit of many dimensions: equal angles from 0. value: beta, time. */
static dwell_status limit_in_d(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    double rho = 0;
    numerics_rk4(1, scalar, &row[r].value[0], 0, row[r].value[1], 4000, &rho);
    out[r].measured = rho;
  }
  return DWELL_OK;
}

/* Mean square cosine of Bartlett factors of 10 tokens, times the dimension. value: dimension. */
static dwell_status squares(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  enum { N = 10, STARTS = 500 };
  dwell_status status = DWELL_OK;
  size_t ambient = (size_t)row->value[0];
  double found[STARTS], error;
  particles p = {0};
  TRY(particles_open("sa", N, N, 1, &p, err));
  for (uint32_t s = 0; s < STARTS; s++) {
    particles_bartlett(&p, ambient, 5600 + s);
    found[s] = 0;
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < i; j++) found[s] += pow(particles_cosine(&p, i, j), 2) * 2 / (N * (N - 1));
  }
  out->measured = (double)ambient * numerics_mean(STARTS, found, &error);
  out->tolerance = 4 * (double)ambient * error;
done:
  particles_close(&p);
  return status;
}

/* Starts in value[2] and in value[3] dimensions: mean cosine of the first minus that of the second. value: beta, time.
 */
static dwell_status order(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  enum { STARTS = 96 };
  for (size_t side = 0; side < 2; side++) {
    size_t d = (size_t)row->value[2 + side];
    particles p = {0};
    TRY(start(d, row->value[0], &p, err));
    for (size_t k = 0; k < count; k++) out[k].measured = side == 0 ? 0 : out[k].measured;
    for (uint32_t r = 0; r < STARTS && status == DWELL_OK; r++) {
      place(&p, d, 2000 + r);
      for (size_t k = 0; k < count && status == DWELL_OK; k++) {
        status = particles_to(&p, row[k].value[1], ctx, err);
        out[k].measured += (side == 0 ? 1 : -1) * particles_mean_cosine(&p) / STARTS;
      }
    }
    particles_close(&p);
    if (status != DWELL_OK) break;
  }
done:
  return status;
}

/* Time at which half of the pairs have a cosine of .999, mean of starts in 1024 dimensions. value: beta, from, starts.
 */
static dwell_status contour(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[2];
  double sum = 0;
  particles p = {0};
  TRY(start(1024, row->value[0], &p, err));
  for (uint32_t r = 0; r < starts; r++) {
    place(&p, 1024, 3000 + r);
    double t = row->value[1], step = 0.01;
    TRY(particles_to(&p, t, ctx, err));
    while (particles_share(&p, 0.999) < 0.5 && t < 100) TRY(particles_to(&p, t += step, ctx, err));
    sum += t - step / 2;
  }
  out->measured = sum / (double)starts;
done:
  particles_close(&p);
  return status;
}

/* First time, in whole layers of .1, at which tokens from an orthogonal start have the cosine .999. */
static dwell_status euler(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)ctx, (void)count;
  dwell_status status = DWELL_OK;
  double scratch[TOKENS * TOKENS];
  field f = {0};
  particles p = {0};
  TRY(particles_open("sa", TOKENS, TOKENS, row->value[0], &p, err));
  particles_basis(&p);
  TRY(field_create(p.plan.family, &p.plan.system, NULL, &f, err));
  int layers = 0;
  for (; particles_cosine(&p, 0, 1) < 0.999 && layers < 10000; layers++) TRY(field_layer(&f, 0.1, p.x, scratch, err));
  out->measured = layers * 0.1;
done:
  field_destroy(&f);
  particles_close(&p);
  return status;
}

/* Flow time of one layer of step value[0] near collapse: half of the fall of ln(1 - cosine), which under the flow falls
 * at rate 2. */
static dwell_status layer_time(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)ctx;
  dwell_status status = DWELL_OK;
  double scratch[TOKENS * TOKENS];
  field f = {0};
  particles p = {0};
  TRY(particles_open("sa", TOKENS, TOKENS, 1, &p, err));
  TRY(field_create(p.plan.family, &p.plan.system, NULL, &f, err));
  for (size_t r = 0; r < count; r++) {
    particles_equiangular(&p, 1 - 1e-6);
    double before = 1 - particles_cosine(&p, 0, 1);
    TRY(field_layer(&f, row[r].value[0], p.x, scratch, err));
    out[r].predicted = log1p(row[r].value[0]);
    out[r].measured = log(before / (1 - particles_cosine(&p, 0, 1))) / 2;
  }
done:
  field_destroy(&f);
  particles_close(&p);
  return status;
}

#define STATISTICS "four standard errors, of the table's 4096 starts and of these"
#define MEAN(d, b, t, c, se, n, first, slow)                                                                        \
  {                                                                                                                 \
    "T6.mean.d" #d "-beta" #b "-t" #t, "mean cosine of 32 uniform tokens",                                          \
        "sa, d = " #d ", beta = " #b ", t = " #t ", " #n " starts", c, THEOREM_EQUAL, THEOREM_COMPUTED, STATISTICS, \
        first, {d, b, t, n, se}, slow                                                                               \
  }

#define GAMMA(b, t, c, first)                                                                            \
  {                                                                                                      \
    "T6.mean.infinite-beta" #b "-t" #t, "limit of many dimensions: the scalar equation from 0",          \
        "n = 32, beta = " #b ", t = " #t, c, THEOREM_EQUAL, 6e-5, "digits printed", first, {b, t}, false \
  }
#define PEAK(t, most, other, least, difference)                                                                     \
  {                                                                                                                 \
    "T6.order.cold-t" #t "-d" #most "-" #other, "beta = 5: in between, some number of dimensions is ahead of all",  \
        "d = " #most " minus d = " #other ", t = " #t ", 96 starts", least, THEOREM_AT_LEAST, 0, difference, order, \
        {5, t, most, other}, true                                                                                   \
  }
#define BARTLETT(d)                                                                                                 \
  {                                                                                                                 \
    "T6.start.d" #d, "the Bartlett factor has the cosines of uniform tokens: d times their mean square",            \
        "n = 10, d = " #d ", 500 starts", 1, THEOREM_EQUAL, THEOREM_COMPUTED, "four standard errors", squares, {d}, \
        false                                                                                                       \
  }

static const theorem_row rows[] = {
    MEAN(8, 1, 2, 0.4327, 21e-4, 64, mean_cosine, false),
    MEAN(8, 1, 4, 0.9619, 5e-4, 64, NULL, false),
    MEAN(8, 1, 6, 0.99922, 2e-5, 64, NULL, false),
    MEAN(8, 5, 2, 0.0679, 8e-4, 64, mean_cosine, false),
    MEAN(8, 5, 4, 0.1766, 18e-4, 64, NULL, false),
    MEAN(8, 5, 6, 0.2651, 26e-4, 64, NULL, false),
    MEAN(8, 5, 8, 0.3184, 31e-4, 64, NULL, false),
    MEAN(8, 5, 10, 0.3522, 35e-4, 64, NULL, false),
    MEAN(16, 1, 2, 0.5103, 15e-4, 512, mean_cosine, true),
    MEAN(16, 1, 4, 0.9796, 1e-4, 512, NULL, true),
    MEAN(16, 1, 6, 0.99962, 1e-5, 512, NULL, true),
    MEAN(16, 5, 2, 0.0639, 6e-4, 512, mean_cosine, true),
    MEAN(16, 5, 4, 0.2310, 17e-4, 512, NULL, true),
    MEAN(16, 5, 6, 0.4476, 30e-4, 512, NULL, true),
    MEAN(16, 5, 8, 0.5877, 37e-4, 512, NULL, true),
    MEAN(16, 5, 10, 0.6610, 39e-4, 512, NULL, true),
    MEAN(32, 1, 2, 0.5495, 11e-4, 64, mean_cosine, false),
    MEAN(32, 1, 4, 0.9842, 1e-4, 64, NULL, false),
    MEAN(32, 1, 6, 0.99970, 1e-5, 64, NULL, false),
    MEAN(32, 5, 2, 0.0513, 4e-4, 64, mean_cosine, false),
    MEAN(32, 5, 4, 0.2266, 14e-4, 64, NULL, false),
    MEAN(32, 5, 6, 0.6273, 27e-4, 64, NULL, false),
    MEAN(32, 5, 8, 0.8891, 21e-4, 64, NULL, false),
    MEAN(32, 5, 10, 0.9574, 16e-4, 64, NULL, false),
    MEAN(64, 5, 2, 0.0428, 2e-4, 512, mean_cosine, true),
    MEAN(64, 5, 4, 0.1841, 9e-4, 512, NULL, true),
    MEAN(64, 5, 6, 0.6742, 22e-4, 512, NULL, true),
    MEAN(64, 5, 8, 0.9787, 4e-4, 512, NULL, true),
    MEAN(64, 5, 10, 0.99939, 6e-5, 512, NULL, true),
    MEAN(128, 1, 2, 0.5803, 5e-4, 512, mean_cosine, true),
    MEAN(128, 1, 4, 0.9868, 1e-4, 512, NULL, true),
    MEAN(128, 1, 6, 0.99975, 1e-5, 512, NULL, true),
    MEAN(128, 5, 2, 0.0385, 2e-4, 512, mean_cosine, true),
    MEAN(128, 5, 4, 0.1528, 5e-4, 512, NULL, true),
    MEAN(128, 5, 6, 0.6324, 18e-4, 512, NULL, true),
    MEAN(128, 5, 8, 0.9841, 2e-4, 512, NULL, true),
    MEAN(128, 5, 10, 0.99970, 1e-5, 512, NULL, true),
    MEAN(256, 5, 2, 0.0365, 1e-4, 512, mean_cosine, true),
    MEAN(256, 5, 4, 0.1383, 3e-4, 512, NULL, true),
    MEAN(256, 5, 6, 0.5831, 14e-4, 512, NULL, true),
    MEAN(256, 5, 8, 0.9824, 1e-4, 512, NULL, true),
    MEAN(256, 5, 10, 0.99967, 1e-5, 512, NULL, true),
    MEAN(1024, 1, 2, 0.5885, 2e-4, 64, mean_cosine, true),
    MEAN(1024, 1, 4, 0.9874, 1e-4, 64, NULL, true),
    MEAN(1024, 1, 6, 0.99977, 1e-5, 64, NULL, true),
    MEAN(1024, 5, 2, 0.0347, 1e-4, 64, mean_cosine, false),
    MEAN(1024, 5, 4, 0.1271, 2e-4, 64, NULL, false),
    MEAN(1024, 5, 6, 0.5279, 7e-4, 64, NULL, false),
    MEAN(1024, 5, 8, 0.9796, 1e-4, 64, NULL, false),
    MEAN(1024, 5, 10, 0.99962, 1e-5, 64, NULL, false),
    GAMMA(1, 2, 0.5898, limit_in_d),
    GAMMA(1, 4, 0.9875, NULL),
    GAMMA(1, 6, 0.9998, NULL),
    GAMMA(5, 2, 0.0343, NULL),
    GAMMA(5, 4, 0.1239, NULL),
    GAMMA(5, 6, 0.5088, NULL),
    GAMMA(5, 8, 0.9786, NULL),
    GAMMA(5, 10, 0.9996, NULL),
    BARTLETT(10),
    BARTLETT(300),
    {"T6.order.cold-t2",
     "beta = 5: early, fewer dimensions are ahead (d = 8 minus d = 1024)",
     "t = 2, 96 starts",
     0.0,
     THEOREM_AT_LEAST,
     -0.01,
     "the difference is .033, its error .005",
     order,
     {5, 2, 8, 1024},
     false},
    {"T6.order.cold-t10",
     "and late, far behind",
     "t = 10, 96 starts",
     0,
     THEOREM_AT_MOST,
     -0.4,
     "the difference is -.65, its error .02",
     NULL,
     {5, 10, 8, 1024},
     false},
    PEAK(4, 32, 8, 0.02, "the difference is .050, its error .015"),
    PEAK(4, 32, 1024, 0.06, "the difference is .100, its error .009"),
    PEAK(6, 64, 16, 0.12, "the difference is .227, its error .024"),
    PEAK(6, 64, 1024, 0.09, "the difference is .146, its error .015"),
    PEAK(8, 128, 32, 0.04, "the difference is .095, its error .014"),
    PEAK(8, 128, 1024, 0, "the difference is .0045, its error .0015"),
    PEAK(10, 128, 32, 0.01, "the difference is .042, its error .010"),
    {"T6.order.hot-t2",
     "beta = 1: more dimensions are ahead at every time (d = 8 minus d = 1024)",
     "t = 2, 96 starts",
     0,
     THEOREM_AT_MOST,
     -0.08,
     "the difference is -.156, its error .014",
     order,
     {1, 2, 8, 1024},
     false},
    {"T6.order.hot-t4",
     "beta = 1: more dimensions are ahead at every time (d = 8 minus d = 1024)",
     "t = 4, 96 starts",
     0,
     THEOREM_AT_MOST,
     -0.01,
     "the difference is -.026, its error .004",
     NULL,
     {1, 4, 8, 1024},
     false},
};

#define CONTOUR(b, t, from, n)                                                                                   \
  {                                                                                                              \
    "T7.contour." #b, "half of the pairs reach .999 where the scalar equation does",                             \
        "d = 1024, n = 32, beta = " #b ", " #n " starts", t, THEOREM_EQUAL, 0.01 * (t), "one per cent", contour, \
        {b, from, n}, false                                                                                      \
  }
#define EULER(b, t)                                                                                           \
  {                                                                                                           \
    "T7.euler." #b, "the published map of step .1 reaches .999 later than the flow", "n = 32, beta = " #b, t, \
        THEOREM_EQUAL, 0.0001, "whole layers", euler, {b}, false                                              \
  }

#define LAYER(eta, first)                                                                        \
  {                                                                                              \
    "T7.layer." #eta, "near collapse a layer of step eta is worth ln(1 + eta) of flow time",     \
        "n = 32, beta = 1, cosine 1 - 1e-6, eta = " #eta, THEOREM_COMPUTED, THEOREM_EQUAL, 2e-6, \
        "what is left to the point, 1e-6", first, {eta}, false                                   \
  }

static const theorem_row rows_7[] = {
    CONTOUR(1, 5.270284, 4.5, 16),
    CONTOUR(3, 5.897609, 5, 16),
    CONTOUR(5, 9.544329, 8.5, 16),
    EULER(1, 5.6),
    EULER(5, 10.4),
    EULER(7, 35.4),
    EULER(9, 196.7),
    LAYER(0.1, layer_time),
    LAYER(1, NULL),
};

const theorem theorem_concentration = {
    "T6", "uniform starts: concentration about the scalar equation, and the order in d",
    "arXiv:2312.10794, Theorem 6.9 (no rate in d); table: derived here", THEOREM_ROWS(rows)};
const theorem theorem_phase_diagram = {"T7",
                                       "phase diagrams: the contour at .999, and the clock of the published script",
                                       "arXiv:2312.10794, figure 3, and its code", THEOREM_ROWS(rows_7)};
