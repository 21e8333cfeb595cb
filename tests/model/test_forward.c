/* model: states, attention and parts against transformers in float64 (tools/oracle/make_models.py for the tiny models
 * of the tree; the real checkpoints' own golden files, where they are here).
 *
 * Bounds, relative to the largest entry of a state: f32 5e-5, the noise that transformers itself shows between float32
 * and float64 (golden.txt of the checkpoints: up to 7e-6) with room for another order of summation; f64 1e-7 where the
 * goldens are stored as float32 (half a ulp is 6e-8), 1e-12 where as float64 (1000 ulps for some hundred roundings). */
#include "models.h"

static const dwell_dtype DTYPES[] = {DWELL_F32, DWELL_F64};

typedef struct bounds {
  double state, attention;
} bounds;

/* ---- states and attention of the short text ---- */

static void check_short(dwell_model *model, npz *z, dwell_dtype dtype, bounds bound, const char *name) {
  size_t n, i;
  int64_t *ids = golden_ids(z, "short.ids", &n);
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, 2, WITH_HEADS);
  size_t count = n * r.d;
  double *hidden = golden(z, "short.hidden", NULL), *attn = golden(z, "short.attn", NULL);
  bool raw = npz_find(z, "short.final_raw", &i); /* then hidden[L] is after the final norm */
  for (size_t l = 0; l < r.states - raw; l++) {
    assert_close(r.x + l * count, hidden + l * count, count, bound.state, testing_format("%s, state %zu", name, l));
  }
  if (raw) {
    double *last = golden(z, "short.final_raw", NULL);
    assert_close(r.x + r.blocks * count, last, count, bound.state, testing_format("%s, last state", name));
    assert_close(r.final_norm, hidden + r.blocks * count, count, bound.state, testing_format("%s, final norm", name));
    free(last);
  }
  assert_close(r.attention, attn, r.blocks * r.heads * n * n, bound.attention, testing_format("%s, attention", name));
  free(hidden), free(attn), free(ids);
  recording_free(&r);
  dwell_source_destroy(source);
}

/* ---- checkpoints that are not in the tree ---- */

static void mean_cosine_and_norms(const recording *r, size_t l, double *ret_cosine, double *norms) {
  const double *x = r->x + l * r->n * r->d;
  double *sum = calloc(r->d, sizeof(double)), self = 0;
  for (size_t i = 0; i < r->n; i++) {
    double square = 0;
    for (size_t k = 0; k < r->d; k++) square += x[i * r->d + k] * x[i * r->d + k];
    norms[i] = sqrt(square);
    for (size_t k = 0; k < r->d; k++) sum[k] += x[i * r->d + k] / norms[i];
    for (size_t k = 0; k < r->d; k++) self += x[i * r->d + k] / norms[i] * x[i * r->d + k] / norms[i];
  }
  double all = 0;
  for (size_t k = 0; k < r->d; k++) all += sum[k] * sum[k];
  *ret_cosine = (all - self) / (double)(r->n * (r->n - 1));
  free(sum);
}

/* Norms and mean cosines of the long text are stored as float64: 1e-9 is far above rounding (1e-14 times the block
 * count) and far below any mistake. f32: 1e-5 of float32 noise, averaged over the entries of a token. */
static void check_long(dwell_model *model, npz *z, dwell_dtype dtype, const char *name) {
  size_t n, i;
  double bound = dtype == DWELL_F64 ? 1e-9 : 1e-5, entry = dtype == DWELL_F64 ? 1e-7 : 5e-5;
  int64_t *ids = golden_ids(z, "long.ids", &n);
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, 2, 0);
  double *expected = golden(z, "long.hidden_norm", NULL), *cosines = golden(z, "long.gram_mean", NULL);
  double *ends = golden(z, "long.hidden_first_last", NULL), *norms = malloc(n * sizeof(double)), cosine;
  bool raw = npz_find(z, "long.final_raw_norm", &i);
  for (size_t l = 0; l < r.states - raw; l++) {
    const double *x = r.x + l * n * r.d;
    mean_cosine_and_norms(&r, l, &cosine, norms);
    assert_close(norms, expected + l * n, n, bound, testing_format("%s, norms of state %zu", name, l));
    assert_near(cosine, cosines[l], 0, bound);
    assert_close(x, ends + 2 * l * r.d, r.d, entry, testing_format("%s, first token of state %zu", name, l));
    assert_close(x + (n - 1) * r.d, ends + (2 * l + 1) * r.d, r.d, entry,
                 testing_format("%s, last token of state %zu", name, l));
  }
  if (raw) {
    double *last = golden(z, "long.final_raw_norm", NULL), *mean = golden(z, "long.final_raw_gram_mean", NULL);
    mean_cosine_and_norms(&r, r.blocks, &cosine, norms);
    assert_close(norms, last, n, bound, testing_format("%s, norms of the last state", name));
    assert_near(cosine, mean[0], 0, bound);
    free(last), free(mean);
  }
  free(expected), free(cosines), free(ends), free(norms), free(ids);
  recording_free(&r);
  dwell_source_destroy(source);
}

/* ALBERT's block applied 48 times, four times its native depth. Late iterations of albert-rxnmapper amplify rounding:
 * transformers' own float32 is off by 1e-5 there, dwell's by 3e-5, and both by 1e-6 up to the 32nd. */
