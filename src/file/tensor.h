/* file/tensor.h - numbers of a tensor in a file, whatever the format around them: read by pread, widened or dequantised
 * piece by piece in a small buffer on the stack, checked for NaN and Inf. */
#ifndef DWELL_FILE_TENSOR_H
#define DWELL_FILE_TENSOR_H

#include <dwell/cloud.h>

#include "file/dequant.h"

/* Where a tensor lies. */
typedef struct tensor_place {
  const char *path, *name; /* for errors */
  int fd;
  uint64_t offset; /* of its first byte in the file */
  const dequant_type *type;
  size_t rank;
  const size_t *shape;
  size_t count; /* elements: the product of the shape, a multiple of the type's block */
} tensor_place;

/* Elements [first, first + count) as `dtype` (F64 to float rounds; everything else is exact). `first` need not be at
 * the beginning of a block. NaN, Inf or a double too large for float32 is DWELL_BAD_INPUT naming tensor and index; a
 * type that cannot be read is DWELL_UNSUPPORTED; a range outside the tensor DWELL_USAGE. Safe from several threads. */
dwell_status tensor_read(const tensor_place *from, size_t first, size_t count, dwell_dtype dtype, void *ret_values,
                         dwell_error *err);

/* Asks the system to read the tensor's bytes from the disk while other work goes on. A hint: nothing can fail. */
void tensor_ahead(const tensor_place *from);

#endif
