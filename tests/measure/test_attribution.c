/* What the parts of a block do to the energy, from the model to the tables: against goldens of transformers' own parts
 * (tools/oracle/make_attribution.py), and what must hold for every model at hand. */
#include <dwell/measure.h>
#include <dwell/model.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "run/run.h"
#include "util/testing.h"

static const char *const BETAS[] = {"_b0.1", "_b1", "_b2", "_b5", "_calibrated"};
static const char *const PARTS[] = {"dE_attn", "dE_bias", "dE_mlp", "dE_norm", "dE_rounding"};
enum { FIXED = 4, ALL = 5, PART_COUNT = 5 };

static const char INSTRUMENTS[] = "energy,energy_change,attribution,head_attribution";

static dwell_run *measure(const char *folder, const int64_t *ids, size_t n, dwell_dtype dtype, bool drop,
                          const char *instruments) {
  dwell_context ctx = {.threads = 2};
  dwell_error err = {0};
  dwell_model *model;
  dwell_source *source;
  dwell_run *run;
  dwell_model_options options = dwell_model_options_default();
  dwell_measure_options measuring = dwell_measure_options_default();
  options.dtype = dtype;
  measuring.null_draws = 0, measuring.drop_special = drop, measuring.instruments = instruments;
  assert_ok(dwell_model_open(folder, NULL, &model, &err), &err);
  assert_ok(dwell_model_open_ids(model, ids, n, &options, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &measuring, &run, &err), &err);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return run;
}

static double cell(const dwell_run *run, const char *which, size_t row, const char *column) {
  double x;
  if (!dwell_run_number(run, which, row, column, &x)) fail_msg("%s, row %zu: %s is empty", which, row, column);
  return x;
}

/* ---- goldens ---- */

static void check_block(const dwell_run *run, size_t b, size_t k, json_t *expected, double bound, const char *name) {
  static const char *const keys[] = {"bias", "mlp", "norm", "change"};
  static const char *const columns[] = {"dE_bias", "dE_mlp", "dE_norm", "dE"};
  json_t *heads = json_object_get(expected, "heads");
  size_t count = json_array_size(heads);
  for (size_t i = 0; i < 4; i++) {
    double got = cell(run, "blocks", b, testing_format("%s%s", columns[i], BETAS[k]));
    testing_near(got, json_number_value(json_object_get(expected, keys[i])), 0, bound,
                 testing_format("%s, block %zu, %s%s", name, b, columns[i], BETAS[k]), __FILE__, __LINE__);
  }
  for (size_t h = 0; h < count; h++) {
    double got = cell(run, "heads", b * count + h, testing_format("dE_head%s", BETAS[k]));
    testing_near(got, json_number_value(json_array_get(heads, h)), 0, bound,
                 testing_format("%s, block %zu, head %zu%s", name, b, h, BETAS[k]), __FILE__, __LINE__);
  }
}

static void check_golden(const char *name, dwell_dtype dtype, double bound) {
  json_t *golden = json_load_file(testing_source(testing_format("tests/golden/attribution/%s.json", name)), 0, NULL);
  json_t *blocks = json_object_get(golden, "blocks"), *given = json_object_get(golden, "ids");
  int64_t ids[32];
  size_t n = json_array_size(given);
  assert_true(n > 0 && n <= 32);
  for (size_t i = 0; i < n; i++) ids[i] = json_integer_value(json_array_get(given, i));
  const char *folder = testing_source(testing_format("tests/golden/model/%s", name));
  dwell_run *run = measure(folder, ids, n, dtype, false, INSTRUMENTS);
  assert_int_equal(dwell_run_rows(run, "blocks"), json_array_size(blocks));
  for (size_t b = 0; b < json_array_size(blocks); b++) {
    for (size_t k = 0; k < FIXED; k++)
      check_block(run, b, k, json_array_get(json_array_get(blocks, b), k), bound, name);
  }
  dwell_run_destroy(run);
  json_decref(golden);
}

