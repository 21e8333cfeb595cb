/* text/wordlevel.c - WordLevel. */
#include "text/wordlevel.h"

#include "base/error.h"
#include "base/str.h"

dwell_status unknown_piece_read(const fields *f, const char *otherwise, const vocab *v, unknown_piece *ret_unknown,
                                dwell_error *err) {
  dwell_status status = fields_text(f, "unk_token", otherwise, &ret_unknown->name, err);
  if (status != DWELL_OK) return status;
  jtext name = ret_unknown->name;
  ret_unknown->id = name.data != NULL ? vocab_find(v, name.data, name.length) : VOCAB_NONE;
  return DWELL_OK;
}

dwell_status unknown_piece_add(const unknown_piece *u, const char *word, size_t length, piece_list *out,
                               dwell_error *err) {
  if (u->id != VOCAB_NONE) return piece_list_add(out, u->id, 0, length, err);
  char shown[100];
  str_display(shown, sizeof shown, word, length);
  return error_set(err, DWELL_BAD_INPUT, "'%s' is not in the vocabulary, and neither is the unknown token '%s'", shown,
                   u->name.data != NULL ? u->name.data : "");
}

static dwell_status read(model_source *source, void **ret_state, dwell_error *err) {
  jcursor c;
  unknown_piece *state = ARENA_NEW(source->memory, unknown_piece, 1);
  dwell_status status;
  TRY_ALLOC(state, "the tokenizer");
  *ret_state = state;
  fields_find(&source->members, "vocab", &c);
  TRY(model_read_vocab(&c, source->members.path, source->vocab, err));
  TRY(unknown_piece_read(&source->members, "<unk>", source->vocab, state, err));
done:
  return status;
}

static dwell_status encode(const void *state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  int32_t id = vocab_find(v, text, length);
  if (id != VOCAB_NONE) return piece_list_add(out, id, 0, length, err);
  return unknown_piece_add(state, text, length, out, err);
}

const model_class MODEL_WORDLEVEL = {"WordLevel", read, encode};
