/* model: token ids and texts that a model cannot take, cutting, special tokens, and runs that are stopped. */
#define _POSIX_C_SOURCE 200809L /* strndup */
#include <malloc.h>

#include "checkpoints.h"
#include "model/model.h"

static void check_ids_fail(dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                           dwell_status status, const char *words) {
  dwell_source *source;
  dwell_error err = {0};
  assert_fails(dwell_model_open_ids(model, ids, n, options, &source, &err), status, &err, words);
  assert_null(source);
}

static void test_bad_ids(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_model_options options = dwell_model_options_default();
  int64_t ids[151] = {1, 2, 17};
  check_ids_fail(model, ids, 3, &options, DWELL_BAD_INPUT,
                 "token 2 has id 17, but the model's vocabulary has 17 entries");
  ids[2] = -1;
  check_ids_fail(model, ids, 3, &options, DWELL_BAD_INPUT, "token 2 has id -1");
  ids[2] = INT64_MAX;
  check_ids_fail(model, ids, 3, &options, DWELL_BAD_INPUT, "token 2 has id 9223372036854775807");
  check_ids_fail(model, ids, 0, &options, DWELL_BAD_INPUT, "no token ids");
  ids[2] = 0;
  check_ids_fail(model, ids, 151, &options, DWELL_USAGE,
                 "151 tokens do not fit the model's context of 150. Cut the text with --max-tokens 150");
  options.max_tokens = 151; /* does not help */
  check_ids_fail(model, ids, 151, &options, DWELL_USAGE, "151 tokens do not fit");
  options.max_tokens = 0;
  options.iterations = 3;
  check_ids_fail(model, ids, 3, &options, DWELL_USAGE, "albert");
  options.iterations = 0;
  options.dtype = (dwell_dtype)2;
  check_ids_fail(model, ids, 3, &options, DWELL_USAGE, "dtype");
  dwell_model_destroy(model);
}

static void test_no_tokenizer(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  assert_fails(dwell_model_open_text(model, "hello", 5, &options, &source, &err), DWELL_UNSUPPORTED, &err, "--ids");
  assert_null(source);
  dwell_model_destroy(model);
}

/* config.json of gpt2-tiny: bos 0, eos [3, 16]. */
static void test_special_and_cut(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  const int64_t ids[] = {0, 5, 6, 3, 7, 8, 9, 16, 3};
  assert_ok(dwell_model_open_ids(model, ids, 9, &options, &source, &err), &err);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  static const bool special[] = {true, false, false, true, false, false, false, true, true};
  assert_memory_equal(t->special, special, sizeof special);
  assert_memory_equal(t->token_ids, ids, sizeof ids);
  assert_null(t->pieces);
  dwell_source_destroy(source);
  options.max_tokens = 5; /* the ends are kept */
  assert_ok(dwell_model_open_ids(model, ids, 9, &options, &source, &err), &err);
  t = dwell_source_trajectory(source);
  static const int64_t cut[] = {0, 5, 6, 16, 3};
  static const bool still[] = {true, false, false, true, true};
  assert_int_equal(t->n, 5);
  assert_memory_equal(t->token_ids, cut, sizeof cut);
  assert_memory_equal(t->special, still, sizeof still);
  dwell_source_destroy(source);
  options.max_tokens = 9;
  assert_ok(dwell_model_open_ids(model, ids, 9, &options, &source, &err), &err);
  assert_int_equal(dwell_source_trajectory(source)->n, 9);
  dwell_source_destroy(source);
  options.max_tokens = 3;
  check_ids_fail(model, ids, 9, &options, DWELL_USAGE, "cannot cut to 3 tokens: 3 special ones are kept");
  dwell_model_destroy(model);
}

static void test_trajectory(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3};
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *source = open_ids(model, ids, 3, DWELL_F64, 0);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  assert_string_equal(t->kind, "model");
  assert_string_equal(t->name, "gpt2-tiny"); /* a folder is called by its last part */
  assert_int_equal(t->n, 3);
  assert_int_equal(t->d, 24);
  assert_int_equal(t->states, 3);
  assert_int_equal(t->replicas, 1);
  assert_int_equal(t->heads, 3);
  assert_true(t->has_final_norm && t->causal && t->ordered && !t->on_sphere);
  assert_int_equal(t->dtype, DWELL_F64);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* A single token attends to itself: one state each, attention 1. */
