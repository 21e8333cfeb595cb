/* model: a GGUF file as a model: what it must say, and what is refused by name. Its numbers: test_forward. */
#define _GNU_SOURCE
#include "checkpoints.h"
#include "hub/stage.h"
#include "model/model.h"
#include "model/tokens.h"

/* A copy of the tiny file with one text replaced by another of the same length. */
static const char *edited(const char *find, const char *replace) {
  static char path[300];
  static unsigned number;
  size_t size, new_size;
  char *data = testing_read(testing_source("tests/golden/model/llama-tiny-gguf/model.gguf"), &size);
  char *text = replaced(data, size, find, replace, &new_size);
  assert_int_equal(size, new_size);
  snprintf(path, sizeof path, "%s/edited-%u.gguf", testing_folder(), number++);
  testing_write(path, text, size);
  free(data), free(text);
  return path;
}

typedef struct edit {
  const char *find, *replace;
  dwell_status status;
  const char *words;
} edit;

static const edit edits[] = {
    {"llama", "gemma", DWELL_UNSUPPORTED, "architecture gemma"},
    {"llama.block_count", "llama.block_cound", DWELL_BAD_INPUT, "llama.block_count"},
    {"llama.attention.layer_norm_rms_epsilon", "llama.attention.layer_norm_rms_epsilom", DWELL_BAD_INPUT, "epsilon"},
    {"llama.rope.freq_base", "llama.expert_count_x", DWELL_OK, NULL}, /* then the default base */
    {"llama.rope.dimension_count\x04", "llama.attention.value_leng\x04", DWELL_OK, NULL},
    {"token_embd.weight", "token_embe.weight", DWELL_BAD_INPUT, "token_embd.weight"},
    {"output_norm.weight", "output_nurm.weight", DWELL_BAD_INPUT, "output_norm.weight: this tensor is missing"},
    {"blk.1.attn_q.weight", "blk.7.attn_q.weight", DWELL_BAD_INPUT, "blk.1.attn_q.weight: this tensor is missing"},
    {"blk.1.attn_q.weight", "rope_freqs.weight.x", DWELL_BAD_INPUT, "blk.1.attn_q.weight"},
    {"GGUF", "GGUG", DWELL_BAD_INPUT, "GGUF"},
};

static void test_edits(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
    dwell_model *model;
    dwell_error err = {0};
    const char *path = edited(edits[i].find, edits[i].replace);
    if (edits[i].status == DWELL_OK) assert_ok(dwell_model_open(path, NULL, &model, &err), &err);
    else assert_fails(dwell_model_open(path, NULL, &model, &err), edits[i].status, &err, edits[i].words);
    dwell_model_destroy(model);
  }
}

static void test_info(void **state) {
  (void)state;
  dwell_model *model = open_tiny("llama-tiny-gguf/model.gguf");
  const dwell_model_info *info = dwell_model_get_info(model);
  assert_string_equal(info->architecture, "llama");
  assert_int_equal(info->blocks, 2);
  assert_int_equal(info->width, 64);
  assert_int_equal(info->heads, 4);
  assert_int_equal(info->vocabulary, 17);
  assert_int_equal(info->context, 150);
  assert_int_equal(model_files(model), 1); /* there is no config.json */
  assert_int_equal(model_unused(model), 0);
  assert_string_equal(info->weight_dtype, "Q4_0"); /* queries and down maps: the most of five types */
  dwell_model_destroy(model);
}

/* ---- the file of Llama 3's shape: a tokenizer, and divisors of the rotary frequencies ---- */

static const char *llama3(void) { return testing_source("tests/golden/model/llama3-tiny-gguf/model.gguf"); }

static void test_text(void **state) {
  (void)state;
  dwell_model *model = open_tiny("llama3-tiny-gguf/model.gguf");
  assert_true(dwell_model_get_info(model)->has_tokenizer);
  assert_int_equal(model_files(model), 1);
  assert_int_equal(model_unused(model), 0);
  const dwell_model_options options = {.special = true};
  model_tokens tokens;
  dwell_error err = {0};
  assert_ok(tokens_from_text(model, "in the", 6, &options, &tokens, &err), &err);
  assert_int_equal(tokens.n, 3);
  assert_string_equal(tokens.pieces[0], "<|begin|>");
  assert_string_equal(tokens.pieces[1], "in");
  assert_string_equal(tokens.pieces[2], "\xC4\xA0the");
  assert_true(tokens.special[0] && !tokens.special[1]);
  tokens_free(&tokens);
  dwell_model_destroy(model);
}

