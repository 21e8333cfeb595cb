/* tests/measure/test_forms.c - states in other forms: what the run says of them must be what a plain run says of the
 * same states after they were put into that form and saved. */
#include "geometry/forms.h"

#include <dwell/flow.h>
#include <dwell/measure.h>
#include <dwell/model.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "file/checkpoint.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

/* ---- runs ---- */

/* Takes the source. */
static dwell_run *measure(dwell_source *source, dwell_measure_options options) {
  dwell_context ctx = dwell_context_default();
  dwell_run *run;
  dwell_error err;
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

static dwell_source *open_states(size_t states, size_t n, size_t d, const double *x, const int64_t *opt_ids) {
  static int files;
  dwell_context ctx = dwell_context_default();
  const size_t shape[] = {states, n, d};
  const char *path = testing_format("%s/states%d.npz", testing_folder(), files++);
  npz_writer *w;
  dwell_source *source;
  dwell_error err;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  if (opt_ids != NULL) assert_ok(npz_writer_add(w, "token_ids", NPY_INT, 8, 1, &n, opt_ids, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_import_open(path, &ctx, &source, &err), &err);
  return source;
}

/* No rule but zero norms leaves tokens out: both runs measure the same ones. */
static dwell_measure_options all_tokens(size_t draws) {
  dwell_measure_options options = dwell_measure_options_default();
  options.drop_special = false;
  options.null_draws = draws;
  return options;
}

/* Columns of `run` named NAME + form + REST are, bit by bit, the plain ones, NAME + REST, of `plain`, in its first
 * rows; they are empty in the rows after. Returns their number. `types`: the form's ending in _types, which `plain` has
 * not. */
static size_t compare(const dwell_run *run, const dwell_run *plain, const char *form, bool types) {
  size_t compared = 0, length = strlen(form);
  for (size_t c = 0; c < dwell_run_columns(run, "layers"); c++) {
    const char *column = dwell_run_column_name(run, "layers", c), *at = strstr(column, form);
    const char *end = strstr(column, "_types");
    if (at == NULL || (end != NULL) != types) continue;
    const char *same = testing_format("%.*s%s%s", (int)(at - column), column, types ? "" : at + length,
                                      types && end != NULL ? end + strlen("_types") : "");
    for (size_t row = 0; row < dwell_run_rows(run, "layers"); row++) {
      double a = 0, b = 0;
      bool there = row < dwell_run_rows(plain, "layers") && dwell_run_number(plain, "layers", row, same, &b);
      if (dwell_run_number(run, "layers", row, column, &a) != there) fail_msg("row %zu of %s", row, column);
      if (there && a != b) fail_msg("row %zu of %s: %.17g and %.17g", row, column, a, b);
      compared += there;
    }
  }
  return compared;
}

/* ---- robust ---- */

enum { L = 3, N = 40, D = 6, TYPES = 30 };

/* Every fourth token repeats the id of the one before, and lies close to it. */
static void fill(double *x, int64_t *ids) {
  random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < L * N * D; i++) x[i] = random_normal(&s, 0, (uint32_t)i) + 0.3 * (double)(i % D);
  for (size_t i = 0; i < N; i++) ids[i] = (int64_t)(i % 4 == 3 ? i - 1 : i);
}

static void test_robust(void **state) {
  (void)state;
  double x[L * N * D], all[L * N * D], first[L * TYPES * D];
  int64_t ids[N];
  size_t rows[N], types[N], count = 0;
  fill(x, ids);
  for (size_t i = 0; i < N; i++) {
    rows[i] = i;
    if (ids[i] == (int64_t)i) types[count++] = i;
  }
  assert_int_equal(count, TYPES);
  for (size_t l = 0; l < L; l++) {
    assert_ok(form_robust(x + l * N * D, D, rows, N, all + l * N * D, NULL), NULL);
    assert_ok(form_robust(x + l * N * D, D, types, TYPES, first + l * TYPES * D, NULL), NULL);
  }
  dwell_measure_options options = all_tokens(5);
  dwell_run *plain = measure(open_states(L, N, D, all, NULL), options);
  dwell_run *of_types = measure(open_states(L, TYPES, D, first, NULL), options);
  options.robust = true;
  dwell_run *run = measure(open_states(L, N, D, x, ids), options);
  assert_true(compare(run, plain, "_robust", false) >= L * (2 * 6 + 6)); /* ip and rank twice, clusters with the null */
  assert_true(compare(run, of_types, "_robust", true) >= L * 6);
  double p;
  assert_true(dwell_run_number(run, "layers", 0, "cluster_T_robust_p", &p));
  assert_false(dwell_run_number(run, "layers", 0, "mass90_robust_centred_p", &p)); /* no other null */
  dwell_run_destroy(plain), dwell_run_destroy(of_types), dwell_run_destroy(run);
}

/* Tokens that all agree have no robust form: empty cells, and the plain measures as ever. */
static void test_robust_of_nothing(void **state) {
  (void)state;
  double x[2 * N * D], value;
  for (size_t i = 0; i < 2 * N * D; i++) x[i] = 1 + (double)(i % D);
  dwell_measure_options options = all_tokens(3);
  options.robust = true;
  dwell_run *run = measure(open_states(2, N, D, x, NULL), options);
  assert_true(dwell_run_number(run, "layers", 1, "ip_mean", &value) && value > 1 - 1e-12);
  assert_false(dwell_run_number(run, "layers", 1, "ip_mean_robust", &value));
  assert_false(dwell_run_number(run, "layers", 1, "cluster_T_robust", &value));
  assert_non_null(strstr(run->manifest_body.data, "a token of zero norm"));
  dwell_run_destroy(run);
}

/* ---- the next block's norm ---- */

enum { MOST = 1 << 16 };
typedef struct recorded {
  double x[MOST]; /* states, one after the other */
  size_t n, d, states, norms;
  double normed[MOST]; /* states as the block after them reads them */
} recorded;

static dwell_status record_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)err;
  recorded *r = self;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  r->n = x->n, r->d = x->d;
  assert_true((r->states + 1) * x->n * x->d <= MOST && x->dtype == DWELL_F64);
  memcpy(r->x + r->states++ * x->n * x->d, x->data, x->n * x->d * sizeof(double));
  return DWELL_OK;
}

