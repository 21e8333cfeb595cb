/* model/gguf_config.c - the metadata of a GGUF file as the config.json that an architecture reads. */
#include "model/gguf_config.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"

enum { KEY_SIZE = 128 };

typedef struct writer {
  const gguf *file;
  const char *architecture; /* before the keys of sizes: "llama" */
  strbuf json;
} writer;

static const char *key_of(const writer *w, const char *name, char key[KEY_SIZE]) {
  snprintf(key, KEY_SIZE, "%s.%s", w->architecture, name);
  return key;
}

static const gguf_entry *find(const writer *w, const char *name) {
  char key[KEY_SIZE];
  return gguf_entry_of(w->file, key_of(w, name, key));
}

static void put_number(writer *w, const char *field, double value) {
  strbuf_printf(&w->json, "%s\"%s\":%.17g", w->json.length > 1 ? "," : "", field, value);
}

static void put_text(writer *w, const char *field, const char *text) {
  strbuf_printf(&w->json, "%s\"%s\":\"%s\"", w->json.length > 1 ? "," : "", field, text);
}

/* ---- numbers that have a field of config.json ---- */

typedef struct translation {
  const char *key, *field;
  bool required, real;
} translation;

static const translation sizes[] = {
    {"block_count", "num_hidden_layers", true, false},
    {"embedding_length", "hidden_size", true, false},
    {"feed_forward_length", "intermediate_size", true, false},
    {"context_length", "max_position_embeddings", true, false},
    {"attention.head_count", "num_attention_heads", true, false},
    {"attention.head_count_kv", "num_key_value_heads", false, false},
    {"attention.key_length", "head_dim", false, false},
    {"attention.sliding_window", "sliding_window", false, false},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", true, true},
    {"rope.freq_base", "rope_theta", false, true},
};

static dwell_status put_sizes(writer *w, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const translation *t = &sizes[i];
    char key[KEY_SIZE];
    double real = 0;
    uint64_t whole = 0;
    if (!t->required && find(w, t->key) == NULL) continue;
    key_of(w, t->key, key);
    if (t->real) TRY(gguf_float(w->file, key, &real, err));
    else TRY(gguf_uint(w->file, key, 1, INT32_MAX, &whole, err));
    put_number(w, t->field, t->real ? real : (double)whole);
  }
done:
  return status;
}

/* The rows of the embeddings: what a forward pass can look up. */
static dwell_status put_vocabulary(writer *w, dwell_error *err) {
  const gguf_tensor *words = gguf_find(w->file, "token_embd.weight");
  if (words == NULL || words->rank != 2) {
    error_set(err, DWELL_BAD_INPUT, "this tensor is missing or no matrix");
    error_at_item(err, "token_embd.weight");
    return error_in_file(err, gguf_path(w->file)), DWELL_BAD_INPUT;
  }
  put_number(w, "vocab_size", (double)words->shape[0]);
  return DWELL_OK;
}

static void put_special(writer *w) {
  static const char *const ids[][2] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
                                       {"tokenizer.ggml.eos_token_id", "eos_token_id"}};
  uint64_t id;
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    if (gguf_entry_of(w->file, ids[i][0]) && gguf_uint(w->file, ids[i][0], 0, INT32_MAX, &id, NULL) == DWELL_OK)
      put_number(w, ids[i][1], (double)id);
  }
}

/* ---- what decides between formulas ---- */

static dwell_status refuse(const writer *w, const char *key, const char *what, dwell_error *err) {
  error_set(err, DWELL_UNSUPPORTED, "%s", what);
  error_at_item(err, key);
  error_in_file(err, gguf_path(w->file));
  error_remedy(err, "The numbers would come out wrong, so this model is refused");
  return DWELL_UNSUPPORTED;
}

/* Whole heads must turn, keys and values must have one size, and every token must go through the same MLP. */
static dwell_status check_kind(const writer *w, dwell_error *err) {
  char key[KEY_SIZE];
  uint64_t width, heads, size, other;
  dwell_status status = DWELL_OK;
  TRY(gguf_uint(w->file, key_of(w, "embedding_length", key), 1, INT32_MAX, &width, err));
  TRY(gguf_uint(w->file, key_of(w, "attention.head_count", key), 1, INT32_MAX, &heads, err));
  size = width / heads;
  if (find(w, "attention.key_length"))
    TRY(gguf_uint(w->file, key_of(w, "attention.key_length", key), 1, INT32_MAX, &size, err));
  if (find(w, "attention.value_length")) {
    TRY(gguf_uint(w->file, key_of(w, "attention.value_length", key), 1, INT32_MAX, &other, err));
    if (other != size) return refuse(w, key, "values of another size than keys are not supported", err);
  }
  if (find(w, "rope.dimension_count")) {
    TRY(gguf_uint(w->file, key_of(w, "rope.dimension_count", key), 1, INT32_MAX, &other, err));
    if (other != size) return refuse(w, key, "rotary positions on a part of a head are not supported", err);
  }
  if (find(w, "expert_count")) {
    TRY(gguf_uint(w->file, key_of(w, "expert_count", key), 0, INT32_MAX, &other, err));
    if (other != 0) return refuse(w, key, "mixtures of experts are not supported", err);
  }
  if (find(w, "attention.scale")) return refuse(w, key_of(w, "attention.scale", key), "is not supported", err);
done:
  return status;
}

