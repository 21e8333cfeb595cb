/* text/precompiled.c - the Precompiled normalizer, as the tokenizers package runs it: a grapheme cluster of at most
 * five bytes is replaced as a whole if any beginning of it is in the table, everything else character by character. */
#include "text/precompiled.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/grapheme.h"

/* ---- reading ---- */

static int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648, with its padding and zero bits at the end. `out` has room for length / 4 * 3 bytes. */
static bool base64_decode(jtext text, uint8_t *out, size_t *ret_size) {
  size_t padding = 0, size = 0;
  if (text.length % 4 != 0) return false;
  while (padding < 2 && padding < text.length && text.data[text.length - 1 - padding] == '=') padding++;
  for (size_t i = 0; i < text.length; i += 4) {
    uint32_t four = 0;
    for (size_t k = 0; k < 4; k++) {
      bool padded = i + k >= text.length - padding;
      int value = padded ? 0 : base64_value(text.data[i + k]);
      if (value < 0) return false;
      four = four << 6 | (uint32_t)value;
    }
    size_t bytes = i + 4 < text.length ? 3 : 3 - padding;
    if (bytes < 3 && (four & (bytes == 2 ? 0xFF : 0xFFFF)) != 0) return false;
    for (size_t k = 0; k < bytes; k++) out[size++] = (uint8_t)(four >> (16 - 8 * k));
  }
  *ret_size = size;
  return true;
}

/* A unit of the double array (darts-clone): label, offset to the children, or in a leaf the place of the new text. */
enum { UNIT_HAS_LEAF = 1 << 8 };
#define UNIT_IS_LEAF (UINT32_C(1) << 31)

static size_t unit_offset(uint32_t unit) { return (size_t)(unit >> 10) << (unit & (1 << 9) ? 8 : 0); }

static size_t unit_place(uint32_t unit) { return unit & ~UNIT_IS_LEAF; }

/* For children: a leaf is none of them. */
static bool has_label(uint32_t unit, uint8_t byte) { return (unit & (UNIT_IS_LEAF | 0xFF)) == byte; }

static dwell_status bad_table(const char *what, dwell_error *err) {
  return error_set(err, DWELL_BAD_INPUT, "\"precompiled_charsmap\" %s", what);
}

/* Everything that a search may follow, but for children that are not there: those it checks itself. */
static dwell_status check_units(const precompiled *p, dwell_error *err) {
  for (size_t i = 0; i < p->count; i++) {
    if (p->units[i] & UNIT_IS_LEAF) continue;
    size_t base = i ^ unit_offset(p->units[i]);
    if (base >= p->count) return bad_table("has an offset that leads out of its table", err);
    if (!(p->units[i] & UNIT_HAS_LEAF)) continue;
    size_t place = unit_place(p->units[base]);
    if (place > p->texts_length) return bad_table("has a place behind the end of its texts", err);
    if (((unsigned char)p->texts[place] & 0xC0) == 0x80) {
      return bad_table("has a place in the middle of a character", err);
    }
  }
  return DWELL_OK;
}

/* The new text, up to a NUL, for the shortest beginning of `key` that the table has, or NULL. A NUL ends the key. */
static const char *find(const precompiled *p, const char *key, size_t length) {
  size_t at = unit_offset(p->units[0]);
  for (size_t i = 0; i < length && key[i] != '\0'; i++) {
    at ^= (uint8_t)key[i];
    if (at >= p->count || !has_label(p->units[at], (uint8_t)key[i])) return NULL;
    uint32_t unit = p->units[at];
    at ^= unit_offset(unit);
    if (unit & UNIT_HAS_LEAF) return p->texts + unit_place(p->units[at]);
  }
  return NULL;
}

/* Little-endian size of the double array in bytes, the double array, the texts. */
static dwell_status take_apart(precompiled *p, const uint8_t *data, size_t size, arena *memory, dwell_error *err) {
  if (size < 4) return bad_table("is too short", err);
  size_t bytes = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 | (size_t)data[3] << 24;
  if (bytes / 4 * 4 > size - 4) return bad_table("is shorter than it says", err);
  p->count = bytes / 4;
  if (p->count == 0) return bad_table("has an empty table", err);
  p->texts_length = size - 4 - 4 * p->count;
  const char *texts = (const char *)data + 4 + 4 * p->count;
  if (utf8_check(texts, p->texts_length) != p->texts_length) return bad_table("has texts that are not UTF-8", err);
  p->texts = arena_text(memory, texts, p->texts_length);
  p->units = ARENA_NEW(memory, uint32_t, p->count);
  if (p->texts == NULL || p->units == NULL) return error_no_memory(err, "the normalizer");
  for (size_t i = 0; i < p->count; i++) {
    const uint8_t *four = data + 4 + 4 * i;
    p->units[i] = four[0] | (uint32_t)four[1] << 8 | (uint32_t)four[2] << 16 | (uint32_t)four[3] << 24;
  }
  return check_units(p, err);
}

bool precompiled_touches(const precompiled *p, char c) {
  size_t at = unit_offset(p->units[0]) ^ (uint8_t)c;
  if (at >= p->count || !has_label(p->units[at], (uint8_t)c)) return false;
  if (p->units[at] & UNIT_HAS_LEAF) return true;
  size_t base = at ^ unit_offset(p->units[at]);
  for (unsigned next = 1; next < 0x80; next++) {
    if ((base ^ next) < p->count && has_label(p->units[base ^ next], (uint8_t)next)) return true;
  }
  return false;
}

