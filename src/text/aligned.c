/* text/aligned.c - text with its origin, rewritten and cut split by split. */
#include "text/aligned.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/unicode.h"

/* ---- growing ---- */

/* What rewriting may make of a text. No character becomes more than 11 times longer in a normal form, none more than
 * twice in the byte alphabet; a short text may be led and followed by more than it is long. */
enum { MOST_GROWTH = 64, ALWAYS_ALLOWED = 65536 };

static size_t most_bytes(size_t length) {
  size_t most;
  bool fits = size_mul(length, MOST_GROWTH, &most) && size_add(most, ALWAYS_ALLOWED, &most);
  return fits && most < UINT32_MAX ? most : UINT32_MAX - 1;
}

static bool reserve_text(aligned *a, size_t extra) {
  if (a->failed) return false;
  size_t needed = a->length + extra;
  if (needed <= a->capacity) return true;
  if (needed > a->most) {
    a->failed = a->overgrown = true;
    return false;
  }
  size_t capacity = a->capacity + a->capacity / 2;
  if (capacity < needed) capacity = needed + 64;
  char *text = mem_grow(a->text, a->length, capacity, 1);
  if (text != NULL) a->text = text;
  span *origin = text ? mem_grow(a->origin, a->length, capacity, sizeof(span)) : NULL;
  if (origin == NULL) {
    a->failed = true; /* text may be the longer one now: harmless, capacity is the smaller */
    return false;
  }
  a->origin = origin;
  a->capacity = capacity;
  return true;
}

static void add_split(aligned *a, size_t begin, size_t end, int32_t id) {
  split *items = a->failed ? NULL : mem_room(a->splits, a->count, &a->split_capacity, 64, sizeof(split));
  if (items == NULL) {
    a->failed = true;
    return;
  }
  a->splits = items;
  a->splits[a->count++] = (split){(uint32_t)begin, (uint32_t)end, id};
}

static void release(aligned *a) {
  mem_free(a->text);
  mem_free(a->origin);
  mem_free(a->splits);
  *a = (aligned){0};
}

void workbench_free(workbench *w) {
  release(&w->now);
  release(&w->next);
}

static dwell_status state_of(const workbench *w, dwell_error *err) {
  if (w->now.overgrown || w->next.overgrown) {
    return error_set(err, DWELL_UNSUPPORTED, "normalizing makes more than %zu bytes of this text", w->now.most);
  }
  return w->now.failed || w->next.failed ? error_no_memory(err, "the text being tokenized") : DWELL_OK;
}

dwell_status workbench_start(workbench *w, const char *text, size_t length, dwell_error *err) {
  *w = (workbench){.now.most = most_bytes(length), .next.most = most_bytes(length)};
  if (length > UINT32_MAX / 4) { /* byte-level doubles bytes, normalisation may add more */
    return error_set(err, DWELL_UNSUPPORTED, "a text of %zu bytes is too long to tokenize at once (at most 1 GiB)",
                     length);
  }
  aligned *a = &w->now;
  if (!reserve_text(a, length)) return state_of(w, err);
  if (length > 0) memcpy(a->text, text, length);
  a->length = length;
  uint32_t code;
  for (size_t at = 0, size; at < length; at += size) {
    size = (unsigned char)text[at] < 0x80 ? 1 : utf8_decode(text + at, length - at, &code);
    if (size == 0) {
      error_set(err, DWELL_BAD_INPUT, "the text is not UTF-8: malformed byte 0x%02x", (unsigned char)text[at]);
      error_at_offset(err, (int64_t)at);
      return DWELL_BAD_INPUT;
    }
    for (size_t k = 0; k < size; k++) a->origin[at + k] = (span){(uint32_t)at, (uint32_t)(at + size)};
  }
  if (length > 0) add_split(a, 0, length, SPLIT_TEXT);
  return state_of(w, err);
}

/* ---- rewriting ---- */

size_t rewriter_peek(const rewriter *r, uint32_t *ret_code) {
  return utf8_decode(rewriter_text(r), rewriter_left(r), ret_code);
}

void rewriter_copy(rewriter *r, size_t size) {
  aligned *to = r->to;
  if (size > 0 && reserve_text(to, size)) {
    memcpy(to->text + to->length, r->from->text + r->at, size);
    memcpy(to->origin + to->length, r->from->origin + r->at, size * sizeof(span));
    to->length += size;
  }
  r->at += size;
}

void rewriter_drop(rewriter *r, size_t size) { r->at += size; }

bool rewriter_room(rewriter *r, size_t size) { return reserve_text(r->to, size); }

void rewriter_insert(rewriter *r, const char *bytes, size_t size, span origin) {
  aligned *to = r->to;
  if (size == 0 || !reserve_text(to, size)) return;
  memcpy(to->text + to->length, bytes, size);
  for (size_t i = 0; i < size; i++) to->origin[to->length + i] = origin;
  to->length += size;
}

