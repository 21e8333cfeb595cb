/* model: what must not change a single bit: the number of threads, the tokens that follow (causal models), asking for
 * heads or parts, running again, and how deep an ALBERT goes on afterwards. */
#include "checkpoints.h"

#include <sys/stat.h>

static const dwell_dtype DTYPES[] = {DWELL_F32, DWELL_F64};

enum { LONG = 700, VOCABULARY = 17 };

static void some_ids(int64_t ids[LONG]) {
  for (size_t i = 0; i < LONG; i++) ids[i] = (int64_t)((i * i * 7 + 3 * i + 5) % VOCABULARY);
}

static recording run_ids(dwell_model *model, const int64_t *ids, size_t n, dwell_dtype dtype, int threads,
                         unsigned with) {
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, threads, with);
  dwell_source_destroy(source);
  return r;
}

/* Token i of every state has the same bits in both. */
static bool same_token(const recording *a, const recording *b, size_t i) {
  size_t row = a->d * a->size;
  for (size_t l = 0; l < a->states; l++) {
    if (memcmp(a->bits + (l * a->n + i) * row, b->bits + (l * b->n + i) * row, row) != 0) return false;
  }
  return true;
}

static void check_same(const recording *a, const recording *b, size_t tokens, const char *what) {
  for (size_t i = 0; i < tokens; i++) {
    if (!same_token(a, b, i)) fail_msg("%s: token %zu differs", what, i);
  }
}

/* ---- the tokens that follow ---- */

static void check_prefixes(dwell_model *model, const int64_t *ids, size_t longest, const char *name) {
  static const size_t lengths[] = {1, 2, 11, 16, 31, 63, 64, 65, 96, 127, 128, 129, 215, 449, 512, 650};
  for (size_t k = 0; k < 2; k++) {
    recording all = run_ids(model, ids, longest, DTYPES[k], 2, 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] && lengths[i] < longest; i++) {
      recording some = run_ids(model, ids, lengths[i], DTYPES[k], 1, 0);
      check_same(&some, &all, lengths[i],
                 testing_format("%s, %zu bytes, first %zu tokens", name, (size_t)DTYPES[k], lengths[i]));
      if (all.final_norm) assert_memory_equal(some.final_norm, all.final_norm, lengths[i] * some.d * sizeof(double));
      recording_free(&some);
    }
    recording_free(&all);
  }
}

static void test_prefix(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    const dwell_model_info *info = dwell_model_get_info(model);
    if (info->causal) check_prefixes(model, ids, info->context, TINY[m].name);
    dwell_model_destroy(model);
  }
}

/* Heads of 64 and more keys than a BLAS adds up in one go: products small enough for other kernels agree by luck. */
static void test_prefix_of_wide_heads(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  dwell_model *model = open_model(random_gpt2(128, 2, 1, LONG, VOCABULARY));
  check_prefixes(model, ids, LONG, "two heads of 64");
  dwell_model_destroy(model);
}

/* A later token must not even be looked at: its value may be anything. */
static void test_later_tokens(void **state) {
  (void)state;
  int64_t ids[LONG], other[LONG];
  some_ids(ids);
  some_ids(other);
  for (size_t i = 70; i < LONG; i++) other[i] = (ids[i] + 1) % VOCABULARY;
  dwell_model *model = open_tiny("gpt2-tiny");
  for (size_t k = 0; k < 2; k++) {
    recording a = run_ids(model, ids, 150, DTYPES[k], 2, 0), b = run_ids(model, other, 150, DTYPES[k], 2, 0);
    check_same(&a, &b, 70, "tokens before the change");
    assert_false(same_token(&a, &b, 70));
    recording_free(&a), recording_free(&b);
  }
  dwell_model_destroy(model);
}

