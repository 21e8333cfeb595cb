/* tests/flow/test_learned.c - the weights of a flow: of tiny checkpoints against the network's own formulas
 * (tools/oracle/make_learned.py), and files that are refused. */
#include "flow/orbiting.h"

#include <dwell/model.h>
#include <unistd.h>

#include "file/npy.h"
#include "flow/families.h"
#include "flow/options.h"
#include "trajectory/source.h"

enum { N = 6, D = 24 };

static void golden(const char *name, const char *what, double *ret) {
  npz *z = NULL;
  size_t at = 0;
  dwell_error err;
  assert_ok(npz_open(testing_source("tests/golden/flow/learned.npz"), &z, &err), &err);
  assert_true(npz_find(z, testing_format("%s_%s", name, what), &at));
  assert_ok(npz_read_f64(z, at, 0, N * D, ret, &err), &err);
  npz_close(z);
}

/* All blocks, or one. */
static dwell_flow_weights *learned(const char *name, size_t first, size_t count) {
  static const int64_t any = 0;
  dwell_error err = {.offset = -1};
  dwell_model *model = NULL;
  dwell_source *source = NULL;
  dwell_flow_weights *w = NULL;
  dwell_model_options o = dwell_model_options_default();
  assert_ok(dwell_model_open(testing_source(testing_format("tests/golden/model/%s-tiny", name)), NULL, &model, &err),
            &err);
  assert_ok(dwell_model_open_ids(model, &any, 1, &o, &source, &err), &err);
  for (size_t b = 0; b < count; b++) {
    dwell_weights view;
    assert_ok(source_weights(source, NULL, first + b, &view, &err), &err);
    if (b == 0) assert_ok(weights_begin(&view, count, name, &w, &err), &err);
    assert_ok(weights_fill(w, b, &view, &err), &err);
    dwell_weights_free(&view);
  }
  assert_ok(weights_finish(w, &err), &err);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return w;
}

/* `x` as a start file. */
static const char *start_file(const double *x) {
  dwell_error err;
  const char *path = testing_format("/tmp/dwell-test-learned-%d.npy", (int)getpid());
  assert_ok(npy_write(path, NPY_FLOAT, 8, 2, (size_t[]){N, D}, x, &err), &err);
  return path;
}

static const char *const names[] = {"gpt2", "llama"};

/* Folded, the maps are sums in another order: roundings of numbers up to 10. */
static void test_attention_of_a_block(void **state) {
  (void)state;
  for (size_t m = 0; m < 2; m++) {
    double x[N * D], want[N * D], a[N * D], masses[N];
    dwell_flow_weights *w = learned(names[m], 0, 2);
    golden(names[m], "start", x);
    assert_int_equal(w->shape.centred, m == 0);
    assert_int_equal(w->rotary, m == 1);
    for (size_t i = 0; i < N; i++) {
      double mean = 0;
      masses[i] = 1.0 / N;
      for (size_t k = 0; k < D; k++) mean += x[i * D + k] / D;
      for (size_t k = 0; k < D && m == 0; k++) x[i * D + k] -= mean;
    }
    field_normalise(N, D, x, x);
    for (size_t b = 0; b < 2; b++) {
      dwell_error err = {.offset = -1};
      flow_layer layer = weights_layer(w, b, 0);
      flow_system s = {.n = N, .d = D, .beta = 1, .masses = masses, .causal = true, .layer = &layer};
      field f;
      assert_ok(field_create(&flow_qkv, &s, NULL, &f, &err), &err);
      assert_ok(field_attention(&f, x, a, &err), &err);
      golden(names[m], testing_format("attention%zu", b), want);
      assert_near(largest_difference(N * D, a, want), 0, 0, 1e-12);
      field_destroy(&f);
    }
    dwell_flow_weights_destroy(w);
  }
}