void rewriter_put(rewriter *r, uint32_t code, int change) {
  uint32_t skipped;
  char bytes[4];
  span origin;
  if (change > 0) {
    uint32_t start = r->begin < r->from->length ? r->from->origin[r->begin].begin : 0;
    origin = r->at > r->begin ? r->from->origin[r->at - 1] : (span){start, start};
  } else {
    origin = r->from->origin[r->at < r->end ? r->at : r->end - 1];
    for (int i = change; i <= 0; i++) r->at += rewriter_peek(r, &skipped);
  }
  rewriter_insert(r, bytes, utf8_encode(code, bytes), origin);
}

dwell_status workbench_rewrite(workbench *w, rewrite_split rewrite, const void *arg, dwell_error *err) {
  aligned *from = &w->now, *to = &w->next;
  to->length = to->count = 0;
  if (!reserve_text(to, from->length + from->length / 4)) return state_of(w, err); /* most become no longer */
  for (size_t i = 0; i < from->count; i++) {
    split s = from->splits[i];
    size_t begin = to->length;
    rewriter r = {from, s.begin, s.end, s.begin, to};
    if (s.id != SPLIT_TEXT) {
      rewriter_copy(&r, s.end - s.begin);
    } else {
      dwell_status status = rewrite(arg, &r, err);
      if (status != DWELL_OK) return status;
    }
    if (to->length > begin || s.id != SPLIT_TEXT) add_split(to, begin, to->length, s.id);
    if (to->failed) return state_of(w, err);
  }
  aligned made = *to;
  *to = *from;
  *from = made;
  return state_of(w, err);
}

/* ---- cutting ---- */

/* The stretch before becomes one with this one? Follows the fold of SplitDelimiterBehavior in tokenizers. */
static bool joins(cutter *c, bool match) {
  if (c->to->count == c->first) return false;
  switch (c->behaviour) {
    case CUT_WITH_PREVIOUS: return match && !c->previous_match;
    case CUT_WITH_NEXT: return !match && c->previous_match;
    case CUT_CONTIGUOUS: return match == c->previous_match;
    default: return false;
  }
}

void cutter_stretch(cutter *c, size_t begin, size_t end, bool match) {
  match = match != c->invert;
  if (joins(c, match)) {
    c->to->splits[c->to->count - 1].end = (uint32_t)(c->base + end);
  } else if (!(match && c->behaviour == CUT_REMOVED)) {
    add_split(c->to, c->base + begin, c->base + end, SPLIT_TEXT);
  }
  c->previous_match = match;
}

void cutter_token(cutter *c, size_t begin, size_t end, int32_t id) {
  if (begin < end) add_split(c->to, c->base + begin, c->base + end, id);
}

/* Removes empty text splits made since `first`. */
static void compact(aligned *a, size_t first) {
  size_t kept = first;
  for (size_t i = first; i < a->count; i++) {
    if (a->splits[i].end > a->splits[i].begin || a->splits[i].id != SPLIT_TEXT) a->splits[kept++] = a->splits[i];
  }
  a->count = kept;
}

dwell_status workbench_cut(workbench *w, cut_split cut, const void *arg, cut_behaviour behaviour, bool invert,
                           dwell_error *err) {
  aligned *from = &w->now, *to = &w->next; /* of `next` only the splits are used */
  to->count = 0;
  for (size_t i = 0; i < from->count; i++) {
    split s = from->splits[i];
    if (s.id != SPLIT_TEXT) {
      add_split(to, s.begin, s.end, s.id);
      continue;
    }
    cutter c = {from->text + s.begin, s.end - s.begin, behaviour, invert, to, s.begin, to->count, false};
    dwell_status status = cut(arg, &c, err);
    if (status != DWELL_OK) return status;
    compact(to, c.first);
    if (to->failed) break;
  }
  split *splits = to->splits;
  size_t count = to->count, capacity = to->split_capacity;
  to->splits = from->splits, to->count = 0, to->split_capacity = from->split_capacity;
  from->splits = splits, from->count = count, from->split_capacity = capacity;
  return state_of(w, err);
}

static dwell_status cut_class(const void *arg, cutter *c, dwell_error *err) {
  (void)err;
  unsigned classes = *(const unsigned *)arg;
  size_t start = 0;
  uint32_t code;
  for (size_t at = 0, size; at < c->length; at += size) {
    size = utf8_decode(c->text + at, c->length - at, &code);
    if (!(unicode_classes(code) & classes)) continue;
    if (start < at) cutter_stretch(c, start, at, false);
    cutter_stretch(c, at, at + size, true);
    start = at + size;
  }
  if (start < c->length) cutter_stretch(c, start, c->length, false);
  return DWELL_OK;
}

dwell_status workbench_cut_class(workbench *w, unsigned classes, cut_behaviour behaviour, dwell_error *err) {
  return workbench_cut(w, cut_class, &classes, behaviour, false, err);
}
