/* text/unigram.h - Unigram models that do not come from tokenizer.json. */
#ifndef DWELL_TEXT_UNIGRAM_H
#define DWELL_TEXT_UNIGRAM_H

#include "text/model.h"
#include "text/spm.h"

/* The model of a SentencePiece file whose pieces are in the vocabulary, computing as that library does: in single
 * precision, user-defined pieces before all others, each unknown character by its bytes under byte_fallback. */
dwell_status unigram_make(const spm *m, const vocab *v, arena *memory, void **ret_state, dwell_error *err);

#endif
