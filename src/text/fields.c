/* text/fields.c - members of one JSON object in any order. */
#include "text/fields.h"

#include <string.h>

#include "base/error.h"

dwell_status fields_check(jcursor *c, const char *path, dwell_error *err) {
  return c->problem == NULL ? DWELL_OK : jcursor_end(c, path, err);
}

static bool find(const fields *f, jtext key, size_t *ret_index) {
  for (size_t i = 0; i < f->count; i++) {
    if (f->keys[i].length != key.length || memcmp(f->keys[i].data, key.data, key.length) != 0) continue;
    *ret_index = i;
    return true;
  }
  return false;
}

dwell_status fields_read(jcursor *c, const char *path, fields *ret_fields, dwell_error *err) {
  ret_fields->start = *c;
  ret_fields->count = 0;
  ret_fields->path = path;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    size_t before;
    if (ret_fields->count == FIELDS_MOST) {
      jcursor_fail(c, "this object has too many members");
    } else if (find(ret_fields, key, &before)) {
      jcursor_fail(c, "a key is repeated in this object");
    } else {
      ret_fields->keys[ret_fields->count] = key;
      ret_fields->values[ret_fields->count++] = *c;
    }
    jcursor_skip(c);
  }
  return fields_check(c, path, err);
}

bool fields_find(const fields *f, const char *key, jcursor *ret_cursor) {
  size_t index;
  if (!find(f, (jtext){key, strlen(key)}, &index)) return false;
  *ret_cursor = f->values[index];
  return jcursor_peek(ret_cursor) != JKIND_NULL;
}

dwell_status fields_bool(const fields *f, const char *key, bool otherwise, bool *ret_value, dwell_error *err) {
  jcursor c;
  *ret_value = otherwise;
  if (!fields_find(f, key, &c)) return DWELL_OK;
  *ret_value = jcursor_bool(&c);
  return fields_check(&c, f->path, err);
}

dwell_status fields_int(const fields *f, const char *key, int64_t low, int64_t high, int64_t otherwise,
                        int64_t *ret_value, dwell_error *err) {
  jcursor c;
  *ret_value = otherwise;
  if (!fields_find(f, key, &c)) return DWELL_OK;
  *ret_value = jcursor_int(&c, low, high);
  return fields_check(&c, f->path, err);
}

dwell_status fields_text(const fields *f, const char *key, const char *otherwise, jtext *ret_value, dwell_error *err) {
  jcursor c;
  *ret_value = (jtext){otherwise, otherwise ? strlen(otherwise) : 0};
  if (!fields_find(f, key, &c)) return DWELL_OK;
  *ret_value = jcursor_string(&c);
  return fields_check(&c, f->path, err);
}

dwell_status fields_need_text(const fields *f, const char *key, jtext *ret_value, dwell_error *err) {
  dwell_status status = fields_text(f, key, NULL, ret_value, err);
  if (status != DWELL_OK || ret_value->data != NULL) return status;
  error_set(err, DWELL_BAD_INPUT, "the object has no \"%s\"", key);
  error_at_offset(err, (int64_t)f->start.at);
  error_in_file(err, f->path);
  return DWELL_BAD_INPUT;
}
