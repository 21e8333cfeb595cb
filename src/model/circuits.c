/* model/circuits.c - the attention matrices of a block, head by head, from any architecture's layout. */
#include "model/circuits.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* Which of the three maps of a head. */
typedef enum map { QUERY, KEY, VALUE } map;

typedef struct reading {
  const model_architecture *architecture;
  const model_shape *shape;
  const weight_provider *provider;
  size_t block;
  double *raw; /* a slot as it is stored */
} reading;

static size_t slot_count(const reading *r, size_t slot) {
  const model_slot *s = &r->architecture->block[slot];
  return model_dim_size(r->shape, s->rows) * model_dim_size(r->shape, s->columns);
}

/* A slot into r->raw; false: the shape does not have it. */
static dwell_status read_slot(const reading *r, size_t slot, bool *ret_there, dwell_error *err) {
  *ret_there = model_slot_present(r->shape, &r->architecture->block[slot]);
  if (!*ret_there) return DWELL_OK;
  return r->provider->read(r->provider->self, false, r->block, slot, 0, slot_count(r, slot), DWELL_F64, r->raw, err);
}

/* ---- queries, keys, values ---- */

static size_t heads_of(const model_shape *s, map which) { return which == QUERY ? s->heads : s->kv_heads; }

/* Are the three maps one tensor? */
static bool is_joint(const model_architecture *a) {
  const model_slot *slot = &a->block[a->attention.queries];
  return (a->out_in ? slot->rows : slot->columns) == DIM_QKV;
}

/* The output of the tensor with which unit 0 of a head begins. */
static size_t first_unit(const reading *r, map which, size_t head) {
  const model_shape *s = r->shape;
  size_t size = s->head_size;
  if (!is_joint(r->architecture)) return head * size;
  if (r->architecture->qkv_by_head) return (3 * head + which) * size;
  return ((which > QUERY ? s->heads : 0) + (which > KEY ? s->kv_heads : 0) + head) * size;
}

/* Rows [heads, head_size, columns] of a map that puts out `units` numbers, from r->raw: [units, columns], or
 * [columns, units] where matrices are stored so. A vector has one column. */
static void take_units(const reading *r, map which, size_t columns, double *ret_rows) {
  const model_shape *s = r->shape;
  size_t units = is_joint(r->architecture) ? model_dim_size(s, DIM_QKV) : heads_of(s, which) * s->head_size;
  bool turned = !r->architecture->out_in && columns > 1;
  for (size_t h = 0; h < heads_of(s, which); h++) {
    for (size_t k = 0; k < s->head_size; k++) {
      double *to = ret_rows + (h * s->head_size + k) * columns;
      size_t unit = first_unit(r, which, h) + k;
      for (size_t j = 0; j < columns; j++) to[j] = turned ? r->raw[j * units + unit] : r->raw[unit * columns + j];
    }
  }
}

/* All three maps, or their biases, of slot `first` and, unless it holds them all, the two behind it. */
static dwell_status read_maps(const reading *r, size_t first, size_t columns, double *const ret_rows[3],
                              dwell_error *err) {
  bool joint = is_joint(r->architecture), there = false;
  for (map which = QUERY; which <= VALUE; which++) {
    if (which == QUERY || !joint) {
      dwell_status status = read_slot(r, first + (joint ? 0 : which), &there, err);
      if (status != DWELL_OK) return status;
    }
    size_t count = heads_of(r->shape, which) * r->shape->head_size * columns;
    if (there) take_units(r, which, columns, ret_rows[which]);
    else memset(ret_rows[which], 0, count * sizeof(double));
  }
  return DWELL_OK;
}

/* ---- the output map, the norm ---- */

/* W_O transposed, [heads * head_size, d]. */
static dwell_status read_output(const reading *r, double *ret_rows, dwell_error *err) {
  const model_shape *s = r->shape;
  size_t d = s->width, units = s->heads * s->head_size;
  bool there;
  dwell_status status = read_slot(r, r->architecture->attention.output, &there, err);
  if (status != DWELL_OK) return status;
  if (!r->architecture->out_in) memcpy(ret_rows, r->raw, units * d * sizeof(double));
  for (size_t i = 0; i < d && r->architecture->out_in; i++) {
    for (size_t k = 0; k < units; k++) ret_rows[k * d + i] = r->raw[i * units + k];
  }
  return DWELL_OK;
}