static void test_prefix_of_a_real_model(void **state) {
  (void)state;
  const char *folder = testing_shared("models/gpt2-capp");
  if (folder == NULL) testing_skip_absent("models/gpt2-capp");
  npz *z;
  dwell_error err = {0};
  size_t n;
  dwell_model *model = open_model(folder);
  assert_ok(npz_open(testing_format("%s/golden.npz", dwell_model_get_info(model)->folder), &z, &err), &err);
  int64_t *ids = golden_ids(z, "long.ids", &n);
  check_prefixes(model, ids, n, "gpt2-capp");
  free(ids);
  npz_close(z);
  dwell_model_destroy(model);
}

static void test_prefix_of_the_nursery(void **state) {
  (void)state;
  const char *folder = testing_nursery("gpt2-nursery");
  if (folder == NULL) {
    print_message("skipped: data/models/gpt2-nursery is not in this tree\n");
    skip();
  }
  dwell_model *model = open_model(folder);
  int64_t ids[LONG];
  size_t n = dwell_model_get_info(model)->context, vocabulary = dwell_model_get_info(model)->vocabulary;
  if (n > LONG) n = LONG;
  for (size_t i = 0; i < n; i++) ids[i] = (int64_t)((7919 * i * i + 13 * i) % vocabulary);
  check_prefixes(model, ids, n, "gpt2-nursery");
  dwell_model_destroy(model);
}

/* ---- threads, heads, parts, repetition ---- */

static void test_threads(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (size_t k = 0; k < 2; k++) {
      recording one = run_ids(model, ids, 75, DTYPES[k], 1, WITH_HEADS | WITH_PARTS);
      recording two = run_ids(model, ids, 75, DTYPES[k], 2, WITH_HEADS | WITH_PARTS);
      check_same(&one, &two, 75, TINY[m].name);
      assert_memory_equal(one.attention, two.attention, one.blocks * one.heads * 75 * 75 * sizeof(double));
      assert_memory_equal(one.attn, two.attn, one.blocks * 75 * one.d * sizeof(double));
      assert_memory_equal(one.mlp, two.mlp, one.blocks * 75 * one.d * sizeof(double));
      recording_free(&one), recording_free(&two);
    }
    dwell_model_destroy(model);
  }
}

static void test_asking_changes_nothing(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    dwell_source *source = open_ids(model, ids, 75, DWELL_F32, 0);
    recording plain = record(source, 2, 0), heads = record(source, 2, WITH_HEADS),
              parts = record(source, 2, WITH_PARTS);
    check_same(&plain, &heads, 75, TINY[m].name);
    check_same(&plain, &parts, 75, TINY[m].name);
    recording_free(&plain), recording_free(&heads), recording_free(&parts);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

/* Blocks in memory, which are begun before the state at their input is handed out if a window of tokens is worth it (75
 * tokens in one thread), give the bits of blocks read one by one, also after they were dropped. */
static void test_kept_weights(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  dwell_error err = {0};
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (size_t k = 0; k < 2; k++) {
      recording plain = run_ids(model, ids, 75, DTYPES[k], 2, 0);
      assert_ok(dwell_model_keep_weights(model, DTYPES[k], NULL, &err), &err);
      recording kept = run_ids(model, ids, 75, DTYPES[k], 2, 0), early = run_ids(model, ids, 75, DTYPES[k], 1, 0);
      check_same(&plain, &kept, 75, TINY[m].name);
      check_same(&plain, &early, 75, TINY[m].name);
      dwell_model_drop_weights(model);
      recording again = run_ids(model, ids, 75, DTYPES[k], 2, 0);
      check_same(&plain, &again, 75, TINY[m].name);
      recording_free(&kept), recording_free(&early), recording_free(&plain), recording_free(&again);
    }
    dwell_model_destroy(model);
  }
}

static recording run_random(dwell_model *model, const int64_t *ids, uint64_t seed, dwell_dtype dtype) {
  dwell_model_options options = dwell_model_options_default();
  dwell_source *source;
  dwell_error err;
  options.dtype = dtype, options.random_weights = true, options.random_seed = seed;
  assert_ok(dwell_model_open_ids(model, ids, 75, &options, &source, &err), &err);
  recording r = record(source, 2, 0);
  dwell_source_destroy(source);
  return r;
}

