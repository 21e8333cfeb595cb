/* text/postprocessor.c - reading the post-processor. Encoding runs its steps (encode.c). */
#include "text/postprocessor.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct place {
  postprocessor *to;
  vocab *vocab;
  arena *memory;
  const char *path;
} place;

static dwell_status add_step(postprocessor *p, postprocessor_step step, arena *memory, dwell_error *err) {
  postprocessor_step *kept = ARENA_NEW(memory, postprocessor_step, 1);
  if (kept == NULL) return error_no_memory(err, "the post-processor");
  *kept = step;
  if (p->last != NULL) {
    p->last->next = kept;
  } else {
    p->steps = kept;
  }
  p->last = kept;
  return DWELL_OK;
}

static dwell_status check_special(vocab *v, int64_t id, dwell_error *err) {
  if (vocab_entry_of(v, id) == NULL) {
    return error_set(err, DWELL_BAD_INPUT,
                     "the post-processor puts in a token of id %lld, which the vocabulary does not have",
                     (long long)id);
  }
  vocab_mark_special(v, (int32_t)id);
  return DWELL_OK;
}

dwell_status postprocessor_template(postprocessor *p, const int32_t *items, size_t count, vocab *v, arena *memory,
                                    dwell_error *err) {
  int32_t *kept = ARENA_NEW(memory, int32_t, count + 1); /* a template may be empty, but is one */
  dwell_status status;
  for (const postprocessor_step *step = p->steps; step != NULL; step = step->next) {
    if (step->items == NULL) continue; /* in tokenizers a second one treats what the first put in as another text */
    return error_set(err, DWELL_UNSUPPORTED, "two post-processors that put tokens around a text are not supported");
  }
  TRY_ALLOC(kept, "the post-processor");
  for (size_t i = 0; i < count; i++) {
    if (items[i] != TEMPLATE_TEXT) TRY(check_special(v, items[i], err));
    kept[i] = items[i];
  }
  TRY(add_step(p, (postprocessor_step){kept, count, false, NULL}, memory, err));
done:
  return status;
}

/* ---- BertProcessing, RobertaProcessing, ByteLevel ---- */

/* A member ["[SEP]", 102]. */
static dwell_status read_token(const fields *f, const char *key, int32_t *ret_id, dwell_error *err) {
  jcursor c;
  jtext missing;
  if (!fields_find(f, key, &c)) return fields_need_text(f, key, &missing, err);
  jcursor_array(&c);
  if (jcursor_item(&c)) jcursor_string(&c);
  bool second = jcursor_item(&c);
  *ret_id = second ? (int32_t)jcursor_int(&c, 0, INT32_MAX) : 0;
  if (!second || jcursor_item(&c)) jcursor_fail(&c, "a special token must be a pair of text and id");
  return fields_check(&c, f->path, err);
}

static dwell_status read_surround(const place *at, const fields *f, dwell_error *err) {
  int32_t items[] = {0, TEMPLATE_TEXT, 0};
  dwell_status status;
  TRY(read_token(f, "cls", &items[0], err));
  TRY(read_token(f, "sep", &items[2], err));
  TRY(postprocessor_template(at->to, items, 3, at->vocab, at->memory, err));
done:
  return status;
}

static dwell_status read_trim(const place *at, const fields *f, dwell_error *err) {
  bool trim, prefix;
  dwell_status status;
  TRY(fields_bool(f, "trim_offsets", true, &trim, err));
  TRY(fields_bool(f, "add_prefix_space", true, &prefix, err));
  if (trim) TRY(add_step(at->to, (postprocessor_step){NULL, 0, prefix, NULL}, at->memory, err));
done:
  return status;
}

static dwell_status read_roberta(const place *at, const fields *f, dwell_error *err) {
  dwell_status status = read_trim(at, f, err);
  return status != DWELL_OK ? status : read_surround(at, f, err);
}

/* ---- TemplateProcessing ---- */

/* Each item is looked up among the special tokens, which may be many, so the items must be few. */
enum { TEMPLATE_MOST = 100 };

typedef struct id_list {
  int32_t *items;
  size_t count, capacity;
} id_list;

static dwell_status too_long(dwell_error *err) {
  return error_set(err, DWELL_UNSUPPORTED, "a template of more than %d tokens is not supported", TEMPLATE_MOST);
}

static dwell_status push(id_list *l, int32_t id, dwell_error *err) {
  if (l->count == TEMPLATE_MOST) return too_long(err);
  int32_t *items = mem_room(l->items, l->count, &l->capacity, 8, sizeof(int32_t));
  if (items == NULL) return error_no_memory(err, "the post-processor");
  l->items = items;
  l->items[l->count++] = id;
  return DWELL_OK;
}