static dwell_status record_norm(void *self, size_t block, const dwell_norm *norm, dwell_error *err) {
  (void)err;
  recorded *r = self;
  size_t rows[64], one = r->n * r->d;
  assert_int_equal(block, r->norms);
  assert_int_equal(r->states, block + 1); /* after the state that the block reads */
  for (size_t i = 0; i < r->n; i++) rows[i] = i;
  form_normed(r->x + block * one, r->d, rows, r->n, norm, r->normed + r->norms++ * one);
  return DWELL_OK;
}

static dwell_source *open_ids(const char *name, const int64_t *ids, size_t n) {
  static dwell_model *model; /* its source reads its weights, so it lives until the next one is opened */
  dwell_context ctx = dwell_context_default();
  dwell_source *source;
  dwell_error err;
  dwell_model_options options = dwell_model_options_default();
  options.dtype = DWELL_F64;
  dwell_model_destroy(model);
  assert_ok(dwell_model_open(testing_source(testing_format("tests/golden/model/%s", name)), &ctx, &model, &err), &err);
  assert_ok(dwell_model_open_ids(model, ids, n, &options, &source, &err), &err);
  return source;
}

static dwell_source *open_model(const char *name) {
  static const int64_t ids[] = {5, 9, 2, 7, 11, 3, 8, 6, 1, 4, 10, 12, 9, 2, 14, 13, 15, 16, 7, 3};
  return open_ids(name, ids, sizeof ids / sizeof *ids);
}

static void check_normed(const char *name) {
  static recorded r;
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  memset(&r, 0, sizeof r);
  dwell_source *source = open_model(name);
  dwell_sink sink = {.self = &r, .on_state = record_state, .on_norm = record_norm};
  assert_ok(dwell_source_run(source, &ctx, &sink, &err), &err);
  assert_true(r.norms == r.states - 1 && r.norms > 0);
  dwell_measure_options options = all_tokens(4);
  dwell_run *plain = measure(open_states(r.norms, r.n, r.d, r.normed, NULL), options);
  options.normed = true;
  dwell_run *run = measure(source, options);
  assert_true(compare(run, plain, "_ln", false) >= r.norms * (2 * 6 + 6));
  assert_non_null(strstr(run->manifest_body.data, "no next block"));
  dwell_run_destroy(plain), dwell_run_destroy(run);
}