static void test_golden(void **state) {
  (void)state;
  static const char *const names[] = {"gpt2-tiny", "gpt_neox-tiny", "llama-tiny", "bert-tiny"};
  for (size_t m = 0; m < 4; m++) {
    check_golden(names[m], DWELL_F64, 1e-9); /* quadrature stops at 1e-10 of the sum */
    check_golden(names[m], DWELL_F32, 2e-6); /* states are good to 1e-6 */
  }
}

/* ---- every model ---- */

/* Shares add up to the change of the energy, heads to the share of all, and quadrature keeps its word. */
static void check_sums(const dwell_run *run, dwell_dtype dtype, const char *name) {
  size_t blocks = dwell_run_rows(run, "blocks"), heads = dwell_run_rows(run, "heads") / blocks, integrated = 0;
  for (size_t b = 0; b < blocks; b++) {
    for (size_t k = 0; k < ALL; k++) {
      double change, sum = 0, of_heads = 0;
      if (!dwell_run_number(run, "blocks", b, testing_format("dE%s", BETAS[k]), &change)) continue;
      for (size_t p = 0; p < PART_COUNT; p++) sum += cell(run, "blocks", b, testing_format("%s%s", PARTS[p], BETAS[k]));
      for (size_t h = 0; h < heads; h++)
        of_heads += cell(run, "heads", b * heads + h, testing_format("dE_head%s", BETAS[k]));
      double defect = cell(run, "blocks", b, testing_format("dE_defect%s", BETAS[k]));
      double rounding = cell(run, "blocks", b, testing_format("dE_rounding%s", BETAS[k]));
      if (!(fabs(defect) <= 1e-8)) fail_msg("%s, block %zu%s: defect %.3g", name, b, BETAS[k], defect);
      assert_near(sum - defect, change, 0, 1e-12); /* the cosines of both are rounded apart */
      assert_near(of_heads, cell(run, "blocks", b, testing_format("dE_attn%s", BETAS[k])), 0, 1e-12);
      assert_near(rounding, 0, 0, dtype == DWELL_F64 ? 1e-12 : 1e-5);
      integrated++;
    }
  }
  assert_true(integrated >= FIXED * blocks);
}

static void check_model(const char *path, size_t most) {
  char folder[300];
  snprintf(folder, sizeof folder, "%s", path); /* buffers of testing_format are used in turn */
  dwell_error err = {0};
  dwell_model *model;
  assert_ok(dwell_model_open(folder, NULL, &model, &err), &err);
  size_t n = dwell_model_get_info(model)->context, vocabulary = dwell_model_get_info(model)->vocabulary;
  dwell_model_destroy(model);
  int64_t ids[64];
  if (n > most) n = most;
  for (size_t i = 0; i < n; i++) ids[i] = (int64_t)((7919 * i * i + 13 * i + 5) % vocabulary);
  for (size_t k = 0; k < 2; k++) {
    dwell_dtype dtype = k == 0 ? DWELL_F32 : DWELL_F64;
    dwell_run *run = measure(folder, ids, n, dtype, true, INSTRUMENTS);
    check_sums(run, dtype, folder);
    dwell_run_destroy(run);
  }
}

static void test_every_architecture(void **state) {
  (void)state;
  static const char *const names[] = {
      "gpt2-tiny",     "gpt2-tiny-f16",   "llama-tiny",     "llama-tiny-scaled",    "mistral-tiny",  "qwen2-tiny",
      "gpt_neox-tiny", "opt-tiny",        "bert-tiny-bf16", "gpt_neox-tiny-serial", "opt-tiny-post", "bert-tiny",
      "roberta-tiny",  "distilbert-tiny", "electra-tiny",   "mpnet-tiny",           "albert-tiny"};
  for (size_t m = 0; m < sizeof names / sizeof names[0]; m++)
    check_model(testing_source(testing_format("tests/golden/model/%s", names[m])), 40);
}

