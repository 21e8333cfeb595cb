/* text/wordpiece.c - WordPiece. */
#include "text/wordpiece.h"

#include "base/error.h"
#include "base/str.h"

static const char PREFIX[] = "##";
enum { LONGEST_WORD = 100 };

dwell_status wordpiece_make(const vocab *v, jtext unknown, arena *memory, void **ret_state, dwell_error *err) {
  wordpiece *state = ARENA_NEW(memory, wordpiece, 1);
  if (state == NULL) return error_no_memory(err, "the tokenizer");
  jtext prefix = {PREFIX, sizeof PREFIX - 1};
  *state = (wordpiece){{vocab_find(v, unknown.data, unknown.length), unknown}, prefix, 0, LONGEST_WORD};
  state->prefix_hash = vocab_hash(VOCAB_HASH_START, prefix.data, prefix.length);
  *ret_state = state;
  return DWELL_OK;
}

static dwell_status read(model_source *source, void **ret_state, dwell_error *err) {
  const fields *f = &source->members;
  jcursor c;
  wordpiece *state = ARENA_NEW(source->memory, wordpiece, 1);
  dwell_status status;
  TRY_ALLOC(state, "the tokenizer");
  *ret_state = state;
  fields_find(f, "vocab", &c);
  TRY(model_read_vocab(&c, f->path, source->vocab, err));
  TRY(unknown_piece_read(f, "[UNK]", source->vocab, &state->unknown, err));
  TRY(fields_text(f, "continuing_subword_prefix", PREFIX, &state->prefix, err));
  TRY(fields_int(f, "max_input_chars_per_word", 0, INT32_MAX, LONGEST_WORD, &state->longest_word, err));
  state->prefix_hash = vocab_hash(VOCAB_HASH_START, state->prefix.data, state->prefix.length);
done:
  return status;
}

/* Length and id of the longest piece (of the kind that may stand here) at the beginning of `text`; 0: none. Hashing
 * grows with the candidate, so one pass tries every length. */
static size_t longest_piece(const wordpiece *state, const vocab *v, bool inside, const char *text, size_t length,
                            int32_t *ret_id) {
  const char *prefix = inside ? state->prefix.data : "";
  size_t prefix_length = inside ? state->prefix.length : 0, best = 0;
  uint64_t hash = inside ? state->prefix_hash : VOCAB_HASH_START;
  if (v->longest < prefix_length) return 0;
  if (length > v->longest - prefix_length) length = v->longest - prefix_length;
  for (size_t at = 0; at < length;) {
    hash = vocab_hash_step(hash, text[at++]);
    if (at < length && ((unsigned char)text[at] & 0xC0) == 0x80) continue; /* inside a character */
    int32_t id = vocab_find_hashed(v, hash, prefix, prefix_length, text, at);
    if (id == VOCAB_NONE) continue;
    *ret_id = id;
    best = at;
  }
  return best;
}

static bool too_long(const wordpiece *state, const char *text, size_t length) {
  if (length <= (size_t)state->longest_word) return false;
  int64_t characters = 0;
  for (size_t i = 0; i < length; i++) characters += ((unsigned char)text[i] & 0xC0) != 0x80;
  return characters > state->longest_word;
}

static dwell_status encode(const void *model_state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  const wordpiece *state = model_state;
  size_t first = out->count;
  if (too_long(state, text, length)) return unknown_piece_add(&state->unknown, text, length, out, err);
  for (size_t at = 0; at < length;) {
    int32_t id = VOCAB_NONE;
    size_t size = longest_piece(state, v, at > 0, text + at, length - at, &id);
    if (size == 0) { /* one bad place makes the whole word unknown */
      out->count = first;
      return unknown_piece_add(&state->unknown, text, length, out, err);
    }
    dwell_status status = piece_list_add(out, id, at, at + size, err);
    if (status != DWELL_OK) return status;
    at += size;
  }
  return DWELL_OK;
}

const model_class MODEL_WORDPIECE = {"WordPiece", read, encode};
