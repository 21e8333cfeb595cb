/* text/vocab.h - pieces and their ids, found both ways by open addressing. Ids may have gaps and are not used as array
 * sizes; texts belong to the tokenizer's arena. */
#ifndef DWELL_TEXT_VOCAB_H
#define DWELL_TEXT_VOCAB_H

#include <dwell/status.h>
#include <stdbool.h>

typedef struct vocab_entry {
  uint64_t hash;
  const char *text; /* NUL-terminated; may contain NULs: use length */
  uint32_t length;
  int32_t id;
  bool special; /* [CLS], <|endoftext|>, ... */
} vocab_entry;

typedef struct vocab {
  vocab_entry *entries;
  size_t count, capacity;
  uint32_t *by_text, *by_id; /* entry + 1, 0: free slot */
  size_t slots;              /* of each of the two, a power of two >= 2 * capacity */
  int32_t largest;           /* largest id; meaningful if count > 0 */
  size_t longest;            /* bytes of the longest piece */
  size_t model_count;        /* entries of the model; the ones behind are only added tokens. 0: not settled yet */
} vocab;

enum { VOCAB_NONE = -1 };

/* A vocab starts as (vocab){0}. Adds a piece. The same text again, or the same id again, is DWELL_BAD_INPUT; with
 * `later_wins` a repeated text moves to the new id, as vocab.txt is read by everyone. */
dwell_status vocab_add(vocab *v, const char *text, size_t length, int32_t id, bool later_wins, dwell_error *err);
/* The model is complete: what is added from now on is not found by vocab_find. */
void vocab_settle(vocab *v);
void vocab_mark_special(vocab *v, int32_t id);
void vocab_free(vocab *v);

/* Id of a piece of the model, or VOCAB_NONE. */
int32_t vocab_find(const vocab *v, const char *text, size_t length);
/* Ids of the pieces <0x00> ... <0xFF>, with which byte_fallback writes what has no piece; VOCAB_NONE where missing. */
void vocab_find_bytes(const vocab *v, int32_t ret_ids[256]);
/* Entry of an id, or NULL. */
const vocab_entry *vocab_entry_of(const vocab *v, int64_t id);

/* The hash grows byte by byte, so that all beginnings of a word cost one pass: start with VOCAB_HASH_START. */
#define VOCAB_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t vocab_hash_step(uint64_t hash, char byte) {
  return (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3); /* FNV-1a */
}
uint64_t vocab_hash(uint64_t start, const char *text, size_t length);
/* Id of the piece `prefix` + `text` whose hash is known, or VOCAB_NONE. */
int32_t vocab_find_hashed(const vocab *v, uint64_t hash, const char *prefix, size_t prefix_length, const char *text,
                          size_t length);

#endif
