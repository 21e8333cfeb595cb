/* model/pass.c - the steps of a forward pass that architectures share. */
#include "model/pass.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* ---- buffers ---- */

/* qkv and context; or the MLP's inner layer, with its input behind it where both sublayers read the same state; or the
 * embeddings and their scratch. A cache line more, since rows a power of two apart crowd in few places of the cache. */
static size_t wide_columns(const model_shape *s) {
  size_t attention = model_dim_size(s, DIM_QKV) + model_dim_size(s, DIM_QUERIES);
  size_t mlp = s->inner * (s->gated ? 2 : 1) + (s->parallel ? s->width : 0);
  size_t most = larger(larger(attention, mlp), 2 * s->embedding);
  return (most + PASS_LINE - 1) / PASS_LINE * PASS_LINE + PASS_LINE;
}

/* Numbers of one token's cosines and sines. */
static size_t rotary_columns(const model_shape *s) { return 2 * (s->rotary.size / 2); }
size_t pass_relative_columns(const model_shape *s, size_t n) { return s->buckets ? 2 * n - 1 : 0; }

uint64_t pass_bytes(const dwell_model *model, bool kept, size_t n, dwell_dtype dtype, int threads) {
  const model_shape *s = &model->shape;
  uint64_t size = (uint64_t)dtype;
  const model_layout *layout = model_layout_of(model, dtype);
  uint64_t weights = layout->outer.elements + (kept ? 0 : layout->block.elements);
  uint64_t buffers = n * (2 * s->width + wide_columns(s) + rotary_columns(s) + parts_columns(s));
  buffers += s->heads * pass_relative_columns(s, n) + 2 * s->kv_heads * pass_packed_elements(s, n, size);
  buffers += 5 * PASS_LINE; /* each of make_common's may be rounded up */
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
  size_t columns = pass_relative_columns(&p->model->shape, p->n);
  if (columns == 0) return DWELL_OK;
  p->relative = new_rows(p, p->model->shape.heads, columns);
  return p->relative != NULL ? DWELL_OK : error_no_memory(err, "the biases by position");
}

/* What every pass has, one behind the other in one buffer: small ones would each have small pages (base/mem.c). */
static dwell_status make_common(model_pass *p, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  size_t threads = (size_t)threads_count(p->ctx), packed = pass_packed_elements(s, p->n, p->ops->size);
  p->wide_columns = wide_columns(s);
  struct {
    void **at;
    size_t rows, columns;
  } parts[] = {{&p->wide, p->n, p->wide_columns},
               {&p->packs, 2 * s->kv_heads, packed},
               {&p->x, p->n, s->width},
               {&p->y, p->n, s->width},
               {&p->scores, threads * PASS_TILE, p->n}};
  enum { PARTS = sizeof parts / sizeof *parts };
  size_t offsets[PARTS], all = 0;
  for (size_t i = 0; i < PARTS; i++) {
    size_t count;
    offsets[i] = all;
    bool fits = size_mul(parts[i].rows, parts[i].columns, &count) && size_add(all, count, &all) &&
                size_add(all, PASS_LINE - 1, &all);
    if (!fits) return error_no_memory(err, "the buffers of the forward pass");
    all -= all % PASS_LINE;
  }
  p->common = mem_alloc(all, p->ops->size);
  if (p->common == NULL) return error_no_memory(err, "the buffers of the forward pass");
  for (size_t i = 0; i < PARTS; i++) *parts[i].at = pass_at(p, p->common, offsets[i]);
  return DWELL_OK;
}

