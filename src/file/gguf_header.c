/* file/gguf_header.c - the header of a GGUF file: a cursor over its first bytes, of which more are read as they are
 * needed. The cursor has a sticky failure: after the first one every read gives zeros, so that callers check once. */
#include "file/gguf_header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"

enum { STEP = 65536, FEWEST_ENTRY = 14, FEWEST_TENSOR = 25 }; /* bytes that an entry or a tensor takes at least */

typedef struct cursor {
  gguf *file;
  size_t at, have, capacity; /* `have` bytes of file->header are there, `at` is next */
  const char *item;          /* key or tensor that is being read, or NULL */
  dwell_status status;
  dwell_error *err;
} cursor;

/* ---- the cursor ---- */

/* Failures are set at the byte where the thing begins that is wrong. */
static void fail_at(cursor *c, dwell_status status, size_t at) {
  c->status = status;
  error_at_offset(c->err, (int64_t)at);
  error_at_item(c->err, c->item);
}

#define FAIL(c, status, at, ...)                \
  do {                                          \
    error_set((c)->err, (status), __VA_ARGS__); \
    fail_at((c), (status), (at));               \
  } while (0)

static void cut_short(cursor *c, uint64_t wanted) {
  FAIL(c, DWELL_BAD_INPUT, c->at, "%" PRIu64 " bytes are announced here, but only %" PRIu64 " follow", wanted,
       c->file->size - c->at);
  error_remedy(c->err, "The file is cut short; download it again");
}

/* Reads on until `end` bytes are there, which the file has. At least doubles, so that the work is linear. */
static void fill(cursor *c, size_t end) {
  size_t goal = end > 2 * c->have ? end : 2 * c->have;
  if (goal < STEP) goal = STEP;
  if (goal > c->file->size) goal = (size_t)c->file->size;
  unsigned char *grown = mem_grow(c->file->header, c->have, goal, 1);
  if (grown == NULL) {
    c->status = error_no_memory(c->err, "room for a GGUF header");
    return;
  }
  c->file->header = grown;
  c->status = bytes_read_at(c->file->fd, grown + c->have, goal - c->have, c->have, c->file->path, c->err);
  c->have = goal;
}

/* The next `size` bytes, or NULL. Valid until the next call. */
static const unsigned char *take(cursor *c, uint64_t size) {
  if (c->status != DWELL_OK) return NULL;
  if (size > c->file->size - c->at) {
    cut_short(c, size);
    return NULL;
  }
  if (size > GGUF_MAX_HEADER - c->at) {
    FAIL(c, DWELL_UNSUPPORTED, c->at, "the header is longer than the %d bytes that are allowed", GGUF_MAX_HEADER);
    return NULL;
  }
  size_t begin = c->at, end = begin + (size_t)size;
  if (end > c->have) fill(c, end);
  if (c->status != DWELL_OK) return NULL;
  c->at = end;
  return c->file->header + begin;
}

static uint32_t take_u32(cursor *c) {
  const unsigned char *at = take(c, 4);
  return at != NULL ? bytes_u32(at) : 0;
}

static uint64_t take_u64(cursor *c) {
  const unsigned char *at = take(c, 8);
  return at != NULL ? bytes_u64(at) : 0;
}

/* A key or the name of a tensor: a copy with a NUL at its end, or NULL. */
static const char *take_name(cursor *c, const char *what) {
  size_t at = c->at;
  uint64_t length = take_u64(c);
  if (c->status != DWELL_OK) return NULL;
  if (length == 0 || length > GGUF_MAX_NAME) {
    FAIL(c, DWELL_BAD_INPUT, at, "a %s of %" PRIu64 " bytes; it must have 1 to %d", what, length, GGUF_MAX_NAME);
    return NULL;
  }
  const char *text = (const char *)take(c, length);
  if (text == NULL) return NULL;
  if (memchr(text, '\0', length) != NULL || utf8_check(text, length) != length) {
    FAIL(c, DWELL_BAD_INPUT, at, "a %s that is not UTF-8 or holds a NUL character", what);
    return NULL;
  }
  const char *name = arena_text(&c->file->storage, text, length);
  if (name == NULL) c->status = error_no_memory(c->err, "the names of a GGUF file");
  return name;
}

/* ---- metadata ---- */

size_t gguf_item_size(gguf_type type) {
  static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[type];
}