static void check_run(size_t m, bool layers, const char *what) {
  double x[N * D], want[N * D], time = layers ? 5 : 0.9;
  dwell_flow_weights *w = learned(names[m], 0, 2);
  dwell_flow_options o = dwell_flow_options_default();
  golden(names[m], "start", x);
  golden(names[m], what, want);
  o.flow = "qkv", o.weights = w, o.beta = 1, o.causal = true, o.init = start_file(x), o.rtol = 1e-12;
  o.times = &time, o.times_count = 1, o.layer_time = layers ? 0 : 0.3;
  if (layers) o.integrator = DWELL_LAYER, o.step = 1, o.normalisation = "pre";
  capture got = capture_flow(&o, 1);
  unlink(o.init);
  assert_near(largest_difference(N * D, got.x, want), 0, 0, layers ? 1e-11 : 1e-9);
  capture_free(&got);
  dwell_flow_weights_destroy(w);
}

/* Blocks by turns: the flow, and the network's own residual step. */
static void test_flow_of_a_model(void **state) {
  (void)state;
  for (size_t m = 0; m < 2; m++) check_run(m, false, "flow");
}

static void test_layers_of_a_model(void **state) {
  (void)state;
  for (size_t m = 0; m < 2; m++) check_run(m, true, "layers");
}

/* A token whose coordinates are all equal has no direction once it is centred. */
static void test_start_without_direction(void **state) {
  (void)state;
  double x[N * D], time = 1;
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = 1};
  dwell_source *source = NULL;
  dwell_flow_weights *w = learned("gpt2", 1, 1);
  dwell_flow_options o = dwell_flow_options_default();
  for (size_t e = 0; e < N * D; e++) x[e] = 1;
  o.flow = "qkv", o.weights = w, o.init = start_file(x), o.times = &time, o.times_count = 1;
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  unlink(o.init);
  dwell_sink sink = {0};
  assert_fails(dwell_source_run(source, &ctx, &sink, &err), DWELL_BAD_INPUT, &err, "equal coordinates");
  dwell_source_destroy(source);
  o.heads = 1, o.init = "uniform", o.d = D;
  assert_fails(dwell_flow_open(&o, &ctx, &source, &err), DWELL_USAGE, &err, "share a bias");
  dwell_flow_weights_destroy(w);
}

/* ---- files ---- */

typedef struct member {
  const char *name;
  size_t rank, shape[4];
} member;

static void check_file(const member *members, size_t count, double value, dwell_status want, const char *words) {
  static double data[4096];
  const char *path = testing_format("/tmp/dwell-test-weights-%d.npz", (int)getpid());
  dwell_error err = {.offset = -1};
  npz_writer *to = NULL;
  dwell_flow_weights *w = NULL;
  for (size_t e = 0; e < 4096; e++) data[e] = 0.01 * (double)(e % 17);
  data[5] = value;
  assert_ok(npz_writer_open(path, &to, &err), &err);
  for (size_t k = 0; k < count; k++)
    assert_ok(npz_writer_add(to, members[k].name, NPY_FLOAT, 8, members[k].rank, members[k].shape, data, &err), &err);
  assert_ok(npz_writer_commit(to, &err), &err);
  dwell_status status = dwell_flow_weights_read(path, &w, &err);
  unlink(path);
  if (want == DWELL_OK) {
    assert_ok(status, &err);
  } else {
    assert_fails(status, want, &err, words);
    assert_null(w);
  }
  dwell_flow_weights_destroy(w);
}

