/* text/encode.c - running a tokenizer over a text. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/byte_level.h"
#include "text/internal.h"
#include "text/unicode.h"

/* ---- words to pieces ---- */

/* Text repeats its words: the pieces of a split seen before are copied. The key is the text of the split; a slot only
 * remembers where that text and its pieces are. */
typedef struct seen {
  uint32_t begin, length; /* of the split in the current text; length 0: free */
  size_t first, count;    /* of its pieces */
} seen;

enum { SEEN_LEAST = 64, SEEN_MOST = 8192, SEEN_LONGEST = 64 };

typedef struct encoding {
  const tokenizer *tokenizer;
  workbench bench;
  piece_list pieces; /* positions in the current text */
  seen *seen;
  size_t seen_slots; /* a power of two */
} encoding;

static size_t seen_slot(const char *text, size_t length, size_t slots) {
  uint64_t hash = length * UINT64_C(0x9E3779B97F4A7C15), word;
  for (; length >= 8; text += 8, length -= 8) {
    memcpy(&word, text, 8);
    hash = (hash ^ word) * UINT64_C(0x9FB21C651E98DF25);
    hash ^= hash >> 32;
  }
  word = 0;
  for (size_t i = 0; i < length; i++) word = word << 8 | (unsigned char)text[i];
  hash = (hash ^ word) * UINT64_C(0x9FB21C651E98DF25);
  return (size_t)(hash >> 40) & (slots - 1);
}

static dwell_status encode_split(encoding *e, split s, dwell_error *err) {
  const tokenizer *t = e->tokenizer;
  const char *text = e->bench.now.text + s.begin;
  size_t length = s.end - s.begin, first = e->pieces.count;
  seen *slot = length <= SEEN_LONGEST ? &e->seen[seen_slot(text, length, e->seen_slots)] : NULL;
  if (slot != NULL && slot->length == length && memcmp(e->bench.now.text + slot->begin, text, length) == 0) {
    for (size_t i = 0; i < slot->count; i++) {
      piece p = e->pieces.items[slot->first + i];
      dwell_status status =
          piece_list_add(&e->pieces, p.id, p.begin - slot->begin + s.begin, p.end - slot->begin + s.begin, err);
      if (status != DWELL_OK) return status;
    }
    return DWELL_OK;
  }
  dwell_status status = t->model.class->encode(t->model.state, &t->vocab, text, length, &e->pieces, err);
  if (status != DWELL_OK) return status;
  for (size_t i = first; i < e->pieces.count; i++) {
    e->pieces.items[i].begin += s.begin;
    e->pieces.items[i].end += s.begin;
  }
  if (slot != NULL) *slot = (seen){s.begin, (uint32_t)length, first, e->pieces.count - first};
  return DWELL_OK;
}

static dwell_status encode_splits(encoding *e, dwell_error *err) {
  for (e->seen_slots = SEEN_LEAST; e->seen_slots < e->bench.now.count && e->seen_slots < SEEN_MOST;) e->seen_slots *= 2;
  e->seen = MEM_ZERO(seen, e->seen_slots);
  if (e->seen == NULL) return error_no_memory(err, "the pieces of a text");
  for (size_t i = 0; i < e->bench.now.count; i++) {
    split s = e->bench.now.splits[i];
    bool is_added = s.id != SPLIT_TEXT;
    dwell_status status = is_added ? piece_list_add(&e->pieces, s.id, s.begin, s.end, err) : encode_split(e, s, err);
    if (status != DWELL_OK) return status;
    if (is_added) e->pieces.items[e->pieces.count - 1].added = true;
  }
  return DWELL_OK;
}

/* ---- pieces to tokens ---- */

static token make_token(const tokenizer *t, int32_t id, size_t begin, size_t end) {
  const vocab_entry *entry = vocab_entry_of(&t->vocab, id);
  return (token){id, entry ? entry->text : "", begin, end, entry ? entry->special : false};
}

static token *make_tokens(const encoding *e) {
  token *tokens = MEM_NEW(token, e->pieces.count);
  for (size_t i = 0; i < e->pieces.count && tokens != NULL; i++) {
    piece p = e->pieces.items[i];
    const span *origin = e->bench.now.origin;
    tokens[i] = p.begin < p.end ? make_token(e->tokenizer, p.id, origin[p.begin].begin, origin[p.end - 1].end)
                                : make_token(e->tokenizer, p.id, 0, 0);
  }
  return tokens;
}

static bool is_blank(uint32_t code) { return code == BYTE_LEVEL_SPACE || (unicode_classes(code) & UNICODE_SPACE) != 0; }