/* Random weights that are kept are those of their seed; other seeds, and the checkpoint, do not find them. */
static void test_kept_random_weights(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  dwell_error err = {0};
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (size_t k = 0; k < 2; k++) {
      recording plain = run_ids(model, ids, 75, DTYPES[k], 2, 0), five = run_random(model, ids, 5, DTYPES[k]),
                six = run_random(model, ids, 6, DTYPES[k]);
      assert_ok(dwell_model_keep_random(model, 5, DTYPES[k], NULL, &err), &err);
      recording kept[] = {run_ids(model, ids, 75, DTYPES[k], 2, 0), run_random(model, ids, 5, DTYPES[k]),
                          run_random(model, ids, 6, DTYPES[k])};
      assert_ok(dwell_model_keep_random(model, 6, DTYPES[k], NULL, &err), &err);
      recording next = run_random(model, ids, 6, DTYPES[k]);
      assert_ok(dwell_model_keep_weights(model, DTYPES[k], NULL, &err), &err);
      recording back = run_ids(model, ids, 75, DTYPES[k], 2, 0), again = run_random(model, ids, 6, DTYPES[k]);
      check_same(&plain, &kept[0], 75, TINY[m].name), check_same(&five, &kept[1], 75, TINY[m].name);
      check_same(&six, &kept[2], 75, TINY[m].name), check_same(&six, &next, 75, TINY[m].name);
      check_same(&plain, &back, 75, TINY[m].name), check_same(&six, &again, 75, TINY[m].name);
      for (size_t i = 0; i < 3; i++) recording_free(&kept[i]);
      recording_free(&plain), recording_free(&five), recording_free(&six);
      recording_free(&next), recording_free(&back), recording_free(&again);
    }
    dwell_model_destroy(model);
  }
}

/* Wide enough for packed weights, with joined matrices whose parts are no multiples of anything: floats against
 * doubles, which are not packed. */
static void test_packed_weights(void **state) {
  (void)state;
  static const char *const configs[] = {
      "{\"model_type\":\"llama\",\"hidden_size\":280,\"intermediate_size\":410,\"num_hidden_layers\":2,"
      "\"num_attention_heads\":7,\"num_key_value_heads\":1,\"vocab_size\":50,\"max_position_embeddings\":64}",
      "{\"model_type\":\"bert\",\"hidden_size\":330,\"intermediate_size\":270,\"num_hidden_layers\":2,"
      "\"num_attention_heads\":3,\"vocab_size\":50,\"max_position_embeddings\":64}",
      "{\"model_type\":\"gpt2\",\"n_embd\":290,\"n_layer\":2,\"n_head\":5,\"n_positions\":64,\"vocab_size\":50}"};
  int64_t ids[LONG];
  some_ids(ids);
  dwell_error err = {0};
  for (size_t m = 0; m < sizeof configs / sizeof configs[0]; m++) {
    const char *folder = testing_format("%s/packed-%zu", testing_folder(), m);
    recording of[2];
    assert_int_equal(mkdir(folder, 0777), 0);
    testing_write(testing_format("%s/config.json", folder), configs[m], strlen(configs[m]));
    dwell_model *model = open_model(folder);
    for (size_t k = 0; k < 2; k++) {
      dwell_model_options options = dwell_model_options_default();
      options.dtype = k == 0 ? DWELL_F32 : DWELL_F64;
      options.random_weights = true;
      dwell_source *source;
      assert_ok(dwell_model_open_ids(model, ids, 50, &options, &source, &err), &err);
      of[k] = record(source, 2, 0);
      dwell_source_destroy(source);
    }
    for (size_t i = 0; i < of[0].states * 50 * of[0].d; i++) assert_near(of[0].x[i], of[1].x[i], 1e-4, 1e-4);
    recording_free(&of[0]), recording_free(&of[1]);
    dwell_model_destroy(model);
  }
}

