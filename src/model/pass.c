/* model/pass.c - the steps of a forward pass that architectures share. */
#include "model/pass.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "linalg/panels.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* ---- buffers ---- */

/* qkv and context; or the MLP's inner layer, with its input behind it where both sublayers read the same state; or the
 * embeddings and their scratch. */
static size_t wide_columns(const model_shape *s) {
  size_t attention = model_dim_size(s, DIM_QKV) + model_dim_size(s, DIM_QUERIES);
  size_t mlp = s->inner * (s->gated ? 2 : 1) + (s->parallel ? s->width : 0);
  return larger(larger(attention, mlp), 2 * s->embedding);
}

/* Numbers of one token's cosines and sines, and of the biases of a head. */
static size_t rotary_columns(const model_shape *s) { return 2 * (s->rotary.size / 2); }
static size_t relative_columns(const model_shape *s, size_t n) { return s->buckets ? 2 * n - 1 : 0; }

/* Numbers of the keys of one head in panels, and of both keys and values. */
static size_t packed_keys(const model_shape *s, size_t n, size_t size) {
  return panels_elements(s->head_size, n, size);
}
static size_t packed_head(const model_shape *s, size_t n, size_t size) {
  return packed_keys(s, n, size) + panels_elements(n, s->head_size, size);
}

uint64_t pass_bytes(const dwell_model *model, bool kept, size_t n, dwell_dtype dtype, int threads) {
  const model_shape *s = &model->shape;
  uint64_t size = (uint64_t)dtype;
  const model_layout *layout = model_layout_of(model, dtype);
  uint64_t weights = layout->outer.elements + (kept ? 0 : layout->block.elements);
  uint64_t buffers = n * (2 * s->width + wide_columns(s) + rotary_columns(s) + parts_columns(s));
  buffers += s->heads * relative_columns(s, n) + s->kv_heads * packed_head(s, n, size);
  uint64_t per_thread =
      PASS_TILE * (uint64_t)n + (uint64_t)n * n + larger(layout->outer.scratch, layout->block.scratch);
  return size * (weights + buffers + (uint64_t)threads * per_thread);
}

static void *new_rows(const model_pass *p, size_t rows, size_t columns) {
  size_t count;
  return size_mul(rows, columns, &count) ? mem_alloc(count, p->ops->size) : NULL;
}

/* Cosines and sines of all positions, from double. */
static dwell_status make_rotary(model_pass *p, dwell_error *err) {
  const model_rotary *rotary = &p->model->shape.rotary;
  size_t half = rotary->size / 2;
  if (half == 0) return DWELL_OK;
  p->cosines = new_rows(p, p->n, half);
  p->sines = new_rows(p, p->n, half);
  if (p->cosines == NULL || p->sines == NULL) return error_no_memory(err, "the rotary positions");
  for (size_t i = 0; i < half; i++) {
    double frequency = rotary_frequency(rotary, i);
    for (size_t t = 0; t < p->n; t++) {
      double angle = (double)t * frequency, c = cos(angle), s = sin(angle);
      p->ops->store(1, &c, pass_at(p, p->cosines, t * half + i));
      p->ops->store(1, &s, pass_at(p, p->sines, t * half + i));
    }
  }
  return DWELL_OK;
}

static dwell_status make_relative(model_pass *p, dwell_error *err) {
  size_t columns = relative_columns(&p->model->shape, p->n);
  if (columns == 0) return DWELL_OK;
  p->relative = new_rows(p, p->model->shape.heads, columns);
  return p->relative != NULL ? DWELL_OK : error_no_memory(err, "the biases by position");
}

static dwell_status make_buffers(model_pass *p, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  size_t threads = (size_t)threads_count(p->ctx);
  dwell_status status = DWELL_OK;
  p->x = new_rows(p, p->n, s->width);
  p->y = new_rows(p, p->n, s->width);
  p->wide = new_rows(p, p->n, wide_columns(s));
  p->packs = new_rows(p, s->kv_heads, packed_head(s, p->n, p->ops->size));
  p->scores = new_rows(p, threads * PASS_TILE, p->n);
  p->outer_values = mem_alloc(p->layout->outer.elements, p->ops->size);
  if (p->opt_kept == NULL) p->block_values = mem_alloc(p->layout->block.elements, p->ops->size);
  bool heads = p->sink->wants_heads && p->sink->on_head != NULL;
  if (heads) p->heads = new_rows(p, threads * p->n, p->n);
  bool block = p->opt_kept != NULL || p->block_values != NULL;
  bool all = p->x && p->y && p->wide && p->packs && p->scores && p->outer_values && block && (!heads || p->heads);
  if (!all) TRY(error_no_memory(err, "the buffers of the forward pass"));
  TRY(make_rotary(p, err));
  TRY(make_relative(p, err));
  TRY(parts_open(p, err));
done:
  return status;
}

