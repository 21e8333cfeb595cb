/* model/gpt2.c - GPT-2 (Radford et al. 2019), with transformers' numerics: pre-norm blocks, learned positions. */
#include "base/error.h"
#include "model/decoder.h"

enum { WORDS, POSITIONS, FINAL_NORM, FINAL_NORM_BIAS, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"wte.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS},
    {"wpe.weight", DIM_POSITIONS, DIM_WIDTH, SLOT_TABLE},
    {"ln_f.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"ln_f.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
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
    {"ln_1.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"ln_1.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attn.c_attn.weight", DIM_WIDTH, DIM_QKV, 0},
    {"attn.c_attn.bias", DIM_QKV, DIM_NONE, 0},
    {"attn.c_proj.weight", DIM_WIDTH, DIM_WIDTH, SLOT_STREAM},
    {"attn.c_proj.bias", DIM_WIDTH, DIM_NONE, 0},
    {"ln_2.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"ln_2.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"mlp.c_fc.weight", DIM_WIDTH, DIM_INNER, 0},
    {"mlp.c_fc.bias", DIM_INNER, DIM_NONE, 0},
    {"mlp.c_proj.weight", DIM_INNER, DIM_WIDTH, SLOT_STREAM},
    {"mlp.c_proj.bias", DIM_WIDTH, DIM_NONE, 0},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(config_size(c, CONFIG_NAMES("n_layer", "num_hidden_layers"), 12, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("n_embd", "hidden_size"), 768, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("n_head", "num_attention_heads"), 12, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("n_positions", "max_position_embeddings"), 1024, MODEL_MAX_CONTEXT, &s->context,
                  err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 50257, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  s->inner = 4 * s->width;
  TRY(config_optional_size(c, "n_inner", MODEL_MAX_WIDTH, &s->inner, err)); /* null: the default */
  TRY(config_epsilon(c, "layer_norm_epsilon", 1e-5, &s->epsilon, err));
  TRY(model_configure_activation(c, "activation_function", "gelu_new", &s->activation, err));
  TRY(config_flag(c, "scale_attn_weights", true, &s->scale_scores, err));
  TRY(config_flag(c, "scale_attn_by_inverse_layer_idx", false, &s->scale_by_block, err));
  TRY(config_flag(c, "tie_word_embeddings", true, &s->tied_words, err));
  TRY(config_refuse(c, "add_cross_attention", "false", err));
  /* reorder_and_upcast_attn orders the same product differently for half precision: nothing changes here. */
  s->parts = PART_FINAL_NORM;
done:
  return status;
}

static dwell_status embed(model_pass *p, dwell_error *err) {
  return decoder_embed(p, WORDS, POSITIONS, PASS_NO_SLOT, err);
}

static dwell_status block_step(model_pass *p, dwell_error *err) {
  static const decoder_slots slots = {
      NORM1, QKV, QKV_BIAS, PROJECT, PROJECT_BIAS, NORM2, {UP, UP_BIAS, DOWN, DOWN_BIAS}};
  return decoder_block(p, &slots, err);
}

const model_architecture model_gpt2 = {
    .name = "gpt2",
    .summary = "GPT-2 and look-alikes: causal, pre-norm, learned positions, a final norm",
    .source = "Radford et al. 2019, Language models are unsupervised multitask learners",
    .model_types = CONFIG_NAMES("gpt2"),
    .prefixes = CONFIG_NAMES("transformer.", ""),
    .anchor = "wpe.weight",
    .block_format = "h.%zu.",
    .tied_name = "lm_head.weight",
    .deviation = "initializer_range",
    .padding = PADDING_NEVER,
    .out_in = false,
    .shared_block = false,
    .causal = true,
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
