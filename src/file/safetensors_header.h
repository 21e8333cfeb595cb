/* file/safetensors_header.h - inside of the safetensors reader: the header of one file, checked. */
#ifndef DWELL_FILE_SAFETENSORS_HEADER_H
#define DWELL_FILE_SAFETENSORS_HEADER_H

#include "base/arena.h"
#include "file/safetensors.h"

enum { SAFETENSORS_MAX_HEADER = 100000000 }; /* the reference reader's bound */

typedef struct safetensors_entry {
  safetensors_tensor tensor; /* first, so that a pointer to it is one to the entry */
  size_t file;               /* which of the files holds it */
} safetensors_entry;

typedef struct safetensors_list {
  safetensors_entry *entries;
  size_t count, capacity;
} safetensors_list;

/* Appends the tensors of one header (`size` bytes of JSON that stand 8 bytes into the file, followed by `data_size`
 * bytes of data) to `list`, in the order of their data. Names go into `names`. Everything the reference reader checks
 * is checked here, and that no name is there twice. Errors carry item and offset, not the file. */
dwell_status safetensors_header_parse(const char *text, size_t size, uint64_t data_size, size_t file, arena *names,
                                      safetensors_list *list, dwell_error *err);

/* Sorts by name. DWELL_BAD_INPUT if a name is there twice; *ret_twice is then the second of them. */
dwell_status safetensors_sort(safetensors_list *list, const safetensors_entry **ret_twice, dwell_error *err);

struct safetensors {
  arena storage; /* names and paths */
  safetensors_list list;
  struct safetensors_file {
    const char *path;
    int fd;
    uint64_t data_begin;
  } * files;
  size_t file_count, file_capacity;
};

/* An object without files. NULL: out of memory. */
safetensors *safetensors_new(void);
/* Opens one more file and appends its tensors, unsorted. */
dwell_status safetensors_add_file(safetensors *s, const char *path, dwell_error *err);

#endif
