/* measure/collect.c - phase one: run the source, spool its states, measure attention head by head as it comes.
 *
 * Attention (n^2 per head) is never stored unless asked for: a head's matrix lives only during the callback. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/geometry.h"
#include "measure/cost.h"
#include "measure/heads.h"
#include "measure/maps.h"

/* The square of no f32 leaves the range of a double. */
ISA_INLINE void square_f32_body(size_t d, const float *x, double *ret_square) {
  double lanes[ISA_LANES] = {0}, sum = 0;
  size_t whole = d - d % ISA_LANES;
  for (size_t k = 0; k < whole; k += ISA_LANES) {
    for (size_t u = 0; u < ISA_LANES; u++) lanes[u] += (double)x[k + u] * (double)x[k + u];
  }
  for (size_t k = whole; k < d; k++) sum += (double)x[k] * (double)x[k];
  for (size_t u = 0; u < ISA_LANES; u++) sum += lanes[u];
  *ret_square = sum;
}
ISA_DEFINE(static, square_f32, (size_t d, const float *x, double *ret_square), (d, x, ret_square))

static double norm_f32(size_t d, const float *x) {
  double square;
  square_f32(d, x, &square);
  return sqrt(square);
}

typedef struct state_lengths {
  const dwell_cloud *x;
  double *lengths; /* [n] */
} state_lengths;

enum { STRIPE = 64 }; /* tokens */

static dwell_status norms_item(void *arg, size_t item, int worker, dwell_error *err) {
  const state_lengths *a = arg;
  const dwell_cloud *x = a->x;
  (void)worker, (void)err;
  for (size_t i = item * STRIPE; i < x->n && i < (item + 1) * STRIPE; i++) {
    a->lengths[i] = x->dtype == DWELL_F32 ? norm_f32(x->d, (const float *)x->data + i * x->d)
                                          : geometry_norm(x->d, (const double *)x->data + i * x->d);
  }
  return DWELL_OK;
}

static dwell_status record_norms(measurement *s, const dwell_cloud *x, size_t row, dwell_error *err) {
  state_lengths a = {x, s->norms + row * x->n};
  return threads_for(s->ctx, (x->n + STRIPE - 1) / STRIPE, norms_item, &a, err);
}

static dwell_status on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  measurement *s = self;
  size_t earlier = s->t->first_state, at = earlier + spool_frames(s->states);
  if (frame->state < earlier) { /* not measured, but a token that is massive there is left out as in a run of all */
    return record_norms(s, x, frame->state, err);
  }
  dwell_status status = spool_on_state(s->states, frame, x, err);
  if (status == DWELL_OK) status = record_norms(s, x, at, err);
  if (status != DWELL_OK) return status;
  return heads_on_state(s, frame, x, at + 1, err);
}

static dwell_status on_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                            dwell_error *err) {
  measurement *s = self;
  const dwell_trajectory *t = s->t;
  if (s->attention != NULL && replica == 0) {
    size_t bytes = t->n * t->n * (size_t)t->dtype;
    memcpy(s->attention + ((block - t->first_state) * t->heads + head) * bytes, attention, bytes);
  }
  if (replica == 0) maps_add(s, block - t->first_state, head, attention);
  return heads_measure(s, replica, block, head, attention, err);
}

/* A copy of a block's norm. */
static dwell_status on_norm(void *self, size_t block, const dwell_norm *norm, dwell_error *err) {
  measurement *s = self;
  size_t d = s->t->d;
  dwell_norm *kept = &s->next_norms[block - s->t->first_state];
  double *values = MEM_ZERO(double, 2 * d);
  if (values == NULL) return error_no_memory(err, "the weights of a norm");
  memcpy(values, norm->gain, d * sizeof *values);
  if (norm->bias != NULL) memcpy(values + d, norm->bias, d * sizeof *values);
  mem_free((void *)(uintptr_t)kept->gain); /* of a replica before */
  *kept = (dwell_norm){.rms = norm->rms, .epsilon = norm->epsilon, .gain = values, .bias = values + d};
  return heads_on_norm(s, kept, err);
}

static dwell_status make_room(measurement *s, dwell_error *err) {
  const dwell_trajectory *t = s->t;
  dwell_status status = DWELL_OK;
  size_t frames = t->replicas * (t->states + (t->has_final_norm ? 1 : 0)), norms;
  TRY(spool_create(t, MEASURE_SPOOL_MEMORY, &s->states, err));
  if (!size_mul(t->first_state + frames, t->n, &norms)) return error_no_memory(err, "the measurement");
  s->norms = MEM_ZERO(double, norms);
  TRY_ALLOC(s->norms, "the norms");
  TRY(heads_make_room(s, err));
  TRY(maps_make_room(s, err));
  if (s->options->normed) {
    s->next_norms = MEM_ZERO(dwell_norm, s->blocks + 1);
    TRY_ALLOC(s->next_norms, "the norms of the blocks");
  }
  if (s->options->save_attention && t->heads > 0) {
    size_t one;
    if (!size_mul(t->n, t->n, &one)) return error_no_memory(err, "the attention");
    s->attention = mem_zero(s->blocks * t->heads, one * (size_t)t->dtype);
    TRY_ALLOC(s->attention, "the attention (--save attention)");
  }
done:
  return status;
}

/* Which tokens are measured: decided once, from the norms of all states. */
static dwell_status select_tokens(measurement *s, dwell_error *err) {
  size_t rows = s->t->first_state + s->frames;
  dwell_status status = selection_decide(s->t, rows, s->norms, s->options->drop_special, &s->selection, err);
  if (status != DWELL_OK) return status;
  const measured_set types = {.rows = s->selection.types, .count = s->selection.types_count};
  const measured_set all = {.rows = s->selection.all, .count = s->selection.all_count};
  for (plan_set set = 0; set < SETS; set++) s->sets[set] = plan_set_has_types(set) || s->options->types ? types : all;
  s->rows = s->sets[SET_SELECTION].rows, s->row_count = s->sets[SET_SELECTION].count;
  return DWELL_OK;
}

dwell_status measurement_collect(measurement *s, dwell_error *err) {
  double started = clock_seconds();
  dwell_status status = make_room(s, err);
  if (status != DWELL_OK) return status;
  bool heads = plan_reads_attention(&s->plan) || s->options->save_attention || s->maps != NULL;
  dwell_sink sink = {
      .self = s, .wants_heads = heads, .wants_earlier = true, .on_state = on_state, .on_head = heads ? on_head : NULL};
  if (s->next_norms != NULL) sink.on_norm = on_norm;
  status = dwell_source_run(s->source, s->ctx, &sink, err);
  if (status != DWELL_OK) return status;
  s->frames = spool_frames(s->states);
  s->run->seconds.source = clock_seconds() - started;
  s->run->source_stage = strcmp(s->t->kind, "model") == 0  ? "forward"
                         : strcmp(s->t->kind, "flow") == 0 ? "integrate"
                                                           : "import";
  return select_tokens(s, err);
}
