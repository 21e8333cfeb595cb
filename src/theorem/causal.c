/* theorem/causal.c - T15: causal attention. */
#include <math.h>

#include "base/error.h"
#include "flow/layer.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { FEW = 12, ACROSS = 4 };

/* Largest distance from the first token at time t, from uniform start `which`. */
static dwell_status farthest(double t, uint32_t which, double *ret_distance, const dwell_context *ctx,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", FEW, ACROSS, 1, &p, err));
  p.plan.system.causal = true;
  particles_uniform(&p, which);
  double first[ACROSS];
  for (size_t k = 0; k < ACROSS; k++) first[k] = p.x[k];
  TRY(particles_to(&p, t, ctx, err));
  *ret_distance = 0;
  for (size_t i = 0; i < FEW; i++) {
    double square = 0;
    for (size_t k = 0; k < ACROSS; k++) square += pow(p.x[i * ACROSS + k] - first[k], 2);
    *ret_distance = fmax(*ret_distance, sqrt(square));
  }
done:
  particles_close(&p);
  return status;
}

/* value: time. */
static dwell_status first_token(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  return farthest(row->value[0], 61, &out->measured, ctx, err);
}

/* The rank among starts of the distance value[1] at time value[0]. */
static dwell_status left_over(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  enum { STARTS = 100 };
  dwell_status status = DWELL_OK;
  double found[STARTS];
  for (uint32_t s = 0; s < STARTS; s++) TRY(farthest(row->value[0], 1500 + s, &found[s], ctx, err));
  out->measured = numerics_rank(STARTS, found, row->value[1]);
done:
  return status;
}

static double slowness(double rho, const void *arg) {
  return (1 + exp(*(const double *)arg * (1 - rho))) / (1 - rho * rho);
}

/* Two tokens: the time from rho = 0 to .9 is twice that of the flow without a mask. */
static dwell_status two_tokens(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], t = numerics_integral(slowness, &beta, 0, 0.9, 1e-13);
  particles p = {0};
  TRY(particles_open("sa", 2, 2, beta, &p, err));
  p.plan.system.causal = true;
  particles_basis(&p);
  TRY(particles_to(&p, t, ctx, err));
  out->predicted = t;
  out->measured = t + (0.9 - particles_cosine(&p, 0, 1)) * slowness(0.9, &beta);
done:
  particles_close(&p);
  return status;
}

/* Distance of the second token from the first: its rate of decay over the row's times. */
static dwell_status second_token(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double square[2] = {0};
  particles p = {0};
  TRY(particles_open("sa", 3, 4, row->value[2], &p, err));
  p.plan.system.causal = true;
  particles_uniform(&p, 61);
  for (int side = 0; side < 2; side++) {
    TRY(particles_to(&p, row->value[side], ctx, err));
    for (size_t k = 0; k < 4; k++) square[side] += (p.x[4 + k] - p.x[k]) * (p.x[4 + k] - p.x[k]);
  }
  out->measured = log(square[1] / square[0]) / 2 / (row->value[1] - row->value[0]);
done:
  particles_close(&p);
  return status;
}

/* ---- how long a centre stands ---- */

/* A token at angle 0 and `before` earlier ones, coincident at `place`: its speed inverse where they are x away. */
typedef struct centre {
  double beta, before, place;
} centre;

static double lingering(double angle, const void *arg) {
  const centre *c = arg;
  double x = c->place - angle, e = exp(-2 * c->beta * pow(sin(x / 2), 2));
  return (1 + c->before * e) / (c->before * e * sin(x));
}

/* Time in which it moves by the share epsilon of the distance. */
static double lifetime(double beta, double before, double c, double epsilon) {
  centre at = {beta, before, c / sqrt(beta)};
  return numerics_integral(lingering, &at, 0, epsilon * at.place, 1e-12);
}

/* Slope of ln lifetime over c^2, c = 3 .. 6. */
static dwell_status lifetimes(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double square[4], log_time[4];
  for (int k = 0; k < 4; k++) {
    square[k] = pow(3 + k, 2);
    log_time[k] = log(lifetime(row->value[0], 1, 3 + k, row->value[1]));
  }
  out[0].measured = numerics_slope(4, square, log_time);
  out[1].measured = lifetime(row->value[0], 1, 5, row->value[1]) / lifetime(row->value[0], 8, 5, row->value[1]);
  return DWELL_OK;
}