/* Scaling of rotary positions; that of Llama 3.1 and later lies in a tensor of its own (gguf_config_rotary). */
static dwell_status put_scaling(writer *w, dwell_error *err) {
  char key[KEY_SIZE];
  double factor;
  dwell_status status = DWELL_OK;
  key_of(w, "rope.scaling.type", key);
  if (gguf_entry_of(w->file, key) == NULL || gguf_is(w->file, key, "none")) return DWELL_OK;
  if (!gguf_is(w->file, key, "linear"))
    return refuse(w, key, "scaling of rotary positions is supported if it is none or linear", err);
  TRY(gguf_float(w->file, key_of(w, "rope.scaling.factor", key), &factor, err));
  strbuf_printf(&w->json, ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":%.17g}", factor);
done:
  return status;
}

/* ---- opening ---- */

/* general.architecture, and the model_type that reads it. */
static dwell_status choose(writer *w, dwell_error *err) {
  static const char *const names[] = {"llama", "qwen2"};
  static const char key[] = "general.architecture";
  gguf_text found;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (gguf_is(w->file, key, names[i])) w->architecture = names[i];
  }
  if (w->architecture != NULL) return put_text(w, "model_type", w->architecture), DWELL_OK;
  dwell_status status = gguf_string(w->file, key, &found, err);
  if (status != DWELL_OK) return status;
  error_set(err, DWELL_UNSUPPORTED, "GGUF files of architecture %.*s are not supported", (int)found.length, found.data);
  error_at_item(err, key);
  error_in_file(err, gguf_path(w->file));
  error_remedy(err, "Supported: llama, qwen2. Other models are read from their safetensors");
  return DWELL_UNSUPPORTED;
}

static dwell_status put_all(writer *w, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf_putc(&w->json, '{');
  TRY(choose(w, err));
  TRY(check_kind(w, err));
  TRY(put_sizes(w, err));
  TRY(put_vocabulary(w, err));
  TRY(put_scaling(w, err));
  put_special(w);
  strbuf_puts(&w->json, gguf_find(w->file, "blk.0.attn_output.bias") ? ",\"attention_bias\":true}" : "}");
  if (w->json.failed) status = error_no_memory(err, "the metadata");
done:
  return status;
}

dwell_status gguf_config_open(const gguf *file, model_notes *opt_notes, config *ret_config, dwell_error *err) {
  writer w = {.file = file};
  *ret_config = (config){0};
  dwell_status status = put_all(&w, err);
  if (status == DWELL_OK) return config_read(gguf_path(file), w.json.data, w.json.length, opt_notes, ret_config, err);
  strbuf_free(&w.json);
  return status;
}

/* ---- a tensor that is no weight ---- */

static dwell_status check_divisors(const gguf_tensor *tensor, const double *divisors, dwell_error *err) {
  for (size_t i = 0; i < tensor->count; i++) {
    if (divisors[i] > 0) continue;
    return error_set(err, DWELL_BAD_INPUT, "divisor %zu of the rotary frequencies is %g, not positive", i, divisors[i]);
  }
  return DWELL_OK;
}

dwell_status gguf_config_rotary(const gguf *file, arena *storage, model_rotary *rotary, dwell_error *err) {
  const gguf_tensor *tensor = gguf_find(file, "rope_freqs.weight");
  dwell_status status;
  if (tensor == NULL) return DWELL_OK;
  if (tensor->rank != 1 || tensor->count != rotary->size / 2) {
    status = error_set(err, DWELL_BAD_INPUT, "the tensor has %zu numbers, but heads turn in %zu pairs", tensor->count,
                       rotary->size / 2);
    goto done;
  }
  double *divisors = ARENA_NEW(storage, double, tensor->count);
  TRY_ALLOC(divisors, "the rotary frequencies");
  TRY(gguf_read(file, tensor, 0, tensor->count, DWELL_F64, divisors, err));
  TRY(check_divisors(tensor, divisors, err));
  rotary->divisors = divisors;
done:
  if (status != DWELL_OK) error_at_item(err, tensor->name), error_in_file(err, gguf_part_path(file, tensor->part));
  return status;
}
