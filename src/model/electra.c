/* model/electra.c - ELECTRA (Clark et al. 2020), generator and discriminator: BERT whose embeddings may be narrower
 * than the stream, which a linear map then widens. */
#include "base/error.h"
#include "model/encoder.h"

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  static const encoder_defaults defaults = {256, 4, 1024, 30522, 2, "gelu"};
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, &defaults, s, err));
  TRY(config_size(c, CONFIG_NAMES("embedding_size"), 128, MODEL_MAX_WIDTH, &s->embedding, err));
  if (s->embedding != s->width) s->parts |= PART_MAPPING;
done:
  return status;
}

const model_architecture model_electra = {
    .name = "electra",
    .summary = "ELECTRA: BERT with embeddings of their own width",
    .source = "Clark et al. 2020, ELECTRA: pre-training text encoders as discriminators rather than generators",
    .model_types = CONFIG_NAMES("electra"),
    .prefixes = CONFIG_NAMES("electra.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "encoder.layer.%zu.",
    .tied_name = "generator_lm_head.weight",
    .deviation = "initializer_range",
    .padding = 0,
    .out_in = true,
    .outer = encoder_bert_outer,
    .block = encoder_bert_block,
    .outer_count = ENCODER_MAPPED_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = encoder_embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