/* Angle that the last of n tokens has gone by t, the others standing at `place`. */
static dwell_status drift(double beta, double place, size_t n, double t, double *ret_angle, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  double angles[16];
  particles p = {0};
  TRY(particles_open("sa", n, 2, beta, &p, err));
  for (size_t i = 0; i < n; i++) angles[i] = i + 1 < n ? place : 0;
  particles_angles(&p, angles);
  p.plan.system.causal = true;
  TRY(particles_to(&p, t, ctx, err));
  *ret_angle = atan2(p.x[2 * n - 1], p.x[2 * n - 2]);
done:
  particles_close(&p);
  return status;
}

/* The flow's lifetime against the integral; and its drift by T, s T h(c / sqrt(beta)) = epsilon c / sqrt(beta), over
 * the drift that the lemma allows. value: beta, c, n, epsilon. */
static dwell_status stands(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], c = row->value[1], epsilon = row->value[3], before = row->value[2] - 1, angle;
  double place = c / sqrt(beta), t = lifetime(beta, before, c, epsilon), far = place * (1 + epsilon);
  centre at = {beta, before, place};
  TRY(drift(beta, place, (size_t)row->value[2], t, &angle, ctx, err));
  out[0].predicted = t;
  out[0].measured = t + (epsilon * place - angle) * lingering(epsilon * place, &at);
  t = epsilon * place / (before * exp(beta * (cos(place) - 1)) * sin(place));
  TRY(drift(beta, far, (size_t)row->value[2], t, &angle, ctx, err));
  out[1].measured = angle / (epsilon * place);
done:
  return status;
}

/* ---- other values: where tokens end, by the leading eigenspace L of V ---- */

enum { ATLAS_TOKENS = 12 };

/* value: the eigenvalues, time, how many of them lead. A token's distance from the direction in which the first token
 * started within L; where L is a line: from it or its opposite. Largest of all tokens. */