/* The same model, divided over three files. */
static void test_split(void **state) {
  (void)state;
  dwell_model *model = open_tiny("llama3-tiny-gguf/split-00001-of-00003.gguf");
  assert_true(dwell_model_get_info(model)->has_tokenizer);
  assert_int_equal(model_files(model), 3);
  assert_true(str_ends(model_file(model, 2), "split-00003-of-00003.gguf"));
  assert_int_equal(model_unused(model), 0);
  dwell_model_destroy(model);
}

static void refuse_bytes(const char *data, size_t size, const char *words) {
  dwell_model *model;
  dwell_error err = {0};
  const char *path = testing_write(testing_format("%s/divisors.gguf", testing_folder()), data, size);
  assert_fails(dwell_model_open(path, NULL, &model, &err), DWELL_BAD_INPUT, &err, words);
}

/* Sets the value of a key; the length before the text tells it from longer ones. */
static void set_u32(char *data, size_t size, const char *key, uint32_t value) {
  uint64_t length = strlen(key), found;
  for (size_t at = 8; at + length + 8 <= size; at++) {
    memcpy(&found, data + at - 8, 8);
    if (found != length || memcmp(data + at, key, length) != 0) continue;
    memcpy(data + at + length + 4, &value, 4);
    return;
  }
  fail_msg("there is no %s", key);
}

static void test_divisors(void **state) {
  (void)state;
  static const double wrong[] = {0, -1, 0.0 / 0.0};
  static const char *const words[] = {"divisor 3 of the rotary frequencies is 0, not", "frequencies is -1, not",
                                      "rope_freqs.weight"};
  gguf *file;
  dwell_error err = {0};
  assert_ok(gguf_open(llama3(), &file, &err), &err);
  size_t size, at = (size_t)gguf_find(file, "rope_freqs.weight")->begin + 3 * sizeof(double);
  gguf_close(file);
  char *data = testing_read(llama3(), &size), right[sizeof(double)];
  memcpy(right, data + at, sizeof right);
  for (size_t i = 0; i < 3; i++) {
    memcpy(data + at, &wrong[i], sizeof wrong[i]);
    refuse_bytes(data, size, words[i]);
  }
  memcpy(data + at, right, sizeof right);
  set_u32(data, size, "llama.attention.head_count", 4);
  set_u32(data, size, "llama.rope.dimension_count", 8);
  refuse_bytes(data, size, "rope_freqs.weight: the tensor has 8 numbers, but heads turn in 4 pairs");
  free(data);
}

/* As an argument without a folder, and of another ending. */
static void test_paths(void **state) {
  (void)state;
  dwell_model *model;
  dwell_error err = {0};
  assert_fails(dwell_model_open("absent.gguf", NULL, &model, &err), DWELL_BAD_INPUT, &err, "absent.gguf");
  const char *folder = testing_format("%s/several", testing_folder()), *first = testing_format("%s/a.gguf", folder);
  mkdir(folder, 0777);
  testing_write(first, "GGUF", 4);
  testing_write(testing_format("%s/b.gguf", folder), "GGUF", 4);
  assert_fails(dwell_model_open(folder, NULL, &model, &err), DWELL_BAD_INPUT, &err, "no config.json");
  if (strstr(err.remedy, "name one, for example") == NULL) fail_msg("no hint: %s", err.remedy);
  const char *other = testing_format("%s/model.bin", testing_folder());
  testing_write(other, "GGUF", 4);
  assert_fails(dwell_model_open(other, NULL, &model, &err), DWELL_USAGE, &err, "a folder or a .gguf file");
}

/* A repository of the cache that is one GGUF file: a model by its name in the cache, under which it is measured. */
static void test_cached(void **state) {
  (void)state;
  dwell_error err = {0};
  const char *folder = testing_format("%s/models--org--net/snapshots/0123456789abcdef", testing_folder());
  make_folders(folder);
  copy_file(testing_source("tests/golden/model/llama-tiny-gguf/model.gguf"), testing_format("%s/net.gguf", folder));
  setenv("HF_HUB_CACHE", testing_folder(), 1);
  dwell_model *model = open_model("org/net");
  dwell_source *source = open_ids(model, (int64_t[]){3, 1, 4}, 3, DWELL_F32, 0);
  assert_string_equal(dwell_source_trajectory(source)->name, "org/net");
  assert_string_equal(dwell_model_get_info(model)->weight_dtype, "Q4_0");
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  assert_fails(dwell_model_open("org/absent", NULL, &model, &err), DWELL_BAD_INPUT, &err, "not in the Hugging Face");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_edits),    cmocka_unit_test(test_info),
                                     cmocka_unit_test(test_text),     cmocka_unit_test(test_split),
                                     cmocka_unit_test(test_divisors), cmocka_unit_test(test_paths),
                                     cmocka_unit_test(test_cached)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
