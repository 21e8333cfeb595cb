/* model/edits.c - scaling, rotating and dropping what attention reads and writes. */
#define _GNU_SOURCE /* pthread_rwlock_t */
#include "model/edits.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"
#include "linalg/haar.h"

/* Rows of a rotated matrix that are made together, counted from its first: bits do not depend on how it is read. */
enum { TILE = 16 };
/* Rows of W_O that are held at a time; the sums go over them in this order. */
enum { CHUNK = 64 };

struct weight_edits {
  weight_provider under;
  const model_architecture *architecture;
  const model_shape *shape;
  dwell_intervention what;
  bool *dropped; /* [distinct blocks, heads], or NULL */
  pthread_rwlock_t lock;
  double *rotation; /* [d, d] of block `rotated`, or NULL */
  size_t rotated;   /* SIZE_MAX: of none yet */
};

bool edits_any(const dwell_intervention *what) {
  return what->scale_wo != 1 || what->scale_wq != 1 || what->rotate_wo || what->drop_count > 0;
}

/* ---- places ---- */

static bool is_queries(const weight_edits *e, size_t slot) {
  const model_attention *at = &e->architecture->attention;
  return slot == at->queries || slot == at->queries_bias;
}

static size_t columns_of(const weight_edits *e, size_t slot) {
  return model_dim_size(e->shape, e->architecture->block[slot].columns);
}

/* Of element `at` of a slot: which number that the map puts out it belongs to; and which that it takes in. */
static size_t out_of(const weight_edits *e, size_t slot, size_t at) {
  size_t columns = columns_of(e, slot);
  bool vector = e->architecture->block[slot].columns == DIM_NONE;
  return e->architecture->out_in || vector ? at / columns : at % columns;
}

static size_t in_of(const weight_edits *e, size_t slot, size_t at) {
  size_t columns = columns_of(e, slot);
  return e->architecture->out_in ? at % columns : at / columns;
}

/* Is number `out` of the joint map, or of that of the queries alone, a query's? */
static bool is_query(const weight_edits *e, size_t out) {
  size_t size = e->shape->head_size;
  return e->architecture->qkv_by_head ? out % (3 * size) < size : out < e->shape->heads * size;
}

static size_t block_of(const weight_edits *e, size_t block) { return e->architecture->shared_block ? 0 : block; }

/* ---- numbers of either type ---- */

static void scale_one(dwell_dtype dtype, void *values, size_t i, double by) {
  if (dtype == DWELL_F64) ((double *)values)[i] *= by;
  else ((float *)values)[i] = (float)(by * (double)((float *)values)[i]);
}

static void set_one(dwell_dtype dtype, void *values, size_t i, double value) {
  if (dtype == DWELL_F64) ((double *)values)[i] = value;
  else ((float *)values)[i] = (float)value;
}

/* ---- rotation ---- */

static dwell_status make_rotation(weight_edits *e, size_t block, dwell_error *err) {
  const random_stream stream = {.seed = e->what.rotate_seed, .purpose = RANDOM_ROTATION};
  size_t d = e->shape->width, count;
  e->rotated = SIZE_MAX;
  if (e->rotation == NULL) e->rotation = size_mul(d, d, &count) ? MEM_NEW(double, count) : NULL;
  if (e->rotation == NULL) return error_no_memory(err, "a rotation");
  dwell_status status = haar_matrix(&stream, (uint32_t)block, d, d, e->rotation, err);
  if (status == DWELL_OK) e->rotated = block;
  return status;
}

/* Takes the lock with the rotation of `block` in place; release with pthread_rwlock_unlock. Threads that read another
 * block meanwhile wait for their turn. */
static dwell_status hold_rotation(weight_edits *e, size_t block, dwell_error *err) {
  for (;;) {
    dwell_status status = DWELL_OK;
    pthread_rwlock_rdlock(&e->lock);
    if (e->rotated == block) return DWELL_OK;
    pthread_rwlock_unlock(&e->lock);
    pthread_rwlock_wrlock(&e->lock);
    if (e->rotated != block) status = make_rotation(e, block, err);
    pthread_rwlock_unlock(&e->lock);
    if (status != DWELL_OK) return status;
  }
}

/* Rows of a rotated matrix being made: Q W where rows are what the map puts out, W Q^T where they are what it takes in.
 */
