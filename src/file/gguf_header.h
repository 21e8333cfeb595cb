/* file/gguf_header.h - inside of the GGUF reader: the header of a file, read and checked. */
#ifndef DWELL_FILE_GGUF_HEADER_H
#define DWELL_FILE_GGUF_HEADER_H

#include "base/arena.h"
#include "file/gguf.h"

struct gguf {
  arena storage; /* path and names */
  const char *path;
  int fd;
  uint64_t size; /* of the file when it was opened */
  unsigned version;
  unsigned char *header; /* the file's first bytes, at least to the end of the metadata */
  gguf_entry *entries;   /* in the order of the file */
  size_t entry_count, entry_capacity;
  const gguf_entry **entries_by_key;
  gguf_tensor *tensors; /* in the order of the file */
  size_t tensor_count, tensor_capacity;
  const gguf_tensor **tensors_by_name;
  gguf *
      *parts; /* [part_count] the other files of a model that is divided over several, whose tensors are listed here */
  size_t part_count;
};

/* Reads the header of `fd` into *ret_file, whose path, fd and size are set. Errors carry key or tensor and the byte. */
dwell_status gguf_header_read(gguf *ret_file, dwell_error *err);

/* gguf_open of this file alone. */
dwell_status gguf_open_one(const char *path, gguf **ret_file, dwell_error *err);
/* The other files, if it is one of several. */
dwell_status gguf_open_parts(gguf *first, dwell_error *err);
/* Sorts the tensors by name (anew); a name twice is DWELL_BAD_INPUT. */
dwell_status gguf_index_tensors(gguf *file, dwell_error *err);

/* Bytes of one item; 0 for strings and arrays. */
size_t gguf_item_size(gguf_type type);

#endif
