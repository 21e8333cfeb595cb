/* measure/attribution.c - what the parts of every block do to the energy.
 *
 * The parts are delivered by running the source a second time: which tokens are measured, and at which temperature, is
 * known only when it has run once; keeping the parts of all blocks would take more memory than all else. */
#include "measure/attribution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/threads.h"
#include "mechanism/attribution.h"

enum { BETAS = 5 }; /* of the columns: four fixed ones and the calibrated one */
static const char *const names[BETAS] = {"_b0.1", "_b1", "_b2", "_b5", "_calibrated"};

const char *energy_part_name(energy_part part) {
  static const char *const parts[ENERGY_PARTS] = {"attn", "bias", "mlp", "norm", "rounding"};
  return parts[part];
}

/* Those that a column is wanted of, as they are integrated. */
typedef struct wanted_betas {
  size_t count, column[BETAS];
  double beta[BETAS];
} wanted_betas;

/* One block while its legs come. */
typedef struct stage {
  measurement *s;
  attribution *a;
  wanted_betas betas;
  size_t frame;                      /* where the block starts */
  size_t parts_left;                 /* of the leg */
  bool lone;                         /* the leg is one part, which has all of its change */
  double change[BETAS], left[BETAS]; /* of the leg; not yet given to a part */
  double shares[ENERGY_PARTS][BETAS], defect[BETAS];
} stage;

/* ---- what is wanted ---- */

/* The columns of parts in a list, or NULL. */
static const plan_item *item_of(const plan_list *list) {
  for (size_t i = 0; i < list->item_count; i++) {
    if (list->items[i].what->from_parts) return &list->items[i];
  }
  return NULL;
}

static bool wants(const plan_list *list, size_t beta) {
  const plan_item *item = item_of(list);
  for (size_t k = beta; item != NULL && k < item->what->column_count; k += BETAS) {
    if (list->values[item->first + k].wanted) return true;
  }
  return false;
}

static wanted_betas choose(const plan *p, double calibrated) {
  const double beta[BETAS] = {0.1, 1, 2, 5, calibrated};
  wanted_betas w = {0};
  for (size_t k = 0; k < BETAS; k++) {
    if ((!wants(&p->step, k) && !wants(&p->head, k)) || isnan(beta[k]) || beta[k] == 0) continue;
    w.column[w.count] = k, w.beta[w.count++] = beta[k];
  }
  return w;
}

/* ---- values ---- */

static value *step_cells(const measurement *s, size_t frame) {
  const plan_item *item = item_of(&s->plan.step);
  return item != NULL ? s->step_values + frame * s->plan.step.value_count + item->first : NULL;
}

static value *head_cells(const measurement *s, size_t frame, size_t head) {
  const plan_item *item = item_of(&s->plan.head);
  const dwell_frame *f = spool_frame(s->states, frame);
  if (item == NULL) return NULL;
  size_t at = (f->replica * s->blocks + f->state - s->t->first_state) * s->t->heads + head;
  return s->head_values + at * s->plan.head.value_count + item->first;
}

static void leave_out(value *opt_cells, size_t count, const char *reason) {
  for (size_t k = 0; opt_cells != NULL && k < count; k++) opt_cells[k] = UNDEFINED(reason);
}

/* Why a temperature was not integrated. */
static const char *reason_of(const measurement *s, size_t beta) {
  if (strcmp(s->t->kind, "model") != 0) return "the source has no parts";
  return beta < BETAS - 1 ? "not measured" : isnan(s->setting.beta) ? "beta_uncalibrated" : "beta = 0";
}

/* Every cell at first; what is integrated takes the place. */
static void clear(measurement *s) {
  for (size_t f = 0; f < s->frames; f++) {
    value *cells = step_cells(s, f);
    for (size_t k = 0; cells != NULL && k < (ENERGY_PARTS + 1) * BETAS; k++)
      leave_out(&cells[k], 1, reason_of(s, k % BETAS));
  }
  for (size_t f = 0; f < s->frames; f++) {
    const dwell_frame *frame = spool_frame(s->states, f);
    bool starts = strcmp(frame->tap, "resid") == 0 && frame->state - s->t->first_state < s->blocks;
    for (size_t h = 0; starts && h < s->t->heads; h++) {
      value *cells = head_cells(s, f, h);
      for (size_t k = 0; cells != NULL && k < BETAS; k++) leave_out(&cells[k], 1, reason_of(s, k));
    }
  }
}

static value defined(double x) { return isnan(x) ? UNDEFINED("a token passes through zero") : VALUE(x); }

/* ---- legs and parts ---- */

static void end_leg(stage *g) {
  for (size_t k = 0; k < g->betas.count && !g->lone; k++) g->shares[PART_OF_ROUNDING][k] += g->left[k];
  g->lone = true; /* nothing is left over twice */
}

static dwell_status on_leg(void *self, size_t replica, size_t block, const dwell_leg *leg, dwell_error *err) {
  stage *g = self;
  double defects[BETAS];
  (void)replica, (void)block;
  end_leg(g);
  g->lone = leg->parts == 1;
  dwell_status status = attribution_leg(g->a, leg->to, !g->lone, g->change, err);
  if (status != DWELL_OK || g->lone) return status;
  attribution_defects(g->a, defects);
  for (size_t k = 0; k < g->betas.count; k++) {
    g->defect[k] += defects[k];
    g->left[k] = g->change[k] + defects[k];
  }
  return DWELL_OK;
}