static void test_one_token(void **state) {
  (void)state;
  int64_t id = 4;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    dwell_source *source = open_ids(model, &id, 1, DWELL_F32, 0);
    recording r = record(source, 2, WITH_HEADS);
    for (size_t h = 0; h < r.blocks * r.heads; h++) assert_true(r.attention[h] == 1);
    recording_free(&r);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

/* ---- texts, with the tokenizers of real checkpoints ---- */

/* The text on the line "short: ..." or "long: ..." of golden.txt; malloc. */
static char *golden_text(const char *folder, const char *which) {
  char *all = testing_read(testing_format("%s/golden.txt", folder), NULL);
  const char *label = testing_format("%s: ", which);
  char *start = strstr(all, label) + strlen(label);
  char *text = strndup(start, strcspn(start, "\n"));
  free(all);
  return text;
}

static void check_text(const char *name, const char *which) {
  const char *folder = testing_shared(testing_format("models/%s", name));
  if (folder == NULL) testing_skip_absent(testing_format("models/%s", name));
  dwell_model *model = open_model(folder);
  folder = dwell_model_get_info(model)->folder;
  assert_true(dwell_model_get_info(model)->has_tokenizer);
  char *text = golden_text(folder, which);
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  npz *z;
  size_t n;
  assert_ok(npz_open(testing_format("%s/golden.npz", folder), &z, &err), &err);
  int64_t *ids = golden_ids(z, testing_format("%s.ids", which), &n);
  assert_ok(dwell_model_open_text(model, text, strlen(text), &options, &source, &err), &err);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  assert_int_equal(t->n, n);
  assert_memory_equal(t->token_ids, ids, n * sizeof *ids);
  for (size_t i = 0; i < n; i++) assert_int_equal(t->special[i], i == 0 || i == n - 1);
  assert_string_equal(t->pieces[0], "[CLS]");
  dwell_source_destroy(source);
  options.max_tokens = 7; /* [CLS], five of the text, [SEP] */
  assert_ok(dwell_model_open_text(model, text, strlen(text), &options, &source, &err), &err);
  t = dwell_source_trajectory(source);
  assert_int_equal(t->n, 7);
  assert_memory_equal(t->token_ids, ids, 6 * sizeof *ids);
  assert_int_equal(t->token_ids[6], ids[n - 1]);
  assert_string_equal(t->pieces[6], "[SEP]");
  dwell_source_destroy(source);
  free(ids), free(text);
  npz_close(z);
  dwell_model_destroy(model);
}

static void test_text_bert(void **state) { (void)state, check_text("bert-minilm-l6", "short"); }
static void test_text_albert(void **state) { (void)state, check_text("albert-rxnmapper", "long"); }

static void test_text_failures(void **state) {
  (void)state;
  const char *folder = testing_trained("bert-minilm-l6", "bert-nursery");
  if (folder == NULL) testing_skip_absent("models/bert-minilm-l6");
  dwell_model *model = open_model(folder);
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  assert_fails(dwell_model_open_text(model, "a\xff", 2, &options, &source, &err), DWELL_BAD_INPUT, &err, "byte 1");
  options.special = false;
  assert_fails(dwell_model_open_text(model, "", 0, &options, &source, &err), DWELL_BAD_INPUT, &err, "gives no token");
  options.special = true;
  assert_ok(dwell_model_open_text(model, "", 0, &options, &source, &err), &err); /* [CLS] [SEP] */
  assert_int_equal(dwell_source_trajectory(source)->n, 2);
  dwell_source_destroy(source);
  char *text = malloc(2 * 600);
  for (size_t i = 0; i < 600; i++) memcpy(text + 2 * i, "a ", 2);
  assert_fails(dwell_model_open_text(model, text, 1200, &options, &source, &err), DWELL_USAGE, &err,
               "602 tokens do not fit the model's context of 512. Cut the text with --max-tokens 512");
  free(text);
  dwell_model_destroy(model);
}

/* A tokenizer with more pieces than the word embeddings have rows does not belong to the weights. */
static void test_foreign_tokenizer(void **state) {
  (void)state;
  static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n";
  const char *folder = copy_of("bert-tiny");
  testing_write(testing_format("%s/vocab.txt", folder), vocabulary, sizeof vocabulary - 1);
  dwell_model *model = open_model(folder);
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  assert_ok(dwell_model_open_text(model, "a b l", 5, &options, &source, &err), &err);
  assert_int_equal(model_files(model), 3);
  dwell_source_destroy(source);
  assert_fails(dwell_model_open_text(model, "a m", 3, &options, &source, &err), DWELL_BAD_INPUT, &err,
               "has id 17, but the model's vocabulary has 17 entries. The tokenizer does not belong to these weights");
  const int64_t ids[] = {2, 5, 3};
  assert_ok(dwell_model_open_ids(model, ids, 3, &options, &source, &err), &err);
  assert_string_equal(dwell_source_trajectory(source)->pieces[1], "a");
  assert_true(dwell_source_trajectory(source)->special[0]);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* ---- stopping ---- */

static dwell_status refuse_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)x, (void)self;
  if (frame->state < 1) return DWELL_OK;
  *err = (dwell_error){.status = DWELL_FAILED, .message = "enough", .offset = -1};
  return DWELL_FAILED;
}

