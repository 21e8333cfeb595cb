/* model/pass_attention.c - queries, keys and values of a block, and its attention. */
#include <math.h>

#include "base/error.h"
#include "base/threads.h"
#include "model/pass.h"

/* ---- where things lie ---- */

/* In a row of p->wide; steps: from one head to the next. */
typedef struct qkv_places {
  size_t q, k, v, q_step, kv_step, context;
} qkv_places;

static qkv_places places(const model_pass *p) {
  const model_shape *s = &p->model->shape;
  size_t size = s->head_size, queries = s->heads * size, keys = s->kv_heads * size, all = queries + 2 * keys;
  if (p->model->architecture->qkv_by_head) return (qkv_places){0, size, 2 * size, 3 * size, 3 * size, all};
  return (qkv_places){0, queries, queries + keys, size, size, all};
}

pass_matrix pass_context(const model_pass *p) { return pass_wide(p, places(p).context); }

static size_t packed_keys(const model_pass *p) {
  return panels_elements(p->model->shape.head_size, p->n, p->ops->size);
}

size_t pass_packed_elements(const model_shape *s, size_t n, size_t size) {
  return panels_elements(s->head_size, n, size) + panels_elements(n, s->head_size, size);
}

/* Keys and values of a head, which several heads may share. */
static ops_head keys_of(const model_pass *p, size_t kv_head) {
  const model_shape *s = &p->model->shape;
  qkv_places at = places(p);
  size_t step = kv_head * at.kv_step, set = p->b % 2 * s->kv_heads;
  size_t pack = (set + kv_head) * pass_packed_elements(s, p->n, p->ops->size);
  return (ops_head){.keys = p->n,
                    .first = p->first,
                    .rows = p->rows,
                    .head_size = s->head_size,
                    .k = pass_at(p, p->wide, at.k + step),
                    .v = pass_at(p, p->wide, at.v + step),
                    .ld = p->wide_columns,
                    .packed_k = pass_at(p, p->packs, pack),
                    .packed_v = pass_at(p, p->packs, pack + packed_keys(p))};
}

/* ---- queries, keys and values ---- */

/* Turns queries and keys by their positions. */
static dwell_status turn(const model_pass *p, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  if (p->cosines == NULL) return DWELL_OK;
  qkv_places at = places(p);
  ops_rotation o = {
      .rows = p->rows, .size = s->rotary.size, .cosines = p->cosines, .sines = p->sines, .ldx = p->wide_columns};
  o.heads = s->heads, o.step = at.q_step, o.x = pass_at(p, p->wide, at.q);
  dwell_status status = p->ops->rotate(p->ctx, &o, err);
  if (status != DWELL_OK) return status;
  o.heads = s->kv_heads, o.step = at.kv_step, o.x = pass_at(p, p->wide, at.k);
  return p->ops->rotate(p->ctx, &o, err);
}

static dwell_status pack_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const model_pass *p = arg;
  ops_head h = keys_of(p, item);
  p->ops->head(&h);
  return DWELL_OK;
}

dwell_status pass_qkv(model_pass *p, size_t weight, size_t bias, pass_matrix x, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(pass_linear(p, &p->layout->block, weight, bias, ACTIVATION_NONE, x, pass_wide(p, 0), err));
  TRY(turn(p, err));
  TRY(threads_for(p->ctx, p->model->shape.kv_heads, pack_item, p, err));
done:
  return status;
}

/* ---- attention ---- */

typedef struct attention {
  const model_pass *p;
  size_t tiles;
  double scale;
} attention;

static double score_scale(const model_pass *p) {
  const model_shape *s = &p->model->shape;
  double scale = s->scale_scores ? 1 / sqrt((double)s->head_size) : 1;
  return s->scale_by_block ? scale / (double)(p->b + 1) : scale;
}

/* The bias of head `head` for key and query at the same place. */
static const void *relative_bias(const model_pass *p, size_t head) {
  if (p->relative == NULL) return NULL;
  return pass_at(p, p->relative, head * pass_relative_columns(&p->model->shape, p->n) + p->n - 1);
}

/* One tile of one head of a pass or window; its attention weights, [tile, n], go to `weights`, which hold them
 * afterwards if `keep`. */
static void run_tile(const attention *a, size_t head, size_t number, void *weights, bool keep) {
  const model_pass *p = a->p;
  const model_shape *s = &p->model->shape;
  size_t first = number * PASS_TILE, left = p->rows - first, row = first * p->wide_columns;
  qkv_places at = places(p);
  ops_head h = keys_of(p, head / (s->heads / s->kv_heads));
  ops_tile t = {.head = &h,
                .queries = left < PASS_TILE ? left : PASS_TILE,
                .first = p->first + first,
                .causal = p->model->architecture->causal,
                .scale = a->scale,
                .weights = weights,
                .keep_weights = keep,
                .ld_out = p->wide_columns,
                .opt_bias = relative_bias(p, head)};
  t.q = pass_at(p, p->wide, row + at.q + head * at.q_step);
  t.out = pass_at(p, p->wide, row + at.context + head * h.head_size);
  p->ops->tile(&t);
}

static dwell_status tile_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const attention *a = arg;
  const model_pass *p = a->p;
  size_t heads = p->model->shape.heads,
         number = a->tiles - 1 - item / heads; /* the longest first: threads end together */
  run_tile(a, item % heads, number, pass_at(p, p->scores, (size_t)worker * PASS_TILE * p->n), false);
  return DWELL_OK;
}

/* A whole head, tile by tile into its matrix, for the sink. */
static dwell_status head_item(void *arg, size_t head, int worker, dwell_error *err) {
  const attention *a = arg;
  const model_pass *p = a->p;
  size_t n = p->n;
  void *matrix = pass_at(p, p->heads, (size_t)worker * n * n);
  for (size_t number = 0; number < a->tiles; number++) {
    run_tile(a, head, number, pass_at(p, matrix, number * PASS_TILE * n), true);
  }
  return p->sink->on_head(p->sink->self, 0, p->b, head, matrix, err);
}

static attention attention_of(const model_pass *p) {
  return (attention){.p = p, .tiles = (p->rows + PASS_TILE - 1) / PASS_TILE, .scale = score_scale(p)};
}

static bool wants_heads(const model_pass *p) { return p->heads != NULL && !p->quiet; }

bool pass_attends_in_windows(const model_pass *p) { return !p->model->architecture->causal && !wants_heads(p); }

void pass_attend_window(const model_pass *window, int worker) {
  attention a = attention_of(window);
  void *scores = pass_at(window, window->scores, (size_t)worker * PASS_TILE * window->n);
  for (size_t item = 0; item < a.tiles * window->model->shape.heads; item++) {
    run_tile(&a, item / a.tiles, item % a.tiles, scores, false);
  }
}

dwell_status pass_attention(model_pass *p, dwell_error *err) {
  size_t heads = p->model->shape.heads;
  attention a = attention_of(p);
  bool wanted = wants_heads(p);
  return threads_for(p->ctx, wanted ? heads : heads * a.tiles, wanted ? head_item : tile_item, &a, err);
}