/* "One run, every depth is a prefix of it." */
static void test_iterations_are_prefixes(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  dwell_model *model = open_tiny("albert-tiny");
  for (size_t k = 0; k < 2; k++) {
    dwell_source *deep = open_ids(model, ids, 20, DTYPES[k], 9);
    recording all = record(deep, 2, 0), native = run_ids(model, ids, 20, DTYPES[k], 2, 0);
    assert_int_equal(all.states, 10);
    assert_int_equal(native.states, 3);
    assert_memory_equal(all.bits, native.bits, native.states * 20 * native.d * native.size);
    recording_free(&all), recording_free(&native);
    dwell_source_destroy(deep);
  }
  dwell_model_destroy(model);
}

/* ---- attention is attention ---- */

static void check_rows(const recording *r, bool causal, double bound) {
  for (size_t h = 0; h < r->blocks * r->heads; h++) {
    for (size_t i = 0; i < r->n; i++) {
      const double *row = r->attention + (h * r->n + i) * r->n;
      double sum = 0;
      for (size_t j = 0; j < r->n; j++) {
        if (causal && j > i) assert_true(row[j] == 0);
        assert_true(row[j] >= 0);
        sum += row[j];
      }
      assert_near(sum, 1, 0, bound);
    }
  }
}

static void test_attention_rows(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (size_t k = 0; k < 2; k++) {
      recording r = run_ids(model, ids, 75, DTYPES[k], 2, WITH_HEADS);
      /* each weight is rounded once: 75 halves of an ulp */
      check_rows(&r, dwell_model_get_info(model)->causal, DTYPES[k] == DWELL_F64 ? 1e-14 : 5e-6);
      recording_free(&r);
    }
    dwell_model_destroy(model);
  }
}

static void check_sums(const char *name) {
  int64_t ids[LONG];
  some_ids(ids);
  dwell_model *model = open_tiny(name);
  recording r = run_ids(model, ids, 75, DWELL_F64, 2, WITH_PARTS);
  size_t count = r.n * r.d;
  for (size_t b = 0; b < r.blocks; b++) {
    for (size_t i = 0; i < count; i++) {
      double sum = r.x[b * count + i] + r.attn[b * count + i] + r.mlp[b * count + i];
      assert_near(sum, r.x[(b + 1) * count + i], 0, 1e-13); /* entries reach 25: a few ulp */
    }
  }
  recording_free(&r);
  dwell_model_destroy(model);
}

static void test_parts_add_up(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    if (TINY[m].additive) check_sums(TINY[m].name);
  }
}

/* Of every leg of every architecture, heads one by one; and the last leg ends at the next state, bit by bit. */
static void test_parts_of_every_leg_add_up(void **state) {
  (void)state;
  int64_t ids[LONG];
  some_ids(ids);
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (size_t k = 0; k < 2; k++) {
      recording r = run_ids(model, ids, 75, DTYPES[k], 2, WITH_PARTS);
      /* heads are rounded one by one, the sum of them once: some ulp of the largest entry */
      double bound = DTYPES[k] == DWELL_F64 ? 1e-14 : 2e-6;
      if (!(r.worst_leg <= bound)) fail_msg("%s: parts are off by %.3g of the leg", TINY[m].name, r.worst_leg);
      recording_free(&r);
    }
    dwell_model_destroy(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_prefix_of_wide_heads),
      cmocka_unit_test(test_later_tokens),
      cmocka_unit_test(test_prefix_of_a_real_model),
      cmocka_unit_test(test_prefix_of_the_nursery),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_asking_changes_nothing),
      cmocka_unit_test(test_kept_weights),
      cmocka_unit_test(test_kept_random_weights),
      cmocka_unit_test(test_packed_weights),
      cmocka_unit_test(test_iterations_are_prefixes),
      cmocka_unit_test(test_attention_rows),
      cmocka_unit_test(test_parts_add_up),
      cmocka_unit_test(test_parts_of_every_leg_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