static dwell_status refuse_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                                dwell_error *err) {
  (void)self, (void)replica, (void)block, (void)attention;
  if (head != 1) return DWELL_OK;
  *err = (dwell_error){.status = DWELL_FAILED, .message = "no such head", .offset = -1};
  return DWELL_FAILED;
}

static dwell_status refuse_part(void *self, size_t replica, size_t block, const dwell_part *part, dwell_error *err) {
  (void)self, (void)replica, (void)block, (void)part;
  *err = (dwell_error){.status = DWELL_FAILED, .message = "no parts", .offset = -1};
  return DWELL_FAILED;
}

static int always(void *self) { return (void)self, 1; }

static void test_stopping(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3};
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *source = open_ids(model, ids, 3, DWELL_F32, 0);
  dwell_context ctx = {.threads = 2};
  dwell_error err = {0};
  dwell_sink sink = {.on_state = refuse_state};
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_FAILED, &err, "enough");
  sink = (dwell_sink){.on_head = refuse_head, .wants_heads = true};
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_FAILED, &err, "no such head");
  sink = (dwell_sink){.on_part = refuse_part, .wants_parts = true};
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_FAILED, &err, "no parts");
  sink = (dwell_sink){0}; /* every callback is optional */
  assert_ok(dwell_source_run(source, NULL, &sink, &err), &err);
  ctx.interrupted = always;
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_INTERRUPTED, &err, "interrupted");
  ctx.interrupted = NULL;
  ctx.memory_bound = 1000;
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_NO_MEMORY, &err, "the forward pass needs");
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* ---- weights that go bad after opening ---- */

static void test_nan_weight(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3};
  static const unsigned char nan_f32[] = {0, 0, 0xc0, 0x7f};
  const char *folder = copy_of("gpt2-tiny");
  dwell_model *model = open_model(folder);
  const safetensors_tensor *tensor = checkpoint_find(model->weights.file, "transformer.h.1.mlp.c_fc.weight")->origin;
  FILE *stream = fopen(testing_format("%s/model.safetensors", folder), "r+b");
  uint64_t header;
  assert_int_equal(fread(&header, 1, 8, stream), 8);
  fseek(stream, (long)(8 + header + tensor->begin + 4 * 5), SEEK_SET);
  fwrite(nan_f32, 1, 4, stream);
  fclose(stream);
  dwell_source *source = open_ids(model, ids, 3, DWELL_F32, 0);
  dwell_sink sink = {0};
  dwell_error err = {0};
  assert_fails(dwell_source_run(source, NULL, &sink, &err), DWELL_BAD_INPUT, &err, "transformer.h.1.mlp.c_fc.weight");
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* ---- the memory bound ---- */

typedef struct account {
  size_t before, most;
} account;

static size_t allocated(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static dwell_status count_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)frame, (void)x, (void)err;
  account *a = self;
  size_t now = allocated() - a->before;
  if (now > a->most) a->most = now;
  return DWELL_OK;
}

static dwell_status ignore_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                                dwell_error *err) {
  (void)self, (void)replica, (void)block, (void)head, (void)attention, (void)err;
  return DWELL_OK;
}

static void test_memory_bound(void **state) {
  (void)state;
  static const int64_t ids[75];
  for (size_t m = 0; m < TINY_MODELS; m++) {
    for (int threads = 1; threads <= 2; threads++) {
      dwell_model *model = open_tiny(TINY[m].name);
      dwell_source *source = open_ids(model, ids, 75, m % 2 ? DWELL_F64 : DWELL_F32, 0);
      dwell_context ctx = {.threads = threads};
      account a = {.before = allocated()};
      dwell_sink sink = {.self = &a, .on_state = count_state, .on_head = ignore_head, .wants_heads = true};
      dwell_error err = {0};
      assert_ok(dwell_source_run(source, &ctx, &sink, &err), &err);
      assert_true(a.most <= dwell_source_bytes(source, &ctx));
      dwell_source_destroy(source);
      dwell_model_destroy(model);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bad_ids),         cmocka_unit_test(test_no_tokenizer),
      cmocka_unit_test(test_special_and_cut), cmocka_unit_test(test_trajectory),
      cmocka_unit_test(test_one_token),       cmocka_unit_test(test_stopping),
      cmocka_unit_test(test_nan_weight),      cmocka_unit_test(test_memory_bound),
      cmocka_unit_test(test_text_bert),       cmocka_unit_test(test_text_albert),
      cmocka_unit_test(test_text_failures),   cmocka_unit_test(test_foreign_tokenizer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
