/* model/llama.c - LLaMA (Touvron et al. 2023) and what has its shape: pre-norm with RMSNorm, rotary positions, gated
 * MLP, and heads of keys and values that serve several heads of queries each. */
#include "base/error.h"
#include "base/str.h"
#include "model/decoder.h"

enum { WORDS, FINAL_NORM, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"embed_tokens.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS, 0, "token_embd.weight"},
    {"norm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM, PART_FINAL_NORM, "output_norm.weight"},
};

enum {
  NORM1,
  QUERY,
  KEY,
  VALUE,
  QUERY_BIAS,
  KEY_BIAS,
  VALUE_BIAS,
  PROJECT,
  PROJECT_BIAS,
  NORM2,
  GATE,
  UP,
  GATE_BIAS,
  UP_BIAS,
  DOWN,
  DOWN_BIAS,
  BLOCK_COUNT
};
static const model_slot block[BLOCK_COUNT] = {
    {"input_layernorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM, 0, "attn_norm.weight"},
    {"self_attn.q_proj.weight", DIM_QUERIES, DIM_WIDTH, SLOT_TURNED, 0, "attn_q.weight"},
    {"self_attn.k_proj.weight", DIM_KEYS, DIM_WIDTH, SLOT_JOINED | SLOT_TURNED, 0, "attn_k.weight"},
    {"self_attn.v_proj.weight", DIM_KEYS, DIM_WIDTH, SLOT_JOINED, 0, "attn_v.weight"},
    {"self_attn.q_proj.bias", DIM_QUERIES, DIM_NONE, SLOT_TURNED, PART_QKV_BIAS, "attn_q.bias"},
    {"self_attn.k_proj.bias", DIM_KEYS, DIM_NONE, SLOT_JOINED | SLOT_TURNED, PART_QKV_BIAS, "attn_k.bias"},
    {"self_attn.v_proj.bias", DIM_KEYS, DIM_NONE, SLOT_JOINED, PART_QKV_BIAS, "attn_v.bias"},
    {"self_attn.o_proj.weight", DIM_WIDTH, DIM_QUERIES, 0, 0, "attn_output.weight"},
    {"self_attn.o_proj.bias", DIM_WIDTH, DIM_NONE, 0, PART_PROJECT_BIAS, "attn_output.bias"},
    {"post_attention_layernorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM, 0, "ffn_norm.weight"},
    {"mlp.gate_proj.weight", DIM_INNER, DIM_WIDTH, 0, 0, "ffn_gate.weight"},
    {"mlp.up_proj.weight", DIM_INNER, DIM_WIDTH, SLOT_JOINED, 0, "ffn_up.weight"},
    {"mlp.gate_proj.bias", DIM_INNER, DIM_NONE, 0, PART_MLP_BIAS, "ffn_gate.bias"},
    {"mlp.up_proj.bias", DIM_INNER, DIM_NONE, SLOT_JOINED, PART_MLP_BIAS, "ffn_up.bias"},
    {"mlp.down_proj.weight", DIM_WIDTH, DIM_INNER, 0, 0, "ffn_down.weight"},
    {"mlp.down_proj.bias", DIM_WIDTH, DIM_NONE, 0, PART_MLP_BIAS, "ffn_down.bias"},
};

/* ---- config ---- */

/* A window that no text exceeds changes nothing, so it bounds the texts. */
static dwell_status read_window(const config *c, bool qwen2, model_shape *s, dwell_error *err) {
  size_t window = s->context;
  bool used;
  dwell_status status = DWELL_OK;
  TRY(config_flag(c, "use_sliding_window", !qwen2, &used, err)); /* only qwen2 has this switch, off by default */
  if (used) TRY(config_optional_size(c, "sliding_window", MODEL_MAX_CONTEXT, &window, err));
  if (window >= s->context) goto done;
  notes_add(c->notes, "attention slides over %zu tokens: longer texts, where that would matter, are refused", window);
  s->context = window;
done:
  return status;
}

static dwell_status read_biases(const config *c, bool qwen2, model_shape *s, dwell_error *err) {
  bool attention, mlp;
  dwell_status status = DWELL_OK;
  TRY(config_flag(c, "attention_bias", false, &attention, err));
  TRY(config_flag(c, "mlp_bias", false, &mlp, err));
  if (attention) s->parts |= PART_QKV_BIAS | PART_PROJECT_BIAS;
  if (qwen2) s->parts |= PART_QKV_BIAS;
  if (mlp) s->parts |= PART_MLP_BIAS;
done:
  return status;
}

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  const char *type;
  dwell_status status = DWELL_OK;
  s->parts = PART_FINAL_NORM;
  s->rms = s->gated = s->scale_scores = true;
  TRY(config_size(c, CONFIG_NAMES("num_hidden_layers"), 32, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_size"), 4096, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("num_attention_heads"), 32, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_optional_size(c, "num_key_value_heads", MODEL_MAX_WIDTH, &s->kv_heads, err));
  s->head_size = s->width / s->heads;
  TRY(config_optional_size(c, "head_dim", MODEL_MAX_WIDTH, &s->head_size, err));
  TRY(config_size(c, CONFIG_NAMES("intermediate_size"), 11008, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), 32000, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 2048, MODEL_MAX_CONTEXT, &s->context, err));
  TRY(config_epsilon(c, "rms_norm_eps", 1e-6, &s->epsilon, err));
  TRY(model_configure_activation(c, "hidden_act", "silu", &s->activation, err));
  TRY(config_flag(c, "tie_word_embeddings", false, &s->tied_words, err));
  TRY(rotary_configure(c, s->head_size, "rope_theta", NULL, 1, &s->rotary, err));
  TRY(config_text(c, "model_type", "llama", &type, err));
  TRY(read_window(c, str_equal(type, "qwen2"), s, err));
  TRY(read_biases(c, str_equal(type, "qwen2"), s, err));
done:
  return status;
}

/* ---- running ---- */

static dwell_status embed(model_pass *p, dwell_error *err) { return pass_words(p, WORDS, p->x, err); }

static dwell_status block_step(model_pass *p, dwell_error *err) {
  static const decoder_slots slots = {
      NORM1, QUERY, QUERY_BIAS, PROJECT, PROJECT_BIAS, NORM2, {GATE, GATE_BIAS, DOWN, DOWN_BIAS}};
  return decoder_block(p, &slots, err);
}

const model_architecture model_llama = {
    .name = "llama",
    .summary = "LLaMA, Mistral, Qwen2, SmolLM: causal, RMSNorm, rotary positions, gated MLP, grouped keys",
    .source = "Touvron et al. 2023, LLaMA: open and efficient foundation language models",
    .model_types = CONFIG_NAMES("llama", "mistral", "qwen2"),
    .prefixes = CONFIG_NAMES("model.", ""),
    .anchor = "norm.weight",
    .block_format = "layers.%zu.",
    .gguf_name = "llama",
    .tied_name = "lm_head.weight",
    .deviation = "initializer_range",
    .padding = PADDING_IF_NAMED,
    .out_in = true,
    .causal = true,
    .rotary = true,
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
