/* file/safetensors.h - the safetensors format, read strictly: what the reference reader refuses is refused (holes,
 * overlaps, duplicate names, wrong sizes), what it accepts is accepted. Tensors are read by pread into the caller's
 * buffer and widened there; nothing is mapped, so a file that shrinks is an error in words, not a signal. */
#ifndef DWELL_FILE_SAFETENSORS_H
#define DWELL_FILE_SAFETENSORS_H

#include <dwell/cloud.h>
#include <stdbool.h>

#include "base/arena.h"

enum { SAFETENSORS_MAX_RANK = 8 };

/* Weights of a checkpoint folder: one file, or the index of several. */
#define SAFETENSORS_SINGLE "model.safetensors"
#define SAFETENSORS_INDEX SAFETENSORS_SINGLE ".index.json"

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
/* Does a folder hold model.safetensors or its index? */
bool safetensors_in(const char *folder);
void safetensors_close(safetensors *file);

/* The names of the shards in an index, each once, in `storage`; their files need not be there. As open_folder, refuses
 * names that lead elsewhere. */
dwell_status safetensors_index_shards(const char *path, arena *storage, const char *const **ret_names,
                                      size_t *ret_count, dwell_error *err);
/* The first of the names of PyTorch's pickled weights for which `has` says yes, or NULL. They are not read: a pickle
 * can run code. */
const char *safetensors_pickle(bool (*has)(void *self, const char *name), void *self);

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
/* Has the system read the tensor from the disk in the background (tensor_ahead). */
void safetensors_ahead(const safetensors *file, const safetensors_tensor *tensor);

#endif
