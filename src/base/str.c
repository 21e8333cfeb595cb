/* base/str.c - text buffers, UTF-8, safe display. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* ---- growing buffers ---- */

static bool reserve(strbuf *s, size_t extra) {
  size_t needed;
  if (s->failed || !size_add(s->length, extra, &needed) || !size_add(needed, 1, &needed)) {
    s->failed = true;
    return false;
  }
  if (needed <= s->capacity) return true;
  size_t capacity = s->capacity < 64 ? 64 : s->capacity;
  while (capacity < needed) {
    if (!size_mul(capacity, 2, &capacity)) capacity = needed;
  }
  char *grown = mem_grow(s->data, s->length, capacity, 1);
  if (grown == NULL) {
    s->failed = true;
    return false;
  }
  s->data = grown;
  s->capacity = capacity;
  return true;
}

void strbuf_add(strbuf *s, const char *text, size_t length) {
  if (!reserve(s, length)) return;
  if (length > 0) memcpy(s->data + s->length, text, length);
  s->length += length;
  s->data[s->length] = '\0';
}

void strbuf_puts(strbuf *s, const char *text) { strbuf_add(s, text, strlen(text)); }

void strbuf_putc(strbuf *s, char c) { strbuf_add(s, &c, 1); }

void strbuf_printf(strbuf *s, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length >= 0 && reserve(s, (size_t)length)) {
    vsnprintf(s->data + s->length, (size_t)length + 1, format, again);
    s->length += (size_t)length;
  }
  va_end(again);
}

void strbuf_free(strbuf *s) {
  mem_free(s->data);
  *s = (strbuf){0};
}

/* ---- UTF-8 ---- */

size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code) {
  static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (length == 0) return 0;
  unsigned char first = (unsigned char)text[0];
  size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || size > length) return 0;
  uint32_t code = size == 1 ? first : first & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size; i++) {
    unsigned char next = (unsigned char)text[i];
    if ((next & 0xC0) != 0x80) return 0;
    code = code << 6 | (next & 0x3F);
  }
  if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0;
  *ret_code = code;
  return size;
}

size_t utf8_encode(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = size - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)(lead[size] | code);
  return size;
}

size_t utf8_check(const char *text, size_t length) {
  size_t at = 0;
  uint32_t code;
  while (at < length) {
    size_t size = utf8_decode(text + at, length - at, &code);
    if (size == 0) break;
    at += size;
  }
  return at;
}

/* ---- safe display ---- */

/* Code points that change how a terminal or page shows what surrounds them. */
static bool is_unsafe(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF0 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE0FFF);
}

/* One code point (or one malformed byte) of `text` as it is shown; returns the bytes consumed. */
static size_t show_one(const char *text, size_t length, char shown[16], size_t *ret_shown) {
  uint32_t code;
  size_t size = utf8_decode(text, length, &code);
  if (size == 0) {
    *ret_shown = (size_t)snprintf(shown, 16, "\\x%02x", (unsigned char)text[0]);
    return 1;
  }
  if (is_unsafe(code)) {
    const char *format = code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
    if (code == '\n') format = "\\n";
    *ret_shown = (size_t)snprintf(shown, 16, format, (unsigned)code);
    return size;
  }
  memcpy(shown, text, size);
  *ret_shown = size;
  return size;
}

void str_display(char *out, size_t size, const char *text, size_t length) {
  if (size == 0) return;
  size_t used = 0, at = 0;
  while (at < length) {
    char shown[16];
    size_t n;
    size_t step = show_one(text + at, length - at, shown, &n);
    bool last = at + step >= length;
    if (used + n + (last ? 1 : 4) > size) {
      for (int dots = 0; dots < 3 && used + 1 < size; dots++) out[used++] = '.';
      break;
    }
    memcpy(out + used, shown, n);
    used += n;
    at += step;
  }
  out[used] = '\0';
}

void strbuf_html(strbuf *s, const char *text, size_t length) {
  for (size_t at = 0; at < length;) {
    char shown[16];
    size_t n;
    size_t step = show_one(text + at, length - at, shown, &n);
    const char *entity = NULL;
    if (n == 1) {
      switch (shown[0]) {
        case '&': entity = "&amp;"; break;
        case '<': entity = "&lt;"; break;
        case '>': entity = "&gt;"; break;
        case '"': entity = "&quot;"; break;
        case '\'': entity = "&#39;"; break;
        default: break;
      }
    }
    if (entity != NULL) {
      strbuf_puts(s, entity);
    } else {
      strbuf_add(s, shown, n);
    }
    at += step;
  }
}

/* ---- comparing names ---- */

bool str_equal(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

bool str_ends(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && memcmp(text + n - m, end, m) == 0;
}

enum { LONGEST_NAME = 64 };

/* Levenshtein distance, one row at a time. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[LONGEST_NAME + 1], n = strlen(b);
  if (n > LONGEST_NAME || strlen(a) > LONGEST_NAME) return LONGEST_NAME;
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; a[i - 1] != '\0'; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      size_t shift = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
      diagonal = row[j];
      row[j] = replace < shift ? replace : shift;
    }
  }
  return row[n];
}

bool str_item(const char **rest, char *item, size_t size) {
  if (*rest == NULL) return false;
  size_t n = strcspn(*rest, ","), shown = n < size - 1 ? n : size - 1;
  memcpy(item, *rest, shown);
  item[shown] = '\0';
  *rest = (*rest)[n] == ',' ? *rest + n + 1 : NULL;
  return true;
}

const char *str_nearest(const char *name, const char *const *names, size_t count) {
  const char *best = NULL;
  size_t limit = strlen(name) / 2 < 3 ? strlen(name) / 2 : 3;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edit_distance(name, names[i]);
    if (distance <= limit && (best == NULL || distance < limit)) best = names[i], limit = distance;
  }
  return best;
}
