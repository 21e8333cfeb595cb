/* model/weights.c - the tensors of a checkpoint, matched with the slots of an architecture. */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/threads.h"
#include "linalg/panels.h"

enum { NAME_SIZE = 256, ALIGN_ELEMENTS = 16, PIECE_ELEMENTS = 1 << 19 };
enum { PACKED_ELEMENTS = 1 << 16 };

size_t model_dim_size(const model_shape *shape, model_dim dim) {
  switch (dim) {
    case DIM_NONE: return 1;
    case DIM_WIDTH: return shape->width;
    case DIM_QUERIES: return shape->heads * shape->head_size;
    case DIM_KEYS: return shape->kv_heads * shape->head_size;
    case DIM_QKV: return (shape->heads + 2 * shape->kv_heads) * shape->head_size;
    case DIM_INNER: return shape->inner;
    case DIM_EMBEDDING: return shape->embedding;
    case DIM_VOCABULARY: return shape->vocabulary;
    case DIM_POSITIONS: return shape->positions;
    case DIM_TYPES: return shape->types;
    case DIM_BUCKETS: return shape->buckets;
    case DIM_HEADS: return shape->heads;
  }
  return 0;
}

bool model_slot_present(const model_shape *shape, const model_slot *slot) {
  return slot->needs == 0 || (slot->needs & shape->parts) != 0;
}

/* ---- names ---- */

/* What is needed to turn a slot into a tensor. */
typedef struct matcher {
  const model_architecture *architecture;
  const model_shape *shape;
  const char *prefix;
  model_notes *notes;
  model_weights *weights;
  size_t old_names; /* tensors found under gamma or beta */
} matcher;

/* "....weight" to "....gamma", "....bias" to "....beta"; false if the name has neither ending. */
static bool old_norm_name(const char *name, char old[NAME_SIZE]) {
  size_t length = strlen(name);
  if (str_ends(name, ".weight")) snprintf(old, NAME_SIZE, "%.*s.gamma", (int)(length - strlen(".weight")), name);
  else if (str_ends(name, ".bias")) snprintf(old, NAME_SIZE, "%.*s.beta", (int)(length - strlen(".bias")), name);
  else return false;
  return true;
}

/* The tensor under its name or, for a norm, its old name; *ret_tensor NULL if there is none. */
static dwell_status find_tensor(matcher *m, const char *name, unsigned flags, const checkpoint_tensor **ret_tensor,
                                dwell_error *err) {
  char old[NAME_SIZE];
  *ret_tensor = checkpoint_find(m->weights->file, name);
  if (!(flags & SLOT_NORM) || !old_norm_name(name, old)) return DWELL_OK;
  const checkpoint_tensor *second = checkpoint_find(m->weights->file, old);
  if (second == NULL) return DWELL_OK;
  if (*ret_tensor != NULL) {
    error_set(err, DWELL_BAD_INPUT, "the file also has %s, another name of the same tensor", old);
    error_at_item(err, name);
    error_in_file(err, checkpoint_path(m->weights->file, second));
    return DWELL_BAD_INPUT;
  }
  m->old_names++;
  *ret_tensor = second;
  return DWELL_OK;
}

static bool is_gguf(const matcher *m) { return checkpoint_gguf(m->weights->file) != NULL; }

/* The output layer in place of absent word embeddings, where config.json ties the two. */
static const checkpoint_tensor *tied_words(matcher *m, const char *name) {
  const char *tied_name = m->architecture->tied_name;
  const checkpoint_tensor *tied = checkpoint_find(m->weights->file, tied_name);
  if (tied == NULL || !m->shape->tied_words) return NULL;
  notes_add(m->notes, "%s is absent: %s, to which config.json ties it, is used", name, tied_name);
  return tied;
}

/* The name of a slot of block `block`, or of an outer one (SIZE_MAX). */
static void slot_name(const matcher *m, size_t block, const model_slot *slot, char name[NAME_SIZE]) {
  char group[NAME_SIZE] = "";
  if (block != SIZE_MAX) snprintf(group, sizeof group, is_gguf(m) ? "blk.%zu." : m->architecture->block_format, block);
  snprintf(name, NAME_SIZE, "%s%s%s", m->prefix, group, is_gguf(m) ? slot->gguf : slot->name);
}

