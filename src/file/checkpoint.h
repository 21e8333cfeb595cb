/* file/checkpoint.h - the tensors of a checkpoint, whichever format they are in: a folder with safetensors, or a GGUF
 * file. Names, types and shapes are as the format says; shapes read as numpy and torch say them. */
#ifndef DWELL_FILE_CHECKPOINT_H
#define DWELL_FILE_CHECKPOINT_H

#include "file/gguf.h"
#include "file/safetensors.h"

typedef struct checkpoint_tensor {
  const char *name, *dtype; /* owned by the checkpoint: "F32", "BF16", "Q4_K", ... */
  bool readable;            /* its type is one that checkpoint_read widens */
  size_t rank;
  size_t shape[SAFETENSORS_MAX_RANK];
  size_t count;       /* elements */
  const void *origin; /* the format's own entry */
} checkpoint_tensor;

typedef struct checkpoint checkpoint;

/* A folder (safetensors, one file or shards) or a .gguf file; errors as those of the two formats. */
dwell_status checkpoint_open(const char *path, checkpoint **ret_checkpoint, dwell_error *err);
void checkpoint_close(checkpoint *c); /* NULL is fine */

/* The GGUF file underneath, whose metadata stand for a config.json; NULL for safetensors. */
const gguf *checkpoint_gguf(const checkpoint *c);

size_t checkpoint_count(const checkpoint *c);
const checkpoint_tensor *checkpoint_at(const checkpoint *c, size_t i);             /* sorted by name */
const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name);   /* NULL: absent */
const char *checkpoint_path(const checkpoint *c, const checkpoint_tensor *tensor); /* the file that holds it */
size_t checkpoint_files(const checkpoint *c);
const char *checkpoint_file(const checkpoint *c, size_t i);

/* Elements [first, first + count), widened to dtype; as safetensors_read and gguf_read. turned_head > 0: the rows of a
 * GGUF's queries or keys, in the order of the Hugging Face checkpoint, for heads of that size (gguf_read_rotary). */
dwell_status checkpoint_read(const checkpoint *c, const checkpoint_tensor *tensor, size_t turned_head, size_t first,
                             size_t count, dwell_dtype dtype, void *ret_values, dwell_error *err);

/* Has the system read the tensor from the disk in the background (tensor_ahead). */
void checkpoint_ahead(const checkpoint *c, const checkpoint_tensor *tensor);

#endif