dwell_status pass_open(const dwell_model *model, const weight_provider *provider, void *const *opt_kept,
                       const dwell_context *ctx, const dwell_sink *sink, dwell_dtype dtype, const int64_t *ids,
                       size_t n, model_pass *ret_pass, dwell_error *err) {
  *ret_pass = (model_pass){.model = model, .ctx = ctx, .sink = sink, .ids = ids, .n = n};
  ret_pass->provider = *provider;
  ret_pass->layout = model_layout_of(model, dtype);
  ret_pass->opt_kept = opt_kept;
  ret_pass->ops = dtype == DWELL_F64 ? &ops_f64 : &ops_f32;
  dwell_status status = make_buffers(ret_pass, err);
  if (status != DWELL_OK) return status;
  return weights_load(ctx, &ret_pass->provider, &ret_pass->layout->outer, &model->shape, 0, ret_pass->outer_values,
                      err);
}

void pass_close(model_pass *p) {
  parts_close(p);
  mem_free(p->x);
  mem_free(p->y);
  mem_free(p->wide);
  mem_free(p->packs);
  mem_free(p->scores);
  mem_free(p->heads);
  mem_free(p->cosines);
  mem_free(p->sines);
  mem_free(p->relative);
  mem_free(p->outer_values);
  mem_free(p->block_values);
}

/* Asks for block b to be read from the disk meanwhile. */
static void read_ahead(const model_pass *p, size_t b) {
  if (p->provider.opt_ahead != NULL) p->provider.opt_ahead(p->provider.self, b);
}

dwell_status pass_load_block(model_pass *p, size_t b, bool more, dwell_error *err) {
  p->b = b;
  if (b > 0 && p->model->architecture->shared_block) return DWELL_OK;
  p->block_now = p->opt_kept != NULL ? p->opt_kept[b] : p->block_values;
  if (p->opt_kept != NULL) return DWELL_OK;
  if (b == 0) read_ahead(p, 0);
  dwell_status status =
      weights_load(p->ctx, &p->provider, &p->layout->block, &p->model->shape, b, p->block_values, err);
  if (status == DWELL_OK && more) read_ahead(p, b + 1);
  return status;
}

/* ---- steps ---- */

const void *pass_weight(const model_pass *p, const weight_group *group, size_t slot) {
  const void *values = group->outer ? p->outer_values : p->block_now;
  return (const char *)values + group->places[slot].offset * p->ops->size;
}

void *pass_at(const model_pass *p, void *buffer, size_t element) { return (char *)buffer + element * p->ops->size; }

/* The product of slot `weight` and those joined to it; ldx: from one row of x to the next. */
static dwell_status linear_from(model_pass *p, const weight_group *group, size_t weight, size_t bias,
                                ops_activation activation, const void *x, size_t opt_ldx, void *y, dwell_error *err) {
  const weight_place *place = &group->places[weight];
  ops_linear l = {.rows = p->n,
                  .in = place->k,
                  .out = place->n,
                  .x = x,
                  .ldx = opt_ldx ? opt_ldx : place->k,
                  .activation = activation,
                  .y = y,
                  .ldy = place->n};
  l.weight = pass_weight(p, group, weight);
  if (bias != PASS_NO_SLOT && model_slot_present(&p->model->shape, &group->slots[bias]))
    l.bias = pass_weight(p, group, bias);
  return p->ops->linear(p->ctx, &l, err);
}

dwell_status pass_linear(model_pass *p, const weight_group *group, size_t weight, size_t bias,
                         ops_activation activation, const void *x, void *y, dwell_error *err) {
  return linear_from(p, group, weight, bias, activation, x, 0, y, err);
}

