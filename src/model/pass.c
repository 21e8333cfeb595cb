/* model/pass.c - the steps of a forward pass that architectures share. */
#include "model/pass.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "linalg/gemm.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* ---- buffers ---- */

static size_t padded(const dwell_model *model, size_t n) {
  return model->architecture->causal ? (n + PASS_TILE - 1) / PASS_TILE * PASS_TILE : n;
}

static size_t wide_columns(const model_shape *shape) {
  return larger(larger(4 * shape->width, shape->inner), 2 * shape->embedding);
}

/* Scratch of the largest product, whatever the architecture. */
static size_t product_bytes(const model_shape *s, size_t size, int threads) {
  size_t most = gemm_rows_bytes(s->width, 3 * s->width, size, threads);
  most = larger(most, gemm_rows_bytes(s->width, s->width, size, threads));
  most = larger(most, gemm_rows_bytes(s->width, s->inner, size, threads));
  most = larger(most, gemm_rows_bytes(s->inner, s->width, size, threads));
  return larger(most, gemm_rows_bytes(s->embedding, s->width, size, threads));
}

uint64_t pass_bytes(const dwell_model *model, size_t n, dwell_dtype dtype, int threads) {
  const model_shape *s = &model->shape;
  uint64_t size = (uint64_t)dtype, rows = padded(model, n);
  uint64_t weights = model->outer.elements + model->block.elements;
  uint64_t buffers = rows * (2 * s->width + wide_columns(s));
  uint64_t per_thread = PASS_TILE * rows + (uint64_t)n * n;
  return size * (weights + buffers + (uint64_t)threads * per_thread) + product_bytes(s, (size_t)dtype, threads);
}

/* Rows of `columns` numbers, zero: rows behind the last token are operands of whole tiles. */
static void *new_rows(const model_pass *p, size_t rows, size_t columns) {
  size_t count;
  return size_mul(rows, columns, &count) ? mem_zero(count, p->ops->size) : NULL;
}

static dwell_status make_buffers(model_pass *p, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  size_t threads = (size_t)threads_count(p->ctx);
  dwell_status status = DWELL_OK;
  p->x = new_rows(p, p->rows, s->width);
  p->y = new_rows(p, p->rows, s->width);
  p->wide = new_rows(p, p->rows, wide_columns(s));
  p->scores = new_rows(p, threads * PASS_TILE, p->rows);
  p->outer_values = mem_alloc(p->model->outer.elements, p->ops->size);
  p->block_values = mem_alloc(p->model->block.elements, p->ops->size);
  bool heads = p->sink->wants_heads && p->sink->on_head != NULL;
  if (heads) p->heads = new_rows(p, threads * p->n, p->n);
  bool all = p->x && p->y && p->wide && p->scores && p->outer_values && p->block_values && (!heads || p->heads);
  if (!all) status = error_no_memory(err, "the buffers of the forward pass");
  return status;
}

dwell_status pass_open(const dwell_model *model, const dwell_context *ctx, const dwell_sink *sink, dwell_dtype dtype,
                       const int64_t *ids, size_t n, model_pass *ret_pass, dwell_error *err) {
  *ret_pass = (model_pass){.model = model, .ctx = ctx, .sink = sink, .ids = ids, .n = n, .rows = padded(model, n)};
  ret_pass->ops = dtype == DWELL_F64 ? &ops_f64 : &ops_f32;
  dwell_status status = make_buffers(ret_pass, err);
  if (status != DWELL_OK) return status;
  return weights_load(ctx, &model->provider, &model->outer, &model->shape, 0, dtype, ret_pass->outer_values, err);
}

void pass_close(model_pass *p) {
  mem_free(p->x);
  mem_free(p->y);
  mem_free(p->wide);
  mem_free(p->scores);
  mem_free(p->heads);
  mem_free(p->outer_values);
  mem_free(p->block_values);
}

dwell_status pass_load_block(model_pass *p, size_t b, dwell_error *err) {
  const dwell_model *m = p->model;
  p->b = b;
  if (b > 0 && m->architecture->shared_block) return DWELL_OK;
  return weights_load(p->ctx, &m->provider, &m->block, &m->shape, b, p->ops->dtype, p->block_values, err);
}

/* ---- steps ---- */

const void *pass_weight(const model_pass *p, const weight_group *group, size_t slot) {
  void *values = group->outer ? p->outer_values : p->block_values;
  return pass_at(p, values, group->offsets[slot]);
}

void *pass_at(const model_pass *p, void *buffer, size_t element) { return (char *)buffer + element * p->ops->size; }

dwell_status pass_linear(model_pass *p, const weight_group *group, size_t weight, size_t bias,
                         ops_activation activation, const void *x, void *y, dwell_error *err) {
  const model_shape *shape = &p->model->shape;
  size_t rows = model_dim_size(shape, group->slots[weight].rows);
  size_t columns = model_dim_size(shape, group->slots[weight].columns);
  for (size_t s = weight + 1; s < group->count && (group->slots[s].flags & SLOT_JOINED); s++) {
    rows += model_dim_size(shape, group->slots[s].rows);
  }
  bool out_in = p->model->architecture->out_in;
  size_t in = out_in ? columns : rows, out = out_in ? rows : columns;
  ops_linear l = {.rows = p->n,
                  .in = in,
                  .out = out,
                  .x = x,
                  .ldx = in,
                  .out_in = out_in,
                  .activation = activation,
                  .y = y,
                  .ldy = out};
  l.weight = pass_weight(p, group, weight);
  l.bias = pass_weight(p, group, bias);
  return p->ops->linear(p->ctx, &l, err);
}

