/* file/safetensors.h - the safetensors format, read strictly: what the reference reader refuses is refused (holes,
 * overlaps, duplicate names, wrong sizes), what it accepts is accepted. Tensors are read by pread into the caller's
 * buffer and widened there; nothing is mapped, so a file that shrinks is an error in words, not a signal. */
#ifndef DWELL_FILE_SAFETENSORS_H
#define DWELL_FILE_SAFETENSORS_H

#include <dwell/cloud.h>

enum { SAFETENSORS_MAX_RANK = 8 };

typedef struct safetensors_tensor {
  const char *name;  /* UTF-8, owned by the file object */
  const char *dtype; /* "F32", "BF16", "I64", ... as in the file */
  size_t rank;
  size_t shape[SAFETENSORS_MAX_RANK];
  size_t count;        /* elements */
  uint64_t begin, end; /* bytes, relative to the data section */
} safetensors_tensor;

typedef struct safetensors safetensors;

/* A single file. Checks the whole header. */
dwell_status safetensors_open(const char *path, safetensors **ret_file, dwell_error *err);
/* A checkpoint folder: model.safetensors, or model.safetensors.index.json and its shards (names without '/' or '..').
 */
dwell_status safetensors_open_folder(const char *folder, safetensors **ret_file, dwell_error *err);
void safetensors_close(safetensors *file);

size_t safetensors_count(const safetensors *file);
const safetensors_tensor *safetensors_at(const safetensors *file, size_t i);             /* sorted by name */
const safetensors_tensor *safetensors_find(const safetensors *file, const char *name);   /* NULL: absent */
const char *safetensors_path(const safetensors *file, const safetensors_tensor *tensor); /* file that holds it */
size_t safetensors_files(const safetensors *file);
const char *safetensors_file(const safetensors *file, size_t i);

/* Elements [first, first+count) of a F32, F16, BF16 or F64 tensor, widened (or for F64 -> f32 rounded) to dtype.
 * NaN or Inf is DWELL_BAD_INPUT naming tensor and index. Safe from several threads at once. */
dwell_status safetensors_read(const safetensors *file, const safetensors_tensor *tensor, size_t first, size_t count,
                              dwell_dtype dtype, void *ret_values, dwell_error *err);

#endif
