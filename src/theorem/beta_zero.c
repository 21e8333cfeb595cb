/* theorem/beta_zero.c - T1: without temperature every start but an exceptional one ends in a point. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Largest 1 - R at time 60 over value[0] uniform starts of 8 tokens in value[1] dimensions. */
static dwell_status collapse(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", 8, (size_t)row->value[1], 0, &p, err));
  p.plan.rtol = 1e-7;
  out->measured = 0;
  for (uint32_t start = 0; start < (uint32_t)row->value[0]; start++) {
    particles_uniform(&p, start);
    p.t = 0;
    TRY(particles_to(&p, 60, ctx, err));
    out->measured = fmax(out->measured, 1 - particles_resultant(&p));
  }
done:
  particles_close(&p);
  return status;
}

static dwell_status cross_ratio(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("usa", 7, (size_t)row->value[1], 0, &p, err));
  particles_uniform(&p, 77);
  p.plan.rtol = 1e-13;
  double before = particles_cross_ratio(&p);
  TRY(particles_to(&p, 2, ctx, err));
  out->measured = fabs(particles_cross_ratio(&p) / before - 1);
done:
  particles_close(&p);
  return status;
}

/* The rank of a cross-ratio, value[0], among those of uniform starts in three dimensions. */
static dwell_status ordinary(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx;
  enum { STARTS = 1000 };
  dwell_status status = DWELL_OK;
  double found[STARTS];
  particles p = {0};
  TRY(particles_open("usa", 4, 3, 0, &p, err));
  for (uint32_t s = 0; s < STARTS; s++) {
    particles_uniform(&p, 7700 + s);
    found[s] = particles_cross_ratio(&p);
  }
  out->measured = numerics_rank(STARTS, found, row->value[0]);
done:
  particles_close(&p);
  return status;
}

/* Two tokens from a right angle, at time value[0]. */
static dwell_status two_tokens(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", 2, 2, 0, &p, err));
  particles_basis(&p);
  TRY(particles_to(&p, row->value[0], ctx, err));
  out->predicted = tanh(row->value[0]);
  out->measured = particles_cosine(&p, 0, 1);
done:
  particles_close(&p);
  return status;
}

#define STARTS "every one of the starts ends in one point (1 - R, the worst)"
#define COLLAPSE "distances fall like e^-t from R of the start on; 60 units leave rounding"

static const theorem_row rows[] = {
    {"T1.collapse.d2",
     STARTS,
     "beta = 0, n = 8, d = 2, 500 uniform starts, t = 60",
     0,
     THEOREM_AT_MOST,
     1e-12,
     COLLAPSE,
     collapse,
     {500, 2},
     false},
    {"T1.collapse.d3",
     STARTS,
     "beta = 0, n = 8, d = 3, 500 uniform starts, t = 60",
     0,
     THEOREM_AT_MOST,
     1e-12,
     COLLAPSE,
     collapse,
     {500, 3},
     false},
    {"T1.collapse.d8",
     STARTS,
     "beta = 0, n = 8, d = 8, 500 uniform starts, t = 60",
     0,
     THEOREM_AT_MOST,
     1e-12,
     COLLAPSE,
     collapse,
     {500, 8},
     false},
    {"T1.cross-ratio.d3",
     "the flow is one Moebius map for all tokens, so cross-ratios are conserved (relative change)",
     "beta = 0, n = 7, d = 3, t = 2",
     0,
     THEOREM_AT_MOST,
     1e-10,
     "steps of 1e-13 over about a hundred steps",
     cross_ratio,
     {0, 3},
     false},
    {"T1.cross-ratio.d8",
     "the same in eight dimensions",
     "beta = 0, n = 7, d = 8, t = 2",
     0,
     THEOREM_AT_MOST,
     1e-10,
     "steps of 1e-13 over about a hundred steps",
     cross_ratio,
     {0, 8},
     false},
    {"T1.cross-ratio.ordinary",
     "the source's cross-ratio, 2.853138, is an ordinary one (share of starts below it)",
     "d = 3, 1000 uniform starts",
     THEOREM_ORDINARY,
     ordinary,
     {2.853138},
     false},
    {"T1.tanh",
     "two tokens from a right angle have the cosine tanh t",
     "beta = 0, n = 2, t = 1.5",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     1e-9,
     "steps of 1e-11, some hundred of them",
     two_tokens,
     {1.5},
     false},
};

const theorem theorem_beta_zero = {
    "T1", "beta = 0: one cluster from almost every start",
    "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, Theorem 4.1; cross-ratios: derived here",
    THEOREM_ROWS(rows)};
