/* file/gguf_values.c - the metadata of a GGUF file: found by key, asked by kind. Bytes were checked at opening. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "file/bytes.h"
#include "file/gguf.h"
#include "file/gguf_header.h"

size_t gguf_entries(const gguf *file) { return file->entry_count; }

const gguf_entry *gguf_entry_at(const gguf *file, size_t i) { return i < file->entry_count ? &file->entries[i] : NULL; }

static int key_against(const void *key, const void *place) {
  const gguf_entry *entry = *(const gguf_entry *const *)place;
  return strcmp(key, entry->key);
}

const gguf_entry *gguf_entry_of(const gguf *file, const char *key) {
  if (file->entry_count == 0) return NULL;
  const gguf_entry *const *place =
      bsearch(key, file->entries_by_key, file->entry_count, sizeof file->entries_by_key[0], key_against);
  return place != NULL ? *place : NULL;
}

const char *gguf_type_name(gguf_type type) {
  static const char *const names[] = {"uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
                                      "bool",  "string", "array",  "uint64", "int64",  "float64"};
  return names[type];
}

gguf_kind gguf_kind_of(gguf_type type) {
  switch (type) {
    case GGUF_FLOAT32:
    case GGUF_FLOAT64: return GGUF_KIND_FLOAT;
    case GGUF_BOOL: return GGUF_KIND_BOOL;
    case GGUF_STRING: return GGUF_KIND_STRING;
    case GGUF_ARRAY: return GGUF_KIND_ARRAY;
    default: return GGUF_KIND_INTEGER;
  }
}

/* ---- walking ---- */

gguf_list gguf_walk(const gguf *file, const gguf_entry *entry) {
  return (gguf_list){.type = entry->item_type, .count = entry->count, .next = file->header + entry->at};
}

/* Fixed-size numbers; an int64 has room for all integers but the upper half of uint64, whose bits it takes. */
static void read_number(gguf_type type, const unsigned char *at, gguf_item *item) {
  double wide;
  switch (type) {
    case GGUF_UINT8:
    case GGUF_BOOL: item->integer = at[0]; break;
    case GGUF_INT8: item->integer = (int8_t)at[0]; break;
    case GGUF_UINT16: item->integer = bytes_u16(at); break;
    case GGUF_INT16: item->integer = (int16_t)bytes_u16(at); break;
    case GGUF_UINT32: item->integer = bytes_u32(at); break;
    case GGUF_INT32: item->integer = (int32_t)bytes_u32(at); break;
    case GGUF_FLOAT32: item->real = (double)bytes_float(bytes_u32(at)); break;
    case GGUF_FLOAT64:
      memcpy(&wide, at, sizeof wide);
      item->real = wide;
      break;
    default: item->integer = (int64_t)bytes_u64(at); break;
  }
}

bool gguf_next(gguf_list *list, gguf_item *ret_item) {
  *ret_item = (gguf_item){.type = list->type};
  if (list->count == 0) return false;
  list->count--;
  size_t size = gguf_item_size(list->type);
  if (list->type == GGUF_STRING) {
    size_t length = (size_t)bytes_u64(list->next);
    ret_item->text = (gguf_text){(const char *)list->next + 8, length};
    size = 8 + length;
  } else {
    read_number(list->type, list->next, ret_item);
  }
  list->next += size;
  return true;
}

/* ---- by key ---- */

static dwell_status refuse(const gguf *file, const gguf_entry *entry, dwell_error *err) {
  error_at_item(err, entry->key);
  error_at_offset(err, (int64_t)entry->at);
  error_in_file(err, file->path);
  return DWELL_BAD_INPUT;
}

/* The entry of a key, which must hold one value of `kind`, or an array of them. */
static dwell_status find(const gguf *file, const char *key, bool array, gguf_kind kind, const gguf_entry **ret_entry,
                         dwell_error *err) {
  const gguf_entry *e = *ret_entry = gguf_entry_of(file, key);
  if (e == NULL) {
    error_set(err, DWELL_BAD_INPUT, "this key is missing from the metadata");
    error_at_item(err, key);
    error_in_file(err, file->path);
    return DWELL_BAD_INPUT;
  }
  if ((e->type == GGUF_ARRAY) == array && gguf_kind_of(e->item_type) == kind) return DWELL_OK;
  static const char *const ones[] = {"an integer", "a float", "a bool", "a string", "an array"};
  static const char *const many[] = {"integers", "floats", "bools", "strings", "arrays"};
  error_set(err, DWELL_BAD_INPUT, "the value is %s%s where %s%s is expected",
            e->type == GGUF_ARRAY ? "an array of " : "of type ", gguf_type_name(e->item_type),
            array ? "an array of " : "", array ? many[kind] : ones[kind]);
  return refuse(file, e, err);
}

