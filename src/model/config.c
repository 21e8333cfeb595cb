/* model/config.c - config.json, read strictly. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

enum { CONFIG_MAX_BYTES = 1 << 20, CONFIG_MAX_FIELDS = 2000, NUMBER_TEXT = 64 };

/* ---- reading ---- */

static config_field *add_field(config *c) {
  config_field *items = mem_room(c->fields, c->count, &c->capacity, 64, sizeof *items);
  if (items == NULL) return NULL;
  c->fields = items;
  return &c->fields[c->count++];
}

static bool known_key(const config *c, jtext key) {
  for (size_t i = 0; i < c->count; i++) {
    if (jtext_is(key, c->fields[i].key)) return true;
  }
  return false;
}

/* The value under the cursor, kept as text and, for a string, decoded. */
static void read_value(jcursor *cursor, config_field *field) {
  field->kind = jcursor_peek(cursor);
  size_t start = cursor->at;
  if (field->kind == JKIND_STRING) field->text = jcursor_string(cursor);
  else jcursor_skip(cursor);
  field->raw = cursor->data + start;
  field->raw_length = cursor->at - start;
}

static dwell_status read_fields(config *c, jcursor *cursor, dwell_error *err) {
  if (jcursor_peek(cursor) != JKIND_OBJECT) jcursor_fail(cursor, "not a JSON object");
  jcursor_object(cursor);
  for (jtext key; jcursor_key(cursor, &key);) {
    if (memchr(key.data, '\0', key.length) != NULL) jcursor_fail(cursor, "a key contains a NUL");
    else if (known_key(c, key)) jcursor_fail(cursor, "a key occurs twice");
    else if (c->count == CONFIG_MAX_FIELDS) jcursor_fail(cursor, "too many keys");
    config_field field = {.key = key.data};
    read_value(cursor, &field);
    if (cursor->problem != NULL) {
      dwell_status status = jcursor_end(cursor, c->path, err);
      error_at_item(err, key.data);
      return status;
    }
    config_field *place = add_field(c);
    if (place == NULL) return error_no_memory(err, "the fields of config.json");
    *place = field;
  }
  return jcursor_end(cursor, c->path, err);
}

dwell_status config_open(const char *path, model_notes *opt_notes, config *ret_config, dwell_error *err) {
  *ret_config = (config){0};
  char *data;
  size_t size;
  dwell_status status = file_slurp(path, CONFIG_MAX_BYTES, &data, &size, err);
  return status == DWELL_OK ? config_read(path, data, size, opt_notes, ret_config, err) : status;
}

dwell_status config_read(const char *path, char *data, size_t size, model_notes *opt_notes, config *ret_config,
                         dwell_error *err) {
  *ret_config = (config){.path = path, .data = data, .notes = opt_notes};
  jcursor cursor = jcursor_start(ret_config->data, size, &ret_config->storage);
  return read_fields(ret_config, &cursor, err);
}

dwell_status config_nested(const config *c, const char *name, config *ret_config, dwell_error *err) {
  const config_field *field = config_find(c, name);
  *ret_config = (config){.path = c->path, .notes = c->notes};
  jcursor cursor = jcursor_start(field->raw, field->raw_length, &ret_config->storage);
  dwell_status status = read_fields(ret_config, &cursor, err);
  if (status != DWELL_OK) error_at_item(err, name);
  return status;
}

void config_close(config *c) {
  mem_free(c->data);
  mem_free(c->fields);
  arena_clear(&c->storage);
  *c = (config){0};
}

const config_field *config_find(const config *c, const char *key) {
  for (size_t i = 0; i < c->count; i++) {
    if (str_equal(c->fields[i].key, key)) return c->fields[i].kind == JKIND_NULL ? NULL : &c->fields[i];
  }
  return NULL;
}

/* ---- questions ---- */

static dwell_status complain(const config *c, const config_field *field, const char *wanted, dwell_error *err) {
  char shown[48];
  str_display(shown, sizeof shown, field->raw, field->raw_length);
  error_set(err, DWELL_BAD_INPUT, "must be %s, not %s", wanted, shown);
  error_at_item(err, field->key);
  error_in_file(err, c->path);
  return DWELL_BAD_INPUT;
}

/* The text of a number, terminated; false if the value is no number or absurdly long. */
static bool number_text(const config_field *field, char text[NUMBER_TEXT]) {
  if (field->kind != JKIND_NUMBER || field->raw_length >= NUMBER_TEXT) return false;
  memcpy(text, field->raw, field->raw_length);
  text[field->raw_length] = '\0';
  return true;
}

static dwell_status read_size(const config *c, const config_field *field, size_t most, size_t *ret_size,
                              dwell_error *err) {
  char text[NUMBER_TEXT], wanted[64];
  int64_t value;
  if (number_text(field, text) && number_parse_int(text, 1, (int64_t)most, &value)) {
    *ret_size = (size_t)value;
    return DWELL_OK;
  }
  snprintf(wanted, sizeof wanted, "a whole number from 1 to %zu", most);
  return complain(c, field, wanted, err);
}