/* Numbers of blank characters at both ends of a piece. */
static void count_blanks(const char *text, size_t length, size_t *ret_leading, size_t *ret_trailing) {
  uint32_t code;
  bool leading = true;
  *ret_leading = *ret_trailing = 0;
  for (size_t at = 0, size; at < length && (size = utf8_decode(text + at, length - at, &code)) > 0; at += size) {
    bool blank = is_blank(code);
    leading = leading && blank;
    *ret_leading += leading;
    *ret_trailing = blank ? *ret_trailing + 1 : 0;
  }
}

static bool is_inside(const char *text, size_t at) { return ((unsigned char)text[at] & 0xC0) == 0x80; }

/* trim_offsets of ByteLevel and RobertaProcessing: as many characters as the token has blanks at its ends. */
static void trim(const encoding *e, const postprocessor_step *how, const char *text, token *tokens) {
  for (size_t i = 0; i < e->pieces.count; i++) {
    token *t = &tokens[i];
    piece p = e->pieces.items[i];
    const vocab_entry *entry = vocab_entry_of(&e->tokenizer->vocab, p.id);
    bool verbatim = p.added || entry == NULL; /* an added token may have taken in white space */
    size_t leading, trailing;
    count_blanks(verbatim ? e->bench.now.text + p.begin : entry->text, verbatim ? p.end - p.begin : entry->length,
                 &leading, &trailing);
    if ((i == 0 || t->begin == 0) && how->prefix_space && leading == 1) leading = 0;
    for (; leading > 0 && t->begin < t->end; leading--) {
      for (t->begin++; t->begin < t->end && is_inside(text, t->begin);) t->begin++;
    }
    for (; trailing > 0 && t->begin < t->end; trailing--) {
      for (t->end--; t->begin < t->end && is_inside(text, t->end);) t->end--;
    }
  }
}

/* One template around (or several times) the tokens so far; its special tokens only if they are wanted. */
static dwell_status surround(const tokenizer *t, const postprocessor_step *how, bool add_special, token_list *list,
                             dwell_error *err) {
  size_t texts = 0, size;
  for (size_t i = 0; i < how->count; i++) texts += how->items[i] == TEMPLATE_TEXT;
  if (!size_mul(texts, list->count, &size) || !size_add(size, how->count - texts, &size)) size = SIZE_MAX;
  token *tokens = MEM_NEW(token, size);
  if (tokens == NULL) return error_no_memory(err, "the tokens of a text");
  size_t count = 0;
  for (size_t i = 0; i < how->count; i++) {
    if (how->items[i] == TEMPLATE_TEXT) {
      if (list->count > 0) memcpy(tokens + count, list->tokens, list->count * sizeof(token));
      count += list->count;
    } else if (add_special) {
      size_t at = count > 0 ? tokens[count - 1].end : 0;
      tokens[count++] = make_token(t, how->items[i], at, at);
    }
  }
  mem_free(list->tokens);
  *list = (token_list){tokens, count};
  return DWELL_OK;
}

static dwell_status finish(const encoding *e, const char *text, bool add_special, token_list *ret_tokens,
                           dwell_error *err) {
  token_list list = {make_tokens(e), e->pieces.count};
  dwell_status status;
  TRY_ALLOC(list.tokens, "the tokens of a text");
  const postprocessor_step *first = e->tokenizer->postprocessor.steps;
  for (const postprocessor_step *how = first; how != NULL; how = how->next) {
    if (how->items == NULL) trim(e, how, text, list.tokens);
  }
  for (const postprocessor_step *how = first; how != NULL; how = how->next) {
    if (how->items != NULL) TRY(surround(e->tokenizer, how, add_special, &list, err));
  }
  *ret_tokens = list;
  return DWELL_OK;
done:
  token_list_free(&list);
  return status;
}

dwell_status tokenizer_encode(const tokenizer *t, const char *text, size_t length, bool add_special,
                              token_list *ret_tokens, dwell_error *err) {
  encoding e = {.tokenizer = t};
  dwell_status status;
  *ret_tokens = (token_list){0};
  TRY(workbench_start(&e.bench, text, length, err));
  TRY(added_cut(&t->added.raw, &e.bench, err));
  TRY(normalizer_apply(&t->normalizer, &e.bench, err));
  TRY(added_cut(&t->added.normalized, &e.bench, err));
  TRY(pretokenizer_apply(&t->pretokenizer, &e.bench, err));
  TRY(encode_splits(&e, err));
  TRY(finish(&e, text, add_special, ret_tokens, err));
done:
  workbench_free(&e.bench);
  piece_list_free(&e.pieces);
  mem_free(e.seen);
  return status;
}

void token_list_free(token_list *tokens) {
  mem_free(tokens->tokens);
  *tokens = (token_list){0};
}