/* ---- checks ---- */

static void shape_text(const checkpoint_tensor *tensor, char *text, size_t size) {
  size_t at = (size_t)snprintf(text, size, "[");
  for (size_t i = 0; i < tensor->rank && at < size; i++) {
    at += (size_t)snprintf(text + at, size - at, "%s%zu", i ? ", " : "", tensor->shape[i]);
  }
  if (at < size) snprintf(text + at, size - at, "]");
}

static dwell_status check_tensor(const matcher *m, const model_slot *slot, const checkpoint_tensor *tensor,
                                 dwell_error *err) {
  size_t rows = model_dim_size(m->shape, slot->rows), columns = model_dim_size(m->shape, slot->columns);
  size_t rank = slot->columns == DIM_NONE ? 1 : 2;
  dwell_status status = DWELL_OK;
  if (!tensor->readable) {
    status = error_set(err, DWELL_UNSUPPORTED, "weights of type %s are not supported", tensor->dtype);
    error_remedy(err, "Convert the checkpoint to F32, F16 or BF16");
  } else if (tensor->rank != rank || tensor->shape[0] != rows || (rank == 2 && tensor->shape[1] != columns)) {
    char found[200], expected[64];
    shape_text(tensor, found, sizeof found);
    if (rank == 1) snprintf(expected, sizeof expected, "[%zu]", rows);
    else snprintf(expected, sizeof expected, "[%zu, %zu]", rows, columns);
    status = error_set(err, DWELL_BAD_INPUT, "has shape %s, but config.json says %s", found, expected);
  }
  if (status == DWELL_OK) return DWELL_OK;
  error_at_item(err, tensor->name);
  error_in_file(err, checkpoint_path(m->weights->file, tensor));
  return status;
}

static dwell_status match_slot(matcher *m, size_t block, const model_slot *slot, const checkpoint_tensor **ret_tensor,
                               dwell_error *err) {
  char name[NAME_SIZE];
  *ret_tensor = NULL;
  if (!model_slot_present(m->shape, slot)) return DWELL_OK;
  slot_name(m, block, slot, name);
  dwell_status status = find_tensor(m, name, slot->flags, ret_tensor, err);
  if (status != DWELL_OK) return status;
  if (*ret_tensor == NULL && (slot->flags & SLOT_WORDS)) *ret_tensor = tied_words(m, name);
  if (*ret_tensor == NULL) {
    error_set(err, DWELL_BAD_INPUT, "this tensor is missing");
    error_at_item(err, name);
    error_in_file(err, checkpoint_file(m->weights->file, 0));
    return DWELL_BAD_INPUT;
  }
  return check_tensor(m, slot, *ret_tensor, err);
}

/* ---- matching ---- */

static dwell_status find_prefix(matcher *m, dwell_error *err) {
  const char *found = NULL;
  m->prefix = "";
  if (is_gguf(m)) return DWELL_OK;
  for (const char *const *prefix = m->architecture->prefixes; *prefix != NULL; prefix++) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", *prefix, m->architecture->anchor);
    if (checkpoint_find(m->weights->file, name) == NULL) continue;
    if (found != NULL) {
      error_set(err, DWELL_BAD_INPUT, "the file holds two models, with and without the prefix %s",
                found[0] ? found : *prefix);
      error_at_item(err, name);
      error_in_file(err, checkpoint_file(m->weights->file, 0));
      return DWELL_BAD_INPUT;
    }
    found = *prefix;
  }
  if (found == NULL) {
    error_set(err, DWELL_BAD_INPUT,
              "no such tensor, with or without the prefix %s: these are not the weights of a %s model",
              m->architecture->prefixes[0], m->architecture->name);
    error_at_item(err, m->architecture->anchor);
    error_in_file(err, checkpoint_file(m->weights->file, 0));
    return DWELL_BAD_INPUT;
  }
  m->prefix = found;
  if (found[0]) notes_add(m->notes, "tensor names have the prefix %s", found);
  else notes_add(m->notes, "tensor names have no prefix");
  return DWELL_OK;
}

