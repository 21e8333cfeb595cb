/* text/family_read.c - what config.json, tokenizer_config.json and the files beside them say about a tokenizer. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/family.h"

static const char *const ROLE_KEYS[FAMILY_ROLES] = {NULL,        "bos_token", "eos_token", "unk_token",
                                                    "sep_token", "pad_token", "cls_token", "mask_token"};
static const char *const FLAG_KEYS[FAMILY_FLAGS] = {"add_bos_token",          "add_eos_token", "do_lower_case",
                                                    "strip_accents",          "keep_accents",  "remove_space",
                                                    "tokenize_chinese_chars", "legacy",        "add_prefix_space"};

typedef struct reading {
  family *f;
  const char *path;
} reading;

static dwell_status list(family *f, const added_token *entry, dwell_error *err) {
  if (entry->content.length == 0) return DWELL_OK;
  added_token *items = mem_room(f->listed, f->listed_count, &f->listed_capacity, 16, sizeof *items);
  if (items == NULL) return error_no_memory(err, "the special tokens");
  f->listed = items;
  f->listed[f->listed_count++] = *entry;
  return DWELL_OK;
}

/* A token as text, or as an object with "content". */
static dwell_status read_token(const reading *r, jcursor *c, added_token *entry, dwell_error *err) {
  fields f;
  dwell_status status = DWELL_OK;
  if (jcursor_peek(c) != JKIND_OBJECT) {
    entry->content = jcursor_string(c);
    return fields_check(c, r->path, err);
  }
  TRY(fields_read(c, r->path, &f, err));
  TRY(fields_need_text(&f, "content", &entry->content, err));
  TRY(fields_bool(&f, "special", entry->special, &entry->special, err));
  TRY(fields_bool(&f, "single_word", false, &entry->single_word, err));
  TRY(fields_bool(&f, "lstrip", false, &entry->left_strip, err));
  TRY(fields_bool(&f, "rstrip", false, &entry->right_strip, err));
done:
  return status;
}

/* The number that a key is, or -1. */
static int32_t id_of_key(jtext key) {
  int64_t id = 0;
  if (key.length == 0 || key.length > 10) return -1;
  for (size_t i = 0; i < key.length; i++) {
    if (key.data[i] < '0' || key.data[i] > '9') return -1;
    id = id * 10 + (key.data[i] - '0');
  }
  return id > INT32_MAX ? -1 : (int32_t)id;
}