typedef struct turning {
  const weight_edits *e;
  size_t block, slot;
  size_t first, rows, columns; /* first: a multiple of TILE */
  double *out;                 /* [rows, columns] */
  double *chunk;               /* rows of W */
} turning;

static dwell_status read_rows(const turning *t, size_t first, size_t count, dwell_error *err) {
  const weight_provider *u = &t->e->under;
  return u->read(u->self, false, t->block, t->slot, first * t->columns, count * t->columns, DWELL_F64, t->chunk, err);
}

static dwell_status turn_left(const turning *t, dwell_error *err) {
  size_t d = t->e->shape->width, n = t->columns;
  for (size_t k = 0; k < d; k += CHUNK) {
    size_t count = d - k < CHUNK ? d - k : CHUNK;
    dwell_status status = read_rows(t, k, count, err);
    if (status != DWELL_OK) return status;
    for (size_t i = 0; i < t->rows; i += TILE) {
      size_t rows = t->rows - i < TILE ? t->rows - i : TILE;
      gemm_f64(false, false, rows, n, count, 1, t->e->rotation + (t->first + i) * d + k, d, t->chunk, n, k > 0,
               t->out + i * n, n);
    }
  }
  return DWELL_OK;
}

static dwell_status turn_right(const turning *t, dwell_error *err) {
  size_t d = t->e->shape->width;
  for (size_t i = 0; i < t->rows; i += TILE) {
    size_t rows = t->rows - i < TILE ? t->rows - i : TILE;
    dwell_status status = read_rows(t, t->first + i, rows, err);
    if (status != DWELL_OK) return status;
    gemm_f64(false, true, rows, d, d, 1, t->chunk, d, t->e->rotation, d, 0, t->out + i * d, d);
  }
  return DWELL_OK;
}

/* Whole tiles around the elements asked for, of which those are given on. A bias is a column. */
static dwell_status read_rotated(weight_edits *e, size_t block, size_t slot, size_t first, size_t count,
                                 dwell_dtype dtype, void *values, dwell_error *err) {
  const model_slot *which = &e->architecture->block[slot];
  size_t columns = columns_of(e, slot), all = model_dim_size(e->shape, which->rows), elements;
  if (count == 0) return DWELL_OK;
  turning t = {.e = e, .block = block, .slot = slot, .columns = columns};
  t.first = first / columns / TILE * TILE;
  size_t end = (first + count - 1) / columns / TILE * TILE + TILE;
  t.rows = (end < all ? end : all) - t.first;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(t.out = size_mul(t.rows, columns, &elements) ? MEM_NEW(double, elements) : NULL, "rotated weights");
  TRY_ALLOC(t.chunk = MEM_NEW(double, CHUNK *columns), "the weights being rotated");
  TRY(hold_rotation(e, block_of(e, block), err));
  bool left = e->architecture->out_in || which->columns == DIM_NONE;
  status = left ? turn_left(&t, err) : turn_right(&t, err);
  pthread_rwlock_unlock(&e->lock);
  const double *from = t.out + (first - t.first * columns);
  for (size_t i = 0; status == DWELL_OK && i < count; i++) set_one(dtype, values, i, from[i]);
done:
  mem_free(t.out);
  mem_free(t.chunk);
  return status;
}

/* ---- the filter ---- */

static void edit_queries(const weight_edits *e, size_t slot, size_t first, size_t count, dwell_dtype dtype,
                         void *values) {
  for (size_t i = 0; i < count; i++) {
    if (is_query(e, out_of(e, slot, first + i))) scale_one(dtype, values, i, e->what.scale_wq);
  }
}

/* What a dropped head gives is multiplied by zeros. */
static void drop_heads(const weight_edits *e, size_t block, size_t slot, size_t first, size_t count, dwell_dtype dtype,
                       void *values) {
  const bool *dropped = e->dropped + block_of(e, block) * e->shape->heads;
  for (size_t i = 0; i < count; i++) {
    if (dropped[in_of(e, slot, first + i) / e->shape->head_size]) set_one(dtype, values, i, 0);
  }
}