static void test_normed(void **state) {
  (void)state;
  check_normed("gpt2-tiny");
  check_normed("llama-tiny");    /* RMSNorm */
  check_normed("gpt_neox-tiny"); /* both sublayers at once */
}

typedef struct expected_norms {
  checkpoint *file;
  const char *block, *gain, *opt_bias; /* names: a block's up to its number, the rest of its tensors' */
  size_t seen;
} expected_norms;

static void check_tensor(const expected_norms *e, const char *name, const double *got) {
  enum { WIDTH = 24 }; /* of both models */
  double values[WIDTH];
  dwell_error err;
  const checkpoint_tensor *tensor = checkpoint_find(e->file, testing_format("%s%zu.%s", e->block, e->seen, name));
  assert_non_null(tensor);
  assert_ok(checkpoint_read(e->file, tensor, 0, 0, WIDTH, DWELL_F64, values, &err), &err);
  for (size_t k = 0; k < WIDTH; k++) assert_true(got[k] == values[k]);
}

static dwell_status expect_norm(void *self, size_t block, const dwell_norm *norm, dwell_error *err) {
  (void)err;
  expected_norms *e = self;
  assert_int_equal(block, e->seen);
  assert_int_equal(norm->rms, e->opt_bias == NULL);
  assert_int_equal(norm->bias == NULL, e->opt_bias == NULL);
  check_tensor(e, e->gain, norm->gain);
  if (e->opt_bias != NULL) check_tensor(e, e->opt_bias, norm->bias);
  e->seen++;
  return DWELL_OK;
}

/* What the sink is told is what stands in the file. */
static void check_weights(const char *name, expected_norms e) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  const char *path = testing_source(testing_format("tests/golden/model/%s", name));
  assert_ok(checkpoint_open(path, &e.file, &err), &err);
  dwell_source *source = open_model(name);
  dwell_sink sink = {.self = &e, .on_norm = expect_norm};
  assert_ok(dwell_source_run(source, &ctx, &sink, &err), &err);
  assert_int_equal(e.seen, 2);
  dwell_source_destroy(source);
  checkpoint_close(e.file);
}

static void test_weights_of_norms(void **state) {
  (void)state;
  check_weights("gpt2-tiny", (expected_norms){NULL, "transformer.h.", "ln_1.weight", "ln_1.bias", 0});
  check_weights("llama-tiny", (expected_norms){NULL, "model.layers.", "input_layernorm.weight", NULL, 0});
}

/* Where no norm stands before the block, what it reads is the state. */
static void check_identity(dwell_source *source, bool last_too) {
  dwell_measure_options options = all_tokens(0);
  options.normed = true;
  dwell_run *run = measure(source, options);
  size_t rows = dwell_run_rows(run, "layers");
  for (size_t row = 0; row < rows; row++) {
    double a = 0, b = 0;
    assert_true(dwell_run_number(run, "layers", row, "effective_rank_centred", &a));
    bool there = dwell_run_number(run, "layers", row, "effective_rank_ln_centred", &b);
    assert_int_equal(there, last_too || row + 1 < rows);
    if (there) assert_true(a == b);
  }
  dwell_run_destroy(run);
}

static void test_without_norm(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *flow;
  dwell_error err;
  o.n = 12, o.d = 3;
  assert_ok(dwell_flow_open(&o, NULL, &flow, &err), &err);
  check_identity(flow, true);
  check_identity(open_model("bert-tiny"), false);
  double x[L * N * D], value;
  int64_t ids[N];
  fill(x, ids);
  dwell_measure_options options = all_tokens(0);
  options.normed = true;
  dwell_run *run = measure(open_states(L, N, D, x, NULL), options); /* nobody knows */
  assert_false(dwell_run_number(run, "layers", 0, "ip_mean_ln", &value));
  assert_non_null(strstr(run->manifest_body.data, "the norm of the next block is not known"));
  dwell_run_destroy(run);
}

/* ---- heads ---- */

static void check_fit(const dwell_run *run, size_t row, json_t *golden, const char *suffix, const char *name) {
  static const char *const columns[] = {"beta_eff", "beta_r2"};
  for (size_t k = 0; k < 2; k++) {
    double got;
    const char *column = testing_format("%s%s", columns[k], suffix);
    if (!dwell_run_number(run, "heads", row, column, &got)) fail_msg("%s, row %zu: no %s", name, row, column);
    testing_near(got, json_number_value(json_array_get(golden, k)), 1e-11, 1e-12, /* states are good to 1e-14 */
                 testing_format("%s, row %zu, %s", name, row, column), __FILE__, __LINE__);
  }
}