dwell_status pass_mlp(model_pass *p, const pass_mlp_slots *slots, const void *x, void *y, dwell_error *err) {
  const weight_group *g = &p->layout->block;
  const model_shape *s = &p->model->shape;
  ops_gate gate = {.rows = p->n, .inner = s->inner, .activation = s->activation, .x = p->wide};
  dwell_status status = DWELL_OK;
  TRY(pass_linear(p, g, slots->up, slots->up_bias, s->gated ? ACTIVATION_NONE : s->activation, x, p->wide, err));
  if (s->gated) TRY(p->ops->gate(p->ctx, &gate, err));
  TRY(linear_from(p, g, slots->down, slots->down_bias, ACTIVATION_NONE, p->wide, s->gated ? 2 * s->inner : 0, y, err));
done:
  return status;
}

dwell_status pass_norm(model_pass *p, const weight_group *group, size_t weight, size_t d, void *x, const void *r,
                       bool keep_sum, void *y, dwell_error *err) {
  ops_norm o = {.rows = p->n, .d = d, .x = x, .r = r, .keep_sum = keep_sum, .epsilon = p->model->shape.epsilon, .y = y};
  o.weight = pass_weight(p, group, weight);
  if (!p->model->shape.rms) o.bias = pass_weight(p, group, weight + 1);
  return p->ops->norm(p->ctx, &o, err);
}

dwell_status pass_rows(model_pass *p, size_t slot, size_t first, size_t count, void *ret_rows, dwell_error *err) {
  const weight_provider *provider = &p->provider;
  size_t columns = model_dim_size(&p->model->shape, p->layout->outer.slots[slot].columns);
  return provider->read(provider->self, true, 0, slot, first * columns, count * columns, p->ops->dtype, ret_rows, err);
}

