/* text/model.c - the registry of models and what they share. */
#include "text/model.h"

#include "base/error.h"
#include "base/mem.h"

static const model_class *const REGISTRY[] = {
    &MODEL_BPE,
    &MODEL_WORDPIECE,
    &MODEL_WORDLEVEL,
    &MODEL_UNIGRAM,
};

dwell_status piece_list_add(piece_list *l, int32_t id, size_t begin, size_t end, dwell_error *err) {
  piece *items = mem_room(l->items, l->count, &l->capacity, 256, sizeof(piece));
  if (items == NULL) return error_no_memory(err, "the pieces of a text");
  l->items = items;
  l->items[l->count++] = (piece){id, (uint32_t)begin, (uint32_t)end, false};
  return DWELL_OK;
}

void *piece_list_scratch(piece_list *l, size_t count, size_t size) {
  size_t bytes;
  if (!size_mul(count, size, &bytes)) return NULL;
  if (bytes <= l->scratch_size) return l->scratch;
  void *grown = mem_alloc(bytes, 1);
  if (grown == NULL) return NULL;
  mem_free(l->scratch);
  l->scratch = grown;
  l->scratch_size = bytes;
  return grown;
}

void piece_list_free(piece_list *l) {
  mem_free(l->items);
  mem_free(l->scratch);
  *l = (piece_list){0};
}

dwell_status model_read_vocab(jcursor *c, const char *path, vocab *v, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    jcursor before = *c;
    int32_t id = (int32_t)jcursor_int(c, 0, INT32_MAX);
    if (c->problem != NULL) break;
    dwell_status status = vocab_add(v, key.data, key.length, id, false, err);
    if (status == DWELL_OK) continue;
    error_at_offset(err, (int64_t)before.at);
    error_in_file(err, path);
    return status;
  }
  return fields_check(c, path, err);
}

/* Files of before "type" was written: told apart by their members, as tokenizers does. */
static const char *guess_type(const fields *f) {
  jcursor c;
  if (fields_find(f, "merges", &c)) return MODEL_BPE.name;
  if (fields_find(f, "vocab", &c) && jcursor_peek(&c) == JKIND_ARRAY) return MODEL_UNIGRAM.name;
  bool wordpiece = fields_find(f, "continuing_subword_prefix", &c) || fields_find(f, "max_input_chars_per_word", &c);
  return wordpiece ? MODEL_WORDPIECE.name : MODEL_WORDLEVEL.name;
}

dwell_status model_read(model *m, jcursor *c, const char *path, vocab *v, arena *memory, dwell_error *err) {
  model_source source = {.vocab = v, .memory = memory};
  jtext type, ignored;
  jcursor vocabulary;
  dwell_status status;
  TRY(fields_read(c, path, &source.members, err));
  TRY(fields_text(&source.members, "type", guess_type(&source.members), &type, err));
  for (size_t i = 0; i < sizeof REGISTRY / sizeof REGISTRY[0]; i++) {
    if (!jtext_is(type, REGISTRY[i]->name)) continue;
    m->class = REGISTRY[i];
    if (!fields_find(&source.members, "vocab", &vocabulary)) {
      return fields_need_text(&source.members, "vocab", &ignored, err);
    }
    return m->class->read(&source, &m->state, err);
  }
  status = error_set(err, DWELL_UNSUPPORTED, "tokenizer model '%s' is not supported", type.data);
done:
  return status;
}
