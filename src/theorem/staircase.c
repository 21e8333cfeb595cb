/* theorem/staircase.c - T13: the energy climbs in steps, from plateau to plateau. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

enum { TOKENS = 6 };

static const double angles[TOKENS] = {0, 0.35, 0.85, 1.5, 2.3, 3.3};

static dwell_status climb(double beta, particles *p, flow_history *history, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(particles_open("sa", TOKENS, 2, beta, p, err));
  particles_angles(p, angles);
  TRY(particles_merge(p, 1e-7 / sqrt(beta), 1, 1e5, history, ctx, err));
done:
  return status;
}

/* The energies of plateaus 0, 1, ..: one row each. */
static dwell_status plateaus(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  TRY(climb(row->value[0], &p, &history, ctx, err));
  for (size_t k = 0; k < count && k < history.plateau_count; k++) out[k].measured = history.plateaus[k].energy;
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* The published starts, (0, .5, 2, 4, 7) ln(2000) / (2 sqrt(2000)), under usa, merging at 1 / sqrt(beta ln beta).
 * value: beta. */
static dwell_status published(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  static const double place[5] = {0, 0.5, 2, 4, 7};
  dwell_status status = DWELL_OK;
  double beta = row->value[0], start[5];
  particles p = {0};
  flow_history history = {0};
  for (size_t i = 0; i < 5; i++) start[i] = place[i] * log(2000) / sqrt(2000) / 2;
  TRY(particles_open("usa", 5, 2, beta, &p, err));
  particles_angles(&p, start);
  TRY(particles_merge(&p, 1 / sqrt(beta * log(beta)), 1, 1e5, &history, ctx, err));
  for (size_t k = 0; k < count && k + 1 < history.plateau_count; k++) out[k].measured = history.plateaus[k + 1].energy;
  if (history.plateau_count == 5) out[count - 1].measured = history.plateaus[4].energy;
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* ln t of the first merger of sqrt(2 beta) equal clusters at almost equal distances (a twentieth off). */
static dwell_status regular(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count;
  enum { STARTS = 10, MOST = 64 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], at[MOST];
  size_t k = (size_t)sqrt(2 * beta);
  particles p = {0};
  TRY(particles_open("sa", k, 2, beta, &p, err));
  out->measured = 0;
  for (uint32_t s = 0; s < STARTS; s++) {
    flow_history history = {0};
    for (size_t i = 0; i < k; i++)
      at[i] = 2 * acos(-1) / (double)k * ((double)i + 0.1 * (numerics_uniform(620 + s, i, 0) - 0.5));
    particles_angles(&p, at);
    p.plan.rtol = 1e-8;
    status = particles_merge(&p, 1e-7 / sqrt(beta), k - 1, 1e5, &history, ctx, err);
    if (status == DWELL_OK) out->measured += history.mergers[0].log_time / STARTS;
    history_clear(&history);
    TRY(status);
  }
done:
  particles_close(&p);
  return status;
}

/* How many of the mergers join the two neighbours on the circle that were closest then. The clusters are intervals of
 * tokens in order; where each sits is where its tokens' mean was, moved little before it merged. */
static dwell_status order(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  double place[2 * TOKENS], mass[2 * TOKENS];
  bool alive[2 * TOKENS] = {false};
  TRY(climb(row->value[0], &p, &history, ctx, err));
  for (size_t i = 0; i < TOKENS; i++) place[i] = angles[i], mass[i] = 1, alive[i] = true;
  out->measured = 0;
  for (size_t k = 0; k < history.merger_count; k++) {
    const flow_merger *m = &history.mergers[k];
    double least = INFINITY, joined = fabs(place[m->first] - place[m->second]);
    for (size_t a = 0; a < TOKENS + k; a++)
      for (size_t b = 0; b < a; b++)
        if (alive[a] && alive[b]) least = fmin(least, fabs(place[a] - place[b]));
    out->measured += joined == least;
    alive[m->first] = alive[m->second] = false;
    size_t made = TOKENS + k;
    mass[made] = mass[m->first] + mass[m->second];
    place[made] = (mass[m->first] * place[m->first] + mass[m->second] * place[m->second]) / mass[made];
    alive[made] = true;
  }
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* Last merger of value[1] random clusters on the circle, mean of value[2] starts, in ln t. */
static dwell_status coarsening(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[2], found[8] = {0};
  for (size_t r = 0; r < count; r++) out[r].measured = 0;
  for (uint32_t s = 0; s < starts; s++) {
    particles p = {0};
    flow_history history = {0};
    status = particles_open("sa", 60, 2, row->value[0], &p, err);
    particles_uniform(&p, 600 + s);
    p.plan.rtol = 1e-8;
    if (status == DWELL_OK) status = particles_merge(&p, 1e-7 / sqrt(row->value[0]), 1, 1e5, &history, ctx, err);
    for (size_t r = 0; r < count && r < 8 && status == DWELL_OK; r++)
      for (size_t k = 0; k < history.merger_count; k++)
        if (history.mergers[k].clusters == (size_t)row[r].value[1])
          out[r].measured += history.mergers[k].log_time, found[r]++;
    history_clear(&history);
    particles_close(&p);
    TRY(status);
  }
  for (size_t r = 0; r < count && r < 8; r++) out[r].measured /= (double)found[r];
done:
  return status;
}

#define PLATEAU(k, masses, e, first)                                                                  \
  {                                                                                                   \
    "T13.plateau." #k, "energy at the beginning of a plateau is the sum of squared masses",           \
        "sa, six tokens on the circle, beta = 400; masses " masses " sixths", e, THEOREM_EQUAL, 1e-6, \
        "what separated clusters feel of each other, e^-24 and less", first, {400}, false             \
  }
#define COARSENING(k, t, eps, first)                                                                    \
  {                                                                                                     \
    "T13.coarsening." #k, "ln t at which " #k " clusters are left of 60 random tokens, mean of starts", \
        "sa, d = 2, beta = 400, 10 starts", t, THEOREM_EQUAL, eps,                                      \
        "thrice the spread of such means between seeds, about a "                                       \
        "fifth",                                                                                        \
        first, {400, k, 10}, true                                                                       \
  }

/* Beside the sum of squares an energy has 2 m_i m_j e^{-beta (1 - cos)} of pairs that have not met: .16 e^{-beta / 90}
 * of the closest two on the first plateau, 6e-4 and 2.4e-6 at beta = 500 and 1000. */
#define PUBLISHED(b, k, masses, e, within, first, slow)                                                             \
  {                                                                                                                 \
    "T13.published-" #b "." #k, "plateaus of the published starts: the sum of squared masses",                      \
        "usa, n = 5, beta = " #b ", merging at 1 / sqrt(beta ln beta); masses " masses " fifths", e, THEOREM_EQUAL, \
        within, "what separated clusters feel of each other", first, {b}, slow                                      \
  }
#define REGULAR(b, slow)                                                                                     \
  {                                                                                                          \
    "T13.regular." #b, "ln of the time that sqrt(2 beta) equal clusters at almost equal distances stand",    \
        "sa, d = 2, beta = " #b ", places off by up to a twentieth, mean of 10", 5.2, THEOREM_EQUAL, 2,      \
        "an order of magnitude: 10^1.5 to 10^3 at any beta, since beta gap^2 / 2 = pi^2", regular, {b}, slow \
  }

static const theorem_row rows[] = {
    PLATEAU(0, "1 1 1 1 1 1", 1.0 / 6, plateaus),
    PLATEAU(1, "2 1 1 1 1", 8.0 / 36, NULL),
    PLATEAU(2, "2 2 1 1", 10.0 / 36, NULL),
    PLATEAU(3, "4 1 1", 18.0 / 36, NULL),
    {"T13.order",
     "each merger is of the closest pair (mergers of which this holds)",
     "sa, six tokens on the circle, beta = 400",
     5,
     THEOREM_EQUAL,
     0,
     "a count",
     order,
     {400},
     false},
    PUBLISHED(2000, 1, "2 1 1 1", 0.28, 1e-6, published, false),
    PUBLISHED(2000, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(2000, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(2000, 4, "5", 1, 1e-6, NULL, false),
    PUBLISHED(4000, 1, "2 1 1 1", 0.28, 1e-6, published, false),
    PUBLISHED(4000, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(4000, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(4000, 4, "5", 1, 1e-6, NULL, false),
    PUBLISHED(3000, 1, "2 1 1 1", 0.28, 1e-6, published, false),
    PUBLISHED(3000, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(3000, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(3000, 4, "5", 1, 1e-6, NULL, false),
    PUBLISHED(1500, 1, "2 1 1 1", 0.28, 1e-6, published, false),
    PUBLISHED(1500, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(1500, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(1500, 4, "5", 1, 1e-6, NULL, false),
    PUBLISHED(1000, 1, "2 1 1 1", 0.28, 3e-6, published, false),
    PUBLISHED(1000, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(1000, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(1000, 4, "5", 1, 1e-6, NULL, false),
    PUBLISHED(500, 1, "2 1 1 1", 0.28, 8e-4, published, false),
    PUBLISHED(500, 2, "3 1 1", 0.44, 1e-6, NULL, false),
    PUBLISHED(500, 3, "3 2", 0.52, 1e-6, NULL, false),
    PUBLISHED(500, 4, "5", 1, 1e-6, NULL, false),
    REGULAR(100, false),
    REGULAR(400, false),
    REGULAR(1600, true),
    COARSENING(14, 10.1, 2.5, coarsening),
    COARSENING(10, 21.9, 5.5, NULL),
    COARSENING(8, 42.7, 11, NULL),
    COARSENING(6, 72.9, 19, NULL),
    COARSENING(4, 149.8, 40, NULL),
    COARSENING(1, 762, 60, NULL),
};

const theorem theorem_staircase = {"T13", "the staircase of the energy, and coarsening",
                                   "arXiv:2410.06833, section 6; plateau values: derived here", THEOREM_ROWS(rows)};
