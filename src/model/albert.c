/* model/albert.c - ALBERT (Lan et al. 2020): BERT's block with one set of weights for all blocks, and narrow embeddings
 * that a linear map widens. State 0 is what that map puts out. */
#include "base/error.h"
#include "model/encoder.h"

static const model_slot outer[ENCODER_MAPPED_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_EMBEDDING, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_POSITIONS, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.LayerNorm.weight", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"encoder.embedding_hidden_mapping_in.weight", DIM_WIDTH, DIM_EMBEDDING, 0, PART_MAPPING},
    {"encoder.embedding_hidden_mapping_in.bias", DIM_WIDTH, DIM_NONE, 0, PART_MAPPING},
};

static const model_slot block[ENCODER_BLOCK_COUNT] = {
    {"attention.query.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.key.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.value.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.query.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.key.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.value.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.dense.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attention.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"ffn.weight", DIM_INNER, DIM_WIDTH, 0},
    {"ffn.bias", DIM_INNER, DIM_NONE, 0},
    {"ffn_output.weight", DIM_WIDTH, DIM_INNER, 0},
    {"ffn_output.bias", DIM_WIDTH, DIM_NONE, 0},
    {"full_layer_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"full_layer_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  static const encoder_defaults defaults = {4096, 64, 16384, 30000, 2, "gelu_new"};
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, &defaults, s, err));
  TRY(config_size(c, CONFIG_NAMES("embedding_size"), 128, MODEL_MAX_WIDTH, &s->embedding, err));
  TRY(config_refuse(c, "num_hidden_groups", "1", err));
  TRY(config_refuse(c, "inner_group_num", "1", err));
  s->parts |= PART_MAPPING;
done:
  return status;
}

const model_architecture model_albert = {
    .name = "albert",
    .summary = "ALBERT: one shared post-norm block, applied any number of times (--iterations)",
    .source = "Lan et al. 2020, ALBERT: a lite BERT for self-supervised learning of language representations",
    .model_types = CONFIG_NAMES("albert"),
    .prefixes = CONFIG_NAMES("albert.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "encoder.albert_layer_groups.%zu.albert_layers.0.",
    .tied_name = "predictions.decoder.weight",
    .deviation = "initializer_range",
    .padding = 0,
    .out_in = true,
    .shared_block = true,
    .causal = false,
    .outer = outer,
    .block = block,
    .outer_count = ENCODER_MAPPED_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = encoder_embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