/* A checkpoint with more blocks than config.json says contradicts it. */
static dwell_status check_depth(const matcher *m, dwell_error *err) {
  char name[NAME_SIZE];
  slot_name(m, m->weights->distinct_blocks, &m->architecture->block[0], name);
  const checkpoint_tensor *more = checkpoint_find(m->weights->file, name);
  if (more == NULL) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the file has a block %zu, but config.json says %zu blocks",
            m->weights->distinct_blocks, m->weights->distinct_blocks);
  error_at_item(err, name);
  error_in_file(err, checkpoint_path(m->weights->file, more));
  return DWELL_BAD_INPUT;
}

/* Of a shape that config.json does not say, the tensor is not what its name says. */
static const checkpoint_tensor *find_matrix(const matcher *m, const char *name, size_t rows, size_t columns) {
  const checkpoint_tensor *t = checkpoint_find(m->weights->file, name);
  bool fits = t != NULL && t->readable && t->rank == 2 && t->shape[0] == rows && t->shape[1] == columns;
  return fits ? t : NULL;
}

/* Models that are not used for their output have none; nothing but the output needs it. transformers calls it lm_head
 * in all of its classes now, whatever the checkpoints do. */
static void match_output(const matcher *m) {
  const model_architecture *a = m->architecture;
  const model_shape *s = m->shape;
  model_weights *w = m->weights;
  char name[NAME_SIZE];
  w->output = find_matrix(m, is_gguf(m) ? "output.weight" : a->tied_name, s->vocabulary, s->embedding);
  if (w->output == NULL && !is_gguf(m)) w->output = find_matrix(m, "lm_head.weight", s->vocabulary, s->embedding);
  w->tied_output = is_gguf(m) ? w->output == NULL : s->tied_words;
  if (w->tied_output) w->output = NULL;
  if (a->output_map == NULL || !(s->parts & PART_MAPPING)) return;
  snprintf(name, sizeof name, "%s%s", m->prefix, a->output_map);
  w->output_map = find_matrix(m, name, s->embedding, s->width);
}

static dwell_status match_all(matcher *m, dwell_error *err) {
  const model_architecture *a = m->architecture;
  model_weights *w = m->weights;
  dwell_status status = DWELL_OK;
  for (size_t s = 0; s < a->outer_count; s++) TRY(match_slot(m, SIZE_MAX, &a->outer[s], &w->outer[s], err));
  for (size_t b = 0; b < w->distinct_blocks; b++) {
    for (size_t s = 0; s < a->block_count; s++) {
      TRY(match_slot(m, b, &a->block[s], &w->blocks[b * a->block_count + s], err));
    }
  }
  TRY(check_depth(m, err));
  match_output(m);
  if (m->old_names) notes_add(m->notes, "%zu tensors of norms are named gamma and beta", m->old_names);
done:
  return status;
}

/* Numbers of the slots that a shape has. */
static uint64_t count_slots(const model_slot *slots, size_t count, const model_shape *shape) {
  uint64_t sum = 0;
  for (size_t s = 0; s < count; s++) {
    if (!model_slot_present(shape, &slots[s])) continue;
    sum += (uint64_t)model_dim_size(shape, slots[s].rows) * model_dim_size(shape, slots[s].columns);
  }
  return sum;
}

/* Room for the matches. The number of blocks is config.json's: more blocks than tensors cannot be matched, so that is
 * checked before anything is allocated. */
static dwell_status make_room(matcher *m, dwell_error *err) {
  const model_architecture *a = m->architecture;
  model_weights *w = m->weights;
  if (w->distinct_blocks > checkpoint_count(w->file)) {
    error_set(err, DWELL_BAD_INPUT, "config.json says %zu blocks, but there are only %zu tensors", m->shape->blocks,
              checkpoint_count(w->file));
    return error_in_file(err, checkpoint_file(w->file, 0)), DWELL_BAD_INPUT;
  }
  w->outer = ARENA_NEW(&w->storage, const checkpoint_tensor *, a->outer_count);
  w->blocks = ARENA_NEW(&w->storage, const checkpoint_tensor *, w->distinct_blocks * w->block_slots);
  return w->outer && w->blocks ? DWELL_OK : error_no_memory(err, "the list of tensors");
}

