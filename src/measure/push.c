/* measure/push.c - pushes a state, goes on, and follows how far that is from the run; and the same of random pushes of
 * the same size and rank. */
#include "measure/push.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "mechanism/push.h"
#include "trajectory/source.h"

static const char *const KINDS[] = {NULL, "centroid", "together"};

const char *measurement_push_name(dwell_push_kind kind) { return KINDS[kind]; }

static bool asked(const dwell_measure_options *o) { return o->push.kind != DWELL_PUSH_NONE; }

dwell_status push_check(const measurement *s, dwell_error *err) {
  const dwell_push *p = &s->options->push;
  const dwell_trajectory *t = s->t;
  if (!asked(s->options)) return DWELL_OK;
  if (!source_runs_from(s->source)) return error_set(err, DWELL_USAGE, "--push: only a model can go on from a state");
  if (!isfinite(p->amount)) return error_set(err, DWELL_USAGE, "--push takes a finite amount");
  if (p->state < t->first_state || p->state - t->first_state >= t->states) {
    error_set(err, DWELL_USAGE, "there is no state %zu to push: the states are %zu to %zu", p->state, t->first_state,
              t->first_state + t->states - 1);
    return error_at_item(err, "--at"), DWELL_USAGE;
  }
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set == SET_SELECTION && strcmp(item->what->name, "cluster") == 0) return DWELL_OK;
  }
  return error_set(err, DWELL_USAGE, "--push needs the clusters: --instruments must name cluster among others");
}

uint64_t push_stage_bytes(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  if (!asked(options)) return 0;
  uint64_t order = t->n < t->d ? t->n : t->d, states = 6 * (uint64_t)t->n * t->d + 2 * order * order;
  uint64_t draws = (uint64_t)(t->states + 1) * (options->null_draws + 1) * sizeof(push_distance);
  return dwell_source_bytes(source, ctx) + 8 * states + draws + push_random_bytes(t->d);
}

/* ---- following ---- */

typedef struct pushing {
  measurement *s;
  size_t first, frames;      /* frames of the run from the pushed state on */
  double *x, *other;         /* [n, d] the state; what is compared with it later */
  double *delta, *drawn;     /* [rows, d] */
  double *pushed;            /* [n, d] the state as pushed */
  const double *now;         /* delta of the run that is under way */
  push_distance *found, *to; /* [draws + 1, frames], and the row of the run under way */
  size_t at, clusters, rank, draws;
} pushing;

static void free_pushing(pushing *p) {
  mem_free(p->x);
  mem_free(p->other);
  mem_free(p->delta);
  mem_free(p->drawn);
  mem_free(p->pushed);
  mem_free(p->found);
}

static dwell_status make_room(pushing *p, dwell_error *err) {
  size_t n = p->s->t->n, d = p->s->t->d, room, cells;
  if (!size_mul(n, d, &room) || !size_mul(p->draws + 1, p->frames, &cells)) return error_no_memory(err, "a push");
  p->x = MEM_NEW(double, room), p->other = MEM_NEW(double, room), p->delta = MEM_NEW(double, room);
  p->drawn = MEM_NEW(double, room), p->pushed = MEM_NEW(double, room);
  p->found = MEM_ZERO(push_distance, cells);
  bool all = p->x && p->other && p->delta && p->drawn && p->pushed && p->found;
  return all ? DWELL_OK : error_no_memory(err, "a push");
}

static const double *as_doubles(const dwell_cloud *x, double *room) {
  if (x->dtype == DWELL_F64) return x->data;
  for (size_t i = 0; i < x->n * x->d; i++) room[i] = (double)((const float *)x->data)[i];
  return room;
}

static dwell_status compare(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  pushing *p = self;
  (void)frame;
  const measurement *s = p->s;
  dwell_status status = spool_read(s->states, p->first + p->at, p->other, err);
  if (status != DWELL_OK) return status;
  const double *y = as_doubles(x, p->pushed); /* which has been taken over by then */
  p->to[p->at++] = push_measure(x->d, s->rows, s->row_count, p->other, y, p->now);
  return DWELL_OK;
}

static dwell_status follow(pushing *p, size_t run, const double *delta, dwell_error *err) {
  measurement *s = p->s;
  size_t d = s->t->d;
  const dwell_sink sink = {.self = p, .on_state = compare};
  memcpy(p->pushed, p->x, s->t->n * d * sizeof(double));
  for (size_t i = 0; i < s->row_count; i++) {
    for (size_t k = 0; k < d; k++) p->pushed[s->rows[i] * d + k] += delta[i * d + k];
  }
  p->now = delta, p->at = 0, p->to = p->found + run * p->frames;
  return source_run_from(s->source, s->ctx, &sink, s->options->push.state, p->pushed, err);
}

static dwell_status follow_draws(pushing *p, dwell_error *err) {
  const measurement *s = p->s;
  dwell_status status = DWELL_OK;
  for (size_t r = 0; r < p->draws; r++) {
    context_progress(s->ctx, "push", (double)r, (double)p->draws);
    TRY(push_random(s->ctx->seed, r, s->row_count, s->t->d, p->delta, p->drawn, err));
    TRY(follow(p, r + 1, p->drawn, err));
  }
  context_progress(s->ctx, "push", (double)p->draws, (double)p->draws);
done:
  return status;
}

/* ---- the table ---- */

enum { DISTANCE, TURN, KEPT, QUANTITIES };

