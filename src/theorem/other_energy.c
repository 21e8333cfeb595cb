/* theorem/other_energy.c - T32: the energy at another temperature may fall. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { N = 32, D = 3, WATCHED = 6 };

/* d/dt of n^-2 sum e^{b (G - 1)} along velocities v. */
static double rate(const particles *p, const double *v, double b) {
  double sum = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double g = 0, moved = 0;
      for (size_t k = 0; k < D; k++) g += p->x[i * D + k] * p->x[j * D + k], moved += v[i * D + k] * p->x[j * D + k];
      sum += exp(b * (g - 1)) * moved;
    }
  return 2 * b * sum / (N * N);
}

/* Number of starts, of value[1], on which each row's energy falls at some step of .1 up to t = 20. value[0]: beta of
 * the flow, value[2]: that of the energy, value[3]: the table's count of 200. */
static dwell_status falls(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  double v[N * D], starts = row->value[1];
  particles p = {0};
  TRY(particles_open("sa", N, D, row->value[0], &p, err));
  p.plan.rtol = 1e-8;
  for (size_t r = 0; r < count; r++) {
    double share = row[r].value[3] / 200, spread = sqrt(fmax(share * (1 - share), 0.005) * (1 / starts + 1.0 / 200));
    out[r].measured = 0;
    out[r].predicted = share;
    out[r].tolerance = row[r].value[2] == row[r].value[0] ? 0 : 3 * spread;
  }
  for (uint32_t s = 0; s < (uint32_t)starts; s++) {
    bool fell[WATCHED] = {false};
    particles_uniform(&p, 3200 + s);
    p.t = 0;
    for (int step = 0; step < 200; step++) {
      TRY(particles_velocity(&p, v, NULL, err));
      for (size_t r = 0; r < count; r++) fell[r] = fell[r] || rate(&p, v, row[r].value[2]) < -1e-10;
      TRY(particles_to(&p, 0.1 * (step + 1), ctx, err));
    }
    for (size_t r = 0; r < count; r++) out[r].measured += fell[r] / starts;
  }
done:
  particles_close(&p);
  return status;
}

static double energy(const particles *p, double b) {
  double sum = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) sum += exp(b * (particles_cosine(p, i, j) - 1));
  return sum / (N * N);
}

/* Rows: share of the time up to 20 in which the energy at value[2] falls, mean of starts; the largest relative fall
 * from an earlier height of any start; the same at the flow's own temperature, and at other ones. value: beta, starts,
 * beta of the row's energy, half a digit of the share. */
static dwell_status depth(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  enum { MOST = 200, STEPS = 200 };
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[1];
  double v[N * D], other = row->value[2], share[MOST], error, deepest[WATCHED] = {0};
  particles p = {0};
  TRY(particles_open("sa", N, D, row->value[0], &p, err));
  p.plan.rtol = 1e-8;
  for (uint32_t s = 0; s < starts; s++) {
    double top[WATCHED] = {0};
    share[s] = 0;
    particles_uniform(&p, 3200 + s);
    p.t = 0;
    for (int step = 0; step < STEPS; step++) {
      TRY(particles_velocity(&p, v, NULL, err));
      share[s] += (rate(&p, v, other) < -1e-10) / (double)STEPS;
      for (size_t r = 1; r < count; r++) {
        double now = energy(&p, row[r].value[2]);
        top[r] = fmax(top[r], now);
        deepest[r] = fmax(deepest[r], 1 - now / top[r]);
      }
      TRY(particles_to(&p, 0.1 * (step + 1), ctx, err));
    }
  }
  out[0].measured = numerics_mean(starts, share, &error);
  out[0].tolerance = 4 * error * sqrt(1 + (double)starts / 200) + row->value[3];
  for (size_t r = 1; r < count; r++) out[r].measured = deepest[r];
done:
  particles_close(&p);
  return status;
}