/* ---- what was matched, and what was not ---- */

static int by_address(const void *a, const void *b) {
  const checkpoint_tensor *x = *(const checkpoint_tensor *const *)a, *y = *(const checkpoint_tensor *const *)b;
  return x < y ? -1 : x > y;
}

/* Constants: what old versions of transformers saved (masks, position numbers, frequencies), and what gguf_config.c
 * reads. */
static bool is_buffer(const char *name) {
  static const char *const endings[] = {
      ".attn.bias",    ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
      ".position_ids", ".token_type_ids",   ".inv_freq",
  };
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    if (str_ends(name, endings[i])) return true;
  }
  return str_equal(name, "position_ids") || str_equal(name, "rope_freqs.weight");
}

/* Slots that the shape does not have are NULL. */
static size_t drop_absent(const checkpoint_tensor **tensors, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (tensors[i] != NULL) tensors[kept++] = tensors[i];
  }
  return kept;
}

/* Numbers of one type. */
typedef struct type_count {
  const char *dtype;
  uint64_t elements;
} type_count;

/* The type of most numbers, the first of those that tie. A few types are all that a checkpoint can hold
 * (file/dequant.h); beyond the room for them the last one counts what is left. */
static void count_used(model_weights *w, const checkpoint_tensor *const *used, size_t count) {
  enum { MOST_TYPES = 64 };
  type_count types[MOST_TYPES] = {{0}};
  size_t most = 0;
  for (size_t i = 0; i < count; i++) {
    size_t k = 0;
    while (k + 1 < MOST_TYPES && types[k].dtype != NULL && !str_equal(types[k].dtype, used[i]->dtype)) k++;
    types[k].dtype = used[i]->dtype;
    types[k].elements += used[i]->count;
  }
  for (size_t k = 1; k < MOST_TYPES; k++) {
    if (types[k].elements > types[most].elements) most = k;
  }
  w->dtype = types[most].dtype;
}

static dwell_status list_unused(model_weights *w, size_t outer_count, dwell_error *err) {
  size_t blocks = w->distinct_blocks * w->block_slots, used_count = outer_count + blocks;
  size_t all = checkpoint_count(w->file);
  const checkpoint_tensor **used = ARENA_NEW(&w->storage, const checkpoint_tensor *, used_count);
  w->unused = ARENA_NEW(&w->storage, const char *, all);
  if (used == NULL || w->unused == NULL) return error_no_memory(err, "the list of tensors");
  memcpy(used, w->outer, outer_count * sizeof *used);
  memcpy(used + outer_count, w->blocks, blocks * sizeof *used);
  used_count = drop_absent(used, used_count);
  qsort(used, used_count, sizeof *used, by_address);
  count_used(w, used, used_count);
  for (size_t i = 0; i < all; i++) {
    const checkpoint_tensor *tensor = checkpoint_at(w->file, i);
    if (bsearch(&tensor, used, used_count, sizeof *used, by_address) == NULL && !is_buffer(tensor->name)) {
      w->unused[w->unused_count++] = tensor->name;
    }
  }
  return DWELL_OK;
}

/* ---- opening ---- */

dwell_status weights_open(checkpoint *opt_file, const model_architecture *architecture, const model_shape *shape,
                          model_notes *notes, model_weights *ret_weights, dwell_error *err) {
  *ret_weights = (model_weights){.file = opt_file, .architecture = architecture, .shape = shape};
  ret_weights->block_slots = architecture->block_count;
  ret_weights->distinct_blocks = architecture->shared_block ? 1 : shape->blocks;
  ret_weights->parameters =
      count_slots(architecture->outer, architecture->outer_count, shape) +
      ret_weights->distinct_blocks * count_slots(architecture->block, architecture->block_count, shape);
  if (opt_file == NULL) return DWELL_OK;
  matcher m = {.architecture = architecture, .shape = shape, .notes = notes, .weights = ret_weights};
  const gguf *metadata = checkpoint_gguf(opt_file);
  dwell_status status = DWELL_OK;
  if (metadata != NULL) ret_weights->turned = gguf_is(metadata, "general.architecture", architecture->gguf_name);
  TRY(find_prefix(&m, err));
  TRY(make_room(&m, err));
  TRY(match_all(&m, err));
  TRY(list_unused(ret_weights, architecture->outer_count, err));
done:
  return status;
}

