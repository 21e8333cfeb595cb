/* file/safetensors_header.c - the JSON header of a safetensors file. The rules are those of the reference reader
 * (crate safetensors, read_metadata and Metadata::validate). Stricter in four points: no name twice, an entry is an
 * object (not a list), at most 8 dimensions, no NUL in a name. */
#include "file/safetensors_header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"

/* The JSON stands behind the 8 bytes of its own length. */
enum { HEADER_AT = 8 };

static const struct dtype {
  const char *name;
  unsigned bits;
} dtypes[] = {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
              {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
              {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
              {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};

typedef struct parser {
  jcursor c;
  const char *name;    /* of the entry being read, or NULL */
  dwell_status status; /* of an error that is not about JSON */
  dwell_error *err;
} parser;

/* A complaint with a status of its own: also stops the cursor. Filled by the caller before. */
static void stop(parser *p, dwell_status status) {
  if (p->c.problem == NULL) p->status = status;
  jcursor_fail(&p->c, "refused");
}

static const struct dtype *find_dtype(const char *name) {
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
    if (str_equal(dtypes[i].name, name)) return &dtypes[i];
  }
  return NULL;
}

/* ---- one entry ---- */

static void read_dtype(parser *p, safetensors_tensor *t) {
  jtext text = jcursor_string(&p->c);
  if (p->c.problem != NULL) return;
  const struct dtype *type = strlen(text.data) == text.length ? find_dtype(text.data) : NULL;
  if (type == NULL) {
    stop(p, error_set(p->err, DWELL_UNSUPPORTED, "dtype '%.40s' is not known", text.data));
  } else {
    t->dtype = type->name;
  }
}

static void read_shape(parser *p, safetensors_tensor *t) {
  for (jcursor_array(&p->c); jcursor_item(&p->c);) {
    size_t length = (size_t)jcursor_int(&p->c, 0, INT64_MAX);
    if (t->rank == SAFETENSORS_MAX_RANK) {
      stop(p, error_set(p->err, DWELL_UNSUPPORTED, "the tensor has more than %d dimensions", SAFETENSORS_MAX_RANK));
      return;
    }
    t->shape[t->rank++] = length;
  }
}

static void read_offsets(parser *p, safetensors_tensor *t) {
  uint64_t *const ends[] = {&t->begin, &t->end};
  size_t count = 0;
  for (jcursor_array(&p->c); jcursor_item(&p->c); count++) {
    uint64_t offset = (uint64_t)jcursor_int(&p->c, 0, INT64_MAX);
    if (count < 2) *ends[count] = offset;
  }
  if (count != 2) jcursor_fail(&p->c, "data_offsets must be two numbers");
}

static void read_entry(parser *p, safetensors_tensor *t) {
  static const struct {
    const char *key, *missing, *twice;
    void (*read)(parser *, safetensors_tensor *);
  } fields[] = {{"dtype", "'dtype' is missing", "'dtype' is there twice", read_dtype},
                {"shape", "'shape' is missing", "'shape' is there twice", read_shape},
                {"data_offsets", "'data_offsets' is missing", "'data_offsets' is there twice", read_offsets}};
  enum { FIELDS = sizeof fields / sizeof fields[0] };
  bool seen[FIELDS] = {false};
  jcursor_object(&p->c);
  for (jtext key; jcursor_key(&p->c, &key);) {
    size_t i = 0;
    while (i < FIELDS && !jtext_is(key, fields[i].key)) i++;
    if (i == FIELDS) {
      jcursor_skip(&p->c);
    } else if (seen[i]) {
      jcursor_fail(&p->c, fields[i].twice);
    } else {
      seen[i] = true;
      fields[i].read(p, t);
    }
  }
  for (size_t i = 0; i < FIELDS; i++) {
    if (!seen[i]) jcursor_fail(&p->c, fields[i].missing);
  }
}

/* `__metadata__`: text to text, or null. dwell has no use for it. */
static void read_metadata(jcursor *c) {
  if (jcursor_null(c)) return;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jcursor_peek(c) != JKIND_STRING) jcursor_fail(c, "the values of '__metadata__' must be strings");
    jcursor_skip(c);
  }
}

/* ---- the list ---- */

static safetensors_entry *append(safetensors_list *list) {
  safetensors_entry *items = mem_room(list->entries, list->count, &list->capacity, 64, sizeof *items);
  if (items == NULL) return NULL;
  list->entries = items;
  safetensors_entry *entry = &list->entries[list->count++];
  *entry = (safetensors_entry){0};
  return entry;
}

static void read_member(parser *p, jtext name, size_t file, safetensors_list *list) {
  p->name = name.data;
  if (strlen(name.data) != name.length) {
    stop(p, error_set(p->err, DWELL_UNSUPPORTED, "the name of the tensor holds a NUL character"));
    return;
  }
  safetensors_entry *entry = append(list);
  if (entry == NULL) {
    stop(p, error_no_memory(p->err, "the list of tensors"));
    return;
  }
  entry->file = file;
  entry->tensor.name = name.data;
  read_entry(p, &entry->tensor);
  if (p->c.problem == NULL) p->name = NULL;
}

