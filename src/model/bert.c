/* model/bert.c - BERT (Devlin et al. 2019): post-norm encoder, learned positions, one segment (token type 0). */
#include "model/encoder.h"

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  static const encoder_defaults defaults = {768, 12, 3072, 30522, 2, "gelu"};
  return encoder_configure(c, &defaults, s, err);
}

const model_architecture model_bert = {
    .name = "bert",
    .summary = "BERT: bidirectional, post-norm, learned positions",
    .source = "Devlin et al. 2019, BERT: pre-training of deep bidirectional transformers",
    .model_types = CONFIG_NAMES("bert"),
    .prefixes = CONFIG_NAMES("bert.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "encoder.layer.%zu.",
    .tied_name = "cls.predictions.decoder.weight",
    .deviation = "initializer_range",
    .padding = 0,
    .out_in = true,
    .shared_block = false,
    .causal = false,
    .outer = encoder_bert_outer,
    .block = encoder_bert_block,
    .outer_count = ENCODER_OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = encoder_embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