/* Temperatures against numpy's least squares on transformers' states, plain and as the block's norm puts them out
 * (tools/oracle/make_temperatures.py). */
static void check_temperatures(const char *name, json_t *golden) {
  int64_t ids[32];
  json_t *given = json_object_get(golden, "ids"), *blocks = json_object_get(golden, "blocks"), *heads, *head;
  size_t n = json_array_size(given), b, h, row = 0;
  assert_true(n > 0 && n <= 32);
  for (size_t i = 0; i < n; i++) ids[i] = json_integer_value(json_array_get(given, i));
  dwell_measure_options options = all_tokens(0);
  options.normed = true;
  dwell_run *run = measure(open_ids(name, ids, n), options);
  json_array_foreach(blocks, b, heads) {
    json_array_foreach(heads, h, head) {
      json_t *plain = json_object_get(head, "plain"), *normed = json_object_get(head, "ln");
      check_fit(run, row, plain, "", name);
      check_fit(run, row++, json_is_null(normed) ? plain : normed, "_ln", name);
    }
  }
  assert_int_equal(row, dwell_run_rows(run, "heads"));
  assert_non_null(strstr(run->manifest_body.data, "\"heads_that_qualify_ln\""));
  dwell_run_destroy(run);
}

static void test_temperatures(void **state) {
  (void)state;
  const char *name;
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = all_tokens(0);
  dwell_source *source;
  dwell_error err;
  double x;
  json_t *all = json_load_file(testing_source("tests/golden/model/temperatures.json"), 0, NULL), *golden;
  assert_int_equal(json_object_size(all), 4);
  json_object_foreach(all, name, golden) check_temperatures(name, golden);
  json_decref(all);
  options.normed = true, options.instruments = "temperature";
  assert_ok(dwell_import_open(testing_source("tests/golden/instruments/bidirectional.npz"), &ctx, &source, &err), &err);
  dwell_run *run = measure(source, options);
  assert_true(dwell_run_number(run, "heads", 0, "beta_eff", &x));
  assert_false(dwell_run_number(run, "heads", 0, "beta_eff_ln", &x)); /* nobody knows the norm */
  assert_non_null(strstr(run->manifest_body.data, "the norm of the next block is not known"));
  dwell_run_destroy(run);
}

/* ---- names ---- */

static void test_names(void **state) {
  (void)state;
  double x[L * N * D], value;
  int64_t ids[N];
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  dwell_run *run;
  fill(x, ids);
  dwell_measure_options options = all_tokens(0);
  options.instruments = "ip_mean,mass90_robust_centred,cluster_T_robust_types";
  dwell_source *source = open_states(L, N, D, x, ids);
  assert_fails(dwell_measure(&ctx, source, &options, &run, &err), DWELL_USAGE, &err, "\"mass90_robust_centred\"");
  options.robust = true;
  run = measure(source, options);
  assert_int_equal(dwell_run_columns(run, "layers"), 7 + 3);
  assert_true(dwell_run_number(run, "layers", 1, "ip_mean", &value));
  assert_true(dwell_run_number(run, "layers", 1, "mass90_robust_centred", &value));
  assert_true(dwell_run_number(run, "layers", 1, "cluster_T_robust_types", &value));
  dwell_run_destroy(run);
  static const char *const wrong[] = {"margin_robust", "ip_mean_centred_robust", "ip_mean_types", "ip_mean_robust_ln"};
  for (size_t i = 0; i < 4; i++) {
    options.instruments = wrong[i];
    source = open_states(L, N, D, x, ids);
    assert_fails(dwell_measure(&ctx, source, &options, &run, &err), DWELL_USAGE, &err, "no instrument or column");
    dwell_source_destroy(source);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_robust),       cmocka_unit_test(test_robust_of_nothing),
                                     cmocka_unit_test(test_normed),       cmocka_unit_test(test_weights_of_norms),
                                     cmocka_unit_test(test_temperatures), cmocka_unit_test(test_without_norm),
                                     cmocka_unit_test(test_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
