/* text/unicode.c - classes from measured tables, normalisation from utf8proc where the measurement agrees. */
#include "text/unicode.h"

#include <utf8proc.h>

#include "text/unicode_data.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Index of the row of `table` that contains `code`, or its length. */
#define FIND_ROW(table, code, ret_row)                                         \
  do {                                                                         \
    size_t low = 0, high = COUNT(table);                                       \
    while (low < high) {                                                       \
      size_t middle = (low + high) / 2;                                        \
      if ((table)[middle].last < (code)) low = middle + 1;                     \
      else high = middle;                                                      \
    }                                                                          \
    if (low < COUNT(table) && (table)[low].first > (code)) low = COUNT(table); \
    ret_row = low;                                                             \
  } while (0)

unsigned unicode_classes(uint32_t code) {
  if (code < COUNT(unicode_ascii)) return unicode_ascii[code];
  size_t row;
  FIND_ROW(unicode_ranges, code, row);
  return row < COUNT(unicode_ranges) ? unicode_ranges[row].classes : 0;
}

enum unicode_grapheme unicode_grapheme_of(uint32_t code) {
  if (code >= 0xAC00 && code <= 0xD7A3) return (code - 0xAC00) % 28 == 0 ? GRAPHEME_LV : GRAPHEME_LVT;
  size_t row;
  FIND_ROW(unicode_graphemes, code, row);
  return row < COUNT(unicode_graphemes) ? (enum unicode_grapheme)unicode_graphemes[row].kind : GRAPHEME_OTHER;
}

static bool is_late(uint32_t code) {
  if (code < unicode_late[0].first) return false;
  size_t row;
  FIND_ROW(unicode_late, code, row);
  return row < COUNT(unicode_late);
}

size_t unicode_lower(uint32_t code, uint32_t out[2]) {
  if (code < 0x80) {
    out[0] = code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    return 1;
  }
  if (code == 0x130) { /* I with a dot: the only lower case of two code points */
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  size_t row;
  FIND_ROW(unicode_lower_delta, code, row);
  out[0] = row < COUNT(unicode_lower_delta) ? (uint32_t)((int32_t)code + unicode_lower_delta[row].delta)
                                            : (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
  return 1;
}

size_t unicode_decompose(uint32_t code, bool compatibility, uint32_t out[UNICODE_MOST_DECOMPOSED]) {
  out[0] = code;
  if (code < 0x80 || is_late(code)) return 1;
  utf8proc_int32_t parts[UNICODE_MOST_DECOMPOSED];
  int boundary = 0;
  utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  if (compatibility) options |= UTF8PROC_COMPAT;
  utf8proc_ssize_t count =
      utf8proc_decompose_char((utf8proc_int32_t)code, parts, UNICODE_MOST_DECOMPOSED, options, &boundary);
  if (count < 1 || count > UNICODE_MOST_DECOMPOSED) return 1;
  for (utf8proc_ssize_t i = 0; i < count; i++) out[i] = (uint32_t)parts[i];
  return (size_t)count;
}

unsigned unicode_combining_class(uint32_t code) {
  if (code < 0x300 || is_late(code)) return 0; /* no combining mark comes before U+0300 */
  return (unsigned)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

uint32_t unicode_compose(uint32_t first, uint32_t second) {
  if (second < 0x300) return 0;
  utf8proc_int32_t pair[2] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second};
  utf8proc_ssize_t count = utf8proc_normalize_utf32(pair, 2, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  return count == 1 && !is_late((uint32_t)pair[0]) ? (uint32_t)pair[0] : 0;
}