void weights_close(model_weights *w) {
  checkpoint_close(w->file);
  arena_clear(&w->storage);
  *w = (model_weights){0};
}

/* ---- reading ---- */

dwell_status weights_read(void *self, bool outer, size_t block, size_t slot, size_t first, size_t count,
                          dwell_dtype dtype, void *ret_values, dwell_error *err) {
  const model_weights *w = self;
  size_t place = w->distinct_blocks == 1 ? 0 : block;
  const checkpoint_tensor *tensor = outer ? w->outer[slot] : w->blocks[place * w->block_slots + slot];
  const model_slot *which = outer ? &w->architecture->outer[slot] : &w->architecture->block[slot];
  size_t turned_head = w->turned && (which->flags & SLOT_TURNED) ? w->shape->head_size : 0;
  return checkpoint_read(w->file, tensor, turned_head, first, count, dtype, ret_values, err);
}

void weights_ahead(void *self, size_t block) {
  const model_weights *w = self;
  if (block >= w->distinct_blocks) return;
  for (size_t s = 0; s < w->block_slots; s++) {
    const checkpoint_tensor *tensor = w->blocks[block * w->block_slots + s];
    if (tensor != NULL) checkpoint_ahead(w->file, tensor);
  }
}

/* Numbers that a slot takes in the buffer of its group: none if absent, or a table. */
static size_t slot_elements(const model_shape *shape, const model_slot *slot) {
  if ((slot->flags & SLOT_TABLE) || !model_slot_present(shape, slot)) return 0;
  return model_dim_size(shape, slot->rows) * model_dim_size(shape, slot->columns);
}

/* Rows of the matrix that slot s and those joined to it make. */
static size_t joint_rows(const weight_group *group, const model_shape *shape, size_t s) {
  size_t rows = model_dim_size(shape, group->slots[s].rows);
  while (++s < group->count && (group->slots[s].flags & SLOT_JOINED))
    rows += model_dim_size(shape, group->slots[s].rows);
  return rows;
}

/* The matrix of a slot that is not joined to another; its room. */
static size_t place_matrix(const weight_group *group, const model_shape *shape, size_t s, weight_place *place) {
  const model_slot *slot = &group->slots[s];
  size_t rows = joint_rows(group, shape, s), columns = model_dim_size(shape, slot->columns);
  size_t elements = slot_elements(shape, slot), packed = 0;
  place->k = group->out_in ? columns : rows, place->n = group->out_in ? rows : columns;
  bool matrix = slot->columns != DIM_NONE && !(slot->flags & SLOT_RAW) && elements > 0;
  if (matrix) packed = panels_elements(place->k, place->n, (size_t)group->dtype);
  place->packed = packed > 0;
  return place->packed ? packed : elements;
}

/* Stored rows that are packed at a time: whole blocks of the transposition, and few enough to stay in cache. */
static size_t packed_rows(size_t columns) {
  size_t rows = PACKED_ELEMENTS / columns / PANELS_ROWS * PANELS_ROWS;
  return rows > PANELS_ROWS ? rows : PANELS_ROWS;
}

