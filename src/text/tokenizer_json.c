/* text/tokenizer_json.c - reading tokenizer.json. Its sections may come in any order: the model, by far the largest, is
 * read where it stands; the others are bookmarked, and read after it in the order in which they depend on each other.
 * "truncation", "padding" and "decoder" do not matter here. */
#include "base/error.h"
#include "base/mem.h"
#include "file/jcursor.h"
#include "text/internal.h"

typedef struct sections {
  bool has_model;
  jcursor added, normalizer, pretokenizer, postprocessor; /* data NULL: absent */
} sections;

static void bookmark(jcursor *c, jcursor *place) {
  if (place->data != NULL) jcursor_fail(c, "a section is repeated");
  *place = *c;
  jcursor_skip(c);
}

static dwell_status read_sections(tokenizer *t, jcursor *c, const char *path, sections *s, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "model")) {
      if (s->has_model) jcursor_fail(c, "a section is repeated");
      s->has_model = true;
      dwell_status status = c->problem ? DWELL_OK : model_read(&t->model, c, path, &t->vocab, &t->memory, err);
      if (status != DWELL_OK) return status;
    } else if (jtext_is(key, "added_tokens")) {
      bookmark(c, &s->added);
    } else if (jtext_is(key, "normalizer")) {
      bookmark(c, &s->normalizer);
    } else if (jtext_is(key, "pre_tokenizer")) {
      bookmark(c, &s->pretokenizer);
    } else if (jtext_is(key, "post_processor")) {
      bookmark(c, &s->postprocessor);
    } else {
      jcursor_skip(c);
    }
  }
  dwell_status status = jcursor_end(c, path, err);
  if (status != DWELL_OK || s->has_model) return status;
  return error_set(err, DWELL_BAD_INPUT, "the file has no \"model\"");
}

static dwell_status read_bookmarked(tokenizer *t, sections *s, const char *path, dwell_error *err) {
  arena *memory = &t->memory;
  dwell_status status = DWELL_OK;
  vocab_settle(&t->vocab);
  if (s->normalizer.data != NULL) TRY(normalizer_read(&t->normalizer, &s->normalizer, path, memory, err));
  if (s->pretokenizer.data != NULL) TRY(pretokenizer_read(&t->pretokenizer, &s->pretokenizer, path, memory, err));
  if (s->added.data != NULL) TRY(added_read(&t->added, &s->added, path, &t->vocab, err));
  if (s->postprocessor.data != NULL) {
    TRY(postprocessor_read(&t->postprocessor, &s->postprocessor, path, &t->vocab, memory, err));
  }
done:
  return status;
}

dwell_status tokenizer_read_json(tokenizer *t, const char *path, dwell_error *err) {
  char *data = NULL;
  size_t size;
  sections s = {0};
  dwell_status status;
  TRY(tokenizer_note_file(t, path, err));
  TRY(file_slurp(path, TOKENIZER_MOST_BYTES, &data, &size, err));
  jcursor c = jcursor_start(data, size, &t->memory);
  TRY(read_sections(t, &c, path, &s, err));
  TRY(read_bookmarked(t, &s, path, err));
done:
  mem_free(data);
  return status;
}
