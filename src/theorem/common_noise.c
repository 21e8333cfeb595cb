/* theorem/common_noise.c - two tokens under one random matrix.
 *
 * dX = P_X o (s dM X) is the direction of Y, dY = s dM Y, and in whatever sense the integral is taken only the length
 * of Y changes; so a step is X <- (I + s sqrt(h) N) X, normalised, N standard normal. */
#include "theorem/common_noise.h"

#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { MOST_D = 8 };

typedef struct pair {
  size_t d;
  double x[2][MOST_D];
} pair;

static pair random_pair(size_t d, uint32_t which, size_t number) {
  pair p = {.d = d};
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k < d; k++) p.x[i][k] = numerics_normal(which, number, i * d + k);
  for (size_t i = 0; i < 2; i++) field_normalise(1, d, p.x[i], p.x[i]);
  return p;
}

/* |x - y| |x + y| / 2 = |sin|, and its sign: +1 if they are nearer to each other than to opposite places. */
static double sine(const pair *p, double *opt_sign) {
  double minus = 0, plus = 0;
  for (size_t k = 0; k < p->d; k++) {
    minus += pow(p->x[0][k] - p->x[1][k], 2);
    plus += pow(p->x[0][k] + p->x[1][k], 2);
  }
  if (opt_sign != NULL) *opt_sign = minus < plus ? 1 : -1;
  return sqrt(minus * plus) / 2;
}

/* A step of noise of size s sqrt(h), the normal numbers from (which, number, first on). */
static void shake(pair *p, double size, uint32_t which, size_t number, size_t first) {
  double moved[2][MOST_D];
  for (size_t k = 0; k < p->d; k++) {
    moved[0][k] = p->x[0][k], moved[1][k] = p->x[1][k];
    for (size_t l = 0; l < p->d; l++) {
      double z = size * numerics_normal(which, number, first + k * p->d + l);
      moved[0][k] += z * p->x[0][l], moved[1][k] += z * p->x[1][l];
    }
  }
  for (size_t i = 0; i < 2; i++) field_normalise(1, p->d, moved[i], p->x[i]);
}

dwell_status common_noise_gap(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  enum { MOST_PAIRS = 1000, STEPS = 1600, EARLY = 400 };
  size_t d = (size_t)row->value[0], pairs = (size_t)row->value[1];
  double drift[MOST_PAIRS], together = 0, error, sign, h = 0.01;
  for (size_t i = 0; i < pairs; i++) {
    pair p = random_pair(d, 2700, i);
    double early = 0;
    for (size_t step = 0; step < STEPS; step++) {
      if (step == EARLY) early = log(sine(&p, NULL));
      shake(&p, sqrt(h), 2701, i, step * d * d);
    }
    drift[i] = (log(sine(&p, &sign)) - early) / (h * (STEPS - EARLY));
    together += sign > 0;
  }
  out[0].measured = numerics_mean(pairs, drift, &error);
  out[0].tolerance = 0.05 + 4 * error;
  out[1].measured = together / (double)pairs;
  out[1].tolerance = 4 * sqrt(0.25 / (double)pairs);
  return DWELL_OK;
}

/* A step h of sa of two tokens: x_i' = w (x_j - <x_i, x_j> x_i), w = 1 / (1 + e^{beta (1 - <x_i, x_j>)}). */
static void attract(pair *p, double beta, double h) {
  double g = 0, moved[2][MOST_D];
  for (size_t k = 0; k < p->d; k++) g += p->x[0][k] * p->x[1][k];
  double w = h / (1 + exp(beta * (1 - g)));
  for (size_t k = 0; k < p->d; k++) {
    moved[0][k] = p->x[0][k] + w * (p->x[1][k] - g * p->x[0][k]);
    moved[1][k] = p->x[1][k] + w * (p->x[0][k] - g * p->x[1][k]);
  }
  for (size_t i = 0; i < 2; i++) field_normalise(1, p->d, moved[i], p->x[i]);
}

dwell_status common_noise_opposite(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                   dwell_error *err) {
  (void)ctx, (void)err;
  static const double h = 0.01;
  for (size_t r = 0; r < count; r++) {
    double s = sqrt(row[r].value[0]), beta = row[r].value[1], pairs = row[r].value[2], share = row[r].value[3], sign;
    out[r].measured = 0;
    for (size_t i = 0; i < (size_t)pairs; i++) {
      pair p = random_pair(3, 2710, i);
      for (size_t step = 0; step < 4000; step++) attract(&p, beta, h), shake(&p, s * sqrt(h), 2711, i, 9 * step);
      sine(&p, &sign);
      out[r].measured += (sign < 0) / pairs;
    }
    double variance = fmax(share * (1 - share), 1 / row[r].value[4]);
    out[r].tolerance = 3 * sqrt(variance * (1 / pairs + 1 / row[r].value[4]));
  }
  return DWELL_OK;
}

dwell_status common_noise_rotation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                   dwell_error *err) {
  (void)row, (void)count;
  enum { N = 8 };
  dwell_status status = DWELL_OK;
  particles still = {0}, turned = {0};
  TRY(particles_open("sa", N, 3, 2, &still, err));
  TRY(particles_open("sa", N, 3, 2, &turned, err));
  particles_uniform(&still, 2720);
  particles_uniform(&turned, 2720);
  for (size_t step = 0; step < 100; step++) {
    size_t a = step % 3, b = (step + 1) % 3;
    double angle = 0.3 * numerics_normal(2721, step, 0), c = cos(angle), s = sin(angle);
    TRY(particles_to(&still, 0.03 * (double)(step + 1), ctx, err));
    TRY(particles_to(&turned, 0.03 * (double)(step + 1), ctx, err));
    for (size_t i = 0; i < N; i++) {
      double *x = turned.x + 3 * i, u = x[a], v = x[b];
      x[a] = c * u - s * v, x[b] = s * u + c * v;
    }
  }
  out->measured = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < i; j++)
      out->measured = fmax(out->measured, fabs(particles_cosine(&still, i, j) - particles_cosine(&turned, i, j)));
done:
  particles_close(&still);
  particles_close(&turned);
  return status;
}
