/* text/bpe.c - byte-pair encoding: reading it, and words to symbols and pieces. */
#include "text/bpe.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

enum { LONGEST_AFFIX = 64, DIRECT = 0x400 };

typedef struct bpe {
  bpe_options options;
  bpe_table table;
  int32_t unknown_id;
  int32_t bytes[256];     /* ids of <0x00> ... <0xFF>, for byte_fallback */
  bool affixes;           /* prefix or suffix is not empty */
  int32_t direct[DIRECT]; /* ids of the single characters below, found without hashing */
} bpe;

/* ---- building ---- */

dwell_status bpe_pairs_add(bpe_pairs *p, jtext left, jtext right, dwell_error *err) {
  bpe_pair *items = mem_room(p->items, p->count, &p->capacity, 4096, sizeof(bpe_pair));
  if (items == NULL) return error_no_memory(err, "the merges");
  p->items = items;
  p->items[p->count++] = (bpe_pair){left, right};
  return DWELL_OK;
}

bool bpe_pair_parse(jtext line, bpe_pair *ret_pair) {
  const char *space = memchr(line.data, ' ', line.length);
  if (space == NULL) return false;
  size_t left = (size_t)(space - line.data), right = line.length - left - 1;
  if (memchr(space + 1, ' ', right) != NULL) return false;
  *ret_pair = (bpe_pair){{line.data, left}, {space + 1, right}};
  return true;
}

void bpe_pairs_free(bpe_pairs *p) {
  mem_free(p->items);
  *p = (bpe_pairs){0};
}

static dwell_status unknown_in_merge(const bpe_pair *pair, size_t rank, dwell_error *err) {
  char left[80], right[80];
  str_display(left, sizeof left, pair->left.data, pair->left.length);
  str_display(right, sizeof right, pair->right.data, pair->right.length);
  return error_set(err, DWELL_BAD_INPUT, "merge %zu ('%s' and '%s') needs a piece that the vocabulary does not have",
                   rank, left, right);
}

/* Id of the piece two pieces make: the prefix of the right one falls away. */
static int32_t merged_id(const vocab *v, const bpe_pair *pair, jtext prefix) {
  if (pair->right.length < prefix.length) return VOCAB_NONE;
  const char *rest = pair->right.data + prefix.length;
  size_t length = pair->right.length - prefix.length;
  uint64_t hash = vocab_hash(VOCAB_HASH_START, pair->left.data, pair->left.length);
  hash = vocab_hash(hash, rest, length);
  return vocab_find_hashed(v, hash, pair->left.data, pair->left.length, rest, length);
}

static dwell_status fill_table(bpe *state, const vocab *v, const bpe_pairs *pairs, arena *memory, dwell_error *err) {
  bpe_table *t = &state->table;
  if (pairs->count > UINT32_MAX / 4) return error_set(err, DWELL_UNSUPPORTED, "there are too many merges");
  for (t->count = 16; t->count < pairs->count * 2;) t->count *= 2;
  t->slots = ARENA_NEW(memory, bpe_merge, t->count);
  if (t->slots == NULL) return error_no_memory(err, "the merges");
  for (size_t i = 0; i < t->count; i++) t->slots[i].pair = BPE_FREE;
  for (size_t rank = 0; rank < pairs->count; rank++) {
    const bpe_pair *pair = &pairs->items[rank];
    int32_t left = vocab_find(v, pair->left.data, pair->left.length);
    int32_t right = vocab_find(v, pair->right.data, pair->right.length);
    int32_t whole = merged_id(v, pair, state->options.prefix);
    if (left == VOCAB_NONE || right == VOCAB_NONE || whole == VOCAB_NONE) return unknown_in_merge(pair, rank, err);
    uint64_t key = bpe_key(left, right);
    size_t slot = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (t->count - 1);
    while (t->slots[slot].pair != BPE_FREE && t->slots[slot].pair != key) slot = (slot + 1) & (t->count - 1);
    t->slots[slot] =
        (bpe_merge){key, (uint32_t)rank, whole}; /* a repeated merge: the later rank counts, as in tokenizers */
  }
  return DWELL_OK;
}

