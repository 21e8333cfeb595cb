/* text/precompiled.h - the Precompiled normalizer: the table of replacements that SentencePiece keeps in its models
 * ("precompiled_charsmap"; usually NFKC with white space and control characters cleaned up). */
#ifndef DWELL_TEXT_PRECOMPILED_H
#define DWELL_TEXT_PRECOMPILED_H

#include <stdbool.h>
#include <stdint.h>

#include "text/normalizer.h"

typedef struct precompiled {
  uint32_t *units; /* a double array over the bytes to be replaced */
  size_t count;
  const char *texts; /* new texts, each with a NUL after it */
  size_t texts_length;
  bool untouched[128]; /* ASCII characters that stay as they are when nothing joins them */
} precompiled;

/* Reads the component's "precompiled_charsmap" into the arena. */
dwell_status precompiled_read(const fields *f, arena *memory, const precompiled **ret_table, dwell_error *err);
/* The table as it is in a SentencePiece file. */
dwell_status precompiled_make(const char *data, size_t size, arena *memory, const precompiled **ret_table,
                              dwell_error *err);

/* Whether anything but characters outside ASCII behind it can make an ASCII character change: a key is that character,
 * or begins with it and another one of ASCII. */
bool precompiled_touches(const precompiled *p, char c);

/* The new text, up to a NUL, for the longest beginning of `key` in the table that ends with a character, and how many
 * bytes that is; NULL if there is none. */
const char *precompiled_longest(const precompiled *p, const char *key, size_t length, size_t *ret_size);

#endif