dwell_status pass_norm(model_pass *p, const weight_group *group, size_t weight, size_t d, void *x, const void *r,
                       bool keep_sum, void *y, dwell_error *err) {
  ops_norm o = {.rows = p->n, .d = d, .x = x, .r = r, .keep_sum = keep_sum, .epsilon = p->model->shape.epsilon, .y = y};
  o.weight = pass_weight(p, group, weight);
  o.bias = pass_weight(p, group, weight + 1);
  return p->ops->norm(p->ctx, &o, err);
}

dwell_status pass_rows(model_pass *p, size_t slot, size_t count, void *ret_rows, dwell_error *err) {
  const weight_provider *provider = &p->model->provider;
  size_t columns = model_dim_size(&p->model->shape, p->model->outer.slots[slot].columns);
  return provider->read(provider->self, true, 0, slot, 0, count * columns, p->ops->dtype, ret_rows, err);
}

dwell_status pass_words(model_pass *p, size_t slot, void *ret_rows, dwell_error *err) {
  const weight_provider *provider = &p->model->provider;
  size_t columns = model_dim_size(&p->model->shape, p->model->outer.slots[slot].columns);
  for (size_t i = 0; i < p->n; i++) {
    dwell_status status = provider->read(provider->self, true, 0, slot, (size_t)p->ids[i] * columns, columns,
                                         p->ops->dtype, pass_at(p, ret_rows, i * columns), err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

dwell_status pass_part(model_pass *p, const char *part, const void *delta, dwell_error *err) {
  if (!p->sink->wants_parts || p->sink->on_part == NULL) return DWELL_OK;
  dwell_cloud cloud = {.n = p->n, .d = p->model->shape.width, .dtype = p->ops->dtype, .data = delta};
  return p->sink->on_part(p->sink->self, 0, p->b, part, &cloud, err);
}

/* ---- attention ---- */

typedef struct attention {
  const model_pass *p;
  size_t tiles, head_size;
  double scale;
  void *context; /* [rows, d] */
} attention;

static double score_scale(const model_pass *p) {
  const model_shape *s = &p->model->shape;
  double scale = s->scale_scores ? 1 / sqrt((double)(s->width / s->heads)) : 1;
  return s->scale_by_block ? scale / (double)(p->b + 1) : scale;
}

/* One tile of one head; the attention weights stay in the worker's scores. */
static void run_tile(const attention *a, size_t head, size_t number, void *scores, size_t *ret_keys) {
  const model_pass *p = a->p;
  size_t d = p->model->shape.width, column = head * a->head_size, first = number * PASS_TILE;
  bool causal = p->model->architecture->causal;
  size_t left = p->rows - first;
  ops_tile t = {.queries = left < PASS_TILE ? left : PASS_TILE,
                .head_size = a->head_size,
                .first = first,
                .causal = causal,
                .scale = a->scale,
                .ld = 3 * d,
                .weights = scores,
                .ld_out = d};
  t.keys = causal ? first + PASS_TILE : p->n;
  t.q = pass_at(p, p->wide, first * 3 * d + column);
  t.k = pass_at(p, p->wide, d + column);
  t.v = pass_at(p, p->wide, 2 * d + column);
  t.out = pass_at(p, a->context, first * d + column);
  p->ops->tile(&t);
  *ret_keys = t.keys;
}

static void *worker_scores(const model_pass *p, int worker) {
  return pass_at(p, p->scores, (size_t)worker * PASS_TILE * p->rows);
}

static dwell_status tile_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const attention *a = arg;
  size_t heads = a->p->model->shape.heads, keys;
  size_t number = a->tiles - 1 - item / heads; /* the longest tiles first: threads finish together */
  run_tile(a, item % heads, number, worker_scores(a->p, worker), &keys);
  return DWELL_OK;
}

/* A whole head: tile by tile as above, and its matrix for the sink. */
static dwell_status head_item(void *arg, size_t head, int worker, dwell_error *err) {
  const attention *a = arg;
  const model_pass *p = a->p;
  size_t n = p->n, size = p->ops->size;
  void *scores = worker_scores(p, worker);
  char *matrix = pass_at(p, p->heads, (size_t)worker * n * n);
  memset(matrix, 0, n * n * size);
  for (size_t number = 0; number < a->tiles; number++) {
    size_t keys, first = number * PASS_TILE, end = first + PASS_TILE < n ? first + PASS_TILE : n;
    run_tile(a, head, number, scores, &keys);
    for (size_t i = first; i < end; i++) {
      memcpy(matrix + i * n * size, pass_at(p, scores, (i - first) * keys), (keys < n ? keys : n) * size);
    }
  }
  return p->sink->on_head(p->sink->self, 0, p->b, head, matrix, err);
}

dwell_status pass_attention(model_pass *p, void **ret_context, dwell_error *err) {
  size_t d = p->model->shape.width, heads = p->model->shape.heads;
  attention a = {
      .p = p, .tiles = (p->rows + PASS_TILE - 1) / PASS_TILE, .head_size = d / heads, .scale = score_scale(p)};
  a.context = pass_at(p, p->wide, p->rows * 3 * d);
  *ret_context = a.context;
  memset(pass_at(p, p->wide, p->n * 3 * d), 0, (p->rows - p->n) * 3 * d * p->ops->size);
  if (p->heads != NULL) return threads_for(p->ctx, heads, head_item, &a, err);
  return threads_for(p->ctx, heads * a.tiles, tile_item, &a, err);
}