static dwell_status finish(parser *p) {
  dwell_status status = p->status;
  if (status == DWELL_OK) status = jcursor_end(&p->c, NULL, p->err);
  if (status == DWELL_OK) return DWELL_OK;
  error_at_offset(p->err, (int64_t)p->c.problem_at);
  if (p->err != NULL) p->err->offset += HEADER_AT;
  error_at_item(p->err, p->name);
  return status;
}

static dwell_status read_header(const char *text, size_t size, size_t file, arena *names, safetensors_list *list,
                                dwell_error *err) {
  parser p = {.c = jcursor_start(text, size, names), .err = err};
  bool metadata = false;
  jcursor_object(&p.c);
  for (jtext key; jcursor_key(&p.c, &key);) {
    if (!jtext_is(key, "__metadata__")) {
      read_member(&p, key, file, list);
    } else if (metadata) {
      jcursor_fail(&p.c, "'__metadata__' is there twice");
    } else {
      metadata = true;
      read_metadata(&p.c);
    }
  }
  return finish(&p);
}

/* ---- checks ---- */

static int by_data(const void *a, const void *b) {
  const safetensors_tensor *left = a, *right = b;
  if (left->begin != right->begin) return left->begin < right->begin ? -1 : 1;
  if (left->end != right->end) return left->end < right->end ? -1 : 1;
  return strcmp(left->name, right->name);
}

/* The number of elements and of bytes that shape and dtype give. */
static dwell_status check_size(safetensors_tensor *t, dwell_error *err) {
  size_t bits;
  t->count = 1;
  bool fits = true;
  for (size_t k = 0; k < t->rank; k++) fits = fits && size_mul(t->count, t->shape[k], &t->count);
  unsigned each = find_dtype(t->dtype)->bits;
  if (!fits || !size_mul(t->count, each, &bits)) {
    return error_set(err, DWELL_BAD_INPUT, "the size of the tensor overflows 64 bits");
  }
  if (bits % 8 != 0) {
    return error_set(err, DWELL_BAD_INPUT, "%zu elements of %u bits do not fill whole bytes", t->count, each);
  }
  if (t->end < t->begin) return error_set(err, DWELL_BAD_INPUT, "data_offsets run backwards");
  if (t->end - t->begin != bits / 8) {
    return error_set(err, DWELL_BAD_INPUT, "data_offsets give %" PRIu64 " bytes, but shape and dtype %s need %zu",
                     t->end - t->begin, t->dtype, bits / 8);
  }
  return DWELL_OK;
}

/* `t` must begin where its predecessor ended. */
static dwell_status check_place(const safetensors_tensor *t, uint64_t expected, uint64_t data_size, dwell_error *err) {
  if (t->begin != expected) {
    return error_set(err, DWELL_BAD_INPUT, "data begin at %" PRIu64 " where %" PRIu64 " is expected: the tensors %s",
                     t->begin, expected, t->begin < expected ? "overlap" : "leave a hole");
  }
  if (t->end > data_size) {
    error_set(err, DWELL_BAD_INPUT, "data end at %" PRIu64 ", but the file holds only %" PRIu64 " bytes of data",
              t->end, data_size);
    error_remedy(err, "The file is cut short; download it again");
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

static int by_name(const void *a, const void *b) {
  const safetensors_tensor *left = a, *right = b;
  return strcmp(left->name, right->name);
}

dwell_status safetensors_sort(safetensors_list *list, const safetensors_entry **ret_twice, dwell_error *err) {
  *ret_twice = NULL;
  if (list->count > 0) qsort(list->entries, list->count, sizeof list->entries[0], by_name);
  for (size_t i = 1; i < list->count; i++) {
    if (by_name(&list->entries[i - 1], &list->entries[i]) != 0) continue;
    *ret_twice = &list->entries[i];
    error_set(err, DWELL_BAD_INPUT, "two tensors have this name");
    error_at_item(err, list->entries[i].tensor.name);
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

dwell_status safetensors_header_parse(const char *text, size_t size, uint64_t data_size, size_t file, arena *names,
                                      safetensors_list *list, dwell_error *err) {
  size_t first = list->count;
  dwell_status status = read_header(text, size, file, names, list, err);
  if (status != DWELL_OK) return status;
  const safetensors_entry *twice;
  safetensors_list added = {.entries = list->count > first ? list->entries + first : NULL,
                            .count = list->count - first};
  status = safetensors_sort(&added, &twice, err);
  if (status != DWELL_OK) return status;
  if (added.count > 0) qsort(added.entries, added.count, sizeof added.entries[0], by_data);
  uint64_t end = 0;
  for (size_t i = first; i < list->count; i++) {
    safetensors_tensor *t = &list->entries[i].tensor;
    status = check_size(t, err);
    if (status == DWELL_OK) status = check_place(t, end, data_size, err);
    if (status != DWELL_OK) {
      error_at_item(err, t->name);
      return status;
    }
    end = t->end;
  }
  if (end == data_size) return DWELL_OK;
  return error_set(err, DWELL_BAD_INPUT, "%" PRIu64 " bytes follow the last tensor", data_size - end);
}