dwell_status bpe_make(const vocab *v, const bpe_pairs *pairs, const bpe_options *options, arena *memory,
                      void **ret_state, dwell_error *err) {
  bpe *state = ARENA_NEW(memory, bpe, 1);
  dwell_status status;
  TRY_ALLOC(state, "the tokenizer");
  *ret_state = state;
  state->options = *options;
  state->affixes = options->prefix.length + options->suffix.length > 0;
  if (options->prefix.length > LONGEST_AFFIX || options->suffix.length > LONGEST_AFFIX) {
    return error_set(err, DWELL_UNSUPPORTED, "a subword prefix or suffix of more than %d bytes is not supported",
                     LONGEST_AFFIX);
  }
  if (state->affixes && options->byte_fallback) {
    return error_set(err, DWELL_UNSUPPORTED, "byte_fallback together with a subword prefix or suffix is not supported");
  }
  state->unknown_id = VOCAB_NONE;
  if (options->unknown.data != NULL) {
    state->unknown_id = vocab_find(v, options->unknown.data, options->unknown.length);
    if (state->unknown_id == VOCAB_NONE) {
      return error_set(err, DWELL_BAD_INPUT, "the unknown token '%s' is not in the vocabulary", options->unknown.data);
    }
  }
  vocab_find_bytes(v, state->bytes);
  for (uint32_t code = 0; code < DIRECT; code++) {
    char text[4];
    state->direct[code] = vocab_find(v, text, utf8_encode(code, text));
  }
  TRY(fill_table(state, v, pairs, memory, err));
done:
  return status;
}

/* ---- reading ---- */