static gguf_type take_type(cursor *c) {
  size_t at = c->at;
  uint32_t type = take_u32(c);
  if (c->status == DWELL_OK && type > GGUF_FLOAT64) {
    FAIL(c, DWELL_UNSUPPORTED, at, "values of type %" PRIu32 " are not known", type);
  }
  return c->status == DWELL_OK ? (gguf_type)type : GGUF_UINT8;
}

static void check_bools(cursor *c, const gguf_entry *e) {
  for (size_t i = 0; c->status == DWELL_OK && i < e->size; i++) {
    unsigned value = c->file->header[e->at + i];
    if (value > 1) FAIL(c, DWELL_BAD_INPUT, e->at + i, "a bool is 0 or 1, not %u", value);
  }
}

/* The bytes of the entry's items. */
static void take_items(cursor *c, gguf_entry *e, uint64_t count) {
  size_t each = gguf_item_size(e->item_type);
  e->at = c->at;
  if (count > (c->file->size - c->at) / (each > 0 ? each : 8)) { /* a string takes 8 bytes at least */
    FAIL(c, DWELL_BAD_INPUT, c->at, "%" PRIu64 " items are announced, but only %" PRIu64 " bytes follow", count,
         c->file->size - c->at);
    error_remedy(c->err, "The file is cut short; download it again");
    return;
  }
  e->count = (size_t)count;
  if (each > 0) take(c, count * each);
  for (uint64_t i = 0; each == 0 && c->status == DWELL_OK && i < count; i++) take(c, take_u64(c));
  if (c->status != DWELL_OK) return;
  e->size = c->at - e->at;
  if (e->item_type == GGUF_BOOL) check_bools(c, e);
}

static void take_entry(cursor *c) {
  gguf *file = c->file;
  gguf_entry e = {.key = take_name(c, "key")};
  c->item = e.key;
  e.type = e.item_type = take_type(c);
  uint64_t count = 1;
  if (e.type == GGUF_ARRAY) {
    size_t at = c->at;
    e.item_type = take_type(c);
    count = take_u64(c);
    if (c->status == DWELL_OK && e.item_type == GGUF_ARRAY) FAIL(c, DWELL_UNSUPPORTED, at, "an array of arrays");
  }
  if (c->status == DWELL_OK) take_items(c, &e, count);
  if (c->status != DWELL_OK) return;
  gguf_entry *items = mem_room(file->entries, file->entry_count, &file->entry_capacity, 64, sizeof *items);
  if (items == NULL) {
    c->status = error_no_memory(c->err, "the metadata of a GGUF file");
    return;
  }
  file->entries = items;
  file->entries[file->entry_count++] = e;
  c->item = NULL;
}

static int by_key(const void *a, const void *b) {
  const gguf_entry *left = *(const gguf_entry *const *)a, *right = *(const gguf_entry *const *)b;
  return strcmp(left->key, right->key);
}

static void index_entries(cursor *c) {
  gguf *file = c->file;
  if (c->status != DWELL_OK) return;
  file->entries_by_key = MEM_NEW(const gguf_entry *, file->entry_count);
  if (file->entries_by_key == NULL) {
    c->status = error_no_memory(c->err, "the metadata of a GGUF file");
    return;
  }
  for (size_t i = 0; i < file->entry_count; i++) file->entries_by_key[i] = &file->entries[i];
  qsort(file->entries_by_key, file->entry_count, sizeof file->entries_by_key[0], by_key);
  for (size_t i = 1; i < file->entry_count; i++) {
    if (by_key(&file->entries_by_key[i - 1], &file->entries_by_key[i]) != 0) continue;
    c->item = file->entries_by_key[i]->key;
    FAIL(c, DWELL_BAD_INPUT, file->entries_by_key[i]->at, "two values have this key");
    return;
  }
}

/* general.alignment: data of tensors begin at its multiples. */
static uint32_t alignment_of(cursor *c) {
  const gguf_entry *e = c->status == DWELL_OK ? gguf_entry_of(c->file, "general.alignment") : NULL;
  if (e == NULL) return 32; /* the format's default */
  uint32_t value = e->type == GGUF_UINT32 ? bytes_u32(c->file->header + e->at) : 0;
  if (value != 0 && (value & (value - 1)) == 0) return value;
  c->item = e->key;
  if (e->type != GGUF_UINT32) FAIL(c, DWELL_BAD_INPUT, e->at, "is of type %s, not uint32", gguf_type_name(e->type));
  else FAIL(c, DWELL_BAD_INPUT, e->at, "is %" PRIu32 ", not a power of two", value);
  return 32;
}