static dwell_status read_decoder(const reading *r, jcursor *c, dwell_error *err) {
  jcursor_object(c);
  r->f->has_decoder = true;
  for (jtext key; jcursor_key(c, &key);) {
    added_token entry = {.id = id_of_key(key)};
    if (entry.id < 0) jcursor_fail(c, "the key is not a token id");
    if (c->problem != NULL) break;
    dwell_status status = read_token(r, c, &entry, err);
    if (status == DWELL_OK) status = list(r->f, &entry, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(c, r->path, err);
}

static dwell_status read_additional(const reading *r, jcursor *c, dwell_error *err) {
  if (jcursor_null(c)) return DWELL_OK;
  jcursor_array(c);
  while (jcursor_item(c)) {
    added_token entry = {.id = VOCAB_NONE, .special = true};
    dwell_status status = read_token(r, c, &entry, err);
    if (status == DWELL_OK) status = list(r->f, &entry, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(c, r->path, err);
}

/* A member that every file may have. *ret_taken: it was one. */
static dwell_status read_member(const reading *r, jtext key, jcursor *c, bool *ret_taken, dwell_error *err) {
  family *f = r->f;
  *ret_taken = true;
  for (size_t i = 1; i < FAMILY_ROLES; i++) {
    if (!jtext_is(key, ROLE_KEYS[i])) continue;
    added_token entry = {.id = VOCAB_NONE};
    f->has_name[i] = true; /* null too: there is no such token */
    if (jcursor_null(c)) return fields_check(c, r->path, err);
    dwell_status status = read_token(r, c, &entry, err);
    f->names[i] = entry.content;
    return status;
  }
  for (size_t i = 0; i < FAMILY_FLAGS; i++) {
    if (!jtext_is(key, FLAG_KEYS[i])) continue;
    if (jcursor_null(c)) return fields_check(c, r->path, err);
    f->has_flag[i] = true;
    f->flags[i] = jcursor_bool(c);
    return fields_check(c, r->path, err);
  }
  if (jtext_is(key, "additional_special_tokens")) return read_additional(r, c, err);
  *ret_taken = false;
  return DWELL_OK;
}

/* ---- the files ---- */

static dwell_status read_config(const reading *r, jcursor *c, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    bool is_class = jtext_is(key, "tokenizer_class"), is_type = jtext_is(key, "model_type");
    if ((!is_class && !is_type) || jcursor_peek(c) != JKIND_STRING) {
      jcursor_skip(c);
    } else if (is_class) {
      r->f->asked = jcursor_string(c);
    } else {
      r->f->model_type = jcursor_string(c);
    }
  }
  return jcursor_end(c, r->path, err);
}

static dwell_status read_tokenizer_config(const reading *r, jcursor *c, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    bool taken = true;
    dwell_status status = DWELL_OK;
    if (jtext_is(key, "tokenizer_class")) {
      if (!jcursor_null(c)) r->f->asked = jcursor_string(c);
    } else if (jtext_is(key, "extra_ids")) {
      r->f->extra_ids = jcursor_int(c, 0, FAMILY_MOST_EXTRA);
    } else if (jtext_is(key, "added_tokens_decoder")) {
      status = read_decoder(r, c, err);
    } else {
      status = read_member(r, key, c, &taken, err);
    }
    if (status != DWELL_OK) return status;
    if (!taken) jcursor_skip(c);
  }
  return jcursor_end(c, r->path, err);
}

static dwell_status read_map(const reading *r, jcursor *c, dwell_error *err) {
  if (r->f->has_decoder) return DWELL_OK;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    bool taken;
    dwell_status status = read_member(r, key, c, &taken, err);
    if (status != DWELL_OK) return status;
    if (!taken) jcursor_skip(c);
  }
  return jcursor_end(c, r->path, err);
}

/* {"<mask>": 32000, ...} */
static dwell_status read_added(const reading *r, jcursor *c, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    added_token entry = {.content = key, .id = (int32_t)jcursor_int(c, 0, INT32_MAX)};
    if (c->problem != NULL) break;
    dwell_status status = list(r->f, &entry, err);
    if (status != DWELL_OK) return status;
  }
  return jcursor_end(c, r->path, err);
}

static dwell_status read_file(tokenizer *t, const char *folder, const char *name, family *f,
                              dwell_status (*read)(const reading *r, jcursor *c, dwell_error *err), dwell_error *err) {
  strbuf path = {0};
  char *data = NULL;
  size_t size;
  dwell_status status = DWELL_OK;
  strbuf_printf(&path, "%s/%s", folder, name);
  if (path.failed) TRY(error_no_memory(err, "a path"));
  if (access(path.data, F_OK) != 0) goto done;
  if (read != read_config) TRY(tokenizer_note_file(t, path.data, err)); /* a model lists its config.json itself */
  TRY(file_slurp(path.data, TOKENIZER_MOST_BYTES, &data, &size, err));
  jcursor c = jcursor_start(data, size, &t->memory);
  const reading r = {f, path.data};
  TRY(read(&r, &c, err));
done:
  if (status != DWELL_OK && path.data != NULL) error_in_file(err, path.data);
  mem_free(data);
  strbuf_free(&path);
  return status;
}

dwell_status family_open(tokenizer *t, const char *folder, family *f, dwell_error *err) {
  dwell_status status;
  *f = (family){.extra_ids = -1};
  TRY(read_file(t, folder, "config.json", f, read_config, err));
  TRY(read_file(t, folder, "tokenizer_config.json", f, read_tokenizer_config, err));
  TRY(read_file(t, folder, "special_tokens_map.json", f, read_map, err));
  TRY(read_file(t, folder, "added_tokens.json", f, read_added, err));
done:
  return status;
}
