/* model/distilbert.c - DistilBERT (Sanh et al. 2019): BERT's block under other names, without token types. */
#include "base/error.h"
#include "model/encoder.h"

static const model_slot outer[ENCODER_OUTER_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_POSITIONS, DIM_WIDTH, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_WIDTH, SLOT_TABLE, PART_TYPES},
    {"embeddings.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static const model_slot block[ENCODER_BLOCK_COUNT] = {
    {"attention.q_lin.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.k_lin.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.v_lin.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.q_lin.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.k_lin.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.v_lin.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.out_lin.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.out_lin.bias", DIM_WIDTH, DIM_NONE, 0},
    {"sa_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"sa_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"ffn.lin1.weight", DIM_INNER, DIM_WIDTH, 0},
    {"ffn.lin1.bias", DIM_INNER, DIM_NONE, 0},
    {"ffn.lin2.weight", DIM_WIDTH, DIM_INNER, 0},
    {"ffn.lin2.bias", DIM_WIDTH, DIM_NONE, 0},
    {"output_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"output_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(config_size(c, CONFIG_NAMES("n_layers", "num_hidden_layers"), 6, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("dim", "hidden_size"), 768, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("n_heads", "num_attention_heads"), 12, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_dim"), 3072, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 30522, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 512, MODEL_MAX_CONTEXT, &s->context, err));
  TRY(model_configure_activation(c, "activation", "gelu", &s->activation, err));
  TRY(config_flag(c, "tie_word_embeddings", true, &s->tied_words, err));
  TRY(config_flag(c, "sinusoidal_pos_embds", false, &s->sinusoids, err));
  TRY(encoder_refuse(c, err));
  s->epsilon = 1e-12; /* config.json has no field for it */
  s->scale_scores = true;
done:
  return status;
}

const model_architecture model_distilbert = {
    .name = "distilbert",
    .summary = "DistilBERT: half of BERT's blocks, no token types",
    .source = "Sanh et al. 2019, DistilBERT, a distilled version of BERT",
    .model_types = CONFIG_NAMES("distilbert"),
    .prefixes = CONFIG_NAMES("distilbert.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "transformer.layer.%zu.",
    .tied_name = "vocab_projector.weight",
    .deviation = "initializer_range",
    .padding = 0,
    .out_in = true,
    .outer = outer,
    .block = block,
    .outer_count = ENCODER_OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = encoder_embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