/* ---- tensors ---- */

/* The dimensions, which the file lists from the fastest to the slowest. */
static void take_shape(cursor *c, gguf_tensor *t) {
  size_t at = c->at;
  uint32_t rank = take_u32(c);
  if (c->status != DWELL_OK) return;
  if (rank > GGUF_MAX_RANK) {
    FAIL(c, DWELL_UNSUPPORTED, at, "%" PRIu32 " dimensions; at most %d are allowed", rank, GGUF_MAX_RANK);
    return;
  }
  t->rank = rank;
  t->count = 1;
  for (size_t k = rank; k-- > 0;) {
    at = c->at;
    uint64_t length = take_u64(c);
    if (c->status != DWELL_OK) return;
    if (length == 0 || length > INT64_MAX) {
      FAIL(c, DWELL_BAD_INPUT, at, "a dimension of %" PRId64, (int64_t)length);
      return;
    }
    t->shape[k] = (size_t)length;
    if (!size_mul(t->count, t->shape[k], &t->count) || t->count > INT64_MAX) {
      FAIL(c, DWELL_BAD_INPUT, at, "the number of elements overflows 63 bits");
      return;
    }
  }
}

static void take_number_type(cursor *c, gguf_tensor *t) {
  size_t at = c->at;
  uint32_t id = take_u32(c);
  if (c->status != DWELL_OK) return;
  t->type = dequant_by_id(id);
  if (t->type == NULL) {
    FAIL(c, DWELL_UNSUPPORTED, at, "numbers of type %" PRIu32 " are not known", id);
    return;
  }
  size_t row = t->rank > 0 ? t->shape[t->rank - 1] : 1;
  if (row % t->type->block != 0) {
    FAIL(c, DWELL_BAD_INPUT, at, "rows of %zu elements are no whole blocks of %s, which has %u in a block", row,
         t->type->name, t->type->block);
  }
}

static uint64_t padded(uint64_t offset, uint64_t alignment) { return (offset + alignment - 1) & ~(alignment - 1); }

/* Place of the data relative to the data section: where the tensor before it ended, padded. *expected moves on. */
static void take_place(cursor *c, gguf_tensor *t, uint64_t alignment, uint64_t *expected) {
  size_t at = c->at, bytes;
  uint64_t offset = take_u64(c);
  if (c->status != DWELL_OK) return;
  if (!size_mul(t->count / t->type->block, t->type->bytes, &bytes)) {
    FAIL(c, DWELL_BAD_INPUT, at, "the size of the data overflows 64 bits");
  } else if (offset % alignment != 0) {
    FAIL(c, DWELL_BAD_INPUT, at, "data begin at %" PRIu64 ", which is no multiple of the alignment, %" PRIu64, offset,
         alignment);
  } else if (offset != *expected) {
    FAIL(c, DWELL_BAD_INPUT, at, "data begin at %" PRIu64 " where %" PRIu64 " is expected: the tensors %s", offset,
         *expected, offset < *expected ? "overlap" : "leave a hole");
  } else if (bytes > c->file->size || offset > c->file->size - bytes) { /* so the sums below cannot wrap */
    FAIL(c, DWELL_BAD_INPUT, at, "%zu bytes of data at %" PRIu64 " do not fit into the file", bytes, offset);
    error_remedy(c->err, "The file is cut short; download it again");
  } else {
    t->begin = offset;
    t->end = offset + bytes;
    *expected = padded(t->end, alignment);
  }
}

static void take_tensor(cursor *c, uint64_t alignment, uint64_t *expected) {
  gguf *file = c->file;
  gguf_tensor t = {.name = take_name(c, "tensor name")};
  c->item = t.name;
  if (c->status == DWELL_OK) take_shape(c, &t);
  if (c->status == DWELL_OK) take_number_type(c, &t);
  if (c->status == DWELL_OK) take_place(c, &t, alignment, expected);
  if (c->status != DWELL_OK) return;
  gguf_tensor *items = mem_room(file->tensors, file->tensor_count, &file->tensor_capacity, 64, sizeof *items);
  if (items == NULL) {
    c->status = error_no_memory(c->err, "the list of tensors");
    return;
  }
  file->tensors = items;
  file->tensors[file->tensor_count++] = t;
  c->item = NULL;
}

static int by_name(const void *a, const void *b) {
  const gguf_tensor *left = *(const gguf_tensor *const *)a, *right = *(const gguf_tensor *const *)b;
  return strcmp(left->name, right->name);
}

