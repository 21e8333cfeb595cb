/* model/encoder.h - what BERT and ALBERT share: the embeddings and the post-norm block. An architecture of this family
 * lists its tensors in the order below. */
#ifndef DWELL_MODEL_ENCODER_H
#define DWELL_MODEL_ENCODER_H

#include "model/pass.h"

enum { ENCODER_WORDS, ENCODER_POSITIONS, ENCODER_TYPES, ENCODER_NORM, ENCODER_NORM_BIAS, ENCODER_OUTER_COUNT };

enum {
  ENCODER_QUERY, ENCODER_KEY, ENCODER_VALUE, ENCODER_QUERY_BIAS, ENCODER_KEY_BIAS, ENCODER_VALUE_BIAS,
  ENCODER_PROJECT, ENCODER_PROJECT_BIAS, ENCODER_NORM1, ENCODER_NORM1_BIAS,
  ENCODER_UP, ENCODER_UP_BIAS, ENCODER_DOWN, ENCODER_DOWN_BIAS, ENCODER_NORM2, ENCODER_NORM2_BIAS,
  ENCODER_BLOCK_COUNT
};

/* The fields that both have; `shape` but for embedding is set. */
dwell_status encoder_configure(const config *c, const char *default_activation, size_t default_width,
                               size_t default_heads, size_t default_inner, model_shape *ret_shape, dwell_error *err);

/* LayerNorm(word + type 0 + position) as [n, embedding] into `ret_rows`; `scratch` holds as much. */
dwell_status encoder_embed(model_pass *p, void *ret_rows, void *scratch, dwell_error *err);

/* x = LN(x + attention(x)); x = LN(x + mlp(x)). Parts are the sublayers' outputs before their LayerNorm. */
dwell_status encoder_block(model_pass *p, dwell_error *err);

#endif
