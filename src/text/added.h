/* text/added.h - added tokens: texts that become one token wherever they stand, before anything else is cut. */
#ifndef DWELL_TEXT_ADDED_H
#define DWELL_TEXT_ADDED_H

#include "base/arena.h"
#include "text/aligned.h"
#include "text/fields.h"
#include "text/normalizer.h"
#include "text/vocab.h"

typedef struct added_token {
  jtext content; /* as written */
  jtext pattern; /* what is looked for: `content`, normalised if `normalized` */
  int32_t id;
  bool single_word, left_strip, right_strip, normalized, special;
} added_token;

/* Tokens looked for together, sorted by pattern: the longest that begins at the leftmost place wins. */
typedef struct added_set {
  added_token **sorted;
  size_t count;
  size_t first[257]; /* patterns that begin with byte b: sorted[first[b]] ... sorted[first[b + 1] - 1] */
} added_set;

typedef struct added {
  added_token *tokens;
  size_t count, capacity;
  uint32_t *by_text;         /* token + 1 by open addressing, 0: free slot */
  size_t slots;              /* a power of two, at least 2 * capacity */
  added_set raw, normalized; /* looked for before and after normalisation */
} added;

/* Starts as {0}. Enters a token; its id must agree with the vocabulary, which gets the piece if it lacks it. */
dwell_status added_add(added *a, const added_token *token, vocab *v, dwell_error *err);
/* The first token of this text, or NULL. */
const added_token *added_find(const added *a, jtext text);
/* Reads the array at the cursor (null: none). */
dwell_status added_read(added *a, jcursor *c, const char *path, vocab *v, dwell_error *err);
/* After the last token: prepares searching. */
dwell_status added_prepare(added *a, const normalizer *n, arena *memory, dwell_error *err);
/* Cuts the tokens of a set out of every text split. */
dwell_status added_cut(const added_set *set, workbench *w, dwell_error *err);
void added_free(added *a);

#endif