static void test_files(void **state) {
  (void)state;
  static const struct {
    member members[3];
    size_t count;
    double value;
    const char *words; /* NULL: fine */
  } files[] = {
      {{{"Q", 2, {3, 4}}, {"K", 2, {3, 4}}}, 2, 1, NULL},
      {{{"V", 3, {2, 4, 4}}}, 1, 1, NULL},
      {{{"V", 4, {3, 2, 4, 4}}, {"a", 2, {5, 4}}, {"omega", 1, {5}}}, 3, 1, NULL},
      {{{"Q", 2, {3, 4}}}, 1, 1, "must be square"},
      {{{"Q", 2, {3, 4}}, {"K", 2, {2, 4}}}, 2, 1, "2 rows of a head"},
      {{{"Q", 2, {3, 4}}, {"K", 2, {3, 5}}}, 2, 1, "5 dimensions"},
      {{{"Q", 3, {2, 4, 4}}, {"V", 3, {3, 4, 4}}}, 2, 1, "3 heads"},
      {{{"Q", 4, {2, 1, 4, 4}}, {"V", 3, {1, 4, 4}}}, 2, 1, "1 layers"},
      {{{"V", 2, {3, 4}}}, 1, 1, "V must be square"},
      {{{"V", 1, {4}}}, 1, 1, "number of dimensions"},
      {{{"V", 2, {0, 4}}}, 1, 1, "empty"},
      {{{"X", 2, {4, 4}}}, 1, 1, "weights are called"},
      {{{"W", 2, {3, 4}}}, 1, 1, "W, U and v"},
      {{{"a", 2, {3, 4}}}, 1, 1, "a and omega"},
      {{{"V", 2, {4, 4}}}, 1, NAN, "not finite"},
      {{{"V", 2, {4, 4}}}, 1, INFINITY, "not finite"},
  };
  for (size_t f = 0; f < sizeof files / sizeof files[0]; f++)
    check_file(files[f].members, files[f].count, files[f].value, files[f].words == NULL ? DWELL_OK : DWELL_BAD_INPUT,
               files[f].words);
}

/* Norms of heads from their factors are those of the products, by power iteration on the whole matrix. */
static void test_norms_of_factors(void **state) {
  (void)state;
  dwell_flow_weights *w = learned("gpt2", 0, 1);
  flow_layer l = weights_layer(w, 0, 1);
  const double *pairs[2][2] = {{l.query, l.key}, {l.write, l.read}}, norms[2] = {l.form_norm, l.value_norm};
  for (size_t p = 0; p < 2; p++) {
    double x[D], y[D], length = 0;
    for (size_t k = 0; k < D; k++) x[k] = 1 + 0.1 * (double)k;
    for (int round = 0; round < 2000; round++) { /* x <- M^T M x with M = a^T b */
      for (int side = 0; side < 2; side++) {
        const double *in = pairs[p][1 - side], *out = pairs[p][side];
        memset(y, 0, sizeof y);
        for (size_t r = 0; r < l.rank; r++) {
          double through = dot(D, in + r * D, x);
          for (size_t k = 0; k < D; k++) y[k] += through * out[r * D + k];
        }
        memcpy(x, y, sizeof x);
      }
      length = sqrt(dot(D, x, x));
      for (size_t k = 0; k < D; k++) x[k] /= length;
    }
    assert_near(norms[p], sqrt(length), 1e-10, 0);
  }
  dwell_flow_weights_destroy(w);
}

/* Random weights: variance 1/d, symmetric by no chance, and the first heads of many are those of few. */
static void test_random_weights(void **state) {
  (void)state;
  dwell_flow_weights *w = NULL;
  dwell_error err;
  double square = 0;
  assert_ok(dwell_flow_weights_draw(2, 3, 20, 5, &w, &err), &err);
  flow_layer all = weights_layer(w, 1, 0), one = weights_layer(w, 1, 1);
  for (size_t e = 0; e < 3 * 400; e++) square += all.query[e] * all.query[e];
  assert_near(square / 1200, 0.05, 0.2, 0); /* 5 standard errors of 4 % */
  assert_ptr_equal(all.query, one.query);
  assert_int_equal(one.heads, 1);
  assert_true(one.value_norm < all.value_norm && !all.symmetric);
  dwell_flow_weights_destroy(w);
  assert_fails(dwell_flow_weights_draw(0, 3, 20, 5, &w, &err), DWELL_USAGE, &err, "cannot be drawn");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_attention_of_a_block),
      cmocka_unit_test(test_flow_of_a_model),
      cmocka_unit_test(test_layers_of_a_model),
      cmocka_unit_test(test_start_without_direction),
      cmocka_unit_test(test_files),
      cmocka_unit_test(test_norms_of_factors),
      cmocka_unit_test(test_random_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
