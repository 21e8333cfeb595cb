/* file/gguf.c - open GGUF files, find what is in them, and read tensors. */
#include "file/gguf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/bytes.h"
#include "file/gguf_header.h"
#include "file/tensor.h"

/* ---- opening ---- */

dwell_status gguf_open_one(const char *path, gguf **ret_file, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_file = NULL;
  gguf *file = MEM_ZERO(gguf, 1);
  TRY_ALLOC(file, "a GGUF reader");
  file->fd = -1;
  file->path = arena_text(&file->storage, path, strlen(path));
  TRY_ALLOC(file->path, "a GGUF reader");
  TRY(bytes_open(path, &file->fd, &file->size, err));
  TRY(gguf_header_read(file, err));
  *ret_file = file;
done:
  if (status != DWELL_OK) {
    error_in_file(err, path);
    gguf_close(file);
  }
  return status;
}

dwell_status gguf_open(const char *path, gguf **ret_file, dwell_error *err) {
  dwell_status status = gguf_open_one(path, ret_file, err);
  if (status == DWELL_OK) status = gguf_open_parts(*ret_file, err);
  if (status == DWELL_OK) return status;
  error_in_file(err, path);
  gguf_close(*ret_file);
  *ret_file = NULL;
  return status;
}

void gguf_close(gguf *file) {
  if (file == NULL) return;
  for (size_t i = 0; i < file->part_count; i++) gguf_close(file->parts[i]);
  mem_free(file->parts);
  if (file->fd >= 0) close(file->fd);
  mem_free(file->header);
  mem_free(file->entries);
  mem_free(file->entries_by_key);
  mem_free(file->tensors);
  mem_free(file->tensors_by_name);
  arena_clear(&file->storage);
  mem_free(file);
}

const char *gguf_path(const gguf *file) { return file->path; }

static const gguf *part_of(const gguf *file, size_t part) { return part == 0 ? file : file->parts[part - 1]; }

size_t gguf_parts(const gguf *file) { return file->part_count + 1; }

const char *gguf_part_path(const gguf *file, size_t part) { return part_of(file, part)->path; }

unsigned gguf_version(const gguf *file) { return file->version; }

/* ---- tensors ---- */

size_t gguf_count(const gguf *file) { return file->tensor_count; }

const gguf_tensor *gguf_at(const gguf *file, size_t i) { return i < file->tensor_count ? &file->tensors[i] : NULL; }

static int name_against(const void *name, const void *place) {
  const gguf_tensor *tensor = *(const gguf_tensor *const *)place;
  return strcmp(name, tensor->name);
}

const gguf_tensor *gguf_find(const gguf *file, const char *name) {
  if (file->tensor_count == 0) return NULL;
  const gguf_tensor *const *place =
      bsearch(name, file->tensors_by_name, file->tensor_count, sizeof file->tensors_by_name[0], name_against);
  return place != NULL ? *place : NULL;
}

static tensor_place place_of(const gguf *file, const gguf_tensor *tensor) {
  const gguf *part = part_of(file, tensor->part);
  return (tensor_place){.path = part->path,
                        .name = tensor->name,
                        .fd = part->fd,
                        .offset = tensor->begin,
                        .type = tensor->type,
                        .rank = tensor->rank,
                        .shape = tensor->shape,
                        .count = tensor->count};
}

dwell_status gguf_read(const gguf *file, const gguf_tensor *tensor, size_t first, size_t count, dwell_dtype dtype,
                       void *ret_values, dwell_error *err) {
  tensor_place from = place_of(file, tensor);
  return tensor_read(&from, first, count, dtype, ret_values, err);
}

void gguf_ahead(const gguf *file, const gguf_tensor *tensor) {
  tensor_place from = place_of(file, tensor);
  tensor_ahead(&from);
}

size_t gguf_rotary_row(size_t row, size_t head_size) {
  size_t head = row / head_size, in_head = row % head_size, half = head_size / 2;
  return head * head_size + 2 * (in_head % half) + in_head / half;
}

dwell_status gguf_read_rotary(const gguf *file, const gguf_tensor *tensor, size_t head_size, size_t first, size_t count,
                              dwell_dtype dtype, void *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t rows = tensor->rank > 0 ? tensor->shape[0] : 1, columns = tensor->count / rows;
  char *to = ret_values;
  if (head_size == 0 || head_size % 2 != 0 || rows % head_size != 0) {
    error_set(err, DWELL_BAD_INPUT, "%zu rows cannot be divided into heads of %zu", rows, head_size);
    error_in_file(err, file->path);
    return error_at_item(err, tensor->name), DWELL_BAD_INPUT;
  }
  if (first > tensor->count || count > tensor->count - first) { /* refused in words there */
    return gguf_read(file, tensor, first, count, dtype, ret_values, err);
  }
  for (size_t done = 0; status == DWELL_OK && done < count;) {
    size_t row = (first + done) / columns, column = (first + done) % columns, step = columns - column;
    if (step > count - done) step = count - done;
    size_t from = gguf_rotary_row(row, head_size) * columns + column;
    status = gguf_read(file, tensor, from, step, dtype, to + done * (size_t)dtype, err);
    done += step;
  }
  return status;
}
