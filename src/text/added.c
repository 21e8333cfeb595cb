/* text/added.c - added tokens. */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/unicode.h"

/* ---- collecting ---- */

/* The file says which id a token has. tokenizers counts anew and ignores it, so where the two could differ silently
 * (another piece has the id, or the piece another id) the file is refused. */
static dwell_status check_id(const added_token *token, vocab *v, dwell_error *err) {
  char shown[100];
  str_display(shown, sizeof shown, token->content.data, token->content.length);
  const vocab_entry *entry = vocab_entry_of(v, token->id);
  if (entry != NULL) {
    bool same = entry->length == token->content.length && memcmp(entry->text, token->content.data, entry->length) == 0;
    if (same) return DWELL_OK;
    return error_set(err, DWELL_BAD_INPUT, "added token '%s' has the id %d of another piece", shown, (int)token->id);
  }
  int32_t id = vocab_find(v, token->content.data, token->content.length);
  if (id != VOCAB_NONE) {
    return error_set(err, DWELL_BAD_INPUT, "added token '%s' has id %d, but the vocabulary has it as %d", shown,
                     (int)token->id, (int)id);
  }
  return vocab_add(v, token->content.data, token->content.length, token->id, false, err);
}

/* Slot of the first token of this text, or the free slot where it would go. */
static size_t slot_of(const added *a, jtext text) {
  size_t slot = (size_t)(vocab_hash(VOCAB_HASH_START, text.data, text.length) >> 32) & (a->slots - 1);
  while (a->by_text[slot] != 0 && !jtext_same(a->tokens[a->by_text[slot] - 1].content, text))
    slot = (slot + 1) & (a->slots - 1);
  return slot;
}

const added_token *added_find(const added *a, jtext text) {
  uint32_t found = a->count > 0 ? a->by_text[slot_of(a, text)] : 0;
  return found > 0 ? &a->tokens[found - 1] : NULL;
}

static void enter(added *a, size_t i) {
  uint32_t *slot = &a->by_text[slot_of(a, a->tokens[i].content)];
  if (*slot == 0) *slot = (uint32_t)i + 1;
}

/* Room for one more token and its slot. */
static bool make_room(added *a) {
  if (a->count < a->capacity) return true;
  if (a->count > INT32_MAX / 4) return false;
  added_token *items = mem_room(a->tokens, a->count, &a->capacity, 16, sizeof(added_token));
  if (items == NULL) return false;
  a->tokens = items;
  mem_free(a->by_text);
  a->slots = 2 * a->capacity;
  a->by_text = MEM_ZERO(uint32_t, a->slots);
  for (size_t i = 0; i < a->count && a->by_text != NULL; i++) enter(a, i);
  return a->by_text != NULL;
}

dwell_status added_add(added *a, const added_token *token, vocab *v, dwell_error *err) {
  if (token->content.length == 0) return DWELL_OK; /* tokenizers ignores it too */
  dwell_status status = check_id(token, v, err);
  if (status != DWELL_OK) return status;
  if (!make_room(a)) return error_no_memory(err, "the added tokens");
  a->tokens[a->count] = *token;
  enter(a, a->count++);
  if (token->special) vocab_mark_special(v, token->id);
  return DWELL_OK;
}

static dwell_status read_one(added *a, jcursor *c, const char *path, vocab *v, dwell_error *err) {
  fields f;
  added_token token = {0};
  int64_t id;
  jcursor ignored;
  dwell_status status;
  TRY(fields_read(c, path, &f, err));
  TRY(fields_need_text(&f, "content", &token.content, err));
  TRY(fields_int(&f, "id", 0, INT32_MAX, -1, &id, err));
  if (id < 0 || !fields_find(&f, "id", &ignored)) {
    error_set(err, DWELL_BAD_INPUT, "added token '%s' has no \"id\"", token.content.data);
    return DWELL_BAD_INPUT;
  }
  token.id = (int32_t)id;
  TRY(fields_bool(&f, "special", false, &token.special, err));
  TRY(fields_bool(&f, "single_word", false, &token.single_word, err));
  TRY(fields_bool(&f, "lstrip", false, &token.left_strip, err));
  TRY(fields_bool(&f, "rstrip", false, &token.right_strip, err));
  TRY(fields_bool(&f, "normalized", !token.special, &token.normalized, err));
  TRY(added_add(a, &token, v, err));
done:
  return status;
}

