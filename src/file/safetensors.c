/* file/safetensors.c - open safetensors files and read tensors out of them. */
#include "file/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"
#include "file/safetensors_header.h"

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

typedef enum source { SOURCE_F16, SOURCE_BF16, SOURCE_F32, SOURCE_F64, SOURCE_NONE } source;

static source source_of(const char *dtype) {
  static const char *const names[] = {"F16", "BF16", "F32", "F64"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (str_equal(dtype, names[i])) return (source)i;
  }
  return SOURCE_NONE;
}

static size_t source_size(source from) { return from == SOURCE_F64 ? 8 : from == SOURCE_F32 ? 4 : 2; }

/* Elements per step: small enough that what was just read is still in the first-level cache. */
enum { STEP = 4096 };

/* F16, BF16 or F64 to float; F32 needs no widening. */
static void widen_to_float(source from, const void *raw, size_t count, float *out) {
  const uint16_t *half = raw;
  const double *wide = raw;
  if (from == SOURCE_F16) {
    for (size_t i = 0; i < count; i++) out[i] = bytes_half(half[i]);
  } else if (from == SOURCE_BF16) {
    for (size_t i = 0; i < count; i++) out[i] = bytes_bfloat(half[i]);
  } else if (from == SOURCE_F64) {
    for (size_t i = 0; i < count; i++) out[i] = (float)wide[i];
  }
}

/* F16, BF16 or F32 to double, count <= STEP. */
static void widen_to_double(source from, const void *raw, size_t count, double *out) {
  float scratch[STEP];
  if (from != SOURCE_F32) widen_to_float(from, raw, count, scratch);
  const float *narrow = from != SOURCE_F32 ? scratch : raw;
  for (size_t i = 0; i < count; i++) out[i] = (double)narrow[i];
}

/* Index of the first NaN or Inf, or `count`: the exponent bits decide, whatever the floating-point mode is. */
static size_t first_bad_float(const float *values, size_t count) {
  uint32_t any = 0;
  for (size_t i = 0; i < count; i++) any |= ((bytes_u32(values + i) & 0x7F800000u) + 0x00800000u) & 0x80000000u;
  if (any == 0) return count;
  size_t i = 0;
  while (isfinite(values[i])) i++;
  return i;
}

static size_t first_bad_double(const double *values, size_t count) {
  const uint64_t exponent = UINT64_C(0x7FF) << 52, one = UINT64_C(1) << 52, top = UINT64_C(1) << 63;
  uint64_t any = 0;
  for (size_t i = 0; i < count; i++) any |= ((bytes_u64(values + i) & exponent) + one) & top;
  if (any == 0) return count;
  size_t i = 0;
  while (isfinite(values[i])) i++;
  return i;
}

/* Names the element at `flat` as Python would index it: [3, 17]. */
static dwell_status not_finite(const safetensors_tensor *t, const char *path, size_t flat, const char *what,
                               dwell_error *err) {
  strbuf index = {0};
  size_t below = t->count, rest = flat;
  for (size_t k = 0; k < t->rank; k++) {
    below /= t->shape[k];
    strbuf_printf(&index, "%s%zu", k > 0 ? ", " : "", rest / below);
    rest %= below;
  }
  error_set(err, DWELL_BAD_INPUT, "element %zu, at [%s], is %s", flat, index.failed || !index.data ? "" : index.data,
            what);
  error_in_file(err, path);
  error_at_item(err, t->name);
  error_remedy(err, "The weights are damaged; get the checkpoint again");
  strbuf_free(&index);
  return DWELL_BAD_INPUT;
}

/* Elements [at, at + count), count <= STEP, into their place in the caller's buffer. */
static dwell_status read_step(const safetensors *s, const safetensors_tensor *t, source from, size_t at, size_t count,
                              dwell_dtype dtype, void *values, dwell_error *err) {
  double scratch[STEP]; /* room and alignment for the widest source */
  const struct safetensors_file *file = file_of(s, t);
  size_t size = source_size(from), bad;
  bool same = from == (dtype == DWELL_F32 ? SOURCE_F32 : SOURCE_F64);
  void *raw = same ? values : scratch;
  uint64_t offset = file->data_begin + t->begin + (uint64_t)at * size;
  dwell_status status = bytes_read_at(file->fd, raw, count * size, offset, file->path, err);
  if (status != DWELL_OK) {
    error_at_item(err, t->name);
    return status;
  }
  if (dtype == DWELL_F32) {
    if (!same) widen_to_float(from, raw, count, values);
    bad = first_bad_float(values, count);
  } else {
    if (!same) widen_to_double(from, raw, count, values);
    bad = first_bad_double(values, count);
  }
  if (bad == count) return DWELL_OK;
  double value = dtype == DWELL_F32 ? (double)((const float *)values)[bad] : ((const double *)values)[bad];
  bool rounded = from == SOURCE_F64 && isfinite(((const double *)raw)[bad]);
  return not_finite(t, file->path, at + bad,
                    rounded        ? "too large for float32"
                    : isnan(value) ? "NaN"
                    : value > 0    ? "+Inf"
                                   : "-Inf",
                    err);
}

dwell_status safetensors_read(const safetensors *file, const safetensors_tensor *tensor, size_t first, size_t count,
                              dwell_dtype dtype, void *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  source from = source_of(tensor->dtype);
  if (from == SOURCE_NONE) {
    status = error_set(err, DWELL_UNSUPPORTED, "a tensor of dtype %s cannot be read as numbers", tensor->dtype);
    error_remedy(err, "Convert it to F32, F16, BF16 or F64");
  } else if (first > tensor->count || count > tensor->count - first) {
    status = error_set(err, DWELL_USAGE, "elements %zu to %zu were asked of a tensor of %zu", first, first + count,
                       tensor->count);
  }
  char *to = ret_values;
  for (size_t done = 0; status == DWELL_OK && done < count;) {
    size_t step = count - done < STEP ? count - done : STEP;
    status = read_step(file, tensor, from, first + done, step, dtype, to + done * (size_t)dtype, err);
    done += step;
  }
  if (status != DWELL_OK) {
    error_in_file(err, safetensors_path(file, tensor));
    error_at_item(err, tensor->name);
  }
  return status;
}