const char *precompiled_longest(const precompiled *p, const char *key, size_t length, size_t *ret_size) {
  size_t at = unit_offset(p->units[0]);
  const char *longest = NULL;
  for (size_t i = 0; i < length; i++) {
    at ^= (uint8_t)key[i];
    if (at >= p->count || !has_label(p->units[at], (uint8_t)key[i])) break;
    uint32_t unit = p->units[at];
    at ^= unit_offset(unit);
    bool ends = i + 1 == length || ((unsigned char)key[i + 1] & 0xC0) != 0x80;
    if (!(unit & UNIT_HAS_LEAF) || !ends) continue;
    longest = p->texts + unit_place(p->units[at]);
    *ret_size = i + 1;
  }
  return longest;
}

dwell_status precompiled_make(const char *data, size_t size, arena *memory, const precompiled **ret_table,
                              dwell_error *err) {
  precompiled *p = ARENA_NEW(memory, precompiled, 1);
  if (p == NULL) return error_no_memory(err, "the normalizer");
  dwell_status status = take_apart(p, (const uint8_t *)data, size, memory, err);
  if (status != DWELL_OK) return status;
  for (int c = 0; c < 128; c++) p->untouched[c] = c != '\r' && find(p, &(char){(char)c}, 1) == NULL;
  *ret_table = p;
  return DWELL_OK;
}

dwell_status precompiled_read(const fields *f, arena *memory, const precompiled **ret_table, dwell_error *err) {
  jtext text;
  uint8_t *data = NULL;
  size_t size = 0;
  dwell_status status;
  TRY(fields_need_text(f, "precompiled_charsmap", &text, err));
  data = MEM_NEW(uint8_t, text.length / 4 * 3);
  TRY_ALLOC(data, "the normalizer");
  if (!base64_decode(text, data, &size)) TRY(bad_table("is not base64", err));
  TRY(precompiled_make((const char *)data, size, memory, ret_table, err));
done:
  mem_free(data);
  return status;
}

/* ---- replacing ---- */

/* The last character put waits, because a replacement by nothing changes by how much it does (see below). */
typedef struct replacer {
  const precompiled *table;
  rewriter *out; /* where tokenizers thinks it is in the source: see drop_characters */
  size_t at;     /* where we are in the source */
  bool waiting;
  uint32_t code;
  int change;
} replacer;

static void flush(replacer *r) {
  if (r->waiting) rewriter_put(r->out, r->code, r->change);
  r->waiting = false;
}

static void put(replacer *r, uint32_t code, int change) {
  flush(r);
  r->waiting = true;
  r->code = code;
  r->change = change;
}

static int count_characters(const char *text, size_t length) {
  int count = 0;
  for (size_t i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
  return count;
}

/* `count` characters of the source go without a new one: tokenizers notes that at the character before, and at the
 * beginning of a text, where there is none, forgets it: from there on its offsets are behind by that much. */
static void drop_characters(replacer *r, int count) {
  if (r->waiting) r->change -= count;
}

/* New characters take the place of the old ones one by one; further ones are insertions, missing ones belong to the
 * last. */
static void replace(replacer *r, size_t size, const char *text) {
  int old_count = count_characters(r->out->from->text + r->at, size), i = 0;
  uint32_t code;
  for (size_t at = 0, length = strlen(text), step; at < length; at += step, i++) {
    step = utf8_decode(text + at, length - at, &code);
    put(r, code, i >= old_count ? 1 : 0);
  }
  if (i < old_count) drop_characters(r, old_count - i);
  r->at += size;
}

/* The longest cluster that is looked up as a whole. */
enum { CLUSTER_MOST = 5 };

static void replace_cluster(replacer *r, const char *text, size_t size) {
  const char *found = size <= CLUSTER_MOST ? find(r->table, text, size) : NULL;
  uint32_t code;
  if (found != NULL) {
    replace(r, size, found);
    return;
  }
  for (size_t at = 0, step; at < size; at += step) {
    step = utf8_decode(text + at, size - at, &code);
    found = find(r->table, text + at, step);
    if (found != NULL) {
      replace(r, step, found);
    } else {
      put(r, code, 0);
      r->at += step;
    }
  }
}

/* Length of the beginning of `text` that stays as it is: ASCII that nothing can join. */
static size_t untouched(const precompiled *p, const char *text, size_t length) {
  size_t at = 0;
  while (at < length && (unsigned char)text[at] < 0x80 && p->untouched[(unsigned char)text[at]]) at++;
  return at > 0 && at < length ? at - 1 : at; /* the last may be joined by what follows */
}

static dwell_status replace_clusters(const void *arg, rewriter *out, dwell_error *err) {
  (void)err;
  replacer r = {.table = arg, .out = out, .at = out->at};
  while (r.at < out->end && !out->to->failed) {
    const char *text = out->from->text + r.at;
    size_t left = out->end - r.at, plain = untouched(r.table, text, left);
    if (plain > 1) {
      flush(&r);
      if (out->at == r.at) {
        rewriter_copy(out, plain - 1);
        r.at = out->at;
        plain = 1;
      }
      for (; plain > 0; plain--, r.at++) put(&r, (unsigned char)out->from->text[r.at], 0);
    } else {
      replace_cluster(&r, text, grapheme_size(text, left));
    }
  }
  flush(&r);
  out->at = out->end;
  return DWELL_OK;
}

dwell_status normalize_precompiled(const normalizer_options *options, workbench *w, dwell_error *err) {
  return workbench_rewrite(w, replace_clusters, options->table, err);
}
