/* text/wordpiece.h - WordPiece: the longest piece of the vocabulary first, then on from there (Schuster and Nakajima
 * 2012, as used by BERT). */
#ifndef DWELL_TEXT_WORDPIECE_H
#define DWELL_TEXT_WORDPIECE_H

#include "text/wordlevel.h"

typedef struct wordpiece {
  unknown_piece unknown;
  jtext prefix;         /* of pieces inside a word: "##" */
  uint64_t prefix_hash; /* vocab_hash of it */
  int64_t longest_word; /* characters; longer words are unknown */
} wordpiece;

/* The model over a complete vocabulary with BERT's usual options, for a legacy vocab.txt. */
dwell_status wordpiece_make(const vocab *v, jtext unknown, arena *memory, void **ret_state, dwell_error *err);

#endif
