/* model: a GGUF file as a model: what it must say, and what is refused by name. Its numbers: test_forward. */
#define _GNU_SOURCE
#include "checkpoints.h"
#include "hub/stage.h"
#include "model/model.h"

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
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_edits), cmocka_unit_test(test_info),
                                     cmocka_unit_test(test_paths), cmocka_unit_test(test_cached)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
