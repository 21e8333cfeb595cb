/* file/gguf_split.c - a model that is divided over several files, NAME-00001-of-00003.gguf and so on: the first has the
 * metadata, each has tensors of its own. split.no counts from 0, the names from 1. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/gguf_header.h"

enum { MOST_PARTS = 99999, /* five digits */ ENDING_SIZE = 64 };

/* How the name of part `no` of `count` ends. */
static size_t ending_of(uint64_t no, uint64_t count, char ending[ENDING_SIZE]) {
  return (size_t)snprintf(ending, ENDING_SIZE, "-%05" PRIu64 "-of-%05" PRIu64 ".gguf", no + 1, count);
}

bool gguf_is_later_part(const char *name) {
  uint64_t no, count;
  char ending[ENDING_SIZE];
  size_t length = strlen(name), most = strlen("-00001-of-00001.gguf");
  if (length < most || sscanf(name + length - most, "-%5" SCNu64 "-of-%5" SCNu64 ".gguf", &no, &count) != 2)
    return false;
  ending_of(no - 1, count, ending);
  return no > 1 && str_ends(name, ending);
}

/* Which part a file says it is. A count of 0 or 1, or none: the whole model. */
static dwell_status read_place(const gguf *file, uint64_t *ret_no, uint64_t *ret_count, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_no = 0, *ret_count = 1;
  if (gguf_entry_of(file, "split.count") == NULL) return DWELL_OK;
  TRY(gguf_uint(file, "split.count", 0, MOST_PARTS, ret_count, err));
  if (*ret_count > 1) TRY(gguf_uint(file, "split.no", 0, *ret_count - 1, ret_no, err));
done:
  return status;
}

static dwell_status not_the_first(const gguf *file, uint64_t no, uint64_t count, dwell_error *err) {
  char ending[ENDING_SIZE];
  ending_of(0, count, ending);
  if (no > 0)
    error_set(err, DWELL_BAD_INPUT, "this is part %" PRIu64 " of a model in %" PRIu64 " files", no + 1, count);
  else error_set(err, DWELL_BAD_INPUT, "this is the first of %" PRIu64 " files, but its name does not say so", count);
  error_remedy(err, no > 0 ? "Name the first, which ends in %s" : "Give it back the name that ends in %s", ending);
  return error_in_file(err, file->path), DWELL_BAD_INPUT;
}

static dwell_status check_part(const gguf *part, uint64_t no, uint64_t count, dwell_error *err) {
  uint64_t own_no, own_count;
  dwell_status status = read_place(part, &own_no, &own_count, err);
  if (status != DWELL_OK || (own_no == no && own_count == count)) return status;
  error_set(err, DWELL_BAD_INPUT, "the file is part %" PRIu64 " of %" PRIu64 ", not part %" PRIu64 " of %" PRIu64,
            own_no + 1, own_count, no + 1, count);
  error_remedy(err, "Parts of different models were mixed up; download them again");
  return error_in_file(err, part->path), DWELL_BAD_INPUT;
}

/* Opens part `no`, whose path is the first one's but for the ending. */
static dwell_status open_part(gguf *first, uint64_t no, uint64_t count, dwell_error *err) {
  char ending[ENDING_SIZE];
  strbuf path = {0};
  dwell_status status = DWELL_OK;
  strbuf_add(&path, first->path, strlen(first->path) - ending_of(no, count, ending));
  strbuf_puts(&path, ending);
  if (path.failed) TRY(error_no_memory(err, "a path"));
  if (access(path.data, F_OK) != 0) {
    error_set(err, DWELL_BAD_INPUT, "part %" PRIu64 " of the %" PRIu64 " files of this model is missing", no + 1,
              count);
    error_remedy(err, "Put all parts into one folder");
    status = error_in_file(err, path.data);
    goto done;
  }
  TRY(gguf_open_one(path.data, &first->parts[no - 1], err));
  first->part_count = no;
  TRY(check_part(first->parts[no - 1], no, count, err));
done:
  strbuf_free(&path);
  return status;
}

/* Appends the tensors of all parts to the first one's. */
static dwell_status join(gguf *first, dwell_error *err) {
  size_t count = first->tensor_count;
  for (size_t k = 0; k < first->part_count; k++) count += first->parts[k]->tensor_count;
  gguf_tensor *tensors = mem_grow(first->tensors, first->tensor_count, count, sizeof *tensors);
  if (tensors == NULL) return error_no_memory(err, "the list of tensors");
  first->tensors = tensors;
  first->tensor_capacity = count;
  for (size_t k = 0; k < first->part_count; k++) {
    for (size_t i = 0; i < first->parts[k]->tensor_count; i++) {
      tensors[first->tensor_count] = first->parts[k]->tensors[i];
      tensors[first->tensor_count++].part = k + 1;
    }
  }
  return gguf_index_tensors(first, err);
}

static dwell_status check_count(const gguf *first, dwell_error *err) {
  const char *key = "split.tensors.count";
  uint64_t count;
  if (gguf_entry_of(first, key) == NULL) return DWELL_OK;
  dwell_status status = gguf_uint(first, key, 0, INT64_MAX, &count, err);
  if (status != DWELL_OK || count == first->tensor_count) return status;
  error_set(err, DWELL_BAD_INPUT, "%" PRIu64 " tensors are announced, but the parts have %zu", count,
            first->tensor_count);
  error_at_item(err, key);
  return error_in_file(err, first->path), DWELL_BAD_INPUT;
}

dwell_status gguf_open_parts(gguf *first, dwell_error *err) {
  uint64_t no, count;
  char ending[ENDING_SIZE];
  dwell_status status = DWELL_OK;
  TRY(read_place(first, &no, &count, err));
  if (count <= 1) return DWELL_OK;
  ending_of(0, count, ending);
  if (no > 0 || !str_ends(first->path, ending)) return not_the_first(first, no, count, err);
  first->parts = MEM_ZERO(gguf *, count - 1);
  TRY_ALLOC(first->parts, "the parts of a GGUF file");
  for (uint64_t k = 1; k < count; k++) TRY(open_part(first, k, count, err));
  TRY(join(first, err));
  TRY(check_count(first, err));
done:
  return status;
}