static dwell_status read_merges(model_source *source, bpe_pairs *pairs, dwell_error *err) {
  const char *path = source->members.path;
  jcursor c;
  if (!fields_find(&source->members, "merges", &c)) return DWELL_OK;
  jcursor_array(&c);
  while (jcursor_item(&c)) {
    bpe_pair pair = {0};
    if (jcursor_peek(&c) == JKIND_ARRAY) { /* ["a", "b"] */
      jcursor_array(&c);
      if (jcursor_item(&c)) pair.left = jcursor_string(&c);
      if (jcursor_item(&c)) pair.right = jcursor_string(&c);
      if (pair.right.data == NULL || jcursor_item(&c)) jcursor_fail(&c, "a merge must be a pair of texts");
    } else if (!bpe_pair_parse(jcursor_string(&c), &pair)) {
      jcursor_fail(&c, "a merge must be two pieces with one space between them");
    }
    if (c.problem != NULL) break;
    dwell_status status = bpe_pairs_add(pairs, pair.left, pair.right, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(&c, path, err);
}

static dwell_status refuse_dropout(const fields *f, dwell_error *err) {
  jcursor c;
  if (!fields_find(f, "dropout", &c) || jcursor_double(&c) == 0) return DWELL_OK;
  return error_set(err, DWELL_UNSUPPORTED, "BPE with dropout is random and not supported");
}

static dwell_status read(model_source *source, void **ret_state, dwell_error *err) {
  const fields *f = &source->members;
  bpe_pairs pairs = {0};
  bpe_options o = {0};
  jcursor c;
  dwell_status status;
  TRY(refuse_dropout(f, err));
  fields_find(f, "vocab", &c);
  TRY(model_read_vocab(&c, f->path, source->vocab, err));
  TRY(fields_text(f, "unk_token", NULL, &o.unknown, err));
  TRY(fields_text(f, "continuing_subword_prefix", "", &o.prefix, err));
  TRY(fields_text(f, "end_of_word_suffix", "", &o.suffix, err));
  TRY(fields_bool(f, "fuse_unk", false, &o.fuse_unknown, err));
  TRY(fields_bool(f, "byte_fallback", false, &o.byte_fallback, err));
  TRY(fields_bool(f, "ignore_merges", false, &o.ignore_merges, err));
  TRY(read_merges(source, &pairs, err));
  TRY(bpe_make(source->vocab, &pairs, &o, source->memory, ret_state, err));
done:
  bpe_pairs_free(&pairs);
  return status;
}

/* ---- words to symbols ---- */

typedef struct word {
  bpe_symbol *symbols;
  size_t count;
  bool unknown; /* an unknown stretch [begin, end) waits to be entered */
  uint32_t begin, end;
} word;

static void add_symbol(word *w, int32_t id, size_t begin, size_t end) {
  w->symbols[w->count] = (bpe_symbol){id, (int32_t)w->count - 1, (int32_t)w->count + 1, (uint32_t)begin, (uint32_t)end};
  w->count++;
}

static void flush_unknown(const bpe *state, word *w) {
  if (w->unknown) add_symbol(w, state->unknown_id, w->begin, w->end);
  w->unknown = false;
}

/* Id of one character as it stands in the word (with prefix or suffix if the model has them). */
static int32_t character_id(const bpe *state, const vocab *v, uint32_t code, const char *text, size_t size, bool first,
                            bool last) {
  if (!state->affixes) return code < DIRECT ? state->direct[code] : vocab_find(v, text, size);
  char full[2 * LONGEST_AFFIX + 4];
  size_t length = 0;
  if (!first) memcpy(full, state->options.prefix.data, length = state->options.prefix.length);
  memcpy(full + length, text, size);
  length += size;
  if (last) {
    memcpy(full + length, state->options.suffix.data, state->options.suffix.length);
    length += state->options.suffix.length;
  }
  return vocab_find(v, full, length);
}

/* A character without a piece: its bytes, or part of an unknown stretch, or nothing. */
static void add_missing(const bpe *state, word *w, const char *text, size_t at, size_t size) {
  bool bytes = state->options.byte_fallback;
  for (size_t i = 0; i < size && bytes; i++) bytes = state->bytes[(unsigned char)text[at + i]] != VOCAB_NONE;
  if (bytes) { /* before an unknown stretch that waits, where some bytes have no piece: so it is in tokenizers */
    for (size_t i = 0; i < size; i++) add_symbol(w, state->bytes[(unsigned char)text[at + i]], at + i, at + i + 1);
  } else if (state->unknown_id != VOCAB_NONE) {
    if (w->unknown && !state->options.fuse_unknown) flush_unknown(state, w);
    if (!w->unknown) w->begin = (uint32_t)at;
    w->unknown = true;
    w->end = (uint32_t)(at + size);
  }
}

static void split_word(const bpe *state, const vocab *v, const char *text, size_t length, word *w) {
  uint32_t code = 0;
  for (size_t at = 0, size; at < length; at += size) {
    size = utf8_decode(text + at, length - at, &code);
    int32_t id = character_id(state, v, code, text + at, size, at == 0, at + size == length);
    if (id != VOCAB_NONE) {
      flush_unknown(state, w);
      add_symbol(w, id, at, at + size);
    } else {
      add_missing(state, w, text, at, size);
    }
  }
  flush_unknown(state, w);
  if (w->count > 0) w->symbols[w->count - 1].after = -1;
}

/* Room for one symbol and its two candidates. */
enum { SYMBOL_ROOM = sizeof(bpe_symbol) + 2 * sizeof(bpe_candidate) };

/* One symbol per character, or per byte. */
static size_t most_symbols(const bpe *state, const char *text, size_t length) {
  if (state->options.byte_fallback || length < 64) return length;
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
  return count;
}

static dwell_status encode(const void *model_state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  const bpe *state = model_state;
  if (state->options.ignore_merges) {
    int32_t id = vocab_find(v, text, length);
    if (id != VOCAB_NONE) return piece_list_add(out, id, 0, length, err);
  }
  if (length >= INT32_MAX) return error_set(err, DWELL_UNSUPPORTED, "a word of 2 GiB is too long");
  bpe_candidate *queue = piece_list_scratch(out, most_symbols(state, text, length), SYMBOL_ROOM);
  if (queue == NULL) return error_no_memory(err, "the pieces of a long word");
  word w = {.symbols = (bpe_symbol *)(void *)(queue + 2 * most_symbols(state, text, length))};
  split_word(state, v, text, length, &w);
  if (w.count == 0) return DWELL_OK;
  bpe_merge_all(&state->table, w.symbols, w.count, queue);
  for (int32_t i = 0; i >= 0; i = w.symbols[i].after) {
    dwell_status status = piece_list_add(out, w.symbols[i].id, w.symbols[i].begin, w.symbols[i].end, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const model_class MODEL_BPE = {"BPE", read, encode};
