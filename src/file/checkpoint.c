/* file/checkpoint.c - the tensors of a checkpoint, whichever format they are in. */
#include "file/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

struct checkpoint {
  safetensors *folder; /* one of these two */
  gguf *file;
  checkpoint_tensor *tensors; /* [count] sorted by name */
  size_t count;
};

static int by_name(const void *a, const void *b) {
  return strcmp(((const checkpoint_tensor *)a)->name, ((const checkpoint_tensor *)b)->name);
}

static checkpoint_tensor of_safetensors(const safetensors_tensor *t) {
  const dequant_type *type = dequant_by_name(t->dtype);
  checkpoint_tensor r = {.name = t->name, .dtype = t->dtype, .rank = t->rank, .count = t->count, .origin = t};
  r.readable = type != NULL && type->block == 1 && type->to_float != NULL;
  memcpy(r.shape, t->shape, t->rank * sizeof r.shape[0]);
  return r;
}

static checkpoint_tensor of_gguf(const gguf_tensor *t) {
  checkpoint_tensor r = {.name = t->name, .dtype = t->type->name, .rank = t->rank, .count = t->count, .origin = t};
  r.readable = t->type->to_float != NULL;
  memcpy(r.shape, t->shape, t->rank * sizeof r.shape[0]);
  return r;
}

static dwell_status list_tensors(checkpoint *c, dwell_error *err) {
  c->count = c->file != NULL ? gguf_count(c->file) : safetensors_count(c->folder);
  c->tensors = MEM_NEW(checkpoint_tensor, c->count);
  if (c->tensors == NULL) return error_no_memory(err, "the list of tensors");
  for (size_t i = 0; i < c->count; i++) {
    c->tensors[i] = c->file != NULL ? of_gguf(gguf_at(c->file, i)) : of_safetensors(safetensors_at(c->folder, i));
  }
  if (c->count > 0) qsort(c->tensors, c->count, sizeof c->tensors[0], by_name);
  return DWELL_OK;
}

dwell_status checkpoint_open(const char *path, checkpoint **ret_checkpoint, dwell_error *err) {
  dwell_status status = DWELL_OK;
  checkpoint *c = *ret_checkpoint = MEM_ZERO(checkpoint, 1);
  TRY_ALLOC(c, "a checkpoint");
  if (str_ends(path, ".gguf")) TRY(gguf_open(path, &c->file, err));
  else TRY(safetensors_open_folder(path, &c->folder, err));
  TRY(list_tensors(c, err));
done:
  if (status != DWELL_OK) {
    checkpoint_close(c);
    *ret_checkpoint = NULL;
  }
  return status;
}

void checkpoint_close(checkpoint *c) {
  if (c == NULL) return;
  safetensors_close(c->folder);
  gguf_close(c->file);
  mem_free(c->tensors);
  mem_free(c);
}

const gguf *checkpoint_gguf(const checkpoint *c) { return c->file; }

size_t checkpoint_count(const checkpoint *c) { return c->count; }

const checkpoint_tensor *checkpoint_at(const checkpoint *c, size_t i) { return &c->tensors[i]; }

const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name) {
  const checkpoint_tensor key = {.name = name};
  return c->count > 0 ? bsearch(&key, c->tensors, c->count, sizeof key, by_name) : NULL;
}

const char *checkpoint_path(const checkpoint *c, const checkpoint_tensor *tensor) {
  if (c->file == NULL) return safetensors_path(c->folder, tensor->origin);
  return gguf_part_path(c->file, ((const gguf_tensor *)tensor->origin)->part);
}

size_t checkpoint_files(const checkpoint *c) {
  return c->file != NULL ? gguf_parts(c->file) : safetensors_files(c->folder);
}

const char *checkpoint_file(const checkpoint *c, size_t i) {
  return c->file != NULL ? gguf_part_path(c->file, i) : safetensors_file(c->folder, i);
}

dwell_status checkpoint_read(const checkpoint *c, const checkpoint_tensor *tensor, size_t turned_head, size_t first,
                             size_t count, dwell_dtype dtype, void *ret_values, dwell_error *err) {
  const void *origin = tensor->origin;
  if (c->file == NULL) return safetensors_read(c->folder, origin, first, count, dtype, ret_values, err);
  if (turned_head == 0) return gguf_read(c->file, origin, first, count, dtype, ret_values, err);
  return gguf_read_rotary(c->file, origin, turned_head, first, count, dtype, ret_values, err);
}

void checkpoint_ahead(const checkpoint *c, const checkpoint_tensor *tensor) {
  if (c->file == NULL) safetensors_ahead(c->folder, tensor->origin);
  else gguf_ahead(c->file, tensor->origin);
}
