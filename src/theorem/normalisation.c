/* theorem/normalisation.c - T16, F4: how fast equal angles close under the normalisations of transformers. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/equiangular.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

typedef enum scheme { POST, PRE, MIX, PERI, NGPT, SQRT } scheme;

typedef struct layer {
  scheme scheme;
  double n, beta, alpha, switch_time;
} layer;

/* State: ln(1 - rho), radius. */
static void speed(double t, const double *x, double *ret_v, const void *arg) {
  const layer *l = arg;
  double gap = exp(x[0]), rho = 1 - gap, radius = x[1], e = exp(-l->beta * gap), z = 1 + (l->n - 1) * e;
  double a = 1 / z, b = e / z, along = a + (l->n - 1) * b * rho;
  double norm = sqrt(rho + gap * (a * a + (l->n - 1) * b * b));
  double s = 1, growth = 0;
  if (l->scheme == PRE || (l->scheme == MIX && t > l->switch_time)) s = radius, growth = along;
  if (l->scheme == PERI) s = radius * norm, growth = along / norm;
  if (l->scheme == NGPT) s = norm / l->alpha;
  if (l->scheme == SQRT) s = sqrt(t + 1);
  ret_v[0] = -2 * b * ((l->n - 1) * rho + 1) / s;
  ret_v[1] = growth;
}

static void run(const layer *l, double t0, double t1, double *x) {
  numerics_rk4(2, speed, l, t0, t1, (size_t)ceil((t1 - t0) / 0.02), x);
}

/* d ln(1 - rho) by t, sqrt(t + 1) or ln t, between times value[1] and value[2]. value[3]: which of the three. */
static dwell_status exponent(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  layer l = {(scheme)row->value[0], 32, 5, row->value[4], 20};
  double x[2] = {0, 1}, a = row->value[1], b = row->value[2];
  run(&l, 0, a, x);
  double before = x[0];
  run(&l, a, b, x);
  double by = row->value[3] == 0 ? b - a : row->value[3] == 1 ? sqrt(b + 1) - sqrt(a + 1) : log(b / a);
  out->measured = (x[0] - before) / by;
  return DWELL_OK;
}

/* (1 - rho) t^2 at time value[1]. */
static dwell_status constant(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  layer l = {(scheme)row->value[0], 32, 5, 1, 20};
  double x[2] = {0, 1}, t = row->value[1];
  run(&l, 0, t, x);
  out->measured = exp(x[0]) * t * t;
  return DWELL_OK;
}

/* Ratio of nGPT's rates at alpha = 1/2 and 1. */
static dwell_status strength(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double rates[2];
  for (int k = 0; k < 2; k++) {
    layer l = {NGPT, 32, 5, k == 0 ? 0.5 : 1, 0};
    double x[2] = {log(0.01), 1};
    run(&l, 0, 5, x);
    double before = x[0];
    run(&l, 5, 8, x);
    rates[k] = (x[0] - before) / 3;
  }
  out->measured = rates[0] / rates[1];
  return DWELL_OK;
}

/* -(d/dt ln variance) of two tokens with cosine value[1] under post-norm (sa); variance = (1 - rho) / 2. */
static dwell_status contraction(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double v[4], angles[2] = {0, acos(row->value[1])}, change = 0;
  particles p = {0};
  TRY(particles_open("sa", 2, 2, row->value[0], &p, err));
  particles_angles(&p, angles);
  if (row->value[1] == -1) p.x[2] = -1, p.x[3] = 0;
  TRY(particles_velocity(&p, v, NULL, err));
  for (size_t k = 0; k < 2; k++) change += v[k] * p.x[2 + k] + v[2 + k] * p.x[k];
  out->measured = change / (1 - row->value[1]);
done:
  particles_close(&p);
  return status;
}

/* 1 - rho of the library's own normalised flow against the equation above, at time value[1] (largest relative
 * difference of the gap over five schemes is what each row shows for its own). */
static dwell_status library(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  static const equiangular_scheme of[] = {[POST] = EQUIANGULAR_POST,
                                          [PRE] = EQUIANGULAR_PRE,
                                          [PERI] = EQUIANGULAR_PERI,
                                          [NGPT] = EQUIANGULAR_NGPT,
                                          [SQRT] = EQUIANGULAR_SQRT};
  dwell_status status = DWELL_OK;
  layer l = {(scheme)row->value[0], 32, 5, 1, 0};
  double x[2] = {0, 1}, t = row->value[1], w, radius;
  run(&l, 0, t, x);
  TRY(equiangular_normalised(32, 5, of[(size_t)row->value[0]], equiangular_coordinate(32, 1), 1e-11, 1, &t, &w, &radius,
                             err));
  out->predicted = x[0];
  out->measured = log(equiangular_gap(32, w));
done:
  return status;
}

