/* model/opt.c - OPT (Zhang et al. 2022): GPT-2's blocks with ReLU and separate maps; the 350m model has its norms after
 * the sublayers, embeddings narrower than the stream, and no final norm. */
#include "base/error.h"
#include "model/decoder.h"

enum { WORDS, POSITIONS, MAPPING, FINAL_NORM, FINAL_NORM_BIAS, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"embed_tokens.weight", DIM_VOCABULARY, DIM_EMBEDDING, SLOT_TABLE | SLOT_WORDS},
    {"embed_positions.weight", DIM_POSITIONS, DIM_WIDTH, SLOT_TABLE},
    {"project_in.weight", DIM_WIDTH, DIM_EMBEDDING, 0, PART_MAPPING},
    {"final_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM, PART_FINAL_NORM},
    {"final_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM, PART_FINAL_NORM},
};

enum {
  NORM1,
  NORM1_BIAS,
  QUERY,
  KEY,
  VALUE,
  QUERY_BIAS,
  KEY_BIAS,
  VALUE_BIAS,
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
    {"self_attn_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"self_attn_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"self_attn.q_proj.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"self_attn.k_proj.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"self_attn.v_proj.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"self_attn.q_proj.bias", DIM_WIDTH, DIM_NONE, 0},
    {"self_attn.k_proj.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"self_attn.v_proj.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"self_attn.out_proj.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"self_attn.out_proj.bias", DIM_WIDTH, DIM_NONE, 0},
    {"final_layer_norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"final_layer_norm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"fc1.weight", DIM_INNER, DIM_WIDTH, 0},
    {"fc1.bias", DIM_INNER, DIM_NONE, 0},
    {"fc2.weight", DIM_WIDTH, DIM_INNER, 0},
    {"fc2.bias", DIM_WIDTH, DIM_NONE, 0},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  enum { OFFSET = 2 }; /* the table of positions begins with two rows that are not used */
  bool pre_norm;
  dwell_status status = DWELL_OK;
  s->epsilon = 1e-5; /* config.json has no field for it */
  s->first_position = OFFSET;
  s->scale_scores = true;
  TRY(config_size(c, CONFIG_NAMES("num_hidden_layers"), 12, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_size"), 768, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("num_attention_heads"), 12, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("ffn_dim"), 3072, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 50272, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 2048, MODEL_MAX_CONTEXT, &s->context, err));
  s->embedding = s->width;
  TRY(config_optional_size(c, "word_embed_proj_dim", MODEL_MAX_WIDTH, &s->embedding, err));
  TRY(model_configure_activation(c, "activation_function", "relu", &s->activation, err));
  TRY(config_flag(c, "do_layer_norm_before", true, &pre_norm, err));
  TRY(config_flag(c, "tie_word_embeddings", true, &s->tied_words, err));
  TRY(config_refuse(c, "enable_bias", "true", err));
  TRY(config_refuse(c, "layer_norm_elementwise_affine", "true", err));
  TRY(config_refuse(c, "_remove_final_layer_norm", "false", err));
  s->positions = s->context + OFFSET;
  s->post_norm = !pre_norm;
  s->parts = (pre_norm ? PART_FINAL_NORM : 0) | (s->embedding != s->width ? PART_MAPPING : 0);
done:
  return status;
}

static dwell_status embed(model_pass *p, dwell_error *err) { return decoder_embed(p, WORDS, POSITIONS, MAPPING, err); }

static dwell_status block_step(model_pass *p, dwell_error *err) {
  static const decoder_slots slots = {
      NORM1, QUERY, QUERY_BIAS, PROJECT, PROJECT_BIAS, NORM2, {UP, UP_BIAS, DOWN, DOWN_BIAS}};
  return decoder_block(p, &slots, err);
}

const model_architecture model_opt = {
    .name = "opt",
    .summary = "OPT: causal, learned positions, ReLU",
    .source = "Zhang et al. 2022, OPT: open pre-trained transformer language models",
    .model_types = CONFIG_NAMES("opt"),
    .prefixes = CONFIG_NAMES("model.decoder.", "decoder.", ""),
    .anchor = "embed_positions.weight",
    .block_format = "layers.%zu.",
    .tied_name = "lm_head.weight",
    .output_map = "project_out.weight",
    .deviation = "init_std",
    .padding = 1,
    .out_in = true,
    .causal = true,
    .outer = outer,
    .block = block,
    .outer_count = OUTER_COUNT,
    .block_count = BLOCK_COUNT,
    .configure = configure,
    .embed = embed,
    .attention = {QUERY, QUERY_BIAS, PROJECT, PROJECT_BIAS},
    .block_step = block_step,
    .final_norm = FINAL_NORM,
};
