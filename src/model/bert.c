/* model/bert.c - BERT (Devlin et al. 2019): post-norm encoder, learned positions, one segment (token type 0). */
#include "base/error.h"
#include "model/encoder.h"

static const model_slot outer[ENCODER_OUTER_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_CONTEXT, DIM_WIDTH, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_WIDTH, SLOT_TABLE},
    {"embeddings.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static const model_slot block[ENCODER_BLOCK_COUNT] = {
    {"attention.self.query.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.self.key.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.self.value.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.self.query.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.self.key.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.self.value.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.output.dense.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.output.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.output.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attention.output.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"intermediate.dense.weight", DIM_INNER, DIM_WIDTH, 0},
    {"intermediate.dense.bias", DIM_INNER, DIM_NONE, 0},
    {"output.dense.weight", DIM_WIDTH, DIM_INNER, 0},
    {"output.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"output.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"output.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, "gelu", 768, 12, 3072, s, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 30522, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  s->embedding = s->width;
done:
  return status;
}

static dwell_status embed(model_pass *p, dwell_error *err) { return encoder_embed(p, p->x, p->y, err); }

const model_architecture model_bert = {
    .name = "bert",
    .summary = "BERT: bidirectional, post-norm, learned positions",
    .source = "Devlin et al. 2019, BERT: pre-training of deep bidirectional transformers",
    .model_types = CONFIG_NAMES("bert"),
    .prefixes = CONFIG_NAMES("bert.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "encoder.layer.%zu.",
    .tied_name = "cls.predictions.decoder.weight",
    .initialiser = "normal(0, initializer_range); biases 0; norms 1; the padding token's embedding 0",
    .out_in = true,
    .shared_block = false,
    .causal = false,
    .outer = outer,
    .block = block,
    .outer_count = ENCODER_OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = embed,
    .block_step = encoder_block,
    .final_norm = NULL,
};