/* Appends the ids that "special_tokens" defines for a name (usually one). */
static dwell_status push_special(const fields *f, jtext name, id_list *out, dwell_error *err) {
  jcursor c;
  bool found = false;
  if (fields_find(f, "special_tokens", &c)) {
    jcursor_object(&c);
    for (jtext key; !found && jcursor_key(&c, &key);) {
      found = jtext_same(key, name);
      if (!found) jcursor_skip(&c);
    }
  }
  if (c.problem != NULL && found) return fields_check(&c, f->path, err);
  if (!found) {
    return error_set(err, DWELL_BAD_INPUT, "the template names the special token '%s', which it does not define",
                     name.data);
  }
  fields token;
  jcursor ids;
  jtext missing;
  dwell_status status;
  TRY(fields_read(&c, f->path, &token, err));
  if (!fields_find(&token, "ids", &ids)) return fields_need_text(&token, "ids", &missing, err);
  jcursor_array(&ids);
  while (jcursor_item(&ids)) {
    int64_t id = jcursor_int(&ids, 0, INT32_MAX);
    if (ids.problem != NULL) break;
    TRY(push(out, (int32_t)id, err));
  }
  TRY(fields_check(&ids, f->path, err));
done:
  return status;
}

/* One {"SpecialToken": {"id": ...}} or {"Sequence": {"id": "A"}}. */
static dwell_status read_template_item(const fields *f, jcursor *c, id_list *out, dwell_error *err) {
  fields choice, inner;
  jtext name;
  dwell_status status;
  TRY(fields_read(c, f->path, &choice, err));
  bool special = choice.count == 1 && jtext_is(choice.keys[0], "SpecialToken");
  if (!special && !(choice.count == 1 && jtext_is(choice.keys[0], "Sequence"))) {
    return error_set(err, DWELL_BAD_INPUT, "an item of the template is neither SpecialToken nor Sequence");
  }
  TRY(fields_read(&choice.values[0], f->path, &inner, err));
  TRY(fields_need_text(&inner, "id", &name, err));
  if (special) {
    TRY(push_special(f, name, out, err));
  } else if (jtext_is(name, "A")) {
    TRY(push(out, TEMPLATE_TEXT, err));
  } else {
    status = error_set(err, DWELL_BAD_INPUT, "the template for one text asks for the sequence '%s'", name.data);
  }
done:
  return status;
}

static dwell_status read_template(const place *at, const fields *f, dwell_error *err) {
  id_list list = {0};
  jcursor c;
  jtext missing;
  dwell_status status;
  if (!fields_find(f, "single", &c)) return fields_need_text(f, "single", &missing, err);
  jcursor_array(&c);
  for (size_t items = 0; jcursor_item(&c); items++) {
    if (items == TEMPLATE_MOST) TRY(too_long(err));
    TRY(read_template_item(f, &c, &list, err));
  }
  TRY(fields_check(&c, f->path, err));
  TRY(postprocessor_template(at->to, list.items, list.count, at->vocab, at->memory, err));
done:
  mem_free(list.items);
  return status;
}

/* ---- the registry ---- */

static const struct {
  const char *type;
  dwell_status (*read)(const place *at, const fields *f, dwell_error *err);
} REGISTRY[] = {
    {"TemplateProcessing", read_template},
    {"BertProcessing", read_surround},
    {"RobertaProcessing", read_roberta},
    {"ByteLevel", read_trim},
};

static dwell_status read_sequence(const place *at, const fields *f, dwell_error *err) {
  jcursor c;
  jtext missing;
  if (!fields_find(f, "processors", &c)) return fields_need_text(f, "processors", &missing, err);
  jcursor_array(&c);
  while (jcursor_item(&c)) { /* depth is bounded by the cursor */
    dwell_status status = postprocessor_read(at->to, &c, f->path, at->vocab, at->memory, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(&c, f->path, err);
}

dwell_status postprocessor_read(postprocessor *p, jcursor *c, const char *path, vocab *v, arena *memory,
                                dwell_error *err) {
  if (jcursor_null(c)) return DWELL_OK;
  const place at = {p, v, memory, path};
  fields f;
  jtext type;
  dwell_status status;
  TRY(fields_read(c, path, &f, err));
  TRY(fields_need_text(&f, "type", &type, err));
  if (jtext_is(type, "Sequence")) return read_sequence(&at, &f, err);
  for (size_t i = 0; i < sizeof REGISTRY / sizeof REGISTRY[0]; i++) {
    if (jtext_is(type, REGISTRY[i].type)) return REGISTRY[i].read(&at, &f, err);
  }
  status = error_set(err, DWELL_UNSUPPORTED, "post-processor '%s' is not supported", type.data);
done:
  return status;
}
