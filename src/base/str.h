/* base/str.h - text: growing buffers, UTF-8, and making foreign text safe to show.
 *
 * A strbuf has a sticky failure: after an allocation failed every append is ignored and `failed` stays true, so that
 * callers check once at the end. */
#ifndef DWELL_BASE_STR_H
#define DWELL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct strbuf {
  char *data;    /* always NUL-terminated once anything was appended; NULL before */
  size_t length; /* without the NUL */
  size_t capacity;
  bool failed;
} strbuf;

/* A strbuf starts as (strbuf){0}. */
void strbuf_add(strbuf *s, const char *text, size_t length);
void strbuf_puts(strbuf *s, const char *text);
void strbuf_putc(strbuf *s, char c);
void strbuf_printf(strbuf *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_free(strbuf *s);

/* Decodes one code point of strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). Returns the number of
 * bytes read (1-4), or 0 at a malformed sequence or length 0. */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code);
/* Encodes into `out` (room for 4); returns the number of bytes written. `code` must be a valid scalar value. */
size_t utf8_encode(uint32_t code, char *out);
/* Offset of the first malformed byte, or `length` if all is well. */
size_t utf8_check(const char *text, size_t length);

/* Foreign text (file names, tensor names, tokens) for a terminal or an error message: control, escape, bidi and
 * malformed bytes become codes such as \x1b or \u202e; cut with "..." to fit. Always terminated. */
void str_display(char *out, size_t size, const char *text, size_t length);

/* The same text for HTML (element content or quoted attribute), appended to s: & < > " ' escaped, controls as codes. */
void strbuf_html(strbuf *s, const char *text, size_t length);

bool str_equal(const char *a, const char *b);
bool str_ends(const char *text, const char *end);

/* Walks a comma-separated list: copies the next item into `item` (cut to size - 1 bytes) and moves *rest behind it,
 * NULL after the last; false where *rest is NULL. "" is one empty item, "a," are two. */
bool str_item(const char **rest, char *item, size_t size);

/* The registry name nearest to `name` (edit distance <= 3, at most half its length), or NULL: "did you mean ...". */
const char *str_nearest(const char *name, const char *const *names, size_t count);

#endif
