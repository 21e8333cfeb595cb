/* text/grapheme.c - the rules GB3 to GB11 of Unicode Standard Annex 29. GB12 and GB13 (flags) are not needed: whoever
 * asks treats clusters of more than five bytes character by character. */
#include "text/grapheme.h"

#include "base/str.h"
#include "text/unicode.h"

typedef struct boundary {
  enum unicode_grapheme before;
  bool picture;      /* a picture and only EXTEND, LINK, APART after it */
  bool picture_join; /* the same, then ZWJ */
  bool consonant;    /* a consonant and only EXTEND, LINK, ZWJ after it */
  bool linked;       /* the same, LINK among them */
} boundary;

static bool is_extend(enum unicode_grapheme kind) {
  return kind == GRAPHEME_EXTEND || kind == GRAPHEME_LINK || kind == GRAPHEME_APART;
}

static bool is_control(enum unicode_grapheme kind) {
  return kind == GRAPHEME_CONTROL || kind == GRAPHEME_CR || kind == GRAPHEME_LF;
}

/* GB6 to GB8: letters of one Hangul syllable. */
static bool same_syllable(enum unicode_grapheme before, enum unicode_grapheme kind) {
  switch (before) {
    case GRAPHEME_L: return kind == GRAPHEME_L || kind == GRAPHEME_V || kind == GRAPHEME_LV || kind == GRAPHEME_LVT;
    case GRAPHEME_LV:
    case GRAPHEME_V: return kind == GRAPHEME_V || kind == GRAPHEME_T;
    case GRAPHEME_LVT:
    case GRAPHEME_T: return kind == GRAPHEME_T;
    default: return false;
  }
}

static bool joins(const boundary *b, enum unicode_grapheme kind) {
  if (b->before == GRAPHEME_CR) return kind == GRAPHEME_LF;
  if (is_control(b->before) || is_control(kind)) return false;
  if (is_extend(kind) || kind == GRAPHEME_ZWJ || kind == GRAPHEME_SPACING) return true;
  if (b->before == GRAPHEME_PREPEND) return true;
  if (kind == GRAPHEME_CONSONANT) return b->linked;
  if (kind == GRAPHEME_PICTURE) return b->picture_join;
  return same_syllable(b->before, kind);
}

static void move_on(boundary *b, enum unicode_grapheme kind) {
  bool consonant_stays = kind == GRAPHEME_EXTEND || kind == GRAPHEME_LINK || kind == GRAPHEME_ZWJ;
  b->picture_join = b->picture && kind == GRAPHEME_ZWJ;
  b->picture = kind == GRAPHEME_PICTURE || (b->picture && is_extend(kind));
  b->linked = b->consonant && consonant_stays && (b->linked || kind == GRAPHEME_LINK);
  b->consonant = kind == GRAPHEME_CONSONANT || (b->consonant && consonant_stays);
  b->before = kind;
}

size_t grapheme_size(const char *text, size_t length) {
  uint32_t code;
  if (length >= 2 && (unsigned char)text[0] < 0x80 && (unsigned char)text[1] < 0x80 && text[0] != '\r') return 1;
  size_t at = utf8_decode(text, length, &code);
  if (at == 0) return 0;
  boundary b = {0};
  move_on(&b, unicode_grapheme_of(code));
  for (size_t size; at < length && (size = utf8_decode(text + at, length - at, &code)) > 0; at += size) {
    enum unicode_grapheme kind = unicode_grapheme_of(code);
    if (!joins(&b, kind)) break;
    move_on(&b, kind);
  }
  return at;
}
