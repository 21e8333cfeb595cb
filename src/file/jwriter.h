/* file/jwriter.h - writes JSON, commas and escapes included. Numbers read back to the same bits; NaN and Inf become
 * null. '<' is written as \u003c, so that the text may be embedded in HTML. */
#ifndef DWELL_FILE_JWRITER_H
#define DWELL_FILE_JWRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { JWRITER_MAX_DEPTH = 32 };

typedef struct jwriter {
  strbuf *out;
  int indent; /* spaces per level; 0: one line */
  size_t depth;
  bool some[JWRITER_MAX_DEPTH];    /* the container has an element already */
  bool flat[JWRITER_MAX_DEPTH];    /* the container is written on one line */
  char closing[JWRITER_MAX_DEPTH]; /* '}' or ']' */
  bool after_key;
} jwriter;

jwriter jwriter_start(strbuf *out, int indent);
/* Members of an object whose braces somebody else writes: keys and values from here on, never closed. */
jwriter jwriter_start_members(strbuf *out, int indent);
/* Members written by such a writer, into the open object; "" adds nothing. */
void jwriter_members(jwriter *w, const char *members);
void jwriter_object(jwriter *w);
void jwriter_flat_object(jwriter *w); /* on one line even when indenting */
void jwriter_array(jwriter *w);
void jwriter_flat_array(jwriter *w); /* on one line even when indenting */
void jwriter_close(jwriter *w);      /* the innermost object or array */
void jwriter_key(jwriter *w, const char *key);
void jwriter_string(jwriter *w, const char *text);              /* NULL: null */
void jwriter_text(jwriter *w, const char *text, size_t length); /* malformed UTF-8 becomes U+FFFD */
void jwriter_double(jwriter *w, double value);
void jwriter_int(jwriter *w, int64_t value);
void jwriter_uint(jwriter *w, uint64_t value);
void jwriter_bool(jwriter *w, bool value);
void jwriter_null(jwriter *w);
/* key and value in one call */
void jwriter_put_string(jwriter *w, const char *key, const char *text);
void jwriter_put_double(jwriter *w, const char *key, double value);
void jwriter_put_int(jwriter *w, const char *key, int64_t value);
void jwriter_put_bool(jwriter *w, const char *key, bool value);

#endif