dwell_status added_read(added *a, jcursor *c, const char *path, vocab *v, dwell_error *err) {
  if (jcursor_null(c)) return DWELL_OK;
  jcursor_array(c);
  while (jcursor_item(c)) {
    dwell_status status = read_one(a, c, path, v, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(c, path, err);
}

/* ---- preparing ---- */

static int compare(const void *left, const void *right) {
  const added_token *a = *(added_token *const *)left, *b = *(added_token *const *)right;
  size_t n = a->pattern.length < b->pattern.length ? a->pattern.length : b->pattern.length;
  int order = memcmp(a->pattern.data, b->pattern.data, n);
  if (order != 0) return order;
  if (a->pattern.length != b->pattern.length) return a->pattern.length < b->pattern.length ? -1 : 1;
  return (a->id > b->id) - (a->id < b->id);
}

static dwell_status prepare_set(added *a, added_set *set, bool normalized, arena *memory, dwell_error *err) {
  set->sorted = ARENA_NEW(memory, added_token *, a->count + 1);
  if (set->sorted == NULL) return error_no_memory(err, "the added tokens");
  for (size_t i = 0; i < a->count; i++) {
    if (a->tokens[i].normalized == normalized && a->tokens[i].pattern.length > 0) {
      set->sorted[set->count++] = &a->tokens[i];
    }
  }
  qsort(set->sorted, set->count, sizeof set->sorted[0], compare);
  size_t kept = 0; /* of equal patterns the lowest id */
  for (size_t i = 0; i < set->count; i++) {
    bool same =
        kept > 0 && set->sorted[kept - 1]->pattern.length == set->sorted[i]->pattern.length &&
        memcmp(set->sorted[kept - 1]->pattern.data, set->sorted[i]->pattern.data, set->sorted[i]->pattern.length) == 0;
    if (!same) set->sorted[kept++] = set->sorted[i];
  }
  set->count = kept;
  size_t at = 0;
  for (size_t byte = 0; byte <= 256; byte++) {
    while (at < kept && (unsigned char)set->sorted[at]->pattern.data[0] < byte) at++;
    set->first[byte] = at;
  }
  return DWELL_OK;
}

/* The text of a token after normalisation. */
static dwell_status normalize_pattern(added_token *token, const normalizer *n, arena *memory, dwell_error *err) {
  workbench w;
  dwell_status status;
  TRY(workbench_start(&w, token->content.data, token->content.length, err));
  TRY(normalizer_apply(n, &w, err));
  char *kept = arena_text(memory, w.now.text, w.now.length);
  TRY_ALLOC(kept, "the added tokens");
  token->pattern = (jtext){kept, w.now.length};
done:
  workbench_free(&w);
  return status;
}

dwell_status added_prepare(added *a, const normalizer *n, arena *memory, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < a->count; i++) {
    a->tokens[i].pattern = a->tokens[i].content;
    if (a->tokens[i].normalized) TRY(normalize_pattern(&a->tokens[i], n, memory, err));
  }
  TRY(prepare_set(a, &a->raw, false, memory, err));
  TRY(prepare_set(a, &a->normalized, true, memory, err));
done:
  return status;
}

void added_free(added *a) {
  mem_free(a->tokens);
  mem_free(a->by_text);
  *a = (added){0};
}

/* ---- searching ---- */

/* First index in [low, high) whose byte number `depth` is >= byte (shorter patterns count as less). */
static size_t lower_bound(const added_set *set, size_t low, size_t high, size_t depth, unsigned byte) {
  while (low < high) {
    size_t middle = (low + high) / 2;
    jtext p = set->sorted[middle]->pattern;
    if (p.length <= depth || (unsigned char)p.data[depth] < byte) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The longest token that begins at `text`, or NULL: the sorted list is narrowed byte by byte. */
static const added_token *longest_at(const added_set *set, const char *text, size_t left) {
  unsigned byte = (unsigned char)text[0];
  size_t low = set->first[byte], high = set->first[byte + 1];
  const added_token *best = NULL;
  for (size_t depth = 1; low < high; depth++) {
    if (set->sorted[low]->pattern.length == depth) best = set->sorted[low];
    if (depth >= left) break;
    byte = (unsigned char)text[depth];
    low = lower_bound(set, low, high, depth, byte);
    high = lower_bound(set, low, high, depth, byte + 1);
  }
  return best;
}

static bool has_class_at(const char *text, size_t length, unsigned classes, size_t *ret_size) {
  uint32_t code;
  *ret_size = utf8_decode(text, length, &code);
  return *ret_size > 0 && (unicode_classes(code) & classes) != 0;
}

/* The same for the character that ends at text + end. */
static bool has_class_before(const char *text, size_t end, unsigned classes, size_t *ret_size) {
  size_t at = end;
  while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80) at--;
  if (at > 0) at--;
  return has_class_at(text + at, end - at, classes, ret_size) && at + *ret_size == end;
}

static bool is_single_word(const cutter *c, size_t begin, size_t end) {
  size_t size;
  return !has_class_before(c->text, begin, UNICODE_WORD, &size) &&
         !has_class_at(c->text + end, c->length - end, UNICODE_WORD, &size);
}

/* Widens [begin, end) over white space as the token asks, not into what was cut before. */
static void widen(const cutter *c, const added_token *token, size_t done, size_t *begin, size_t *end) {
  size_t size;
  if (token->left_strip) {
    while (*begin > done && has_class_before(c->text, *begin, UNICODE_SPACE, &size)) *begin -= size;
    if (*begin < done) *begin = done;
  }
  if (token->right_strip) {
    while (has_class_at(c->text + *end, c->length - *end, UNICODE_SPACE, &size)) *end += size;
  }
}

static dwell_status cut(const void *arg, cutter *c, dwell_error *err) {
  (void)err;
  const added_set *set = arg;
  size_t done = 0;
  for (size_t at = 0; at < c->length;) {
    const added_token *token = longest_at(set, c->text + at, c->length - at);
    if (token == NULL) {
      at++;
      continue;
    }
    size_t begin = at, end = at + token->pattern.length;
    at = end;
    if (token->single_word && !is_single_word(c, begin, end)) continue;
    widen(c, token, done, &begin, &end);
    if (done < begin) cutter_stretch(c, done, begin, false);
    cutter_token(c, begin, end, token->id);
    done = end;
  }
  if (done < c->length) cutter_stretch(c, done, c->length, false);
  return DWELL_OK;
}

dwell_status added_cut(const added_set *set, workbench *w, dwell_error *err) {
  if (set->count == 0) return DWELL_OK;
  return workbench_cut(w, cut, set, CUT_ISOLATED, false, err);
}
