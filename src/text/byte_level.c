/* text/byte_level.c - GPT-2's byte alphabet and word pattern. */
#include "text/byte_level.h"

#include <string.h>

#include "base/str.h"
#include "text/unicode.h"

/* ---- the alphabet ---- */

static bool is_visible(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

typedef struct alphabet {
  char bytes[256][2];
  unsigned char size[256];
} alphabet;

static void fill(alphabet *a) {
  uint32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; byte++) {
    char out[4] = "";
    a->size[byte] = (unsigned char)utf8_encode(is_visible(byte) ? byte : next++, out);
    memcpy(a->bytes[byte], out, 2); /* all codes are below U+0800 */
  }
}

/* Both bytes are always written; the next character overwrites the second one if there was only one. */
static dwell_status map_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  const alphabet *a = arg;
  if (!rewriter_room(r, 2 * rewriter_left(r))) return DWELL_OK; /* the failure sticks */
  char *out = r->to->text + r->to->length;
  span *origin = r->to->origin + r->to->length;
  for (; r->at < r->end; r->at++) {
    unsigned char byte = (unsigned char)r->from->text[r->at];
    memcpy(out, a->bytes[byte], 2);
    origin[0] = origin[1] = r->from->origin[r->at];
    out += a->size[byte];
    origin += a->size[byte];
  }
  r->to->length = (size_t)(out - r->to->text);
  return DWELL_OK;
}

dwell_status byte_level_map(workbench *w, dwell_error *err) {
  alphabet a;
  fill(&a);
  return workbench_rewrite(w, map_split, &a, err);
}

/* ---- the pattern ---- */

static const unsigned KINDS = UNICODE_LETTER | UNICODE_NUMBER | UNICODE_SPACE;

/* Kind of the character at `at` (0: none of KINDS) and its size. */
static unsigned kind_at(const cutter *c, size_t at, size_t *ret_size) {
  uint32_t code;
  *ret_size = utf8_decode(c->text + at, c->length - at, &code);
  return unicode_classes(code) & KINDS;
}

/* End of the run of characters of one kind that begins at `at`. */
static size_t run_end(const cutter *c, size_t at, unsigned kind) {
  size_t size;
  while (at < c->length && kind_at(c, at, &size) == kind) at += size;
  return at;
}

/* Bytes of a contraction at an apostrophe, or 0. */
static size_t contraction(const char *text, size_t left) {
  if (left < 2) return 0;
  if (strchr("stmd", text[1]) != NULL && text[1] != '\0') return 2;
  if (left < 3) return 0;
  bool two =
      (text[1] == 'r' && text[2] == 'e') || (text[1] == 'v' && text[2] == 'e') || (text[1] == 'l' && text[2] == 'l');
  return two ? 3 : 0;
}

/* White space: all of it at the end of the split; else all but the last character, which goes with what follows if it
 * is a space and stands alone if not. */
static size_t space_end(const cutter *c, size_t at) {
  size_t end = at, last = at, size;
  while (end < c->length && kind_at(c, end, &size) == UNICODE_SPACE) {
    last = end;
    end += size;
  }
  return end == c->length || last == at ? end : last;
}

static size_t piece_end(const cutter *c, size_t at) {
  if (c->text[at] == '\'') {
    size_t size = contraction(c->text + at, c->length - at);
    if (size > 0) return at + size;
  }
  size_t start = at + (c->text[at] == ' ' ? 1 : 0), size;
  if (start == c->length) return start;
  unsigned kind = kind_at(c, start, &size);
  return kind == UNICODE_SPACE ? space_end(c, at) : run_end(c, start + size, kind);
}

static dwell_status cut(const void *arg, cutter *c, dwell_error *err) {
  (void)arg, (void)err;
  for (size_t at = 0; at < c->length;) {
    size_t end = piece_end(c, at);
    cutter_stretch(c, at, end, true);
    at = end;
  }
  return DWELL_OK;
}

dwell_status byte_level_cut(workbench *w, dwell_error *err) {
  return workbench_cut(w, cut, NULL, CUT_ISOLATED, false, err);
}