static void check_iterations(dwell_model *model, npz *z, dwell_dtype dtype, const char *name) {
  size_t n;
  int64_t *ids = golden_ids(z, "short.ids", &n);
  dwell_source *source = open_ids(model, ids, n, dtype, 48);
  assert_int_equal(dwell_source_trajectory(source)->states, 49);
  recording r = record(source, 2, 0);
  double *hidden = golden(z, "short.hidden48", NULL);
  size_t count = n * r.d;
  for (size_t l = 0; l < r.states; l++) {
    assert_close(r.x + l * count, hidden + l * count, count, dtype == DWELL_F64 ? 1e-7 : 5e-5,
                 testing_format("%s, iteration %zu", name, l));
  }
  free(hidden), free(ids);
  recording_free(&r);
  dwell_source_destroy(source);
}

static void check_shared(const char *name) {
  const char *folder = testing_shared(testing_format("models/%s", name));
  if (folder == NULL) testing_skip_absent(testing_format("models/%s", name));
  npz *z;
  size_t i;
  dwell_error err = {0};
  dwell_model *model = open_model(folder);
  assert_ok(npz_open(testing_format("%s/golden.npz", dwell_model_get_info(model)->folder), &z, &err), &err);
  for (size_t k = 0; k < 2; k++) {
    worst_error = 0;
    bounds bound = DTYPES[k] == DWELL_F64 ? (bounds){1e-7, 1e-7} : (bounds){5e-5, 5e-5};
    check_short(model, z, DTYPES[k], bound, name);
    check_long(model, z, DTYPES[k], name);
    if (npz_find(z, "short.hidden48", &i)) check_iterations(model, z, DTYPES[k], name);
    print_message("%s, f%zu: largest difference %.2g\n", name, 8 * (size_t)DTYPES[k], worst_error);
  }
  npz_close(z);
  dwell_model_destroy(model);
}

static void test_gpt2_capp(void **state) { (void)state, check_shared("gpt2-capp"); }
static void test_gpt2_nano_sort(void **state) { (void)state, check_shared("gpt2-nano-sort"); }
static void test_bert_minilm(void **state) { (void)state, check_shared("bert-minilm-l6"); }
static void test_bert_rxnfp(void **state) { (void)state, check_shared("bert-rxnfp-pretrained"); }
static void test_albert_plbert(void **state) { (void)state, check_shared("albert-plbert"); }
static void test_albert_rxnmapper(void **state) { (void)state, check_shared("albert-rxnmapper"); }
static void test_llama_stories(void **state) { (void)state, check_shared("llama-stories260k"); }

/* ---- the tiny models of the tree ---- */

static void check_parts(dwell_model *model, npz *z, dwell_dtype dtype, double bound, const char *name) {
  size_t n, i;
  int64_t *ids = golden_ids(z, "short.ids", &n);
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, 2, WITH_PARTS);
  double *attn = golden(z, "short.attn_out", NULL), *mlp = golden(z, "short.mlp_out", NULL);
  assert_close(r.attn, attn, r.blocks * n * r.d, bound, testing_format("%s, attention's part", name));
  assert_close(r.mlp, mlp, r.blocks * n * r.d, bound, testing_format("%s, the MLP's part", name));
  if (npz_find(z, "final_norm", &i)) {
    double *last = golden(z, "final_norm", NULL);
    assert_close(r.final_norm, last, n * r.d, bound, testing_format("%s, final norm", name));
    free(last);
  }
  free(attn), free(mlp), free(ids);
  recording_free(&r);
  dwell_source_destroy(source);
}

/* More tokens than fit one tile of attention. */
static void check_long_last(dwell_model *model, npz *z, dwell_dtype dtype, double bound, const char *name) {
  size_t n;
  int64_t *ids = golden_ids(z, "long.ids", &n);
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, 1, 0);
  double *last = golden(z, "long.last", NULL);
  assert_close(r.x + r.blocks * n * r.d, last, n * r.d, bound, testing_format("%s, long text", name));
  free(last), free(ids);
  recording_free(&r);
  dwell_source_destroy(source);
}

static void check_model(dwell_model *model, const char *name) {
  npz *z;
  dwell_error err = {0};
  assert_ok(npz_open(testing_source(testing_format("tests/golden/model/%s/golden.npz", name)), &z, &err), &err);
  for (size_t k = 0; k < 2; k++) {
    worst_error = 0;
    double bound = DTYPES[k] == DWELL_F64 ? 1e-12 : 5e-5;
    check_short(model, z, DTYPES[k], (bounds){bound, bound}, name);
    check_parts(model, z, DTYPES[k], bound, name);
    check_long_last(model, z, DTYPES[k], bound, name);
    print_message("%s, f%zu: largest difference %.2g\n", name, 8 * (size_t)DTYPES[k], worst_error);
  }
  npz_close(z);
  dwell_model_destroy(model);
}

static void check_tiny(const char *name) { check_model(open_tiny(name), name); }

/* The same numbers out of quantised tensors, whose rows of queries and keys stand in another order; and rotary
 * frequencies out of a tensor; and all of it out of three files. */
static void test_gguf(void **state) {
  (void)state;
  check_model(open_tiny("llama-tiny-gguf/model.gguf"), "llama-tiny-gguf");
  check_model(open_tiny("llama3-tiny-gguf/model.gguf"), "llama3-tiny-gguf");
  check_model(open_tiny("llama3-tiny-gguf/split-00001-of-00003.gguf"), "llama3-tiny-gguf");
}

static void test_tiny(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) check_tiny(TINY[m].name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tiny),
      cmocka_unit_test(test_gpt2_capp),
      cmocka_unit_test(test_gpt2_nano_sort),
      cmocka_unit_test(test_bert_minilm),
      cmocka_unit_test(test_bert_rxnfp),
      cmocka_unit_test(test_albert_plbert),
      cmocka_unit_test(test_albert_rxnmapper),
      cmocka_unit_test(test_llama_stories),
      cmocka_unit_test(test_gguf),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
