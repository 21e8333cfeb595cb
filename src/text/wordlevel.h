/* text/wordlevel.h - WordLevel: every split is one piece, or the unknown piece. */
#ifndef DWELL_TEXT_WORDLEVEL_H
#define DWELL_TEXT_WORDLEVEL_H

#include "text/model.h"

/* Id of the unknown piece `name` (VOCAB_NONE if the vocabulary lacks it). */
typedef struct unknown_piece {
  int32_t id;
  jtext name;
} unknown_piece;

/* Member "unk_token". */
dwell_status unknown_piece_read(const fields *f, const char *otherwise, const vocab *v, unknown_piece *ret_unknown,
                                dwell_error *err);
/* Appends the unknown piece for the word; without one: DWELL_BAD_INPUT naming the word. */
dwell_status unknown_piece_add(const unknown_piece *u, const char *word, size_t length, piece_list *out,
                               dwell_error *err);

#endif