static dwell_status make_buffers(model_pass *p, dwell_error *err) {
  size_t threads = (size_t)threads_count(p->ctx);
  dwell_status status = DWELL_OK;
  TRY(make_common(p, err));
  p->outer_values = mem_alloc(p->layout->outer.elements, p->ops->size);
  if (p->opt_kept == NULL) p->block_values = mem_alloc(p->layout->block.elements, p->ops->size);
  bool heads = p->sink->wants_heads && p->sink->on_head != NULL;
  if (heads) p->heads = new_rows(p, threads * p->n, p->n);
  bool block = p->opt_kept != NULL || p->block_values != NULL;
  bool all = p->outer_values && block && (!heads || p->heads);
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
  *ret_pass = (model_pass){.model = model, .ctx = ctx, .sink = sink, .ids = ids, .n = n, .rows = n};
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
  mem_free(p->common);
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

const void *pass_block_weights(const model_pass *p, size_t b) {
  if (p->opt_kept != NULL) return p->opt_kept[p->model->architecture->shared_block ? 0 : b];
  return p->model->architecture->shared_block || b == p->b ? p->block_now : NULL;
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

pass_matrix pass_x(const model_pass *p) { return (pass_matrix){p->x, p->model->shape.width}; }
pass_matrix pass_y(const model_pass *p) { return (pass_matrix){p->y, p->model->shape.width}; }
pass_matrix pass_wide(const model_pass *p, size_t column) {
  return (pass_matrix){pass_at(p, p->wide, column), p->wide_columns};
}

dwell_status pass_linear(model_pass *p, const weight_group *group, size_t weight, size_t bias,
                         ops_activation activation, pass_matrix x, pass_matrix y, dwell_error *err) {
  const weight_place *place = &group->places[weight];
  ops_linear l = {.rows = p->rows,
                  .in = place->k,
                  .out = place->n,
                  .x = x.data,
                  .ldx = x.ld,
                  .activation = activation,
                  .y = y.data,
                  .ldy = y.ld};
  l.weight = pass_weight(p, group, weight);
  if (bias != PASS_NO_SLOT && model_slot_present(&p->model->shape, &group->slots[bias]))
    l.bias = pass_weight(p, group, bias);
  return p->ops->linear(p->ctx, &l, err);
}

dwell_status pass_mlp(model_pass *p, const pass_mlp_slots *slots, pass_matrix x, pass_matrix y, dwell_error *err) {
  const weight_group *g = &p->layout->block;
  const model_shape *s = &p->model->shape;
  pass_matrix inner = pass_wide(p, 0);
  ops_gate gate = {.rows = p->rows, .inner = s->inner, .activation = s->activation, .x = inner.data, .ldx = inner.ld};
  dwell_status status = DWELL_OK;
  TRY(pass_linear(p, g, slots->up, slots->up_bias, s->gated ? ACTIVATION_NONE : s->activation, x, inner, err));
  if (s->gated) TRY(p->ops->gate(p->ctx, &gate, err));
  TRY(pass_linear(p, g, slots->down, slots->down_bias, ACTIVATION_NONE, inner, y, err));
done:
  return status;
}

dwell_status pass_norm(model_pass *p, const weight_group *group, size_t weight, size_t d, void *x, const void *r,
                       bool keep_sum, pass_matrix y, dwell_error *err) {
  ops_norm o = {.rows = p->rows, .d = d, .x = x, .r = r, .keep_sum = keep_sum};
  o.epsilon = p->model->shape.epsilon, o.y = y.data, o.ldy = y.ld;
  o.weight = pass_weight(p, group, weight);
  if (!p->model->shape.rms) o.bias = pass_weight(p, group, weight + 1);
  return p->ops->norm(p->ctx, &o, err);
}

void pass_add(model_pass *p) { p->ops->add(p->rows * p->model->shape.width, p->x, p->y); }

dwell_status pass_rows(model_pass *p, size_t slot, size_t first, size_t count, void *ret_rows, dwell_error *err) {
  const weight_provider *provider = &p->provider;
  size_t columns = model_dim_size(&p->model->shape, p->layout->outer.slots[slot].columns);
  return provider->read(provider->self, true, 0, slot, first * columns, count * columns, p->ops->dtype, ret_rows, err);
}

typedef struct word_reading {
  const model_pass *p;
  size_t slot, columns;
  void *rows;
} word_reading;

enum { WORDS_ITEM = 16 }; /* tokens of an item */

static dwell_status words_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const word_reading *r = arg;
  const model_pass *p = r->p;
  size_t end = (item + 1) * WORDS_ITEM < p->rows ? (item + 1) * WORDS_ITEM : p->rows;
  for (size_t i = item * WORDS_ITEM; i < end; i++) {
    dwell_status status =
        p->provider.read(p->provider.self, true, 0, r->slot, (size_t)p->ids[p->first + i] * r->columns, r->columns,
                         p->ops->dtype, pass_at(p, r->rows, i * r->columns), err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

dwell_status pass_words(model_pass *p, size_t slot, void *ret_rows, dwell_error *err) {
  word_reading r = {.p = p, .slot = slot, .rows = ret_rows};
  r.columns = model_dim_size(&p->model->shape, p->layout->outer.slots[slot].columns);
  return threads_for(p->ctx, (p->rows + WORDS_ITEM - 1) / WORDS_ITEM, words_item, &r, err);
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