/* Least n e^beta <theta_j, A_j> over random clouds of n <= e^beta tokens. value: n, beta, d. */
static dwell_status radial(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx;
  enum { STARTS = 200 };
  dwell_status status = DWELL_OK;
  size_t n = (size_t)row->value[0], d = (size_t)row->value[2];
  double a[64 * 8];
  particles p = {0};
  field f = {0};
  TRY(particles_open("sa", n, d, row->value[1], &p, err));
  TRY(field_create(p.plan.family, &p.plan.system, NULL, &f, err));
  out->measured = INFINITY;
  for (uint32_t s = 0; s < STARTS; s++) {
    particles_uniform(&p, 1600 + s);
    for (size_t i = 1; i < n && s % 2 == 1; i++) /* all others opposite of the first: what is worst for it */
      for (size_t k = 0; k < d; k++) p.x[i * d + k] = 0.05 * p.x[i * d + k] - p.x[k];
    field_normalise(n, d, p.x, p.x);
    TRY(field_attention(&f, p.x, a, err));
    for (size_t i = 0; i < n; i++) {
      double along = 0;
      for (size_t k = 0; k < d; k++) along += a[i * d + k] * p.x[i * d + k];
      out->measured = fmin(out->measured, along * (double)n * exp(row->value[1]));
    }
  }
done:
  field_destroy(&f);
  particles_close(&p);
  return status;
}

/* r(t) / t of pre-norm at time value[1]. */
static dwell_status radius(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  layer l = {(scheme)row->value[0], 32, 5, 1, 20};
  double x[2] = {0, 1};
  run(&l, 0, row->value[1], x);
  out->measured = x[1] / row->value[1];
  return DWELL_OK;
}

/* Mean |A_j| of n uniform tokens in n dimensions over sqrt(ln n / n) + ln n / n: largest over n = 32, 128, 512. */
static dwell_status initial_speed(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                  dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  out->measured = 0;
  for (size_t n = 32; n <= 512; n *= 4) {
    double most = 0, *a = mem_alloc(n, n * sizeof(double));
    particles p = {0};
    field f = {0};
    status = a == NULL ? error_no_memory(err, "a cloud") : particles_open("sa", n, n, row->value[0], &p, err);
    if (status == DWELL_OK) status = field_create(p.plan.family, &p.plan.system, NULL, &f, err);
    if (status == DWELL_OK) particles_uniform(&p, 1650);
    if (status == DWELL_OK) status = field_attention(&f, p.x, a, err);
    for (size_t i = 0; i < n && status == DWELL_OK; i++) {
      double square = 0;
      for (size_t k = 0; k < n; k++) square += a[i * n + k] * a[i * n + k];
      most = fmax(most, sqrt(square));
    }
    double size = (double)n;
    out->measured = fmax(out->measured, most / (sqrt(log(size) / size) + log(size) / size));
    field_destroy(&f);
    particles_close(&p);
    mem_free(a);
    TRY(status);
  }
done:
  return status;
}

/* |A|^2 of equal angles against rho + (1 - rho) (a^2 + (n - 1) b^2), and <theta, A> against a + (n - 1) b rho. */
static dwell_status lengths(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  enum { TOKENS = 8 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], rho = row->value[1], v[TOKENS * TOKENS], n = TOKENS;
  double z = exp(beta) + (n - 1) * exp(beta * rho), a = exp(beta) / z, b = exp(beta * rho) / z;
  particles p = {0};
  field f = {0};
  TRY(particles_open("sa", TOKENS, TOKENS, beta, &p, err));
  particles_equiangular(&p, rho);
  TRY(field_create(p.plan.family, &p.plan.system, NULL, &f, err));
  TRY(field_attention(&f, p.x, v, err));
  out[0].measured = out[1].measured = 0;
  for (size_t k = 0; k < TOKENS; k++) {
    out[0].measured += v[3 * TOKENS + k] * v[3 * TOKENS + k];
    out[1].measured += v[3 * TOKENS + k] * p.x[3 * TOKENS + k];
  }
  out[0].predicted = rho + (1 - rho) * (a * a + (n - 1) * b * b);
  out[1].predicted = a + (n - 1) * b * rho;
done:
  field_destroy(&f);
  particles_close(&p);
  return status;
}

#define LIBRARY(name, which, t)                                                                               \
  {                                                                                                           \
    "T16.flow-" name, "ln(1 - rho) of dwell's normalised flow is that of the equation", LAB ", t = " #t,      \
        THEOREM_COMPUTED, THEOREM_EQUAL, 1e-7, "steps of 1e-11 there, the fourth power of .02 here", library, \
        {which, t}, false                                                                                     \
  }
#define LAB "n = 32, beta = 5, rho(0) = 0"