dwell_status config_size(const config *c, const char *const *names, size_t fallback, size_t most, size_t *ret_size,
                         dwell_error *err) {
  const char *first = NULL;
  for (size_t i = 0; names[i] != NULL; i++) {
    const config_field *field = config_find(c, names[i]);
    if (field == NULL) continue;
    size_t value;
    dwell_status status = read_size(c, field, most, &value, err);
    if (status != DWELL_OK) return status;
    if (first != NULL && value != *ret_size) {
      error_set(err, DWELL_BAD_INPUT, "is %zu, but %s, another spelling of it, is %zu", value, first, *ret_size);
      error_at_item(err, names[i]);
      error_in_file(err, c->path);
      return DWELL_BAD_INPUT;
    }
    if (first == NULL) first = names[i];
    *ret_size = value;
  }
  if (first != NULL) return DWELL_OK;
  *ret_size = fallback;
  notes_add(c->notes, "config.json has no %s: %zu, the default of transformers", names[0], fallback);
  return DWELL_OK;
}

dwell_status config_optional_size(const config *c, const char *name, size_t most, size_t *size, dwell_error *err) {
  const config_field *field = config_find(c, name);
  return field == NULL ? DWELL_OK : read_size(c, field, most, size, err);
}

dwell_status config_id(const config *c, const char *name, size_t most, size_t *id, dwell_error *err) {
  const config_field *field = config_find(c, name);
  char text[NUMBER_TEXT], wanted[64];
  int64_t value;
  if (field == NULL) return DWELL_OK;
  if (number_text(field, text) && number_parse_int(text, INT64_MIN, (int64_t)most, &value)) {
    *id = value < 0 ? CONFIG_NO_ID : (size_t)value;
    return DWELL_OK;
  }
  snprintf(wanted, sizeof wanted, "a whole number, at most %zu", most);
  return complain(c, field, wanted, err);
}

dwell_status config_epsilon(const config *c, const char *name, double fallback, double *ret_epsilon, dwell_error *err) {
  const config_field *field = config_find(c, name);
  *ret_epsilon = fallback;
  if (field == NULL) {
    notes_add(c->notes, "config.json has no %s: %g, the default of transformers", name, fallback);
    return DWELL_OK;
  }
  char text[NUMBER_TEXT];
  if (number_text(field, text) && number_parse(text, ret_epsilon) && *ret_epsilon > 0 && *ret_epsilon < 1)
    return DWELL_OK;
  return complain(c, field, "a number above 0 and below 1", err);
}

dwell_status config_positive(const config *c, const char *name, double fallback, double *ret_value, dwell_error *err) {
  const config_field *field = config_find(c, name);
  char text[NUMBER_TEXT];
  *ret_value = fallback;
  if (field == NULL) return DWELL_OK;
  if (number_text(field, text) && number_parse(text, ret_value) && *ret_value > 0 && *ret_value < INFINITY)
    return DWELL_OK;
  return complain(c, field, "a number above 0", err);
}

dwell_status config_flag(const config *c, const char *name, bool fallback, bool *ret_flag, dwell_error *err) {
  const config_field *field = config_find(c, name);
  *ret_flag = fallback;
  if (field == NULL) return DWELL_OK;
  if (field->kind != JKIND_BOOL) return complain(c, field, "true or false", err);
  *ret_flag = field->raw[0] == 't';
  return DWELL_OK;
}

dwell_status config_text(const config *c, const char *name, const char *fallback, const char **ret_text,
                         dwell_error *err) {
  const config_field *field = config_find(c, name);
  *ret_text = fallback;
  if (field == NULL) return DWELL_OK;
  bool plain = field->kind == JKIND_STRING && memchr(field->text.data, '\0', field->text.length) == NULL;
  if (!plain) return complain(c, field, "a string", err);
  *ret_text = field->text.data;
  return DWELL_OK;
}

/* [ ] or { } with nothing inside. */
static bool is_empty(const config_field *field) {
  if (field->kind != JKIND_ARRAY && field->kind != JKIND_OBJECT) return false;
  for (size_t i = 1; i + 1 < field->raw_length; i++) {
    if (strchr(" \t\r\n", field->raw[i]) == NULL) return false;
  }
  return true;
}

dwell_status config_refuse(const config *c, const char *name, const char *neutral, dwell_error *err) {
  const config_field *field = config_find(c, name);
  if (field == NULL) return DWELL_OK;
  if (field->raw_length == strlen(neutral) && memcmp(field->raw, neutral, field->raw_length) == 0) return DWELL_OK;
  if (str_equal(neutral, "{}") && is_empty(field)) return DWELL_OK;
  char shown[64];
  str_display(shown, sizeof shown, field->raw, field->raw_length);
  error_set(err, DWELL_UNSUPPORTED, "%s is not supported (only %s is)", shown, neutral);
  error_at_item(err, field->key);
  error_in_file(err, c->path);
  error_remedy(err, "The numbers would come out wrong, so this model is refused");
  return DWELL_UNSUPPORTED;
}

void config_ids(const config *c, const char *name, void (*each)(void *self, int64_t id), void *self) {
  const config_field *field = config_find(c, name);
  if (field == NULL || (field->kind != JKIND_NUMBER && field->kind != JKIND_ARRAY)) return;
  arena strings = {0};
  jcursor cursor = jcursor_start(field->raw, field->raw_length, &strings);
  if (field->kind == JKIND_NUMBER) {
    int64_t id = jcursor_int(&cursor, 0, INT64_MAX);
    if (cursor.problem == NULL) each(self, id);
  } else {
    for (jcursor_array(&cursor); jcursor_item(&cursor);) {
      int64_t id = jcursor_int(&cursor, 0, INT64_MAX);
      if (cursor.problem == NULL) each(self, id);
    }
  }
  arena_clear(&strings);
}
