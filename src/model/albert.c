/* model/albert.c - ALBERT (Lan et al. 2020): BERT's block with one set of weights for all blocks, and narrow embeddings
 * that a linear map widens. State 0 is what that map puts out. */
#include "base/error.h"
#include "model/encoder.h"

enum { MAPPING = ENCODER_OUTER_COUNT, MAPPING_BIAS, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_EMBEDDING, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_CONTEXT, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.LayerNorm.weight", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"encoder.embedding_hidden_mapping_in.weight", DIM_WIDTH, DIM_EMBEDDING, 0},
    {"encoder.embedding_hidden_mapping_in.bias", DIM_WIDTH, DIM_NONE, 0},
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
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, "gelu_new", 4096, 64, 16384, s, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 30000, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("embedding_size"), 128, MODEL_MAX_WIDTH, &s->embedding, err));
  TRY(config_refuse(c, "num_hidden_groups", "1", err));
  TRY(config_refuse(c, "inner_group_num", "1", err));
done:
  return status;
}

static dwell_status embed(model_pass *p, dwell_error *err) {
  void *rows = p->wide, *scratch = pass_at(p, p->wide, p->n * p->model->shape.embedding);
  dwell_status status = encoder_embed(p, rows, scratch, err);
  if (status != DWELL_OK) return status;
  return pass_linear(p, &p->model->outer, MAPPING, MAPPING_BIAS, ACTIVATION_NONE, rows, p->x, err);
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
    .initialiser = "normal(0, initializer_range); biases 0; norms 1; the padding token's embedding 0",
    .out_in = true,
    .shared_block = true,
    .causal = false,
    .outer = outer,
    .block = block,
    .outer_count = OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = embed,
    .block_step = encoder_block,
    .final_norm = NULL,
};
