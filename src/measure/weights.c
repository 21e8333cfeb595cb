/* measure/weights.c - what a network's weights say: of every head, and of every block with the states at its two ends.
 *
 * Blocks are read several at a time, one for each thread, so that neither a model of few heads nor an eigenvalue
 * problem of a whole block leaves threads idle. A block that all share is measured once, but for what depends on the
 * states. */
#include "measure/weights.h"

#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "measure/heads.h"
#include "mechanism/mechanism.h"

typedef struct loaded {
  dwell_weights weights;
  double *sum; /* [d, d], or NULL: no instrument of blocks */
} loaded;

typedef struct weighing {
  measurement *s;
  circuit_null ov, qk;
  size_t first, count; /* blocks of this round, counted from the first measured */
  loaded *at;          /* [count] */
} weighing;

static bool reads_heads(const plan *p) {
  for (size_t i = 0; i < p->head.item_count; i++) {
    if (p->head.items[i].what->head_weights != NULL) return true;
  }
  return false;
}

static bool reads_blocks(const plan *p) {
  for (size_t i = 0; i < p->step.item_count; i++) {
    if (p->step.items[i].what->block_weights != NULL) return true;
  }
  return false;
}

/* ---- one head, one block ---- */

static dwell_status weigh_head(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const weighing *w = arg;
  const measurement *s = w->s;
  const plan_list *list = &s->plan.head;
  size_t heads = s->t->heads, block = w->first + item / heads;
  const mechanism_head h = {.weights = &w->at[item / heads].weights, .head = item % heads, .ov = &w->ov, .qk = &w->qk};
  value *row = s->head_values + (block * heads + h.head) * list->value_count;
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < list->item_count; i++) {
    const plan_item *it = &list->items[i];
    if (it->what->head_weights != NULL) status = it->what->head_weights(&h, row + it->first, err);
  }
  return status;
}

/* The measured tokens of a frame, [row_count, d]. */
static dwell_status take_rows(const measurement *s, size_t frame, double *scratch, double *ret_rows, dwell_error *err) {
  size_t d = s->t->d;
  dwell_status status = spool_read(s->states, frame, scratch, err);
  for (size_t i = 0; status == DWELL_OK && i < s->row_count; i++) {
    memcpy(ret_rows + i * d, scratch + s->rows[i] * d, d * sizeof(double));
  }
  return status;
}

static dwell_status weigh_items(const measurement *s, const mechanism_block *b, size_t frame, dwell_error *err) {
  const plan_list *list = &s->plan.step;
  value *row = s->step_values + frame * list->value_count;
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < list->item_count; i++) {
    const plan_item *it = &list->items[i];
    if (it->what->block_weights != NULL) status = it->what->block_weights(b, row + it->first, err);
  }
  return status;
}

static dwell_status weigh_alone(const measurement *s, const loaded *at, size_t block, dwell_error *err) {
  const mechanism_block b = {.weights = &at->weights, .sum = at->sum};
  dwell_status status = mechanism_sum(b.weights, at->sum, err);
  return status == DWELL_OK ? weigh_items(s, &b, block + 1, err) : status;
}

/* Block b and its own step, from state b to state b + 1: frames of one replica are its states in order. */
static dwell_status weigh_block(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const weighing *w = arg;
  const measurement *s = w->s;
  if (s->states == NULL) return weigh_alone(s, &w->at[item], w->first + item, err);
  size_t block = w->first + item, d = s->t->d, count = s->row_count * d;
  dwell_status status = DWELL_OK;
  double *scratch = MEM_NEW(double, s->t->n *d), *rows = MEM_NEW(double, 2 * count);
  mechanism_block b = {.weights = &w->at[item].weights,
                       .sum = w->at[item].sum,
                       .n = s->row_count,
                       .before = rows,
                       .after = rows + count};
  TRY_ALLOC(scratch, "the states at a block");
  TRY_ALLOC(rows, "the states at a block");
  TRY(take_rows(s, block, scratch, rows, err));
  TRY(take_rows(s, block + 1, scratch, rows + count, err));
  TRY(mechanism_sum(b.weights, w->at[item].sum, err));
  TRY(weigh_items(s, &b, block + 1, err));
done:
  mem_free(scratch);
  mem_free(rows);
  return status;
}

/* ---- all of them ---- */

static void unload(weighing *w) {
  for (size_t k = 0; k < w->count; k++) {
    dwell_weights_free(&w->at[k].weights);
    mem_free(w->at[k].sum);
    w->at[k].sum = NULL;
  }
}

static dwell_status load(weighing *w, bool sums, dwell_error *err) {
  const measurement *s = w->s;
  size_t d = s->t->d, square;
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < w->count; k++) {
    size_t block = s->t->first_state + w->first + k;
    TRY(source_weights(s->source, s->ctx, block, &w->at[k].weights, err));
    if (!sums) continue;
    if (!size_mul(d, d, &square)) TRY(error_no_memory(err, "the sum of the heads"));
    TRY_ALLOC(w->at[k].sum = MEM_NEW(double, square), "the sum of the heads");
  }
done:
  return status;
}

