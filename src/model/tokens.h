/* model/tokens.h - the input of a forward pass: token ids with what is known of each. */
#ifndef DWELL_MODEL_TOKENS_H
#define DWELL_MODEL_TOKENS_H

#include "model/model.h"

typedef struct model_tokens {
  size_t n;
  int64_t *ids;        /* [n] */
  const char **pieces; /* [n] texts of the tokenizer, whose lifetime they have; NULL without tokenizer */
  bool *special;       /* [n] */
  size_t *order;       /* [n] where each was before shuffling; NULL: not asked for */
} model_tokens;

/* Encodes text, or copies ids; cuts to max_tokens keeping the special tokens at both ends; shuffles the others if
 * asked; checks that every id is in the vocabulary and that the model's context holds them. Release with tokens_free.
 *
 * Errors: no tokenizer DWELL_UNSUPPORTED; malformed text, no token at all, or an id outside the vocabulary
 * DWELL_BAD_INPUT; too long DWELL_USAGE. */
dwell_status tokens_from_text(const dwell_model *model, const char *text, size_t length,
                              const dwell_model_options *options, model_tokens *ret_tokens, dwell_error *err);
dwell_status tokens_from_ids(const dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                             model_tokens *ret_tokens, dwell_error *err);
void tokens_free(model_tokens *tokens);

#endif