static double quantity(const push_distance *m, size_t which) {
  return which == DISTANCE ? m->distance : which == TURN ? m->turn : m->kept;
}

static double observed(const pushing *p, size_t frame, size_t which) { return quantity(&p->found[frame], which); }

static double drawn(const pushing *p, size_t r, size_t frame, size_t which) {
  return quantity(&p->found[(r + 1) * p->frames + frame], which);
}

/* What is left of it: over its size when it was pushed, so that pushes of different turns can be compared. */
static double growth(double later, double before) { return before > 0 ? later / before : 0; }

/* The value, mean and sd of the draws, and p of its growth among theirs; the columns `at` to at + 3. */
static void set_quantity(const pushing *p, size_t frame, size_t which, table *t, size_t row, size_t at, double *draws) {
  double mean = 0, square = 0, found = observed(p, frame, which);
  table_set_number(t, row, at, found);
  if (p->draws == 0) return;
  for (size_t r = 0; r < p->draws; r++) mean += drawn(p, r, frame, which) / (double)p->draws;
  for (size_t r = 0; r < p->draws; r++) {
    double x = drawn(p, r, frame, which), off = x - mean;
    square += off * off / (double)p->draws;
    draws[r] = which == KEPT ? x : growth(x, drawn(p, r, 0, which));
  }
  double own = which == KEPT ? found : growth(found, observed(p, 0, which));
  table_set_number(t, row, at + 1, mean);
  table_set_number(t, row, at + 2, sqrt(square));
  if (frame > 0) table_set_number(t, row, at + 3, push_p(own, draws, p->draws));
}

/* 1 - growth / mean growth of the draws; false without draws, and where nothing has happened yet. */
static bool healing(const pushing *p, size_t frame, size_t which, double *ret_healing) {
  double mean = 0;
  for (size_t r = 0; r < p->draws; r++)
    mean += growth(drawn(p, r, frame, which), drawn(p, r, 0, which)) / (double)p->draws;
  if (mean > 0) *ret_healing = 1 - growth(observed(p, frame, which), observed(p, 0, which)) / mean;
  return mean > 0 && frame > 0;
}

static dwell_status fill_row(const pushing *p, size_t frame, double *draws, dwell_error *err) {
  const dwell_frame *of = spool_frame(p->s->states, p->first + frame);
  bool resid = strcmp(of->tap, "resid") == 0;
  table *t = &p->s->run->push;
  size_t row;
  double h = 0;
  dwell_status status = table_add_row(t, &row, err);
  if (status != DWELL_OK) return status;
  if (resid) table_set_number(t, row, 0, (double)of->state);
  for (size_t which = 0; which < QUANTITIES; which++) { /* the final norm's space is another: nothing is kept there */
    if (which != KEPT || resid) set_quantity(p, frame, which, t, row, 2 + 4 * which, draws);
  }
  if (healing(p, frame, DISTANCE, &h)) table_set_number(t, row, 2 + 4 * QUANTITIES, h);
  if (healing(p, frame, TURN, &h)) table_set_number(t, row, 3 + 4 * QUANTITIES, h);
  return table_set_text(t, row, 1, of->tap, err);
}

static dwell_status fill_table(const pushing *p, dwell_error *err) {
  static const char *const names[] = {"state",
                                      "tap",
                                      "distance",
                                      "distance_null_mean",
                                      "distance_null_sd",
                                      "distance_p",
                                      "turn",
                                      "turn_null_mean",
                                      "turn_null_sd",
                                      "turn_p",
                                      "kept",
                                      "kept_null_mean",
                                      "kept_null_sd",
                                      "kept_p",
                                      "healing",
                                      "healing_turn"};
  dwell_status status = DWELL_OK;
  double *draws = MEM_NEW(double, p->draws + 1);
  TRY_ALLOC(draws, "the draws");
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
    TRY(table_add_column(&p->s->run->push, names[k], NULL, err));
  for (size_t f = 0; f < p->frames; f++) TRY(fill_row(p, f, draws, err));
done:
  mem_free(draws);
  return status;
}

/* ---- the stage ---- */

/* What moves: the measured tokens of the state, by their clusters. */
static dwell_status make_push(pushing *p, dwell_error *err) {
  const measurement *s = p->s;
  const dwell_push *what = &s->options->push;
  size_t d = s->t->d;
  dwell_status status = DWELL_OK;
  TRY(spool_read(s->states, p->first, p->x, err));
  for (size_t i = 0; i < s->row_count; i++) memcpy(p->other + i * d, p->x + s->rows[i] * d, d * sizeof(double));
  TRY(push_make(what->kind, what->amount, s->row_count, d, p->other, measurement_labels(s, p->first), p->delta,
                &p->clusters, err));
  TRY(push_rank(s->row_count, d, p->delta, &p->rank, err));
done:
  return status;
}

dwell_status measurement_push(measurement *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (!asked(s->options)) return DWELL_OK;
  pushing p = {.s = s, .first = s->options->push.state - s->t->first_state, .draws = s->options->null_draws};
  p.frames = s->frames - p.first;
  TRY(make_room(&p, err));
  TRY(make_push(&p, err));
  s->pushed = (measured_push){.there = true, .clusters = p.clusters, .rank = p.rank};
  if (p.rank == 0) goto done; /* no clusters, or nothing that they move */
  TRY(follow(&p, 0, p.delta, err));
  TRY(follow_draws(&p, err));
  s->pushed.size = p.found[0].distance;
  TRY(fill_table(&p, err));
done:
  free_pushing(&p);
  return status;
}
