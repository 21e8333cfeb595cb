/* text/bpe.h - byte-pair encoding (Sennrich, Haddow, Birch 2016): a word starts as single characters, and the pair of
 * neighbours with the lowest rank is merged until no pair has a rank. */
#ifndef DWELL_TEXT_BPE_H
#define DWELL_TEXT_BPE_H

#include "text/bpe_queue.h"
#include "text/model.h"

/* A merge as the files have it: the texts of two pieces. */
typedef struct bpe_pair {
  jtext left, right;
} bpe_pair;

/* Merges in order of rank while a file is read. Starts as {0}. */
typedef struct bpe_pairs {
  bpe_pair *items;
  size_t count, capacity;
} bpe_pairs;

typedef struct bpe_options {
  jtext unknown;        /* data NULL: none; characters without a piece are then left out */
  jtext prefix, suffix; /* continuing_subword_prefix, end_of_word_suffix; "" for none */
  bool fuse_unknown, byte_fallback, ignore_merges;
} bpe_options;

dwell_status bpe_pairs_add(bpe_pairs *p, jtext left, jtext right, dwell_error *err);
/* "a b": cut at its only space; false if there is not exactly one. */
bool bpe_pair_parse(jtext line, bpe_pair *ret_pair);
void bpe_pairs_free(bpe_pairs *p);

/* The model over a complete vocabulary. A merge of, or into, a piece that the vocabulary lacks: DWELL_BAD_INPUT. */
dwell_status bpe_make(const vocab *v, const bpe_pairs *pairs, const bpe_options *options, arena *memory,
                      void **ret_state, dwell_error *err);

/* ---- between bpe.c and bpe_merge.c ---- */

typedef struct bpe_merge {
  uint64_t pair; /* left id << 32 | right id; BPE_FREE: unused slot */
  uint32_t rank;
  int32_t id; /* of the merged piece */
} bpe_merge;

#define BPE_FREE UINT64_MAX

typedef struct bpe_table {
  bpe_merge *slots;
  size_t count; /* of slots, a power of two */
} bpe_table;

static inline uint64_t bpe_key(int32_t left, int32_t right) { return (uint64_t)left << 32 | (uint32_t)right; }

static inline const bpe_merge *bpe_lookup(const bpe_table *t, uint64_t pair) {
  size_t slot = (size_t)((pair * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (t->count - 1);
  while (t->slots[slot].pair != pair) {
    if (t->slots[slot].pair == BPE_FREE) return NULL;
    slot = (slot + 1) & (t->count - 1);
  }
  return &t->slots[slot];
}

/* A stretch of the word that is one piece so far; stretches form a list in order of the word. */
typedef struct bpe_symbol {
  int32_t id;
  int32_t before, after; /* indices, -1: none */
  uint32_t begin, end;   /* bytes of the word; merged into another: id is VOCAB_NONE */
} bpe_symbol;

/* Merges until nothing is left to merge, in O(n log n). `queue` has room for 2 * count candidates. Symbol 0 stays the
 * first of the list. */
void bpe_merge_all(const bpe_table *t, bpe_symbol *symbols, size_t count, bpe_candidate *queue);

#endif
