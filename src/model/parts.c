/* model/parts.c - what moves the stream in a block, part by part: the legs of its way from one state to the next, and
 * on each what every head, the bias, the MLP or a norm adds (include/dwell/trajectory.h). Nothing here writes to what
 * the forward pass reads, so states have the same bits whether parts are asked for or not.
 *
 * Heads are made one at a time, [n, d]: all of them at once would be `heads` states. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "linalg/panels.h"
#include "model/pass.h"

enum { HEAD_TILE = 32 }; /* tokens of an item of work */

bool pass_wants_legs(const model_pass *p) { return p->parts.end != NULL && !p->quiet; }

size_t parts_columns(const model_shape *s) { return 2 * s->width + (s->parallel ? model_dim_size(s, DIM_QUERIES) : 0); }

static void *new_rows(const model_pass *p, size_t columns) {
  size_t count;
  return size_mul(p->n, columns, &count) ? mem_alloc(count, p->ops->size) : NULL;
}

dwell_status parts_open(model_pass *p, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  dwell_status status = DWELL_OK;
  if (!p->sink->wants_parts || (p->sink->on_part == NULL && p->sink->on_leg == NULL)) return DWELL_OK;
  TRY_ALLOC(p->parts.end = new_rows(p, s->width), "the parts of a block");
  TRY_ALLOC(p->parts.part = new_rows(p, s->width), "the parts of a block");
  if (s->parallel) TRY_ALLOC(p->parts.context = new_rows(p, model_dim_size(s, DIM_QUERIES)), "the parts of a block");
done:
  return status;
}

void parts_close(model_pass *p) {
  mem_free(p->parts.end);
  mem_free(p->parts.part);
  mem_free(p->parts.context);
}

/* ---- handing out ---- */

static dwell_cloud cloud_of(const model_pass *p, const void *rows) {
  return (dwell_cloud){.n = p->n, .d = p->model->shape.width, .dtype = p->ops->dtype, .data = rows};
}

static dwell_status push_leg(const model_pass *p, const void *to, size_t parts, dwell_error *err) {
  dwell_cloud cloud = cloud_of(p, to);
  dwell_leg leg = {.to = &cloud, .parts = parts};
  return p->sink->on_leg != NULL ? p->sink->on_leg(p->sink->self, 0, p->b, &leg, err) : DWELL_OK;
}

static dwell_status push_part(const model_pass *p, dwell_part_kind kind, size_t head, const void *delta,
                              dwell_error *err) {
  dwell_cloud cloud = cloud_of(p, delta);
  dwell_part part = {.kind = kind, .head = head, .delta = &cloud};
  return p->sink->on_part != NULL ? p->sink->on_part(p->sink->self, 0, p->b, &part, err) : DWELL_OK;
}

/* ---- heads and bias ---- */

typedef struct head_product {
  const model_pass *p;
  pass_matrix context; /* its columns of it */
  const void *weight;  /* its rows of the output map */
  size_t queries;      /* columns of all heads, and rows of the whole output map */
} head_product;

static dwell_status multiply_rows(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const head_product *h = arg;
  const model_pass *p = h->p;
  size_t first = item * HEAD_TILE, rows = p->n - first < HEAD_TILE ? p->n - first : HEAD_TILE;
  size_t d = p->model->shape.width, k = p->model->shape.head_size;
  size_t ldx = h->context.ld;
  const void *x = pass_at(p, h->context.data, first * ldx);
  void *y = pass_at(p, p->parts.part, first * d);
  if (p->ops->dtype == DWELL_F64) panels_multiply_f64(rows, k, d, x, ldx, h->weight, h->queries, y, d, false);
  else panels_multiply_f32(rows, k, d, x, ldx, h->weight, h->queries, y, d, false);
  return DWELL_OK;
}