/* A vector of the stream's width, 0 where the shape does not have it. */
static dwell_status read_vector(const reading *r, size_t slot, double *ret_values, dwell_error *err) {
  bool there;
  dwell_status status = read_slot(r, slot, &there, err);
  if (status != DWELL_OK) return status;
  if (there) memcpy(ret_values, r->raw, r->shape->width * sizeof(double));
  else memset(ret_values, 0, r->shape->width * sizeof(double));
  return DWELL_OK;
}

/* Attention reads through the norm with which the list of a block begins, if norms stand before the sublayers. */
static bool reads_norm(const model_architecture *a, const model_shape *s) {
  return (a->block[0].flags & SLOT_NORM) && !s->post_norm;
}

/* As the forward pass scales scores (pass.c). */
static double score_scale(const model_shape *s, size_t block) {
  double scale = s->scale_scores ? 1 / sqrt((double)s->head_size) : 1;
  return s->scale_by_block ? scale / (double)(block + 1) : scale;
}

/* ---- all of it ---- */

/* Numbers that are kept; none can overflow: MODEL_MAX_WIDTH. */
static size_t kept_count(const model_shape *s) {
  size_t rows = 2 * (s->heads + s->kv_heads) * s->head_size;
  return rows * s->width + rows + 3 * s->width;
}

static size_t largest_slot(const model_shape *s) {
  return s->width * model_dim_size(s, DIM_QKV); /* not less than the output map */
}

uint64_t circuits_bytes(const model_shape *s) { return sizeof(double) * (kept_count(s) + largest_slot(s)); }

/* Cuts the storage into its parts. */
static void lay_out(const model_shape *s, dwell_weights *w, double *parts[8], double **ret_output_bias,
                    double *ret_norm[2]) {
  size_t q = s->heads * s->head_size, k = s->kv_heads * s->head_size;
  const size_t counts[8] = {q * s->width, k * s->width, k * s->width, q, k, k, q * s->width, s->width};
  double *at = w->storage;
  for (size_t i = 0; i < 8; i++) parts[i] = at, at += counts[i];
  *ret_output_bias = parts[7];
  ret_norm[0] = at, ret_norm[1] = at + s->width;
  w->query = parts[0], w->key = parts[1], w->value = parts[2];
  w->query_bias = parts[3], w->key_bias = parts[4], w->value_bias = parts[5];
  w->output = parts[6], w->output_bias = parts[7];
}

dwell_status circuits_read(const model_architecture *a, const model_shape *s, const weight_provider *provider,
                           size_t block, dwell_weights *ret_weights, dwell_error *err) {
  bool before = reads_norm(a, s);
  reading r = {.architecture = a, .shape = s, .provider = provider, .block = block};
  dwell_weights *w = ret_weights;
  double *parts[8], *output_bias, *norm[2];
  dwell_status status = DWELL_OK;
  *w = (dwell_weights){.d = s->width, .head_size = s->head_size, .heads = s->heads, .kv_heads = s->kv_heads};
  w->centred_in = before && !s->rms, w->centred_out = !s->rms;
  w->shared = a->shared_block, w->rotary = s->rotary.size > 0, w->score_scale = score_scale(s, block);
  TRY_ALLOC(w->storage = MEM_NEW(double, kept_count(s)), "the attention matrices of a block");
  TRY_ALLOC(r.raw = MEM_NEW(double, largest_slot(s)), "the attention matrices of a block");
  lay_out(s, w, parts, &output_bias, norm);
  TRY(read_maps(&r, a->attention.queries, s->width, parts, err));
  TRY(read_maps(&r, a->attention.queries_bias, 1, parts + 3, err));
  TRY(read_output(&r, parts[6], err));
  TRY(read_vector(&r, a->attention.output_bias, output_bias, err));
  if (before) {
    TRY(read_vector(&r, 0, norm[0], err));
    w->opt_gain = norm[0];
  }
  if (before && !s->rms) {
    TRY(read_vector(&r, 1, norm[1], err));
    w->opt_bias = norm[1];
  }
done:
  mem_free(r.raw);
  return status;
}