/* D-2-10: parts of a post-norm block without what its norms do, of counterfactual states, leave a remainder. */
static void d_2_10_nothing_is_left_over_in_any_checkpoint(void **state) {
  (void)state;
  static const char *const names[] = {"albert-plbert", "albert-rxnmapper", "bert-minilm-l6",   "bert-rxnfp-pretrained",
                                      "gpt2-capp",     "gpt2-nano-sort",   "llama-stories260k"};
  size_t found = 0;
  for (size_t m = 0; m < sizeof names / sizeof names[0]; m++) {
    const char *folder = testing_shared(testing_format("models/%s", names[m]));
    if (folder != NULL) check_model(folder, 48), found++;
  }
  if (found == 0) testing_skip_absent("models");
}

static void test_the_nursery(void **state) {
  (void)state;
  static const char *const names[] = {"albert-nursery",  "albert-nursery-narrow", "bert-nursery",
                                      "gpt2-nursery",    "gpt2-nursery-6",        "gpt2-nursery-24",
                                      "gpt2-nursery-48", "bert-nursery@step-0",   "gpt2-nursery@step-1000"};
  size_t found = 0;
  for (size_t m = 0; m < sizeof names / sizeof names[0]; m++) {
    const char *folder = testing_nursery(names[m]);
    if (folder != NULL) check_model(folder, 64), found++;
  }
  if (found > 0) return;
  print_message("skipped: data/models is not in this tree\n");
  skip();
}

/* ---- what is asked for ---- */

static bool has_text(const dwell_run *run, const char *text) { return strstr(run->manifest_body.data, text) != NULL; }

/* D-2-11: parts are not put together from what was saved. States alone do not say by what they were moved. */
static void d_2_11_states_alone_have_no_parts(void **state) {
  (void)state;
  dwell_context ctx = {.threads = 1};
  dwell_error err = {0};
  dwell_source *source;
  dwell_run *run;
  dwell_measure_options options = dwell_measure_options_default();
  double x;
  options.instruments = INSTRUMENTS, options.null_draws = 0;
  assert_ok(dwell_import_open(testing_source("tests/golden/instruments/bidirectional.npz"), &ctx, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  for (size_t b = 0; b < dwell_run_rows(run, "blocks"); b++)
    assert_false(dwell_run_number(run, "blocks", b, "dE_attn_b1", &x));
  assert_false(dwell_run_number(run, "heads", 0, "dE_head_b1", &x));
  assert_true(has_text(run, "the source has no parts"));
  dwell_run_destroy(run);
  dwell_source_destroy(source);
}

/* One column asks for its temperature alone; the numbers are the same. Without attribution nothing of it is there. */
static void test_what_is_asked_for(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8};
  const char *folder = testing_source("tests/golden/model/gpt2-tiny");
  dwell_run *all = measure(folder, ids, 8, DWELL_F32, true, INSTRUMENTS);
  dwell_run *one = measure(folder, ids, 8, DWELL_F32, true, "dE_mlp_b2");
  double x;
  for (size_t b = 0; b < dwell_run_rows(one, "blocks"); b++)
    assert_true(cell(one, "blocks", b, "dE_mlp_b2") == cell(all, "blocks", b, "dE_mlp_b2"));
  assert_false(dwell_run_number(one, "blocks", 0, "dE_attn_b2", &x));
  dwell_run_destroy(one);
  dwell_run_destroy(all);
  dwell_run *none = measure(folder, ids, 8, DWELL_F32, true, NULL);
  assert_false(dwell_run_number(none, "blocks", 0, "dE_attn_b1", &x));
  dwell_run_destroy(none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_every_architecture),
      cmocka_unit_test(d_2_10_nothing_is_left_over_in_any_checkpoint),
      cmocka_unit_test(test_the_nursery),
      cmocka_unit_test(d_2_11_states_alone_have_no_parts),
      cmocka_unit_test(test_what_is_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