static dwell_status atlas(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double one[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, value[9] = {0}, goal[3] = {0}, norm = 0;
  size_t leading = (size_t)row->value[4];
  flow_layer layer = {.d = 3, .heads = 1, .rank = 3, .query = one, .key = one, .value_rank = 3, .read = value};
  layer.symmetric = true, layer.form_norm = 1, layer.value_norm = 1;
  particles p = {0};
  TRY(particles_open("qkv", ATLAS_TOKENS, 3, 1, &p, err));
  for (size_t k = 0; k < 3; k++) value[k * 4] = row->value[k];
  p.plan.system.layer = &layer;
  p.plan.system.causal = true;
  particles_uniform(&p, 66);
  for (size_t k = 0; k < leading; k++) goal[k] = p.x[k], norm += goal[k] * goal[k];
  for (size_t k = 0; k < leading; k++) goal[k] /= sqrt(norm);
  TRY(particles_to(&p, row->value[3], ctx, err));
  out->measured = 0;
  for (size_t i = 0; i < ATLAS_TOKENS; i++) {
    double near = 0, opposite = 0;
    for (size_t k = 0; k < 3; k++) {
      near += pow(p.x[3 * i + k] - goal[k], 2);
      opposite += pow(p.x[3 * i + k] + goal[k], 2);
    }
    out->measured = fmax(out->measured, sqrt(leading == 1 ? fmin(near, opposite) : near));
  }
done:
  particles_close(&p);
  return status;
}

/* Negative values: mean square of the components in L, of late states. value: as atlas. */
static dwell_status cloud(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  enum { STARTS = 20 };
  dwell_status status = DWELL_OK;
  double one[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, value[9] = {0}, share[2] = {0};
  flow_layer layer = {.d = 3, .heads = 1, .rank = 3, .query = one, .key = one, .value_rank = 3, .read = value};
  layer.symmetric = true, layer.form_norm = 1, layer.value_norm = 2;
  particles p = {0};
  TRY(particles_open("qkv", ATLAS_TOKENS, 3, 1, &p, err));
  for (size_t k = 0; k < 3; k++) value[k * 4] = row->value[k];
  p.plan.system.layer = &layer;
  p.plan.system.causal = true;
  for (uint32_t s = 0; s < STARTS; s++) {
    particles_uniform(&p, 670 + s);
    p.t = 0;
    for (int side = 0; side < 2; side++) {
      TRY(particles_to(&p, side == 0 ? 0 : row->value[3], ctx, err));
      for (size_t i = 0; i < ATLAS_TOKENS; i++)
        for (size_t k = 0; k < (size_t)row->value[4]; k++)
          share[side] += pow(p.x[3 * i + k], 2) / ATLAS_TOKENS / STARTS;
    }
  }
  out->measured = (share[1] - share[0]) / (1 - share[0]);
done:
  particles_close(&p);
  return status;
}

/* ---- centres ---- */

/* Mean number of centres among n uniform tokens in sequence. value: d (2 or 3), delta, n, strong, samples. */
static dwell_status centres(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  enum { MOST_KEPT = 1024, MOST_SAMPLES = 2000 }; /* ordinary centres keep only themselves */
  size_t d = (size_t)row->value[0], n = (size_t)row->value[2], samples = (size_t)row->value[4];
  bool strong = row->value[3] == 1;
  double near = cos(row->value[1]), found[MOST_SAMPLES], x[3 * MOST_KEPT], error;
  for (size_t s = 0; s < samples; s++) {
    size_t kept = 0, number = 0; /* tokens that keep others from being centres; centres */
    for (size_t i = 0; i < n; i++) {
      double *y = x + 3 * kept, norm = 0;
      bool alone = true;
      for (size_t k = 0; k < d; k++) y[k] = numerics_normal(9000, s, i * d + k), norm += y[k] * y[k];
      for (size_t k = 0; k < d; k++) y[k] /= sqrt(norm);
      for (size_t j = 0; j < kept && alone; j++) {
        double c = 0;
        for (size_t k = 0; k < d; k++) c += y[k] * x[3 * j + k];
        alone = c < near;
      }
      number += alone;
      kept += alone || strong;
    }
    found[s] = (double)number;
  }
  out->measured = numerics_mean(samples, found, &error);
  out->tolerance = 4 * error;
  return DWELL_OK;
}

/* Where h(x) = e^{beta (cos x - 1)} sin x is largest, by golden section. */
static dwell_status strongest(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = row->value[0], a = 0, b = 1.5, golden = (sqrt(5) - 1) / 2;
  while (b - a > 1e-9) {
    double u = b - golden * (b - a), v = a + golden * (b - a);
    if (beta * (cos(u) - 1) + log(sin(u)) > beta * (cos(v) - 1) + log(sin(v))) b = v;
    else a = u;
  }
  out->predicted = acos((sqrt(4 * beta * beta + 1) - 1) / (2 * beta));
  out->measured = (a + b) / 2;
  return DWELL_OK;
}

#define ATLAS(name, what, words, a, b, c, leading, eps)                                                   \
  {                                                                                                       \
    "T15.atlas." name, what " (largest distance)", "d = 3, n = 12, beta = 1, V = " words ", t = 150", 0,  \
        THEOREM_AT_MOST, eps, "rates of 1/4 and more, to rounding", atlas, {a, b, c, 150, leading}, false \
  }
#define CLOUD(name, what, words, a, b, c, leading, least)                                                             \
  {                                                                                                                   \
    "T15.atlas." name, what, "d = 3, n = 12, beta = 1, V = " words ", t = 50, 20 starts", least, THEOREM_AT_LEAST, 0, \
        "0 is the start, 1 would be L itself; a cloud keeps a width", cloud, {a, b, c, 50, leading}, false            \
  }

static const theorem_row rows[] = {
    {"T15.first-token",
     "every token ends where the first one is (largest distance)",
     "n = 12, d = 4, beta = 1, t = 100",
     0,
     THEOREM_AT_MOST,
     1e-12,
     "rounding",
     first_token,
     {100},
     false},
    {"T15.not-at-once",
     "but not before their time",
     "n = 12, d = 4, beta = 1, t = 5",
     1e-3,
     THEOREM_AT_LEAST,
     0,
     "an order of magnitude",
     first_token,
     {5},
     false},
    {"T15.left",
     "the 2.1e-4 that one start of the source has left are ordinary (share of starts with less)",
     "n = 12, d = 4, beta = 1, t = 25, 100 uniform starts",
     THEOREM_ORDINARY,
     left_over,
     {25, 2.1e-4},
     false},
    {"T15.rate",
     "the second token comes to the first at the rate 1/2: half of what it sees is itself",
     "n = 3, d = 4, beta = 1, t = 15 .. 25",
     -0.5,
     THEOREM_EQUAL,
     1e-5,
     "the next order is the distance, e^{-7.5} and less, squared",
     second_token,
     {15, 25, 1},
     false},
    {"T15.two-tokens",
     "rho' = (1 - rho^2) / (1 + e^{beta (1 - rho)}) for two tokens: time from 0 to .9",
     "beta = 3",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-8,
     "steps of 1e-11, some hundred of them",
     two_tokens,
     {3},
     false},
    {"T15.strong-centres.d2",
     "strong Renyi centres number pi / delta",
     "d = 2, delta = .5, n = 200, 2000 samples",
     6.28318530717959,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {2, 0.5, 200, 1, 2000},
     false},
    {"T15.centres.d2",
     "ordinary Renyi centres at n = 200",
     "d = 2, delta = .5, n = 200, 2000 samples",
     9.13,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {2, 0.5, 200, 0, 2000},
     false},
    {"T15.strong-centres.d3",
     "strong Renyi centres number 1 / sin^2(delta / 2)",
     "d = 3, delta = .8, n = 200, 2000 samples",
     6.59432,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {3, 0.8, 200, 1, 2000},
     false},
    {"T15.centres-limit.d2",
     "ordinary Renyi centres: .7476 of what would fit (Renyi's parking constant)",
     "d = 2, delta = .5, n = 5000, 300 samples",
     9.3945925,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors; the limit is .01 away, like 1 / n",
     centres,
     {2, 0.5, 5000, 0, 300},
     false},
    {"T15.strong-centres.cold-d2",
     "strong centres number (pi / 4) beta^{1/2} at delta = 4 beta^{-1/2}",
     "d = 2, beta = 1024, n = 1000, 200 samples",
     25.1327412287183,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {2, 0.125, 1000, 1, 200},
     false},
    {"T15.strong-centres.cold-d3",
     "and grow like beta on the sphere: 1 / sin^2(2 beta^{-1/2})",
     "d = 3, beta = 256, delta = .25, n = 1000, 200 samples",
     64.3343776,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors",
     centres,
     {3, 0.25, 1000, 1, 200},
     false},
    {"T15.lifetime.slope",
     "a centre c beta^{-1/2} away from the earlier token stands for a time like e^{c^2 / 2} (slope over c^2)",
     "beta = 1e5, c = 3 .. 6, until .001 of the distance is gone",
     0.5,
     THEOREM_EQUAL,
     2e-3,
     "c^4 / (24 beta), and the .001",
     lifetimes,
     {1e5, 1e-3},
     false},
    {"T15.lifetime.index",
     "and in inverse proportion to how many are earlier (8 against 1)",
     "beta = 1e5, c = 5",
     8,
     THEOREM_EQUAL,
     1e-3,
     "the weight of the earlier ones in the normaliser, 8 e^{-12.5}",
     NULL,
     {1e5, 1e-3},
     false},
    {"T15.lifetime.flow",
     "time in which the centre goes a tenth of the distance",
     "beta = 64, c = 4, n = 5",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-7,
     "steps of 1e-11, some hundred of them",
     stands,
     {64, 4, 5, 0.1},
     false},
    {"T15.lifetime.lemma",
     "Lemma 5.1: by T s h(c beta^{-1/2}) = eps c beta^{-1/2} it has gone at most eps c beta^{-1/2} (share)",
     "beta = 64, c = 4, n = 5, eps = .1",
     1,
     THEOREM_AT_MOST,
     0,
     "an inequality",
     NULL,
     {64, 4, 5, 0.1},
     false},
    ATLAS("identity", "lambda_max > 0 of multiplicity d: the first token", "I", 1, 1, 1, 3, 1e-12),
    ATLAS("plane", "lambda_max > 0 of multiplicity 2: where the first token leads within that plane", "diag(1, 1, .25)",
          1, 1, 0.25, 2, 1e-12),
    ATLAS("line", "lambda_max > 0 simple: the two ends of its axis", "diag(1, .25, .25)", 1, 0.25, 0.25, 1, 1e-12),
    CLOUD("around-plane",
          "lambda_max < 0 of multiplicity 2: a cloud around its plane (share of the way from the start)",
          "-diag(.25, .25, 2)", -0.25, -0.25, -2, 2, 0.2),
    CLOUD("around-ends", "lambda_max < 0 simple: clouds around the ends of its axis (share of the way)",
          "-diag(.25, 2, 2)", -0.25, -2, -2, 1, 0.2),
    {"T15.interaction",
     "h(x) = e^{beta (cos x - 1)} sin x is largest at arccos((sqrt(4 beta^2 + 1) - 1) / (2 beta))",
     "beta = 64",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-7,
     "the square root of rounding",
     strongest,
     {64},
     false},
};

const theorem theorem_causal = {"T15", "causal attention: the first token, Renyi centres",
                                "Karagodin, Polyanskiy, Rigollet, arXiv:2411.04990", THEOREM_ROWS(rows)};
