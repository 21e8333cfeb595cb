/* model/encoder.h - what BERT and its kin share: the embeddings and the post-norm block. An architecture of this family
 * lists its tensors in the order below; after the outer ones that it has, its own. */
#ifndef DWELL_MODEL_ENCODER_H
#define DWELL_MODEL_ENCODER_H

#include "model/pass.h"

enum {
  ENCODER_WORDS,
  ENCODER_POSITIONS,
  ENCODER_TYPES,
  ENCODER_NORM,
  ENCODER_NORM_BIAS,
  ENCODER_MAPPING,
  ENCODER_MAPPING_BIAS, /* of architectures that set PART_MAPPING */
  ENCODER_MAPPED_COUNT,
  ENCODER_OUTER_COUNT = ENCODER_MAPPING
};

enum {
  ENCODER_QUERY,
  ENCODER_KEY,
  ENCODER_VALUE,
  ENCODER_QUERY_BIAS,
  ENCODER_KEY_BIAS,
  ENCODER_VALUE_BIAS,
  ENCODER_PROJECT,
  ENCODER_PROJECT_BIAS,
  ENCODER_NORM1,
  ENCODER_NORM1_BIAS,
  ENCODER_UP,
  ENCODER_UP_BIAS,
  ENCODER_DOWN,
  ENCODER_DOWN_BIAS,
  ENCODER_NORM2,
  ENCODER_NORM2_BIAS,
  ENCODER_BLOCK_COUNT
};

#define ENCODER_ATTENTION \
  { ENCODER_QUERY, ENCODER_QUERY_BIAS, ENCODER_PROJECT, ENCODER_PROJECT_BIAS }

/* BERT's names, which RoBERTa and ELECTRA have too. */
extern const model_slot encoder_bert_outer[ENCODER_MAPPED_COUNT], encoder_bert_block[ENCODER_BLOCK_COUNT];

/* What config.json is taken to say where it is silent: each architecture's own defaults. */
typedef struct encoder_defaults {
  size_t width, heads, inner, vocabulary, types;
  const char *activation;
} encoder_defaults;

/* The fields under BERT's names, token types among them. */
dwell_status encoder_configure(const config *c, const encoder_defaults *defaults, model_shape *ret_shape,
                               dwell_error *err);
/* What no encoder here implements: decoders, cross attention. */
dwell_status encoder_refuse(const config *c, dwell_error *err);
/* Positions that count from the padding token's id on, as RoBERTa's do: call after encoder_configure. */
dwell_status encoder_padded_positions(const config *c, model_shape *shape, dwell_error *err);

/* State 0: LayerNorm(word + type 0 + position), mapped to the width of the stream if the shape has PART_MAPPING. */
dwell_status encoder_embed(model_pass *p, dwell_error *err);

/* x = LN(x + attention(x)); x = LN(x + mlp(x)). */
dwell_status encoder_block(model_pass *p, dwell_error *err);

#endif
