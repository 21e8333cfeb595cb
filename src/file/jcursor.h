/* file/jcursor.h - a bounded JSON reader for files that may be hostile or large: a cursor over a buffer with a sticky
 * error. Nothing is allocated but decoded strings (in the caller's arena); nesting is limited; every read passes one
 * bounds check. After the first error every call is a harmless no-op, so callers check once.
 *
 *     jcursor c = jcursor_start(data, size, &arena);
 *     jcursor_object(&c);
 *     for (jtext key; jcursor_key(&c, &key);) {
 *       if (jtext_is(key, "vocab")) read_vocab(&c); else jcursor_skip(&c);
 *     }
 *     status = jcursor_end(&c, path, err);          // trailing junk and errors, with the byte
 */
#ifndef DWELL_FILE_JCURSOR_H
#define DWELL_FILE_JCURSOR_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/arena.h"

typedef struct jtext {
  const char *data; /* decoded UTF-8, NUL-terminated (it may also contain NULs: compare length) */
  size_t length;
} jtext;

typedef enum jkind { JKIND_ERROR, JKIND_NULL, JKIND_BOOL, JKIND_NUMBER, JKIND_STRING, JKIND_ARRAY, JKIND_OBJECT } jkind;

enum { JCURSOR_MAX_DEPTH = 64 };

typedef struct jcursor {
  const char *data;
  size_t size, at;
  arena *strings;
  size_t depth;
  bool first[JCURSOR_MAX_DEPTH]; /* no element of this container was read yet */
  const char *problem;           /* static text; NULL: no error so far */
  size_t problem_at;
} jcursor;

jcursor jcursor_start(const char *data, size_t size, arena *strings);
void jcursor_fail(jcursor *c, const char *problem); /* caller's own complaint, at the current byte */
jkind jcursor_peek(jcursor *c);

void jcursor_object(jcursor *c);              /* enters { */
bool jcursor_key(jcursor *c, jtext *ret_key); /* next "key": ; false at the closing } (consumed) or on error */
void jcursor_array(jcursor *c);               /* enters [ */
bool jcursor_item(jcursor *c);                /* another item follows; false at the closing ] (consumed) or error */
jtext jcursor_string(jcursor *c);             /* lone surrogates are refused; "" on error */
double jcursor_double(jcursor *c);
int64_t jcursor_int(jcursor *c, int64_t low, int64_t high); /* whole number, no fraction or exponent */
bool jcursor_bool(jcursor *c);
bool jcursor_null(jcursor *c); /* consumes null if it is next */
void jcursor_skip(jcursor *c); /* any value, validated */

/* After the outermost value: only white space may follow. DWELL_BAD_INPUT with path and byte on any problem (or
 * DWELL_NO_MEMORY). `path` may be NULL: the caller adds it. */
dwell_status jcursor_end(jcursor *c, const char *path, dwell_error *err);

bool jtext_is(jtext text, const char *literal);
bool jtext_same(jtext a, jtext b);

/* Whole file into memory with a NUL after it; more than `most` bytes is refused. Release with mem_free. */
dwell_status file_slurp(const char *path, size_t most, char **ret_data, size_t *ret_size, dwell_error *err);

#endif