dwell_status gguf_index_tensors(gguf *file, dwell_error *err) {
  const gguf_tensor **index = mem_grow(file->tensors_by_name, 0, file->tensor_count, sizeof *index);
  if (index == NULL) return error_no_memory(err, "the list of tensors");
  file->tensors_by_name = index;
  for (size_t i = 0; i < file->tensor_count; i++) index[i] = &file->tensors[i];
  qsort(index, file->tensor_count, sizeof index[0], by_name);
  for (size_t i = 1; i < file->tensor_count; i++) {
    if (by_name(&index[i - 1], &index[i]) != 0) continue;
    error_set(err, DWELL_BAD_INPUT, "two tensors have this name");
    return error_at_item(err, index[i]->name), DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

/* The data section begins where the header, padded, ends; places become those in the file. */
static void place_tensors(cursor *c, uint64_t alignment) {
  uint64_t data = padded(c->at, alignment);
  for (size_t i = 0; c->status == DWELL_OK && i < c->file->tensor_count; i++) {
    gguf_tensor *t = &c->file->tensors[i];
    t->begin += data; /* both are at most the size of a file, so the sum cannot wrap */
    t->end += data;
    if (t->end <= c->file->size) continue;
    c->status = error_set(c->err, DWELL_BAD_INPUT, "data end at byte %" PRIu64 ", but the file has only %" PRIu64,
                          t->end, c->file->size);
    error_at_item(c->err, t->name);
    error_remedy(c->err, "The file is cut short; download it again");
  }
}

/* ---- the whole ---- */

static void refuse_magic(cursor *c, const unsigned char *magic) {
  static const struct {
    char magic[5];
    const char *what;
  } others[] = {{"lmgg", "This is the older format GGML; convert the model again"},
                {"fmgg", "This is the older format GGMF; convert the model again"},
                {"tjgg", "This is the older format GGJT; convert the model again"},
                {"vers", "This looks like a Git LFS pointer; run 'git lfs pull'"},
                {"PK\3\4", "This looks like a zip archive"}};
  FAIL(c, DWELL_BAD_INPUT, 0, "the file does not begin with GGUF");
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    if (memcmp(magic, others[i].magic, 4) == 0) error_remedy(c->err, "%s", others[i].what);
  }
}

static void take_version(cursor *c) {
  const unsigned char *magic = take(c, 4);
  if (magic == NULL) return;
  if (memcmp(magic, "GGUF", 4) != 0) {
    refuse_magic(c, magic);
    return;
  }
  uint32_t version = take_u32(c);
  c->file->version = version;
  if (c->status != DWELL_OK || version == 2 || version == 3) return;
  if (version != 0 && (version & 0xFFFF) == 0) {
    FAIL(c, DWELL_UNSUPPORTED, 4, "this GGUF file is big-endian");
    error_remedy(c->err, "Convert the model again, for little-endian machines");
  } else {
    FAIL(c, DWELL_UNSUPPORTED, 4, "this is version %" PRIu32 " of GGUF; 2 and 3 can be read", version);
    if (version < 2) error_remedy(c->err, "Convert the model again");
  }
}

/* A count of things that take at least `fewest` bytes each. */
static uint64_t take_count(cursor *c, const char *what, uint64_t fewest) {
  size_t at = c->at;
  uint64_t count = take_u64(c);
  if (c->status == DWELL_OK && count > (c->file->size - c->at) / fewest) {
    FAIL(c, DWELL_BAD_INPUT, at, "%" PRIu64 " %s are announced, but only %" PRIu64 " bytes follow", count, what,
         c->file->size - c->at);
    error_remedy(c->err, "The file is cut short; download it again");
  }
  return count;
}

dwell_status gguf_header_read(gguf *ret_file, dwell_error *err) {
  cursor c = {.file = ret_file, .err = err};
  take_version(&c);
  uint64_t tensors = take_count(&c, "tensors", FEWEST_TENSOR), entries = take_count(&c, "values", FEWEST_ENTRY);
  for (uint64_t i = 0; c.status == DWELL_OK && i < entries; i++) take_entry(&c);
  index_entries(&c);
  uint64_t alignment = alignment_of(&c), expected = 0;
  for (uint64_t i = 0; c.status == DWELL_OK && i < tensors; i++) take_tensor(&c, alignment, &expected);
  if (c.status == DWELL_OK) c.status = gguf_index_tensors(ret_file, err);
  place_tensors(&c, alignment);
  return c.status;
}