static const theorem_row rows[] = {
    {"T16.length",
     "equal angles: |A|^2 = rho + (1 - rho) (a^2 + (n - 1) b^2)",
     "n = 8, beta = 3, rho = .2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-14,
     "rounding",
     lengths,
     {3, 0.2},
     false},
    {"T16.along",
     "and <theta, A> = a + (n - 1) b rho",
     "n = 8, beta = 3, rho = .2",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-14,
     "rounding",
     NULL,
     {3, 0.2},
     false},
    {"T16.radial",
     "n <= e^beta: radii of pre-norm grow at least like 1 / (n e^beta) (least ratio)",
     "n = 20, d = 4, beta = 3, 200 clouds, half of them bad ones",
     1,
     THEOREM_AT_LEAST,
     0,
     "an inequality",
     radial,
     {20, 3, 4},
     false},
    {"T16.radius",
     "late they grow at the rate 1: r(t) >= (1 - delta) t",
     "pre-norm, n = 32, beta = 5, rho(0) = 0, t = 10^4",
     1,
     THEOREM_AT_LEAST,
     0.02,
     "the start's share, about 100 / t",
     radius,
     {PRE, 1e4},
     false},
    {"T16.initial",
     "uniform tokens start slowly: |A_j| <= C (sqrt(ln n / n) + ln n / d) (largest ratio)",
     "sa, beta = 1, n = d = 32, 128, 512",
     0,
     THEOREM_AT_MOST,
     2,
     "the constant is open; the bound itself falls by a factor of three",
     initial_speed,
     {1},
     false},
    {"T16.post",
     "post-norm: 1 - rho ~ e^{-2t}",
     LAB ", t = 14..16",
     -2,
     THEOREM_EQUAL,
     1e-3,
     "the next order is 1 - rho = 1e-7",
     exponent,
     {POST, 14, 16, 0, 1},
     false},
    {"T16.ngpt",
     "nGPT, alpha = 1: 1 - rho ~ e^{-2t}",
     LAB ", t = 8..10",
     -2,
     THEOREM_EQUAL,
     1e-3,
     "the next order is 1 - rho = 1e-5",
     exponent,
     {NGPT, 8, 10, 0, 1},
     false},
    {"T16.sqrt",
     "sqrt-scaling: 1 - rho ~ e^{-4 sqrt(t + 1)}",
     LAB ", t = 100..150",
     -4,
     THEOREM_EQUAL,
     1e-3,
     "the next order is 1 - rho = 1e-10",
     exponent,
     {SQRT, 100, 150, 1, 1},
     false},
    {"T16.pre",
     "pre-norm: 1 - rho ~ t^-2",
     LAB ", t = 10^4..2 10^4",
     -2,
     THEOREM_EQUAL,
     0.02,
     "the exponent settles like 1 / t",
     exponent,
     {PRE, 1e4, 2e4, 2, 1},
     false},
    {"T16.mix",
     "mix-norm (post up to t = 20): 1 - rho ~ t^-2",
     LAB ", t = 10^4..2 10^4",
     -2,
     THEOREM_EQUAL,
     0.02,
     "the exponent settles like 1 / t",
     exponent,
     {MIX, 1e4, 2e4, 2, 1},
     false},
    {"T16.peri",
     "peri-norm: 1 - rho ~ t^-2",
     LAB ", t = 10^4..2 10^4",
     -2,
     THEOREM_EQUAL,
     0.02,
     "the exponent settles like 1 / t",
     exponent,
     {PERI, 1e4, 2e4, 2, 1},
     false},
    LIBRARY("post", POST, 10),
    LIBRARY("pre", PRE, 300),
    LIBRARY("peri", PERI, 300),
    LIBRARY("ngpt", NGPT, 8),
    LIBRARY("sqrt", SQRT, 40),
    {"T16.peri-constant",
     "peri-norm: (1 - rho) t^2 at t = 400, on its way down to 6.1e3",
     LAB ", r(0) = 1",
     6.85e3,
     THEOREM_EQUAL,
     6,
     "printed to three digits",
     constant,
     {PERI, 400},
     false},
    {"T16.pre-constant",
     "pre-norm: (1 - rho) t^2 at t = 400",
     LAB ", r(0) = 1",
     9.8e3,
     THEOREM_EQUAL,
     60,
     "printed to two digits",
     constant,
     {PRE, 400},
     false},
};

static const theorem_row rows_4[] = {
    {"F4.start-printed",
     "printed: once the temperature is small enough, the variance contracts at a positive rate",
     "antipodal pair, beta = .01",
     1,
     THEOREM_DIFFERS,
     0.5,
     "the pair rests",
     contraction,
     {0.01, -1},
     false},
    {"F4.start-corrected",
     "it does from tokens that are close: at rate 2",
     "cosine .999, beta = .01",
     2,
     THEOREM_EQUAL,
     0.01,
     "the distance of the tokens",
     contraction,
     {0.01, 0.999},
     false},
    {"F4.ngpt-printed",
     "printed for nGPT: rate Theta(variance / alpha), so that half the alpha doubles it (ratio)",
     LAB,
     2,
     THEOREM_DIFFERS,
     1,
     "it halves it",
     strength,
     {0},
     false},
    {"F4.ngpt-corrected",
     "Theta(alpha variance): half the alpha halves it",
     LAB,
     0.5,
     THEOREM_EQUAL,
     1e-3,
     "the next order is 1 - rho = 1e-4",
     strength,
     {0},
     false},
};

const theorem theorem_normalisation = {"T16", "rates of six normalisations at equal angles",
                                       "arXiv:2510.22026, Theorem 4.3; arXiv:2512.01868; rates: derived here",
                                       THEOREM_ROWS(rows)};
const theorem theorem_f4 = {"F4", "the printed contraction rates of normalisations", "arXiv:2510.22026, Theorem 4.3",
                            THEOREM_ROWS(rows_4)};