static dwell_status draw_nulls(weighing *w, const dwell_weights *weights, dwell_error *err) {
  measurement *s = w->s;
  size_t draws = s->options->null_draws > 0 ? CIRCUIT_DRAWS : 0;
  double started = clock_seconds();
  circuit_shape ov = circuit_shape_of(weights, CIRCUIT_OV), qk = circuit_shape_of(weights, CIRCUIT_QK);
  dwell_status status = circuit_null_make(s->ctx, &ov, s->ctx->seed, draws, &w->ov, err);
  if (status == DWELL_OK) status = circuit_null_make(s->ctx, &qk, s->ctx->seed, draws, &w->qk, err);
  s->run->seconds.nulls += clock_seconds() - started;
  return status;
}

/* A shared block's heads are those of every block. */
static void repeat_heads(measurement *s) {
  size_t row = s->plan.head.value_count, one = s->t->heads * row;
  for (size_t i = 0; i < s->plan.head.item_count; i++) {
    const plan_item *it = &s->plan.head.items[i];
    if (it->what->head_weights == NULL) continue;
    for (size_t h = 0; h < s->blocks * s->t->heads; h++) {
      value *to = s->head_values + h * row + it->first;
      if (h >= s->t->heads) memcpy(to, to - h / s->t->heads * one, it->what->column_count * sizeof *to);
    }
  }
}

static dwell_status weigh_round(weighing *w, bool heads, bool sums, dwell_error *err) {
  measurement *s = w->s;
  dwell_status status = DWELL_OK;
  TRY(load(w, sums, err));
  if (heads && w->first == 0) TRY(draw_nulls(w, &w->at[0].weights, err));
  bool again = w->at[0].weights.shared && w->first > 0;
  size_t distinct = w->at[0].weights.shared ? 1 : w->count;
  if (heads && !again) TRY(threads_for(s->ctx, distinct * s->t->heads, weigh_head, w, err));
  if (heads && !again && distinct < s->blocks && w->at[0].weights.shared) repeat_heads(s);
  if (sums) TRY(threads_for(s->ctx, w->count, weigh_block, w, err));
done:
  unload(w);
  return status;
}

dwell_status measurement_weights(measurement *s, dwell_error *err) {
  bool heads = reads_heads(&s->plan), sums = reads_blocks(&s->plan);
  if (!s->t->has_weights || s->blocks == 0 || (!heads && !sums)) return DWELL_OK;
  double started = clock_seconds(), drawn = s->run->seconds.nulls;
  size_t most = (size_t)threads_count(s->ctx);
  weighing w = {.s = s, .at = MEM_ZERO(loaded, most)};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(w.at, "the weights");
  for (w.first = 0; w.first < s->blocks; w.first += most) {
    w.count = s->blocks - w.first < most ? s->blocks - w.first : most;
    context_progress(s->ctx, "weights", (double)w.first, (double)s->blocks);
    TRY(weigh_round(&w, heads, sums, err));
  }
  context_progress(s->ctx, "weights", (double)s->blocks, (double)s->blocks);
  s->run->seconds.instruments += clock_seconds() - started - (s->run->seconds.nulls - drawn);
done:
  circuit_null_free(&w.ov);
  circuit_null_free(&w.qk);
  mem_free(w.at);
  return status;
}

/* ---- without a text ---- */

static dwell_status weigh_network(measurement *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(plan_make(s->t, s->options, &s->plan, err));
  TRY(run_create(&s->run, err));
  s->blocks = s->t->states - 1, s->frames = s->t->states;
  TRY(heads_make_room(s, err));
  s->step_values = mem_zero(s->frames, s->plan.step.value_count * sizeof(value));
  TRY_ALLOC(s->step_values, "the measures");
  TRY(context_check_memory(s->ctx, clock_resident_bytes() + weights_bytes(s->ctx, &s->plan, s->source),
                           "measuring the weights", err));
  TRY(measurement_weights(s, err));
  TRY(measurement_weight_tables(s, err));
done:
  return status;
}

dwell_status weights_measure(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                             dwell_run **ret_run, dwell_error *err) {
  dwell_measure_options weights_only = *options;
  measurement *s;
  *ret_run = NULL;
  if (!source_has_weights(source)) return error_set(err, DWELL_USAGE, "there are no weights to measure");
  if (options->instruments == NULL) weights_only.instruments = "ov,qk,ov_sum,peer_wv";
  dwell_status status = measurement_create(ctx, source, &weights_only, &s, err);
  if (status != DWELL_OK) return status;
  status = weigh_network(s, err);
  if (status == DWELL_OK) *ret_run = s->run;
  else dwell_run_destroy(s->run);
  measurement_destroy(s);
  return status;
}

/* ---- what it takes ---- */

uint64_t weights_bytes(const dwell_context *ctx, const plan *p, const dwell_source *source) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  uint64_t threads = (uint64_t)threads_count(ctx), d = t->d, r = t->heads > 0 ? d / t->heads + 1 : 0, bytes = 0;
  bool heads = reads_heads(p), sums = reads_blocks(p);
  if (!t->has_weights || (!heads && !sums)) return 0;
  uint64_t states = (t->states - 1 < threads ? t->states - 1 : threads) * source_weights_bytes(source);
  if (heads) bytes = threads * (circuit_bytes(r, d) + 2 * r * d * sizeof(double)) + 4 * CIRCUIT_DRAWS * 100;
  if (sums) {
    uint64_t block = d * d * sizeof(double) + 3 * t->n * d * sizeof(double) + mechanism_block_bytes(t->n, d);
    bytes = bytes > threads * block ? bytes : threads * block;
  }
  return states + bytes;
}