#define DEPTH(b, share, half, deep)                                                                                    \
  {"T32.time." #b,                                                                                                     \
   "share of the time up to 20 in which the energy at .1 falls",                                                       \
   "sa, n = 32, d = 3, beta = " #b ", 100 starts",                                                                     \
   share,                                                                                                              \
   THEOREM_EQUAL,                                                                                                      \
   THEOREM_COMPUTED,                                                                                                   \
   "four standard errors of the table's 200 starts and of these, and half a printed digit",                            \
   depth,                                                                                                              \
   {b, 100, 0.1, half},                                                                                                \
   true},                                                                                                              \
      {"T32.depth." #b,                                                                                                \
       "largest relative fall of the energy at .1 from an earlier height",                                             \
       "sa, n = 32, d = 3, beta = " #b ", 100 starts",                                                                 \
       deep,                                                                                                           \
       THEOREM_EQUAL,                                                                                                  \
       0.9 * deep,                                                                                                     \
       "an order of magnitude: the largest of a hundred starts, of which few fall far",                                \
       NULL,                                                                                                           \
       {b, 100, 0.1},                                                                                                  \
       true},                                                                                                          \
  {                                                                                                                    \
    "T32.depth.same-" #b, "and of that at the flow's own temperature", "sa, n = 32, d = 3, beta = " #b ", 100 starts", \
        0, THEOREM_AT_MOST, 1e-12, "rounding of 1024 terms", NULL, {b, 100, b}, true                                   \
  }
#define DEEP(b, other, deep)                                                                                         \
  {                                                                                                                  \
    "T32.depth." #b "-" #other, "largest relative fall of the energy at another beta from an earlier height",        \
        "sa, n = 32, d = 3, beta = " #b ", energy at " #other ", 100 starts", deep, THEOREM_EQUAL, 0.9 * deep,       \
        "an order of magnitude: the largest of a hundred starts, of which few fall far", NULL, {b, 100, other}, true \
  }
#define FALLS(beta, other, n, starts, first, slow)                                                                     \
  {                                                                                                                    \
    "T32.flow-" #beta ".energy-" #other, "share of starts on which the energy at another beta falls at some time",     \
        "sa, n = 32, d = 3, beta = " #beta ", energy at " #other ", " #starts " starts", THEOREM_COMPUTED,             \
        THEOREM_EQUAL, THEOREM_COMPUTED,                                                                               \
        "three binomial standard errors, of a share of at least .005, of the table's 200 starts and of these; at the " \
        "same beta 0",                                                                                                 \
        first, {beta, starts, other, n}, slow                                                                          \
  }

static const theorem_row rows[] = {
    FALLS(1, 0.1, 0, 100, falls, true),
    FALLS(1, 1, 0, 100, NULL, true),
    FALLS(1, 2, 0, 100, NULL, true),
    FALLS(1, 5, 0, 100, NULL, true),
    FALLS(4, 0.1, 17, 100, falls, true),
    FALLS(4, 1, 3, 100, NULL, true),
    FALLS(4, 2, 0, 100, NULL, true),
    FALLS(4, 5, 0, 100, NULL, true),
    FALLS(4, 4, 0, 100, NULL, true),
    FALLS(9, 0.1, 86, 40, falls, false),
    FALLS(9, 1, 24, 40, NULL, false),
    FALLS(9, 2, 4, 40, NULL, false),
    FALLS(9, 5, 0, 40, NULL, false),
    FALLS(9, 9, 0, 40, NULL, false),
    FALLS(20, 0.1, 136, 100, falls, true),
    FALLS(20, 1, 62, 100, NULL, true),
    FALLS(20, 2, 14, 100, NULL, true),
    FALLS(20, 5, 1, 100, NULL, true),
    FALLS(20, 20, 0, 100, NULL, true),
    DEPTH(4, 0.028, 0.0005, 4.0e-3),
    DEEP(4, 1, 2.7e-3),
    DEPTH(9, 0.14, 0.005, 1.4e-3),
    DEEP(9, 1, 5.0e-3),
    DEEP(9, 2, 5.4e-4),
    DEPTH(20, 0.21, 0.005, 4.9e-4),
    DEEP(20, 1, 2.4e-3),
    DEEP(20, 2, 1.9e-3),
    DEEP(20, 5, 4.4e-4),
};

const theorem theorem_other_energy = {"T32", "the energy at another temperature", "derived here", THEOREM_ROWS(rows)};