static energy_part part_of(dwell_part_kind kind) {
  switch (kind) {
    case DWELL_PART_HEAD: return PART_OF_HEADS;
    case DWELL_PART_BIAS: return PART_OF_BIAS;
    case DWELL_PART_MLP: return PART_OF_MLP;
    case DWELL_PART_NORM: return PART_OF_NORM;
  }
  return PART_OF_ROUNDING;
}

static dwell_status on_part(void *self, size_t replica, size_t block, const dwell_part *part, dwell_error *err) {
  stage *g = self;
  double shares[BETAS];
  (void)replica, (void)block;
  memcpy(shares, g->change, sizeof shares);
  dwell_status status = g->lone ? DWELL_OK : attribution_share(g->a, part->delta, shares, err);
  if (status != DWELL_OK) return status;
  value *cells = part->kind == DWELL_PART_HEAD ? head_cells(g->s, g->frame, part->head) : NULL;
  for (size_t k = 0; k < g->betas.count; k++) {
    g->shares[part_of(part->kind)][k] += shares[k];
    g->left[k] -= shares[k];
    if (cells != NULL) cells[g->betas.column[k]] = defined(shares[k]);
  }
  return DWELL_OK;
}

/* The block that ends in a frame is done. */
static void end_block(stage *g, size_t frame) {
  value *cells = step_cells(g->s, frame);
  end_leg(g);
  for (size_t k = 0; cells != NULL && k < g->betas.count; k++) {
    for (energy_part part = 0; part < ENERGY_PARTS; part++)
      cells[part * BETAS + g->betas.column[k]] = defined(g->shares[part][k]);
    cells[ENERGY_PARTS * BETAS + g->betas.column[k]] = defined(g->defect[k]);
  }
}

static dwell_status on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  stage *g = self;
  size_t first = g->s->t->first_state;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  if (frame->state > first) end_block(g, frame->state - first);
  g->frame = frame->state - first, g->lone = true;
  memset(g->shares, 0, sizeof g->shares);
  memset(g->defect, 0, sizeof g->defect);
  return attribution_start(g->a, x, err); /* elsewhere than the block's end where a state was put in its place */
}

/* ---- the stage ---- */

static dwell_status deliver(measurement *s, const wanted_betas *betas, dwell_error *err) {
  stage g = {.s = s, .betas = *betas};
  dwell_sink sink = {.self = &g, .wants_parts = true, .on_state = on_state, .on_leg = on_leg, .on_part = on_part};
  dwell_status status = DWELL_OK;
  TRY(attribution_create(s->ctx, s->rows, s->row_count, s->t->d, betas->beta, betas->count, &g.a, err));
  TRY(dwell_source_run(s->source, s->ctx, &sink, err));
done:
  attribution_destroy(g.a);
  return status;
}

dwell_status measurement_attribution(measurement *s, dwell_error *err) {
  double started = clock_seconds();
  wanted_betas betas = choose(&s->plan, s->setting.beta);
  dwell_status status = DWELL_OK;
  if (item_of(&s->plan.step) == NULL && item_of(&s->plan.head) == NULL) return DWELL_OK;
  clear(s);
  if (strcmp(s->t->kind, "model") == 0 && betas.count > 0) status = deliver(s, &betas, err);
  s->run->seconds.instruments += clock_seconds() - started;
  return status;
}

uint64_t attribution_stage_bytes(const dwell_context *ctx, const plan *p, const dwell_trajectory *t) {
  size_t betas = choose(p, 1).count;
  return betas > 0 ? attribution_bytes(t->n, t->d, betas, (uint64_t)threads_count(ctx)) : 0;
}

/* ---- looking at it ---- */

/* The temperature of "energy_b1", or BETAS. */
static size_t beta_named(const char *energy) {
  size_t k = 0;
  while (k < BETAS && strcmp(energy + strlen("energy"), names[k]) != 0) k++;
  return k;
}

value measurement_share(const measurement *s, size_t frame, const char *energy, energy_part part) {
  size_t k = beta_named(energy);
  const value *cells = step_cells(s, frame);
  return cells != NULL && k < BETAS ? cells[part * BETAS + k] : UNDEFINED("not measured");
}

value measurement_head_share(const measurement *s, size_t frame, const char *energy, size_t head) {
  size_t k = beta_named(energy);
  const value *cells = head_cells(s, frame - 1, head);
  return cells != NULL && k < BETAS ? cells[k] : UNDEFINED("not measured");
}

energy_part measurement_carrier(const measurement *s, size_t frame, const char *energy, size_t *ret_head) {
  energy_part most = ENERGY_PARTS;
  double least = INFINITY, least_head = INFINITY;
  *ret_head = SIZE_MAX;
  for (energy_part part = 0; part < ENERGY_PARTS; part++) {
    value share = measurement_share(s, frame, energy, part);
    if (share.undefined != NULL) return ENERGY_PARTS;
    if (share.number < least) least = share.number, most = part;
  }
  for (size_t h = 0; h < s->t->heads; h++) {
    value share = measurement_head_share(s, frame, energy, h);
    if (share.undefined == NULL && share.number < least_head) least_head = share.number, *ret_head = h;
  }
  return most;
}
