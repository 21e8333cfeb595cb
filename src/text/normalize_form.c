/* text/normalize_form.c - NFC, NFD, NFKC, NFKD with alignment. Each character carries by how much it changes the
 * number of characters (see rewriter_put), through reordering and composition, as in tokenizers. */
#include "base/error.h"
#include "base/mem.h"
#include "text/normalizer.h"
#include "text/unicode.h"

typedef struct scalar {
  uint32_t code;
  int32_t change;
  unsigned class;
} scalar;

/* Characters from one starter up to (not including) the next: reordering and composition stay inside, except that a
 * lone starter may compose with the starter that follows. */
typedef struct segment {
  scalar *items;
  size_t count, capacity;
  bool failed;
} segment;

static void push(segment *s, scalar item) {
  scalar *items = s->failed ? NULL : mem_room(s->items, s->count, &s->capacity, 32, sizeof(scalar));
  if (items == NULL) {
    s->failed = true;
    return;
  }
  s->items = items;
  s->items[s->count++] = item;
}

/* Counting sort by combining class, stable: a flood of marks must not take quadratic time. Items [first, count). */
static bool sort_marks(segment *s, size_t first) {
  bool sorted = true;
  for (size_t i = first + 1; i < s->count; i++) sorted = sorted && s->items[i - 1].class <= s->items[i].class;
  if (sorted) return true;
  size_t n = s->count - first, starts[257] = {0};
  scalar *copy = mem_copy(s->items + first, n, sizeof(scalar));
  if (copy == NULL) return false;
  for (size_t i = 0; i < n; i++) starts[(copy[i].class & 255) + 1]++;
  for (size_t k = 0; k < 256; k++) starts[k + 1] += starts[k];
  for (size_t i = 0; i < n; i++) s->items[first + starts[copy[i].class & 255]++] = copy[i];
  mem_free(copy);
  return true;
}

/* Canonical composition of one segment (UAX #15): each mark joins the starter unless one of the same class, or of
 * class 0, stands between. */
static void compose(segment *s) {
  if (s->count < 2 || s->items[0].class != 0) return;
  size_t kept = 1;
  unsigned last_class = 0;
  for (size_t i = 1; i < s->count; i++) {
    scalar item = s->items[i];
    bool blocked = kept > 1 && last_class >= item.class;
    uint32_t whole = blocked ? 0 : unicode_compose(s->items[0].code, item.code);
    if (whole != 0) {
      s->items[0].code = whole;
      s->items[0].change += item.change - 1;
    } else {
      s->items[kept++] = item;
      last_class = item.class;
    }
  }
  s->count = kept;
}

static void flush(segment *s, rewriter *r) {
  for (size_t i = 0; i < s->count; i++) rewriter_put(r, s->items[i].code, s->items[i].change);
  s->count = 0;
}

/* A starter arrives: the segment before is complete, unless it is a lone starter that composes with this one. */
static bool begin_segment(segment *s, rewriter *r, unsigned form, scalar starter) {
  if (s->count > 0 && !sort_marks(s, s->items[0].class == 0)) return false;
  if (form & NORMAL_FORMS_C) {
    compose(s);
    uint32_t whole = s->count == 1 && s->items[0].class == 0 ? unicode_compose(s->items[0].code, starter.code) : 0;
    if (whole != 0) {
      s->items[0].code = whole;
      s->items[0].change += starter.change - 1;
      return true;
    }
  }
  flush(s, r);
  push(s, starter);
  return true;
}

/* The rewriter must not run ahead of the decomposition, which reads from the same place: it reads by itself. */
static dwell_status rewrite_form(const void *arg, rewriter *r, dwell_error *err) {
  unsigned form = *(const unsigned *)arg;
  segment s = {0};
  bool ok = true;
  rewriter reader = *r;
  uint32_t code, parts[UNICODE_MOST_DECOMPOSED];
  for (size_t size; ok && (size = rewriter_peek(&reader, &code)) > 0; reader.at += size) {
    size_t count = unicode_decompose(code, (form & NORMAL_FORMS_K) != 0, parts);
    for (size_t i = 0; i < count && ok; i++) {
      scalar item = {parts[i], i > 0, unicode_combining_class(parts[i])};
      if (item.class == 0) {
        ok = begin_segment(&s, r, form, item);
      } else {
        push(&s, item);
      }
    }
  }
  if (ok && s.count > 0) {
    ok = sort_marks(&s, s.items[0].class == 0);
    if (form & NORMAL_FORMS_C) compose(&s);
    flush(&s, r);
  }
  ok = ok && !s.failed;
  mem_free(s.items);
  return ok ? DWELL_OK : error_no_memory(err, "a normal form");
}

dwell_status normalize_form(const normalizer_options *options, workbench *w, dwell_error *err) {
  return workbench_rewrite(w, rewrite_form, &options->form, err);
}