dwell_status pass_words(model_pass *p, size_t slot, void *ret_rows, dwell_error *err) {
  const weight_provider *provider = &p->provider;
  size_t columns = model_dim_size(&p->model->shape, p->layout->outer.slots[slot].columns);
  for (size_t i = 0; i < p->n; i++) {
    dwell_status status = provider->read(provider->self, true, 0, slot, (size_t)p->ids[i] * columns, columns,
                                         p->ops->dtype, pass_at(p, ret_rows, i * columns), err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

dwell_status pass_first_norm(model_pass *p, size_t weight, dwell_error *err) {
  if (p->quiet || p->sink->on_norm == NULL) return DWELL_OK;
  const model_shape *s = &p->model->shape;
  size_t d = s->width;
  double *values = MEM_NEW(double, 2 * d);
  if (values == NULL) return error_no_memory(err, "the weights of a norm");
  dwell_norm norm = {.rms = s->rms, .epsilon = s->epsilon, .gain = values, .bias = s->rms ? NULL : values + d};
  p->ops->load(d, pass_weight(p, &p->layout->block, weight), values);
  if (!s->rms) p->ops->load(d, pass_weight(p, &p->layout->block, weight + 1), values + d);
  dwell_status status = p->sink->on_norm(p->sink->self, p->b, &norm, err);
  mem_free(values);
  return status;
}

/* ---- attention ---- */

/* Where queries, keys and values lie in a row of qkv. */
typedef struct qkv_places {
  size_t columns, q, k, v, q_step, kv_step; /* steps: from one head to the next */
} qkv_places;

typedef struct attention {
  const model_pass *p;
  qkv_places at;
  size_t tiles, width; /* width: of the context */
  double scale;
  void *context; /* [n, width] */
} attention;

static qkv_places places(const model_pass *p) {
  const model_shape *s = &p->model->shape;
  size_t size = s->head_size, queries = s->heads * size, keys = s->kv_heads * size;
  if (p->model->architecture->qkv_by_head) return (qkv_places){3 * queries, 0, size, 2 * size, 3 * size, 3 * size};
  return (qkv_places){queries + 2 * keys, 0, queries, queries + keys, size, size};
}

static double score_scale(const model_pass *p) {
  const model_shape *s = &p->model->shape;
  double scale = s->scale_scores ? 1 / sqrt((double)s->head_size) : 1;
  return s->scale_by_block ? scale / (double)(p->b + 1) : scale;
}

/* The bias of head `head` for key and query at the same place. */
static const void *relative_bias(const model_pass *p, size_t head) {
  if (p->relative == NULL) return NULL;
  return pass_at(p, p->relative, head * relative_columns(&p->model->shape, p->n) + p->n - 1);
}

/* Keys and values of a head, which several heads may share. */
static ops_head keys_of(const attention *a, size_t kv_head) {
  const model_pass *p = a->p;
  const model_shape *s = &p->model->shape;
  size_t step = kv_head * a->at.kv_step, pack = kv_head * packed_head(s, p->n, p->ops->size);
  return (ops_head){.keys = p->n,
                    .head_size = s->head_size,
                    .k = pass_at(p, p->wide, a->at.k + step),
                    .v = pass_at(p, p->wide, a->at.v + step),
                    .ld = a->at.columns,
                    .packed_k = pass_at(p, p->packs, pack),
                    .packed_v = pass_at(p, p->packs, pack + packed_keys(s, p->n, p->ops->size))};
}

static dwell_status pack_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const attention *a = arg;
  ops_head h = keys_of(a, item);
  a->p->ops->head(&h);
  return DWELL_OK;
}

/* One tile of one head; its attention weights, [tile, n], go to `weights`. */
static void run_tile(const attention *a, size_t head, size_t number, void *weights) {
  const model_pass *p = a->p;
  const model_shape *s = &p->model->shape;
  size_t first = number * PASS_TILE, left = p->n - first;
  ops_head h = keys_of(a, head / (s->heads / s->kv_heads));
  ops_tile t = {.head = &h,
                .queries = left < PASS_TILE ? left : PASS_TILE,
                .first = first,
                .causal = p->model->architecture->causal,
                .scale = a->scale,
                .weights = weights,
                .ld_out = a->width,
                .opt_bias = relative_bias(p, head)};
  t.q = pass_at(p, p->wide, first * h.ld + a->at.q + head * a->at.q_step);
  t.out = pass_at(p, a->context, first * a->width + head * h.head_size);
  p->ops->tile(&t);
}

static dwell_status tile_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const attention *a = arg;
  const model_pass *p = a->p;
  size_t heads = p->model->shape.heads,
         number = a->tiles - 1 - item / heads; /* the longest first: threads end together */
  run_tile(a, item % heads, number, pass_at(p, p->scores, (size_t)worker * PASS_TILE * p->n));
  return DWELL_OK;
}

/* A whole head, tile by tile into its matrix, for the sink. */
static dwell_status head_item(void *arg, size_t head, int worker, dwell_error *err) {
  const attention *a = arg;
  const model_pass *p = a->p;
  size_t n = p->n;
  void *matrix = pass_at(p, p->heads, (size_t)worker * n * n);
  for (size_t number = 0; number < a->tiles; number++) {
    run_tile(a, head, number, pass_at(p, matrix, number * PASS_TILE * n));
  }
  return p->sink->on_head(p->sink->self, 0, p->b, head, matrix, err);
}

/* Turns queries and keys by their positions. */
static dwell_status turn(const attention *a, dwell_error *err) {
  const model_pass *p = a->p;
  const model_shape *s = &p->model->shape;
  if (p->cosines == NULL) return DWELL_OK;
  ops_rotation o = {
      .rows = p->n, .size = s->rotary.size, .cosines = p->cosines, .sines = p->sines, .ldx = a->at.columns};
  o.heads = s->heads, o.step = a->at.q_step, o.x = pass_at(p, p->wide, a->at.q);
  dwell_status status = p->ops->rotate(p->ctx, &o, err);
  if (status != DWELL_OK) return status;
  o.heads = s->kv_heads, o.step = a->at.kv_step, o.x = pass_at(p, p->wide, a->at.k);
  return p->ops->rotate(p->ctx, &o, err);
}

dwell_status pass_attention(model_pass *p, void **ret_context, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  dwell_status status = DWELL_OK;
  attention a = {.p = p,
                 .at = places(p),
                 .tiles = (p->n + PASS_TILE - 1) / PASS_TILE,
                 .width = s->heads * s->head_size,
                 .scale = score_scale(p)};
  a.context = pass_at(p, p->wide, p->n * a.at.columns);
  *ret_context = a.context;
  TRY(turn(&a, err));
  TRY(threads_for(p->ctx, s->kv_heads, pack_item, &a, err));
  bool heads = p->heads != NULL && !p->quiet;
  TRY(threads_for(p->ctx, heads ? s->heads : s->heads * a.tiles, heads ? head_item : tile_item, &a, err));
done:
  return status;
}
