/* model/gpt_neox.c - GPT-NeoX (Black et al. 2022) and Pythia: rotary positions on a part of each head, attention and
 * MLP side by side. */
#include "base/error.h"
#include "model/decoder.h"

enum { WORDS, FINAL_NORM, FINAL_NORM_BIAS, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"embed_in.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS},
    {"final_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM, PART_FINAL_NORM},
    {"final_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM, PART_FINAL_NORM},
};

enum {
  NORM1,
  NORM1_BIAS,
  QKV,
  QKV_BIAS,
  PROJECT,
  PROJECT_BIAS,
  NORM2,
  NORM2_BIAS,
  UP,
  UP_BIAS,
  DOWN,
  DOWN_BIAS,
  BLOCK_COUNT
};
static const model_slot block[BLOCK_COUNT] = {
    {"input_layernorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"input_layernorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attention.query_key_value.weight", DIM_QKV, DIM_WIDTH, 0},
    {"attention.query_key_value.bias", DIM_QKV, DIM_NONE, 0, PART_QKV_BIAS},
    {"attention.dense.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.dense.bias", DIM_WIDTH, DIM_NONE, 0, PART_PROJECT_BIAS},
    {"post_attention_layernorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"post_attention_layernorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"mlp.dense_h_to_4h.weight", DIM_INNER, DIM_WIDTH, 0},
    {"mlp.dense_h_to_4h.bias", DIM_INNER, DIM_NONE, 0},
    {"mlp.dense_4h_to_h.weight", DIM_WIDTH, DIM_INNER, 0},
    {"mlp.dense_4h_to_h.bias", DIM_WIDTH, DIM_NONE, 0},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  bool bias;
  dwell_status status = DWELL_OK;
  s->parts = PART_FINAL_NORM;
  s->scale_scores = true;
  TRY(config_size(c, CONFIG_NAMES("num_hidden_layers"), 44, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_size"), 6144, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("num_attention_heads"), 64, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("intermediate_size"), 24576, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 50432, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 2048, MODEL_MAX_CONTEXT, &s->context, err));
  TRY(config_epsilon(c, "layer_norm_eps", 1e-5, &s->epsilon, err));
  TRY(model_configure_activation(c, "hidden_act", "gelu", &s->activation, err));
  TRY(config_flag(c, "use_parallel_residual", true, &s->parallel, err));
  TRY(config_flag(c, "attention_bias", true, &bias, err));
  TRY(config_flag(c, "tie_word_embeddings", false, &s->tied_words, err));
  TRY(config_refuse(c, "sliding_window", "null", err));
  TRY(rotary_configure(c, s->width / s->heads, "rotary_emb_base", "rotary_pct", 0.25, &s->rotary, err));
  if (bias) s->parts |= PART_QKV_BIAS | PART_PROJECT_BIAS;
done:
  return status;
}

static dwell_status embed(model_pass *p, dwell_error *err) { return pass_words(p, WORDS, p->x, err); }

static dwell_status block_step(model_pass *p, dwell_error *err) {
  static const decoder_slots slots = {
      NORM1, QKV, QKV_BIAS, PROJECT, PROJECT_BIAS, NORM2, {UP, UP_BIAS, DOWN, DOWN_BIAS}};
  return decoder_block(p, &slots, err);
}

const model_architecture model_gpt_neox = {
    .name = "gpt_neox",
    .summary = "GPT-NeoX and Pythia: causal, rotary positions on a part of each head, parallel attention and MLP",
    .source = "Black et al. 2022, GPT-NeoX-20B: an open-source autoregressive language model",
    .model_types = CONFIG_NAMES("gpt_neox"),
    .prefixes = CONFIG_NAMES("gpt_neox.", ""),
    .anchor = "final_layer_norm.weight",
    .block_format = "layers.%zu.",
    .tied_name = "embed_out.weight",
    .deviation = "initializer_range",
    .padding = PADDING_NEVER,
    .out_in = true,
    .qkv_by_head = true,
    .causal = true,
    .rotary = true,
    .outer = outer,
    .block = block,
    .outer_count = OUTER_COUNT,
    .block_count = BLOCK_COUNT,
    .configure = configure,
    .embed = embed,
    .attention = {QKV, QKV_BIAS, PROJECT, PROJECT_BIAS},
    .block_step = block_step,
    .final_norm = FINAL_NORM,
};