static void place_group(weight_group *group, const model_shape *shape) {
  size_t at = 0;
  for (size_t s = 0; s < group->count; s++) {
    const model_slot *slot = &group->slots[s];
    weight_place *place = &group->places[s];
    size_t room = slot_elements(shape, slot), laid = packed_rows(model_dim_size(shape, slot->columns));
    *place = (weight_place){0};
    if (slot->flags & SLOT_JOINED) {
      *place = group->places[s - 1];
      place->row += model_dim_size(shape, group->slots[s - 1].rows);
      if (place->packed) room = 0; /* it has its room already */
    } else {
      at = (at + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
      room = place_matrix(group, shape, s, place);
    }
    laid *= model_dim_size(shape, slot->columns);
    if (place->packed && laid > group->scratch) group->scratch = laid;
    if (!place->packed || place->row == 0) place->offset = at;
    at += room; /* cannot overflow: MODEL_MAX_WIDTH */
  }
  group->elements = at;
}

dwell_status weights_place(const model_architecture *architecture, const model_shape *shape, dwell_dtype dtype,
                           arena *a, model_layout *ret_layout, dwell_error *err) {
  weight_group group = {.out_in = architecture->out_in, .dtype = dtype}, *outer = &ret_layout->outer;
  *ret_layout = (model_layout){group, group};
  outer->outer = true;
  outer->slots = architecture->outer, ret_layout->block.slots = architecture->block;
  outer->count = architecture->outer_count, ret_layout->block.count = architecture->block_count;
  outer->places = ARENA_NEW(a, weight_place, architecture->outer_count);
  ret_layout->block.places = ARENA_NEW(a, weight_place, architecture->block_count);
  if (!outer->places || !ret_layout->block.places) return error_no_memory(err, "the places of the weights");
  place_group(outer, shape);
  place_group(&ret_layout->block, shape);
  return DWELL_OK;
}

typedef struct piece {
  size_t slot, first, count;
} piece;

typedef struct loading {
  const weight_provider *provider;
  const weight_group *group;
  const model_shape *shape;
  size_t block;
  char *buffer;
  char *scratch; /* [threads][group->scratch] */
  piece *pieces;
  size_t count;
} loading;

static dwell_status load_piece(void *arg, size_t item, int worker, dwell_error *err) {
  const loading *l = arg;
  const weight_group *group = l->group;
  const piece *p = &l->pieces[item];
  const weight_place *place = &group->places[p->slot];
  size_t size = (size_t)group->dtype;
  char *at = l->buffer + (place->offset + (place->packed ? 0 : p->first)) * size;
  char *scratch = l->scratch + (size_t)worker * group->scratch * size;
  dwell_status status = l->provider->read(l->provider->self, group->outer, l->block, p->slot, p->first, p->count,
                                          group->dtype, place->packed ? scratch : at, err);
  if (status != DWELL_OK || !place->packed) return status;
  size_t columns = model_dim_size(l->shape, group->slots[p->slot].columns);
  const ops *real = group->dtype == DWELL_F64 ? &ops_f64 : &ops_f32;
  real->pack(place->k, place->n, group->out_in, place->row + p->first / columns, 0, p->count / columns, columns,
             scratch, columns, at);
  return DWELL_OK;
}

static size_t cut_pieces(const weight_group *group, const model_shape *shape, piece *opt_pieces) {
  size_t count = 0;
  for (size_t s = 0; s < group->count; s++) {
    size_t elements = slot_elements(shape, &group->slots[s]), columns = model_dim_size(shape, group->slots[s].columns);
    size_t most = group->places[s].packed ? packed_rows(columns) * columns : PIECE_ELEMENTS;
    for (size_t first = 0; first < elements; first += most) {
      size_t rest = elements - first;
      if (opt_pieces) opt_pieces[count] = (piece){s, first, rest < most ? rest : most};
      count++;
    }
  }
  return count;
}

dwell_status weights_load(const dwell_context *ctx, const weight_provider *provider, const weight_group *group,
                          const model_shape *shape, size_t block, void *buffer, dwell_error *err) {
  loading l = {.provider = provider, .group = group, .shape = shape, .block = block, .buffer = buffer};
  dwell_status status = DWELL_OK;
  l.count = cut_pieces(group, shape, NULL);
  TRY_ALLOC(l.pieces = MEM_NEW(piece, l.count), "the list of weights");
  TRY_ALLOC(l.scratch = mem_alloc((size_t)threads_count(ctx) * group->scratch, (size_t)group->dtype),
            "the weights being read");
  cut_pieces(group, shape, l.pieces);
  TRY(threads_for(ctx, l.count, load_piece, &l, err));
done:
  mem_free(l.pieces);
  mem_free(l.scratch);
  return status;
}