/* The one value of a key. */
static dwell_status one(const gguf *file, const char *key, gguf_kind kind, const gguf_entry **ret_entry,
                        gguf_item *ret_item, dwell_error *err) {
  dwell_status status = find(file, key, false, kind, ret_entry, err);
  if (status != DWELL_OK) return status;
  gguf_list list = gguf_walk(file, *ret_entry);
  gguf_next(&list, ret_item);
  return DWELL_OK;
}

dwell_status gguf_uint(const gguf *file, const char *key, uint64_t low, uint64_t high, uint64_t *ret_value,
                       dwell_error *err) {
  const gguf_entry *e;
  gguf_item item;
  *ret_value = 0;
  dwell_status status = one(file, key, GGUF_KIND_INTEGER, &e, &item, err);
  if (status != DWELL_OK) return status;
  bool negative = item.integer < 0 && item.type != GGUF_UINT64;
  uint64_t value = (uint64_t)item.integer;
  if (!negative && value >= low && value <= high) {
    *ret_value = value;
    return DWELL_OK;
  }
  if (negative) error_set(err, DWELL_BAD_INPUT, "%" PRId64 " is not in %" PRIu64 "..%" PRIu64, item.integer, low, high);
  else error_set(err, DWELL_BAD_INPUT, "%" PRIu64 " is not in %" PRIu64 "..%" PRIu64, value, low, high);
  return refuse(file, e, err);
}

dwell_status gguf_float(const gguf *file, const char *key, double *ret_value, dwell_error *err) {
  const gguf_entry *e;
  gguf_item item;
  *ret_value = 0;
  dwell_status status = one(file, key, GGUF_KIND_FLOAT, &e, &item, err);
  if (status != DWELL_OK) return status;
  if (!isfinite(item.real)) {
    error_set(err, DWELL_BAD_INPUT, "the value is not a finite number");
    return refuse(file, e, err);
  }
  *ret_value = item.real;
  return DWELL_OK;
}

dwell_status gguf_bool(const gguf *file, const char *key, bool *ret_value, dwell_error *err) {
  const gguf_entry *e;
  gguf_item item = {0};
  dwell_status status = one(file, key, GGUF_KIND_BOOL, &e, &item, err);
  *ret_value = item.integer != 0;
  return status;
}

dwell_status gguf_string(const gguf *file, const char *key, gguf_text *ret_text, dwell_error *err) {
  const gguf_entry *e;
  gguf_item item;
  *ret_text = (gguf_text){"", 0};
  dwell_status status = one(file, key, GGUF_KIND_STRING, &e, &item, err);
  if (status != DWELL_OK) return status;
  if (utf8_check(item.text.data, item.text.length) != item.text.length) {
    error_set(err, DWELL_BAD_INPUT, "the text is not UTF-8");
    return refuse(file, e, err);
  }
  *ret_text = item.text;
  return DWELL_OK;
}

bool gguf_is(const gguf *file, const char *key, const char *text) {
  const gguf_entry *e = gguf_entry_of(file, key);
  gguf_item item;
  if (e == NULL || e->type != GGUF_STRING) return false;
  gguf_list list = gguf_walk(file, e);
  gguf_next(&list, &item);
  return item.text.length == strlen(text) && memcmp(item.text.data, text, item.text.length) == 0;
}

dwell_status gguf_array(const gguf *file, const char *key, gguf_kind kind, gguf_list *ret_list, dwell_error *err) {
  const gguf_entry *e;
  *ret_list = (gguf_list){.type = GGUF_UINT8};
  dwell_status status = find(file, key, true, kind, &e, err);
  if (status == DWELL_OK) *ret_list = gguf_walk(file, e);
  return status;
}
