/* model: checkpoints that must be refused, each with the field or tensor named; and spellings that must be accepted. */
#define _GNU_SOURCE /* truncate */
#include <unistd.h>

#include "base/str.h"
#include "checkpoints.h"
#include "model/model.h"
#include "model/ops.h"

static void check_open(const char *folder, dwell_status expected, const char *words) {
  dwell_model *model;
  dwell_error err = {0};
  if (expected == DWELL_OK) assert_ok(dwell_model_open(folder, NULL, &model, &err), &err);
  else assert_fails(dwell_model_open(folder, NULL, &model, &err), expected, &err, words);
  if (expected != DWELL_OK) assert_null(model);
  dwell_model_destroy(model);
}

typedef struct edit {
  const char *model, *find, *replace;
  dwell_status status;
  const char *words;
} edit;

/* ---- config.json ---- */

/* Each edit is made to a fresh copy of its model's config.json. */
static void check_configs(const edit *edits, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *folder = copy_of(edits[i].model);
    edit_config(folder, edits[i].find, edits[i].replace);
    check_open(folder, edits[i].status, edits[i].words);
  }
}

static void test_config_not_an_object(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "[", DWELL_BAD_INPUT, "config.json"},
      {"gpt2-tiny", "{", "", DWELL_BAD_INPUT, "config.json"},
      {"gpt2-tiny", "{", "null{", DWELL_BAD_INPUT, "config.json: not a JSON object"},
      {"gpt2-tiny", "{", "\xEF\xBB\xBF{", DWELL_BAD_INPUT, "config.json: JSON must not begin with a byte order mark"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_duplicate_keys(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "{\"n_head\": 3,", DWELL_BAD_INPUT, "n_head: a key occurs twice"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

/* Missing, unknown, or not a text. */
static void test_config_model_type(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"model_type\": \"gpt2\",", "", DWELL_BAD_INPUT, "model_type"},
      {"gpt2-tiny", "\"gpt2\"", "\"gpt3\"", DWELL_UNSUPPORTED, "Did you mean gpt2?"},
      {"gpt2-tiny", "\"gpt2\"", "\"mamba\"", DWELL_UNSUPPORTED, "models of type mamba"},
      {"gpt2-tiny", "\"gpt2\"", "7", DWELL_BAD_INPUT, "model_type: must be a string"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

/* Zero, negative, fractional, as text, beyond what is allowed. */
static void test_config_sizes(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 0", DWELL_BAD_INPUT, "n_head: must be a whole number"},
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": -3", DWELL_BAD_INPUT, "n_head: must be a whole number"},
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 3.5", DWELL_BAD_INPUT, "not 3.5"},
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 3e0", DWELL_BAD_INPUT, "not 3e0"},
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": \"3\"", DWELL_BAD_INPUT, "not \"3\""},
      {"gpt2-tiny", "\"n_embd\": 24", "\"n_embd\": 0", DWELL_BAD_INPUT, "n_embd: must be a whole number"},
      {"gpt2-tiny", "\"n_layer\": 2", "\"n_layer\": 0", DWELL_BAD_INPUT, "n_layer: must be a whole number"},
      {"gpt2-tiny", "\"vocab_size\": 17", "\"vocab_size\": 0", DWELL_BAD_INPUT, "vocab_size: must be a whole number"},
      {"gpt2-tiny", "\"n_positions\": 150", "\"n_positions\": 0", DWELL_BAD_INPUT, "n_positions: must be a whole"},
      {"gpt2-tiny", "\"n_head\": 3",
       "\"n_head\": "
       "\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
       "\xA9\xC3"
       "\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"",
       DWELL_BAD_INPUT, "\xC3\xA9..."}, /* cut between characters */
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": [3]", DWELL_BAD_INPUT, "not [3]"},
      {"gpt2-tiny", "\"n_embd\": 24", "\"n_embd\": 2147483648", DWELL_BAD_INPUT, "n_embd: must be a whole number"},
      {"gpt2-tiny", "\"n_layer\": 2", "\"n_layer\": 99999999999999999999999", DWELL_BAD_INPUT, "n_layer"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_heads_that_do_not_divide(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 5", DWELL_BAD_INPUT, "24 cannot be split into 5 heads"},
      {"llama-tiny", "key_value_heads\": 2", "key_value_heads\": 3", DWELL_BAD_INPUT, "cannot share 3 heads"},
      {"llama-tiny", "key_value_heads\": 2", "key_value_heads\": 1", DWELL_BAD_INPUT, "k_proj.weight: has shape"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_two_spellings(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 3, \"num_attention_heads\": 4", DWELL_BAD_INPUT, "another spelling"},
      {"gpt2-tiny", "\"n_head\": 3", "\"n_head\": 3, \"num_attention_heads\": 3", DWELL_OK, NULL},
      {"gpt2-tiny", "\"n_head\": 3", "\"num_attention_heads\": 3", DWELL_OK, NULL},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_blocks_against_tensors(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"n_layer\": 2", "\"n_layer\": 3", DWELL_BAD_INPUT,
       "transformer.h.2.ln_1.weight: this tensor is missing"},
      {"gpt2-tiny", "\"n_layer\": 2", "\"n_layer\": 9999", DWELL_BAD_INPUT, "9999 blocks"},
      {"gpt2-tiny", "\"n_layer\": 2", "\"n_layer\": 1", DWELL_BAD_INPUT, "config.json says 1 blocks"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_shapes_against_tensors(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "\"vocab_size\": 17", "\"vocab_size\": 18", DWELL_BAD_INPUT,
       "has shape [17, 24], but config.json says [18, 24]"},
      {"gpt2-tiny", "\"n_positions\": 150", "\"n_positions\": 149", DWELL_BAD_INPUT, "wpe.weight: has shape [150, 24]"},
      {"gpt2-tiny-f16", "\"n_inner\": 41", "\"n_inner\": 40", DWELL_BAD_INPUT, "mlp.c_fc.weight: has shape [24, 41]"},
      {"gpt2-tiny-f16", "\"n_inner\": 41", "\"n_inner\": null", DWELL_BAD_INPUT, "says [24, 96]"},
      {"albert-tiny", "\"embedding_size\": 10", "\"embedding_size\": 24", DWELL_BAD_INPUT, "has shape [17, 10]"},
      {"bert-tiny", "\"type_vocab_size\": 2", "\"type_vocab_size\": 1", DWELL_BAD_INPUT,
       "token_type_embeddings.weight"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_epsilon(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "1e-05", "0", DWELL_BAD_INPUT, "layer_norm_epsilon: must be a number above 0"},
      {"gpt2-tiny", "1e-05", "-1e-05", DWELL_BAD_INPUT, "layer_norm_epsilon: must be a number above 0"},
      {"gpt2-tiny", "1e-05", "NaN", DWELL_BAD_INPUT, "layer_norm_epsilon"},
      {"gpt2-tiny", "1e-05", "\"small\"", DWELL_BAD_INPUT, "layer_norm_epsilon: must be a number above 0"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_activation(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "gelu_new", "gelu_10", DWELL_UNSUPPORTED, "activation_function: the activation gelu_10"},
      {"bert-tiny", "\"gelu\"", "\"mish\"", DWELL_UNSUPPORTED, "hidden_act: the activation mish"},
      {"gpt2-tiny", "gelu_new", "gelu_pytorch_tanh", DWELL_OK, NULL},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_flags(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny-f16", "idx\": true", "idx\": 1", DWELL_BAD_INPUT, "must be true or false"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_rotary(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "{\"rope_scaling\": {\"type\": \"yarn\"},", DWELL_UNSUPPORTED, "rope_scaling"},
      {"llama-tiny", "\"default\"", "\"yarn\"", DWELL_UNSUPPORTED, "rotary scaling of type yarn"},
      {"llama-tiny", "\"default\"", "\"linear\", \"factor\": 0", DWELL_BAD_INPUT, "factor: must be a number above 0"},
      {"llama-tiny", "\"default\"", "\"llama3\", \"low_freq_factor\": 4", DWELL_BAD_INPUT, "high_freq_factor"},
      {"llama-tiny", "300.0", "-300.0", DWELL_BAD_INPUT, "rope_theta: must be a number above 0"},
      {"llama-tiny", "300.0", "1e999", DWELL_BAD_INPUT, "rope_theta"},
      {"llama-tiny", "\"rope_parameters\": {", "\"rope_parameters\": [{", DWELL_BAD_INPUT, "rope_parameters"},
      {"llama-tiny-scaled", "\"llama3\"", "\"dynamic\"", DWELL_UNSUPPORTED, "rotary scaling of type dynamic"},
      {"gpt_neox-tiny-serial", "0.5", "1.5", DWELL_BAD_INPUT, "rotary_pct"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_sliding_window(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "{\"sliding_window\": 128,", DWELL_UNSUPPORTED, "sliding_window: 128"},
      {"gpt2-tiny", "{", "{\"sliding_window\": null,", DWELL_OK, NULL},
      {"mistral-tiny", "\"sliding_window\": 140", "\"sliding_window\": 0", DWELL_BAD_INPUT, "sliding_window"},
      {"gpt_neox-tiny", "{", "{\"sliding_window\": 140,", DWELL_UNSUPPORTED, "sliding_window: 140"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

static void test_config_softcap(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "{\"attn_logit_softcapping\": 50.0,", DWELL_UNSUPPORTED, "attn_logit_softcapping"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

/* Whatever else changes numbers and is not implemented: refused by name. */
static void test_config_unsupported(void **state) {
  static const edit edits[] = {
      {"gpt2-tiny", "{", "{\"add_cross_attention\": true,", DWELL_UNSUPPORTED,
       "add_cross_attention: true is not supported"},
      {"gpt2-tiny", "{", "{\"add_cross_attention\": false,", DWELL_OK, NULL},
      {"gpt2-tiny", "{", "{\"reorder_and_upcast_attn\": true,", DWELL_OK, NULL},
      {"gpt2-tiny", "{", "{\"quantization_config\": {\"bits\": 4},", DWELL_UNSUPPORTED, "quantization_config"},
      {"gpt2-tiny", "{", "{\"auto_map\": {\"AutoModel\": \"x.y\"},", DWELL_UNSUPPORTED, "auto_map"},
      {"bert-tiny", "{", "{\"position_embedding_type\": \"relative_key\",", DWELL_UNSUPPORTED,
       "position_embedding_type"},
      {"bert-tiny", "{", "{\"position_embedding_type\": \"absolute\",", DWELL_OK, NULL},
      {"bert-tiny", "{", "{\"is_decoder\": true,", DWELL_UNSUPPORTED, "is_decoder"},
      {"bert-tiny", "{", "{\"pruned_heads\": {\"0\": [1]},", DWELL_UNSUPPORTED, "pruned_heads"},
      {"bert-tiny", "{", "{\"pruned_heads\": { },", DWELL_OK, NULL},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

/* What single architectures ask for. */
static void test_config_of_architectures(void **state) {
  static const edit edits[] = {
      {"llama-tiny", "\"head_dim\": 10", "\"head_dim\": 65536", DWELL_BAD_INPUT, "4 heads of size 65536 are wider"},
      {"llama-tiny", "\"head_dim\": 10", "\"head_dim\": 9", DWELL_BAD_INPUT, "cannot turn in pairs"},
      {"llama-tiny", "\"head_dim\": 10", "\"head_dim\": 12", DWELL_BAD_INPUT, "q_proj.weight: has shape [40, 24]"},
      {"llama-tiny", "\"attention_bias\": false", "\"attention_bias\": true", DWELL_BAD_INPUT,
       "q_proj.bias: this tensor is missing"},
      {"opt-tiny", "{", "{\"enable_bias\": false,", DWELL_UNSUPPORTED, "enable_bias"},
      {"opt-tiny", "\"do_layer_norm_before\": true", "\"do_layer_norm_before\": false", DWELL_OK, NULL},
      {"roberta-tiny", "\"pad_token_id\": 1", "\"pad_token_id\": 151", DWELL_BAD_INPUT, "leave none"},
      {"mpnet-tiny", "num_buckets\": 32", "num_buckets\": 30", DWELL_BAD_INPUT, "must be a multiple of 4"},
      {"mpnet-tiny", "num_buckets\": 32", "num_buckets\": 16", DWELL_BAD_INPUT, "attention_bias.weight: has shape"},
      {"electra-tiny", "\"embedding_size\": 10", "\"embedding_size\": 24", DWELL_BAD_INPUT, "has shape [17, 10]"},
      {"albert-tiny", "\"num_hidden_groups\": 1", "\"num_hidden_groups\": 2", DWELL_UNSUPPORTED,
       "num_hidden_groups: 2"},
      {"albert-tiny", "\"inner_group_num\": 1", "\"inner_group_num\": 2", DWELL_UNSUPPORTED, "inner_group_num: 2"},
  };
  (void)state;
  check_configs(edits, sizeof edits / sizeof edits[0]);
}

/* 1 MiB and a byte; 100 MB that are not on the disk. */
static void test_config_of_100_mb(void **state) {
  (void)state;
  static const off_t sizes[] = {(1 << 20) + 1, 100000000};
  for (size_t i = 0; i < 2; i++) {
    const char *folder = copy_of("gpt2-tiny");
    assert_int_equal(truncate(testing_format("%s/config.json", folder), sizes[i]), 0);
    check_open(folder, DWELL_BAD_INPUT, "config.json: the file is larger than the 1048576 bytes allowed");
  }
}

static void test_config_nested_10000_deep(void **state) {
  (void)state;
  static char deep[2 * 10000 + 20];
  const char *folder = copy_of("gpt2-tiny");
  size_t at = (size_t)sprintf(deep, "{\"deep\": ");
  memset(deep + at, '[', 10000);
  memset(deep + at + 10000, ']', 10000);
  strcat(deep, ",");
  edit_config(folder, "{", deep);
  check_open(folder, DWELL_BAD_INPUT, "deep: values are nested too deeply");
}

/* As many ids as fit: each is kept, in time that grows with their number only. */
static void test_config_many_special_ids(void **state) {
  (void)state;
  enum { COUNT = 500000 };
  const char *folder = copy_of("bert-tiny");
  strbuf ids = {0};
  strbuf_puts(&ids, "\"bos_token_id\": [");
  for (size_t i = 0; i < COUNT; i++) strbuf_puts(&ids, i > 0 ? ",1" : "1");
  strbuf_putc(&ids, ']');
  edit_config(folder, "\"bos_token_id\": null", ids.data);
  strbuf_free(&ids);
  check_open(folder, DWELL_OK, NULL);
}

/* ---- tensors ---- */

static const edit header_edits[] = {
    {"gpt2-tiny", "transformer.wpe", "transformer.wpx", DWELL_BAD_INPUT, "these are not the weights of a gpt2 model"},
    {"gpt2-tiny", "transformer.h.1.ln_2.bias", "transformer.h.1.ln_2.bios", DWELL_BAD_INPUT,
     "h.1.ln_2.bias: this tensor is missing"},
    {"gpt2-tiny", "transformer.h.1.ln_2.bias", "transformer.h.1.ln_2.beta", DWELL_OK, NULL},
    {"gpt2-tiny", "transformer.h.1.attn.c_attn.bias", "transformer.h.1.attn.c_attn.beta", DWELL_BAD_INPUT,
     "c_attn.bias: this tensor is missing"},
    {"gpt2-tiny", "transformer.wte.weight", "lm_head.weight", DWELL_OK, NULL}, /* tied, only one kept */
    {"gpt2-tiny", "[24,72]", "[72,24]", DWELL_BAD_INPUT, "has shape [72, 24], but config.json says [24, 72]"},
    {"gpt2-tiny", "[17,24]", "[17,2,12]", DWELL_BAD_INPUT, "has shape [17, 2, 12]"},
    {"gpt2-tiny", "\"F32\",\"shape\":[24,72]", "\"I32\",\"shape\":[24,72]", DWELL_UNSUPPORTED, "weights of type I32"},
};

static void test_header(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof header_edits / sizeof header_edits[0]; i++) {
    const edit *e = &header_edits[i];
    const char *folder = copy_of(e->model);
    edit_header(folder, e->find, e->replace);
    check_open(folder, e->status, e->words);
  }
}

static void test_ambiguous_tensors(void **state) {
  (void)state;
  const char *folder = copy_of("gpt2-tiny");
  add_tensor(folder, "wpe.weight");
  check_open(folder, DWELL_BAD_INPUT, "holds two models");
  folder = copy_of("bert-tiny");
  add_tensor(folder, "bert.encoder.layer.1.output.LayerNorm.weight");
  check_open(folder, DWELL_BAD_INPUT, "another name of the same tensor");
  folder = copy_of("bert-tiny");
  add_tensor(folder, "bert.encoder.layer.2.attention.self.query.weight");
  check_open(folder, DWELL_BAD_INPUT, "the file has a block 2");
  folder = copy_of("gpt2-tiny");
  edit_header(folder, "transformer.wte.weight", "lm_head.weight");
  edit_config(folder, "{", "{\"tie_word_embeddings\": false,");
  check_open(folder, DWELL_BAD_INPUT, "transformer.wte.weight: this tensor is missing");
}

/* Missing weights: test_initialise. */
static void test_missing_files(void **state) {
  (void)state;
  const char *folder = copy_of("gpt2-tiny");
  remove(testing_format("%s/config.json", folder));
  check_open(folder, DWELL_BAD_INPUT, "has no config.json");
}

/* ---- what is told about a checkpoint ---- */

static bool has_line(size_t count, const char *(*line)(const dwell_model *, size_t), const dwell_model *model,
                     const char *words) {
  for (size_t i = 0; i < count; i++) {
    if (strstr(line(model, i), words) != NULL) return true;
  }
  return false;
}

static void test_decisions(void **state) {
  (void)state;
  const char *folder = copy_of("gpt2-tiny");
  edit_header(folder, "transformer.wte.weight", "lm_head.weight");
  edit_config(folder, "\"n_inner\"", "\"inner\"");
  edit_config(folder, "\"layer_norm_epsilon\"", "\"other\"");
  add_tensor(folder, "score.weight");
  add_tensor(folder, "transformer.h.0.attn.masked_bias");
  dwell_model *model = open_model(folder);
  size_t decisions = model_decisions(model);
  assert_true(has_line(decisions, model_decision, model, "prefix transformer."));
  assert_true(has_line(decisions, model_decision, model, "lm_head.weight, to which config.json ties it"));
  assert_true(has_line(decisions, model_decision, model, "no layer_norm_epsilon: 1e-05"));
  assert_int_equal(model_unused(model), 1); /* masks of old versions are not worth a word */
  assert_string_equal(model_unused_name(model, 0), "score.weight");
  assert_int_equal(model_files(model), 2);
  assert_true(has_line(2, model_file, model, "config.json"));
  assert_true(has_line(2, model_file, model, "model.safetensors"));
  dwell_model_destroy(model);
  model = open_model(copy_of("bert-tiny"));
  assert_true(has_line(model_decisions(model), model_decision, model, "10 tensors of norms are named gamma and beta"));
  dwell_model_destroy(model);
}

/* What a window and positions behind the padding token's row leave of the context. */
static void test_context(void **state) {
  static const struct {
    const char *name;
    size_t context;
  } models[] = {
      {"mistral-tiny", 140}, {"qwen2-tiny", 150}, {"roberta-tiny", 150}, {"mpnet-tiny", 150}, {"opt-tiny", 150}};
  (void)state;
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
    dwell_model *model = open_model(copy_of(models[i].name));
    assert_int_equal(dwell_model_get_info(model)->context, models[i].context);
    bool slides = has_line(model_decisions(model), model_decision, model, "attention slides over 140 tokens");
    assert_int_equal(slides, i == 0);
    dwell_model_destroy(model);
  }
}

static void test_info(void **state) {
  (void)state;
  dwell_model *model = open_model(copy_of("albert-tiny"));
  const dwell_model_info *info = dwell_model_get_info(model);
  assert_string_equal(info->architecture, "albert");
  assert_string_equal(info->weight_dtype, "F32");
  assert_int_equal(info->blocks, 2);
  assert_int_equal(info->width, 24);
  assert_int_equal(info->heads, 3);
  assert_int_equal(info->vocabulary, 17);
  assert_int_equal(info->context, 80);
  assert_false(info->causal);
  assert_false(info->has_tokenizer);
  assert_null(info->revision);
  /* tables 17, 80 and 2 rows of 10, norm, map; block: 4 of 24 x 24, 2 of 24 x 33, biases, two norms */
  size_t outer = (17 + 80 + 2) * 10 + 2 * 10 + 24 * 10 + 24,
         block = 4 * (24 * 24 + 24) + 2 * 24 * 33 + 33 + 24 + 4 * 24;
  assert_int_equal(info->parameters, outer + block);
  size_t panels = 24 * (96 + 48 + 48) + 33 * 48, vectors = 4 * 24 + 33 + 24 + 4 * 24; /* of 48 columns */
  assert_true(info->weight_bytes >= (panels + vectors) * 4);
  assert_true(info->weight_bytes <= (panels + vectors) * 4 + 16 * 16 * 4);
  dwell_model_destroy(model);
  model = open_model(copy_of("bert-tiny-bf16"));
  assert_string_equal(dwell_model_get_info(model)->weight_dtype, "BF16");
  dwell_model_destroy(model);
}

/* ---- activations, against the formulas in long double ---- */

static long double formula(ops_activation a, long double x) {
  long double root = sqrtl(2 / acosl(-1));
  switch (a) {
    case ACTIVATION_NONE: return x;
    case ACTIVATION_GELU: return x / 2 * (1 + erfl(x / sqrtl(2)));
    case ACTIVATION_GELU_TANH: return x / 2 * (1 + tanhl(root * (x + 0.044715L * x * x * x)));
    case ACTIVATION_GELU_FAST: return x / 2 * (1 + tanhl(0.7978845608L * (x + 0.044715L * x * x * x)));
    case ACTIVATION_GELU_QUICK: return x / (1 + expl(-1.702L * x));
    case ACTIVATION_RELU: return x > 0 ? x : 0;
    case ACTIVATION_SILU: return x / (1 + expl(-x));
    case ACTIVATION_TANH: return tanhl(x);
  }
  return NAN;
}

static void check_activation(ops_activation a) {
  enum { N = 1303, PANELS = 1344 }; /* several panels, the last one incomplete */
  static double x[PANELS], y[N], zero[N], one[1] = {1};
  static float xf[PANELS], yf[N], zerof[N], onef[1] = {1};
  for (size_t i = 0; i < N; i++)
    x[i] = -120.0 + 240.0 * (double)i / (N - 1), x[i] *= fabs(x[i]) / 120, xf[i] = (float)x[i];
  dwell_error err = {0};
  ops_linear l = {
      .rows = 1, .in = 1, .out = N, .x = one, .ldx = 1, .weight = x, .bias = zero, .activation = a, .y = y, .ldy = N};
  assert_ok(ops_f64.linear(NULL, &l, &err), &err);
  l.x = onef, l.weight = xf, l.bias = zerof, l.y = yf;
  assert_ok(ops_f32.linear(NULL, &l, &err), &err);
  for (size_t i = 0; i < N; i++) {
    /* 1 + tanh and 1 + erf cancel where x is negative: 8 ulp of |x|, not of the result */
    assert_near(y[i], (double)formula(a, x[i]), 0, 1e-300 + 8 * 1.2e-16 * fmax(1, fabs(x[i])));
    assert_near((double)yf[i], (double)formula(a, (long double)xf[i]), 0, 8 * 6e-8 * fmax(1, fabs(x[i])));
  }
}

static void test_activations(void **state) {
  (void)state;
  static const char *const names[] = {"gelu", "gelu_new", "gelu_fast", "quick_gelu", "relu", "silu", "tanh"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    ops_activation a;
    assert_true(ops_activation_find(names[i], &a));
    check_activation(a);
  }
  ops_activation a;
  assert_false(ops_activation_find("gelu_10", &a));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_config_not_an_object),
      cmocka_unit_test(test_config_duplicate_keys),
      cmocka_unit_test(test_config_model_type),
      cmocka_unit_test(test_config_sizes),
      cmocka_unit_test(test_config_heads_that_do_not_divide),
      cmocka_unit_test(test_config_two_spellings),
      cmocka_unit_test(test_config_blocks_against_tensors),
      cmocka_unit_test(test_config_shapes_against_tensors),
      cmocka_unit_test(test_config_epsilon),
      cmocka_unit_test(test_config_activation),
      cmocka_unit_test(test_config_flags),
      cmocka_unit_test(test_config_rotary),
      cmocka_unit_test(test_config_sliding_window),
      cmocka_unit_test(test_config_softcap),
      cmocka_unit_test(test_config_unsupported),
      cmocka_unit_test(test_config_of_architectures),
      cmocka_unit_test(test_config_of_100_mb),
      cmocka_unit_test(test_config_nested_10000_deep),
      cmocka_unit_test(test_config_many_special_ids),
      cmocka_unit_test(test_header),
      cmocka_unit_test(test_ambiguous_tensors),
      cmocka_unit_test(test_missing_files),
      cmocka_unit_test(test_decisions),
      cmocka_unit_test(test_context),
      cmocka_unit_test(test_info),
      cmocka_unit_test(test_activations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
