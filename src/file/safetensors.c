/* file/safetensors.c - open safetensors files and read tensors out of them. */
#include "file/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"
#include "file/safetensors_header.h"
#include "file/tensor.h"

/* ---- opening ---- */

safetensors *safetensors_new(void) { return MEM_ZERO(safetensors, 1); }

void safetensors_close(safetensors *file) {
  if (file == NULL) return;
  for (size_t i = 0; i < file->file_count; i++) close(file->files[i].fd);
  mem_free(file->files);
  mem_free(file->list.entries);
  arena_clear(&file->storage);
  mem_free(file);
}

static struct safetensors_file *append_file(safetensors *s, const char *path) {
  struct safetensors_file *items = mem_room(s->files, s->file_count, &s->file_capacity, 4, sizeof *items);
  if (items == NULL) return NULL;
  s->files = items;
  struct safetensors_file *file = &s->files[s->file_count];
  file->path = arena_text(&s->storage, path, strlen(path));
  return file->path != NULL ? file : NULL;
}

/* Length of the JSON header from the first 8 bytes, checked against the format's bound and the file. */
static dwell_status header_length(const unsigned char first[8], uint64_t file_size, size_t *ret_length,
                                  dwell_error *err) {
  uint64_t length = bytes_u64(first);
  *ret_length = (size_t)length;
  if (length <= SAFETENSORS_MAX_HEADER && length <= file_size - 8) return DWELL_OK;
  if (length <= SAFETENSORS_MAX_HEADER) {
    error_set(err, DWELL_BAD_INPUT, "the header is said to be %" PRIu64 " bytes long, but only %" PRIu64 " follow",
              length, file_size - 8);
    error_remedy(err, "The file is cut short; download it again");
  } else {
    error_set(err, DWELL_BAD_INPUT, "the header is said to be %" PRIu64 " bytes long; at most %d are allowed", length,
              SAFETENSORS_MAX_HEADER);
    if (memcmp(first, "version ", 8) == 0) error_remedy(err, "This looks like a Git LFS pointer; run 'git lfs pull'");
    if (memcmp(first, "PK\3\4", 4) == 0) error_remedy(err, "This looks like a PyTorch pickle or another zip archive");
  }
  error_at_offset(err, 0);
  return DWELL_BAD_INPUT;
}

dwell_status safetensors_add_file(safetensors *s, const char *path, dwell_error *err) {
  dwell_status status = DWELL_OK;
  char *header = NULL;
  unsigned char first[8];
  uint64_t size;
  size_t length;
  struct safetensors_file *file = append_file(s, path);
  TRY_ALLOC(file, "the list of files");
  TRY(bytes_open(path, &file->fd, &size, err));
  s->file_count++; /* from here on safetensors_close closes it */
  if (size < sizeof first) {
    status = error_set(err, DWELL_BAD_INPUT, "a file of %" PRIu64 " bytes is too short to be safetensors", size);
    goto done;
  }
  TRY(bytes_read_at(file->fd, first, sizeof first, 0, path, err));
  TRY(header_length(first, size, &length, err));
  header = mem_alloc(length, 1);
  TRY_ALLOC(header, "room for a safetensors header");
  TRY(bytes_read_at(file->fd, header, length, sizeof first, path, err));
  file->data_begin = sizeof first + length;
  TRY(safetensors_header_parse(header, length, size - file->data_begin, s->file_count - 1, &s->storage, &s->list, err));
done:
  mem_free(header);
  if (status != DWELL_OK) error_in_file(err, path);
  return status;
}

dwell_status safetensors_open(const char *path, safetensors **ret_file, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const safetensors_entry *twice;
  *ret_file = NULL;
  safetensors *s = safetensors_new();
  TRY_ALLOC(s, "a safetensors reader");
  TRY(safetensors_add_file(s, path, err));
  TRY(safetensors_sort(&s->list, &twice, err));
  *ret_file = s;
done:
  if (status != DWELL_OK) {
    error_in_file(err, path);
    safetensors_close(s);
  }
  return status;
}

/* ---- looking up ---- */

size_t safetensors_count(const safetensors *file) { return file->list.count; }

const safetensors_tensor *safetensors_at(const safetensors *file, size_t i) {
  return i < file->list.count ? &file->list.entries[i].tensor : NULL;
}

static int name_against(const void *name, const void *entry) {
  const safetensors_tensor *tensor = entry;
  return strcmp(name, tensor->name);
}

const safetensors_tensor *safetensors_find(const safetensors *file, const char *name) {
  if (file->list.count == 0) return NULL;
  return bsearch(name, file->list.entries, file->list.count, sizeof file->list.entries[0], name_against);
}

static const struct safetensors_file *file_of(const safetensors *file, const safetensors_tensor *tensor) {
  return &file->files[((const safetensors_entry *)(const void *)tensor)->file];
}

const char *safetensors_path(const safetensors *file, const safetensors_tensor *tensor) {
  return file_of(file, tensor)->path;
}

size_t safetensors_files(const safetensors *file) { return file->file_count; }

const char *safetensors_file(const safetensors *file, size_t i) {
  return i < file->file_count ? file->files[i].path : NULL;
}

/* ---- reading ---- */

/* `type` is NULL if it is none that can be read. */
static tensor_place place_of(const safetensors *file, const safetensors_tensor *tensor) {
  const struct safetensors_file *holder = file_of(file, tensor);
  return (tensor_place){.path = holder->path,
                        .name = tensor->name,
                        .fd = holder->fd,
                        .offset = holder->data_begin + tensor->begin,
                        .type = dequant_by_name(tensor->dtype), /* the plain types have the same names in GGUF */
                        .rank = tensor->rank,
                        .shape = tensor->shape,
                        .count = tensor->count};
}

dwell_status safetensors_read(const safetensors *file, const safetensors_tensor *tensor, size_t first, size_t count,
                              dwell_dtype dtype, void *ret_values, dwell_error *err) {
  tensor_place from = place_of(file, tensor);
  if (from.type != NULL) return tensor_read(&from, first, count, dtype, ret_values, err);
  error_set(err, DWELL_UNSUPPORTED, "a tensor of type %s cannot be read as numbers", tensor->dtype);
  error_remedy(err, "Convert it to F32, F16, BF16 or F64");
  error_in_file(err, from.path);
  error_at_item(err, tensor->name);
  return DWELL_UNSUPPORTED;
}

void safetensors_ahead(const safetensors *file, const safetensors_tensor *tensor) {
  tensor_place from = place_of(file, tensor);
  if (from.type != NULL) tensor_ahead(&from);
}
