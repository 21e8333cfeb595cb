/* file/jwriter.c - writes JSON. Nesting beyond JWRITER_MAX_DEPTH, or a value where a key must come, is a bug of the
 * caller: an assertion. Running out of memory is not: the strbuf's `failed` says so at the end. */
#include "file/jwriter.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/number.h"

jwriter jwriter_start(strbuf *out, int indent) { return (jwriter){.out = out, .indent = indent}; }

/* ---- layout ---- */

static bool in_object(const jwriter *w) { return w->depth > 0 && w->closing[w->depth - 1] == '}'; }

static void new_line(jwriter *w, size_t depth) {
  strbuf_putc(w->out, '\n');
  for (size_t i = 0; i < depth * (size_t)w->indent; i++) strbuf_putc(w->out, ' ');
}

/* The comma and white space before an element of the innermost container. */
static void before_element(jwriter *w) {
  if (w->depth == 0) return;
  size_t top = w->depth - 1;
  if (w->some[top]) strbuf_putc(w->out, ',');
  if (w->indent > 0 && !w->flat[top]) {
    new_line(w, w->depth);
  } else if (w->indent > 0 && w->some[top]) {
    strbuf_putc(w->out, ' ');
  }
  w->some[top] = true;
}

static void before_value(jwriter *w) {
  assert(w->after_key == in_object(w));
  if (!w->after_key) before_element(w);
  w->after_key = false;
}

static void open_container(jwriter *w, char open, char closing, bool flat) {
  before_value(w);
  assert(w->depth < JWRITER_MAX_DEPTH);
  strbuf_putc(w->out, open);
  w->flat[w->depth] = flat || (w->depth > 0 && w->flat[w->depth - 1]);
  w->some[w->depth] = false;
  w->closing[w->depth++] = closing;
}

void jwriter_object(jwriter *w) { open_container(w, '{', '}', false); }
void jwriter_flat_object(jwriter *w) { open_container(w, '{', '}', true); }
void jwriter_array(jwriter *w) { open_container(w, '[', ']', false); }
void jwriter_flat_array(jwriter *w) { open_container(w, '[', ']', true); }

jwriter jwriter_start_members(strbuf *out, int indent) {
  return (jwriter){.out = out, .indent = indent, .depth = 1, .closing = "}"};
}

void jwriter_members(jwriter *w, const char *members) {
  assert(in_object(w) && !w->after_key);
  if (members[0] == '\0') return;
  if (w->some[w->depth - 1]) strbuf_putc(w->out, ',');
  strbuf_puts(w->out, members);
  w->some[w->depth - 1] = true;
}

void jwriter_close(jwriter *w) {
  assert(w->depth > 0 && !w->after_key);
  size_t top = --w->depth;
  if (w->indent > 0 && w->some[top] && !w->flat[top]) new_line(w, top);
  strbuf_putc(w->out, w->closing[top]);
}

/* ---- strings ---- */

static void put_code(strbuf *out, uint32_t code, const char *bytes, size_t length) {
  switch (code) {
    case '"': strbuf_puts(out, "\\\""); return;
    case '\\': strbuf_puts(out, "\\\\"); return;
    case '\n': strbuf_puts(out, "\\n"); return;
    case '\t': strbuf_puts(out, "\\t"); return;
    default: break;
  }
  /* '<' could end a script element; U+2028 and U+2029 end lines in older JavaScript. */
  if (code < 0x20 || code == 0x7F || code == '<' || code == 0x2028 || code == 0x2029) {
    strbuf_printf(out, "\\u%04x", (unsigned)code);
  } else {
    strbuf_add(out, bytes, length);
  }
}

static void put_text(strbuf *out, const char *text, size_t length) {
  strbuf_putc(out, '"');
  for (size_t at = 0; at < length;) {
    uint32_t code;
    size_t step = utf8_decode(text + at, length - at, &code);
    if (step == 0) {
      strbuf_puts(out, "\xEF\xBF\xBD");
      at++;
    } else {
      put_code(out, code, text + at, step);
      at += step;
    }
  }
  strbuf_putc(out, '"');
}

void jwriter_key(jwriter *w, const char *key) {
  assert(in_object(w) && !w->after_key);
  before_element(w);
  put_text(w->out, key, strlen(key));
  strbuf_puts(w->out, w->indent > 0 ? ": " : ":");
  w->after_key = true;
}

void jwriter_text(jwriter *w, const char *text, size_t length) {
  before_value(w);
  put_text(w->out, text, length);
}

void jwriter_string(jwriter *w, const char *text) {
  if (text == NULL) {
    jwriter_null(w);
  } else {
    jwriter_text(w, text, strlen(text));
  }
}

/* ---- other values ---- */

static void put_word(jwriter *w, const char *word) {
  before_value(w);
  strbuf_puts(w->out, word);
}

void jwriter_double(jwriter *w, double value) {
  char text[NUMBER_SIZE];
  put_word(w, isfinite(value) ? number_format(value, text) : "null");
}

void jwriter_int(jwriter *w, int64_t value) {
  before_value(w);
  strbuf_printf(w->out, "%" PRId64, value);
}

void jwriter_uint(jwriter *w, uint64_t value) {
  before_value(w);
  strbuf_printf(w->out, "%" PRIu64, value);
}

void jwriter_bool(jwriter *w, bool value) { put_word(w, value ? "true" : "false"); }
void jwriter_null(jwriter *w) { put_word(w, "null"); }

void jwriter_put_string(jwriter *w, const char *key, const char *text) {
  jwriter_key(w, key);
  jwriter_string(w, text);
}

void jwriter_put_double(jwriter *w, const char *key, double value) {
  jwriter_key(w, key);
  jwriter_double(w, value);
}

void jwriter_put_int(jwriter *w, const char *key, int64_t value) {
  jwriter_key(w, key);
  jwriter_int(w, value);
}

void jwriter_put_bool(jwriter *w, const char *key, bool value) {
  jwriter_key(w, key);
  jwriter_bool(w, value);
}