static dwell_status read(void *self, bool outer, size_t block, size_t slot, size_t first, size_t count,
                         dwell_dtype dtype, void *ret_values, dwell_error *err) {
  weight_edits *e = self;
  const model_attention *at = &e->architecture->attention;
  bool matrix = !outer && slot == at->output, output = matrix || (!outer && slot == at->output_bias);
  dwell_status status = output && e->what.rotate_wo
                            ? read_rotated(e, block, slot, first, count, dtype, ret_values, err)
                            : e->under.read(e->under.self, outer, block, slot, first, count, dtype, ret_values, err);
  if (status != DWELL_OK || outer) return status;
  if (e->what.scale_wq != 1 && is_queries(e, slot)) edit_queries(e, slot, first, count, dtype, ret_values);
  for (size_t i = 0; output && e->what.scale_wo != 1 && i < count; i++)
    scale_one(dtype, ret_values, i, e->what.scale_wo);
  if (matrix && e->dropped != NULL) drop_heads(e, block, slot, first, count, dtype, ret_values);
  return DWELL_OK;
}

static void ahead(void *self, size_t block) {
  const weight_edits *e = self;
  if (e->under.opt_ahead != NULL) e->under.opt_ahead(e->under.self, block);
}

weight_provider edits_provider(weight_edits *e) {
  return (weight_provider){.self = e, .read = read, .opt_ahead = ahead};
}

uint64_t edits_bytes(const weight_edits *e, int threads) {
  if (e == NULL || !e->what.rotate_wo) return 0;
  size_t d = e->shape->width, taken = e->shape->heads * e->shape->head_size, columns = d > taken ? d : taken;
  enum { PIECE = 1 << 16 }; /* numbers that weights_load reads at a time, or a few rows */
  uint64_t rows = CHUNK + 4 * TILE + PIECE / columns;
  return sizeof(double) * ((uint64_t)d * d + 96 * (uint64_t)d + (uint64_t)threads * rows * columns);
}

/* ---- opening ---- */

static dwell_status check_scale(double scale, const char *option, dwell_error *err) {
  if (isfinite(scale)) return DWELL_OK;
  error_set(err, DWELL_USAGE, "takes a finite number");
  return error_at_item(err, option), DWELL_USAGE;
}

static dwell_status mark_dropped(weight_edits *e, const dwell_model *model, dwell_error *err) {
  size_t blocks = model->weights.distinct_blocks, heads = e->shape->heads;
  if (e->what.drop_count == 0) return DWELL_OK;
  e->dropped = MEM_ZERO(bool, blocks *heads);
  if (e->dropped == NULL) return error_no_memory(err, "the heads to drop");
  for (size_t k = 0; k < e->what.drop_count; k++) {
    dwell_head_place at = e->what.drop[k];
    if (at.block < blocks && at.head < heads) {
      e->dropped[at.block * heads + at.head] = true;
      continue;
    }
    error_set(err, DWELL_USAGE, "there is no head %zu.%zu: the model has blocks 0 to %zu of heads 0 to %zu", at.block,
              at.head, blocks - 1, heads - 1);
    if (e->architecture->shared_block && at.block < e->shape->blocks && at.head < heads)
      error_remedy(err, "All its blocks have the weights of block 0: drop 0.%zu of all of them", at.head);
    return error_at_item(err, "--drop-heads"), DWELL_USAGE;
  }
  return DWELL_OK;
}

dwell_status edits_open(const dwell_model *model, const dwell_intervention *what, const weight_provider *under,
                        weight_edits **ret_edits, dwell_error *err) {
  dwell_status status = DWELL_OK;
  weight_edits *e = *ret_edits = MEM_ZERO(weight_edits, 1);
  if (e == NULL) return error_no_memory(err, "an intervention");
  e->under = *under, e->architecture = model->architecture, e->shape = &model->shape, e->what = *what;
  e->rotated = SIZE_MAX;
  pthread_rwlock_init(&e->lock, NULL);
  TRY(check_scale(what->scale_wo, "--scale-wo", err));
  TRY(check_scale(what->scale_wq, "--scale-wq", err));
  TRY(mark_dropped(e, model, err));
done:
  e->what.drop = NULL; /* the caller's, and read */
  if (status != DWELL_OK) edits_close(e), *ret_edits = NULL;
  return status;
}

void edits_close(weight_edits *e) {
  if (e == NULL) return;
  pthread_rwlock_destroy(&e->lock);
  mem_free(e->dropped);
  mem_free(e->rotation);
  mem_free(e);
}