/* A head reads head_size columns of the context; in a panel, its rows of the output map lie one behind the other. */
static dwell_status push_head(const model_pass *p, pass_matrix context, size_t weight, size_t head, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  head_product h = {.p = p, .queries = model_dim_size(s, DIM_QUERIES)};
  h.context = (pass_matrix){pass_at(p, context.data, head * s->head_size), context.ld};
  h.weight = (const char *)pass_weight(p, &p->layout->block, weight) + head * s->head_size * PANEL_BYTES;
  dwell_status status = threads_for(p->ctx, (p->n + HEAD_TILE - 1) / HEAD_TILE, multiply_rows, &h, err);
  return status == DWELL_OK ? push_part(p, DWELL_PART_HEAD, head, p->parts.part, err) : status;
}

static bool has_bias(const model_pass *p, size_t bias) {
  return bias != PASS_NO_SLOT && model_slot_present(&p->model->shape, &p->layout->block.slots[bias]);
}

static dwell_status push_attention(const model_pass *p, pass_matrix context, size_t weight, size_t bias,
                                   dwell_error *err) {
  const model_shape *s = &p->model->shape;
  dwell_status status = DWELL_OK;
  for (size_t h = 0; h < s->heads; h++) TRY(push_head(p, context, weight, h, err));
  if (!has_bias(p, bias)) goto done;
  memset(p->parts.part, 0, p->n * s->width * p->ops->size);
  p->ops->add_row(p->n, s->width, p->parts.part, pass_weight(p, &p->layout->block, bias));
  TRY(push_part(p, DWELL_PART_BIAS, 0, p->parts.part, err));
done:
  return status;
}

/* ---- legs ---- */

/* The end of the leg as the forward pass will have it: the same sum, entry by entry. */
static void add_move(const model_pass *p) {
  size_t count = p->n * p->model->shape.width;
  memcpy(p->parts.end, p->x, count * p->ops->size);
  p->ops->add(count, p->parts.end, p->y);
}

dwell_status pass_leg_attention(model_pass *p, size_t weight, size_t bias, dwell_error *err) {
  dwell_status status = DWELL_OK;
  add_move(p);
  TRY(push_leg(p, p->parts.end, p->model->shape.heads + has_bias(p, bias), err));
  TRY(push_attention(p, pass_context(p), weight, bias, err));
done:
  return status;
}

dwell_status pass_leg_mlp(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  add_move(p);
  dwell_status status = push_leg(p, p->parts.end, 1, err);
  return status == DWELL_OK ? push_part(p, DWELL_PART_MLP, 0, p->y, err) : status;
}

/* x - end, into `part`. */
static void subtract_end(const model_pass *p) {
  size_t count = p->n * p->model->shape.width;
  const double *x = p->x, *end = p->parts.end;
  const float *x32 = p->x, *end32 = p->parts.end;
  double *part = p->parts.part;
  float *part32 = p->parts.part;
  for (size_t i = 0; i < count; i++) {
    if (p->ops->dtype == DWELL_F64) part[i] = x[i] - end[i];
    else part32[i] = x32[i] - end32[i];
  }
}

dwell_status pass_leg_norm(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  subtract_end(p);
  dwell_status status = push_leg(p, p->x, 1, err);
  return status == DWELL_OK ? push_part(p, DWELL_PART_NORM, 0, p->parts.part, err) : status;
}

void pass_keep_context(model_pass *p) {
  size_t columns = model_dim_size(&p->model->shape, DIM_QUERIES);
  pass_matrix context = pass_context(p);
  for (size_t i = 0; i < p->n; i++) {
    memcpy(pass_at(p, p->parts.context, i * columns), pass_at(p, context.data, i * context.ld), columns * p->ops->size);
  }
}

dwell_status pass_leg_both(model_pass *p, size_t weight, size_t bias, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  pass_matrix context = {p->parts.context, model_dim_size(s, DIM_QUERIES)};
  dwell_status status = DWELL_OK;
  TRY(push_leg(p, p->x, s->heads + has_bias(p, bias) + 1, err));
  TRY(push_attention(p, context, weight, bias, err));
  TRY(push_part(p, DWELL_PART_MLP, 0, p->y, err));
done:
  return status;
}
