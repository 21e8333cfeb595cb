/* What the output layer says, against transformers (tools/oracle/make_interventions.py): losses of the next token, the
 * same from every state, and losses and KL beside the plain run under all interventions at once.
 *
 * f64: 1e-9 relative of a loss, as far as scores of size 30 leave it; f32: 1e-4 nats, what the rounding of the states
 * (5e-5 of their largest entry) can make of a score. */
#include <dwell/measure.h>

#include "../model/checkpoints.h"
#include "base/mem.h"
#include "model/model.h"
#include "run/run.h"

static const char *const NAMES[] = {"gpt2-tiny",     "gpt2-tiny-f16",     "opt-tiny",
                                    "opt-tiny-post", "llama-tiny-output", "gpt_neox-tiny-output"};
enum { NAMES_COUNT = sizeof NAMES / sizeof NAMES[0] };
static const dwell_head_place SOME[] = {{0, 1}, {1, 0}, {1, 2}};

typedef struct fixture {
  dwell_model *model;
  npz *z;
  int64_t *ids;
  size_t n;
} fixture;

static fixture open_fixture(const char *name) {
  const char *folder = testing_source(testing_format("tests/golden/model/%s", name));
  fixture f = {.model = open_model(folder)};
  npz *own = NULL;
  size_t i;
  assert_ok(npz_open(testing_format("%s/interventions.npz", folder), &f.z, NULL), NULL);
  bool whole = npz_find(f.z, "ids", &i);
  if (!whole) assert_ok(npz_open(testing_format("%s/golden.npz", folder), &own, NULL), NULL);
  f.ids = golden_ids(whole ? f.z : own, whole ? "ids" : "short.ids", &f.n);
  npz_close(own);
  return f;
}

static void close_fixture(fixture *f) {
  npz_close(f->z);
  free(f->ids);
  dwell_model_destroy(f->model);
}

static dwell_source *open_source(const fixture *f, dwell_dtype dtype, const dwell_intervention *opt_what) {
  dwell_model_options o = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  o.dtype = dtype;
  if (opt_what != NULL) o.intervention = *opt_what;
  assert_ok(dwell_model_open_ids(f->model, f->ids, f->n, &o, &source, &err), &err);
  return source;
}

static dwell_run *measure(dwell_source *source, dwell_source *opt_plain, bool lens, int threads) {
  dwell_measure_options o = dwell_measure_options_default();
  dwell_context ctx = {.threads = threads};
  dwell_run *run;
  dwell_error err = {0};
  o.null_draws = 0, o.nll = true, o.lens = lens, o.plain = opt_plain;
  assert_ok(dwell_measure(&ctx, source, &o, &run, &err), &err);
  return run;
}

static double number(const dwell_run *run, const char *name, size_t row, const char *column) {
  double x = NAN;
  if (!dwell_run_number(run, name, row, column, &x)) fail_msg("%s: row %zu has no %s", name, row, column);
  return x;
}

static void check_tokens(const dwell_run *run, const char *column, const double *expected, size_t n, dwell_dtype dtype,
                         const char *what) {
  for (size_t i = 0; i < n; i++) {
    double got = number(run, "tokens", i, column), off = fabs(got - expected[i]);
    double bound = dtype == DWELL_F64 ? 1e-9 * fmax(1e-3, fabs(expected[i])) : 1e-4;
    worst_error = fmax(worst_error, off);
    if (!(off <= bound)) fail_msg("%s, %s of token %zu: %.12g, not %.12g", what, column, i, got, expected[i]);
  }
}

static void check_plain(const fixture *f, dwell_dtype dtype, const char *name) {
  dwell_source *source = open_source(f, dtype, NULL);
  dwell_run *run = measure(source, NULL, true, 2);
  double *nll = golden(f->z, "nll", NULL), *lens = golden(f->z, "lens", NULL), x;
  size_t states = dwell_source_trajectory(source)->states;
  assert_int_equal(dwell_run_rows(run, "tokens"), f->n);
  check_tokens(run, "nll", nll, f->n - 1, dtype, name);
  assert_false(dwell_run_number(run, "tokens", f->n - 1, "nll", &x));
  for (size_t l = 0; l < states; l++) {
    double mean = 0;
    for (size_t i = 0; i + 1 < f->n; i++) mean += lens[l * (f->n - 1) + i] / (double)(f->n - 1);
    assert_near(number(run, "layers", l, "lens_nll"), mean, dtype == DWELL_F64 ? 1e-9 : 0,
                dtype == DWELL_F64 ? 0 : 1e-4);
  }
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  free(nll), free(lens);
}

static dwell_intervention all_of(const fixture *f, const double *patch) {
  dwell_intervention what = dwell_intervention_none();
  what.scale_wo = 0.5, what.scale_wq = 1.7, what.rotate_wo = true, what.rotate_seed = 5;
  what.drop = SOME, what.drop_count = 3;
  what.patch = patch, what.patch_state = 1, what.patch_n = f->n, what.patch_d = 24;
  return what;
}

static void check_changed(const fixture *f, dwell_dtype dtype, const char *name) {
  double *patch = golden(f->z, "patch", NULL), *nll = golden(f->z, "nll", NULL);
  double *changed = golden(f->z, "all.nll", NULL), *kl = golden(f->z, "all.kl", NULL);
  dwell_intervention what = all_of(f, patch);
  dwell_source *source = open_source(f, dtype, &what), *plain = open_source(f, dtype, NULL);
  dwell_run *run = measure(source, plain, false, 2);
  check_tokens(run, "nll", changed, f->n - 1, dtype, name);
  check_tokens(run, "nll_plain", nll, f->n - 1, dtype, name);
  check_tokens(run, "kl", kl, f->n, dtype, name);
  dwell_run_destroy(run);
  dwell_source_destroy(source), dwell_source_destroy(plain);
  free(patch), free(nll), free(changed), free(kl);
}

static void test_golden(void **state) {
  (void)state;
  for (size_t k = 0; k < NAMES_COUNT; k++) {
    fixture f = open_fixture(NAMES[k]);
    double worst[2];
    for (int wide = 0; wide < 2; wide++) {
      worst_error = 0;
      check_plain(&f, wide ? DWELL_F64 : DWELL_F32, NAMES[k]);
      check_changed(&f, wide ? DWELL_F64 : DWELL_F32, NAMES[k]);
      worst[wide] = worst_error;
    }
    print_message("%s: largest difference f64 %.2g, f32 %.2g nats\n", NAMES[k], worst[1], worst[0]);
    close_fixture(&f);
  }
}

/* GPT-NeoX's checkpoints call it embed_out, what transformers 5 saves from a state_dict lm_head. */
static void test_both_names(void **state) {
  (void)state;
  fixture f = open_fixture("gpt_neox-tiny-output");
  const char *other = copy_of("gpt_neox-tiny-output");
  edit_header(other, "lm_head.weight", "embed_out.weight");
  dwell_model_destroy(f.model);
  f.model = open_model(other);
  check_changed(&f, DWELL_F64, "embed_out");
  close_fixture(&f);
}

/* A run beside itself has changed nothing. */
static void test_itself(void **state) {
  (void)state;
  fixture f = open_fixture("gpt2-tiny");
  dwell_source *source = open_source(&f, DWELL_F32, NULL), *plain = open_source(&f, DWELL_F32, NULL);
  dwell_run *run = measure(source, plain, false, 1);
  for (size_t i = 0; i < f.n; i++) {
    assert_near(number(run, "tokens", i, "kl"), 0, 0, 1e-13);
    if (i + 1 < f.n) assert_true(number(run, "tokens", i, "nll") == number(run, "tokens", i, "nll_plain"));
  }
  dwell_run_destroy(run);
  dwell_source_destroy(source), dwell_source_destroy(plain);
  close_fixture(&f);
}

/* ---- tokens of clusters ---- */

static double log_sum_of(const double *scores, size_t count) {
  double sum = 0;
  for (size_t v = 0; v < count; v++) sum += exp(scores[v]);
  return log(sum);
}

/* The centroid's p of one row of the table, from the weights of gpt2-tiny and the run's own labels and states. */
static void check_lens_row(const dwell_run *run, size_t row, const recording *r, const double *labels,
                           const double *words, const double *gain, const double *bias) {
  enum { D = 24, V = 17 };
  size_t l = (size_t)number(run, "lens", row, "state"), c = (size_t)number(run, "lens", row, "cluster");
  size_t id = (size_t)number(run, "lens", row, "id"), members = 0, higher = 0;
  double mean[D] = {0}, centre = 0, square = 0, scores[V] = {0};
  for (size_t i = 0; i < r->n; i++) {
    if (labels[l * r->n + i] != (double)c) continue;
    members++;
    for (size_t k = 0; k < D; k++) mean[k] += r->x[(l * r->n + i) * D + k];
  }
  assert_int_equal(members, (size_t)number(run, "lens", row, "tokens"));
  for (size_t k = 0; k < D; k++) mean[k] /= (double)members, centre += mean[k] / D;
  for (size_t k = 0; k < D; k++) square += (mean[k] - centre) * (mean[k] - centre) / D;
  for (size_t v = 0; v < V; v++) {
    for (size_t k = 0; k < D; k++)
      scores[v] += words[v * D + k] * ((mean[k] - centre) / sqrt(square + 1e-5) * gain[k] + bias[k]);
  }
  for (size_t v = 0; v < V; v++) higher += scores[v] > scores[id];
  assert_int_equal((size_t)number(run, "lens", row, "rank"), higher + 1);
  assert_near(number(run, "lens", row, "p"), exp(scores[id] - log_sum_of(scores, V)), 1e-9, 0);
}

static void test_lens_of_clusters(void **state) {
  (void)state;
  enum { N = 40 };
  static int64_t ids[N];
  for (size_t i = 0; i < N; i++) ids[i] = (int64_t)(i * i % 17);
  fixture f = {.model = open_tiny("gpt2-tiny"), .ids = ids, .n = N};
  dwell_source *source = open_source(&f, DWELL_F64, NULL);
  dwell_run *run = measure(source, NULL, true, 1);
  recording r = record(source, 1, 0);
  size_t rank, shape[4];
  double *labels, words[17 * 24], gain[24], bias[24];
  const weight_provider *p = &f.model->provider;
  assert_ok(run_read_array(run, "labels", &labels, &rank, shape, NULL), NULL);
  assert_ok(p->read(p->self, true, 0, 0, 0, 17 * 24, DWELL_F64, words, NULL), NULL);
  assert_ok(p->read(p->self, true, 0, 2, 0, 24, DWELL_F64, gain, NULL), NULL);
  assert_ok(p->read(p->self, true, 0, 3, 0, 24, DWELL_F64, bias, NULL), NULL);
  size_t rows = dwell_run_rows(run, "lens");
  assert_true(rows >= 10 && rows % 5 == 0);
  for (size_t k = 0; k < rows; k++) check_lens_row(run, k, &r, labels, words, gain, bias);
  mem_free(labels);
  recording_free(&r);
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  dwell_model_destroy(f.model);
}

/* ---- refusals ---- */

static void refused(dwell_source *source, dwell_source *opt_plain, dwell_status status, const char *words) {
  dwell_measure_options o = dwell_measure_options_default();
  dwell_context ctx = {.threads = 1};
  dwell_run *run;
  dwell_error err = {0};
  o.null_draws = 0, o.nll = true, o.plain = opt_plain;
  assert_fails(dwell_measure(&ctx, source, &o, &run, &err), status, &err, words);
  dwell_source_destroy(source);
}

static void test_refused(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3, 4, 5}, others[] = {1, 2, 3, 4, 6};
  dwell_model *gpt2 = open_tiny("gpt2-tiny"), *bert = open_tiny("bert-tiny"), *llama = open_tiny("llama-tiny");
  dwell_model_options o = dwell_model_options_default();
  dwell_source *part, *plain = open_ids(gpt2, others, 5, DWELL_F32, 0);
  refused(open_ids(bert, ids, 5, DWELL_F32, 0), NULL, DWELL_UNSUPPORTED, "does not predict the next token");
  refused(open_ids(llama, ids, 5, DWELL_F32, 0), NULL, DWELL_UNSUPPORTED, "no output layer");
  refused(open_ids(gpt2, ids, 5, DWELL_F32, 0), plain, DWELL_USAGE, "the same tokens");
  o.last_state = 1;
  assert_ok(dwell_model_open_ids(gpt2, ids, 5, &o, &part, NULL), NULL);
  refused(part, NULL, DWELL_USAGE, "reads the last state");
  dwell_source_destroy(plain);
  dwell_model_destroy(gpt2), dwell_model_destroy(bert), dwell_model_destroy(llama);
}

/* A random network of any of them has a random output layer: hardly any preference, a loss near ln of the vocabulary.
 */
static void test_random(void **state) {
  (void)state;
  static const int64_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const char *names[] = {"gpt2-tiny", "llama-tiny", "gpt_neox-tiny", "opt-tiny-post"};
  for (size_t m = 0; m < 4; m++) {
    dwell_model *model = open_tiny(names[m]);
    dwell_model_options o = dwell_model_options_default();
    dwell_source *source;
    o.random_weights = true, o.random_seed = 2;
    assert_ok(dwell_model_open_ids(model, ids, 9, &o, &source, NULL), NULL);
    dwell_run *run = measure(source, NULL, false, 1);
    double mean = 0;
    for (size_t i = 0; i < 8; i++) mean += number(run, "tokens", i, "nll") / 8;
    assert_near(mean, log(17), 0.05, 0);
    dwell_run_destroy(run);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),  cmocka_unit_test(test_both_names),
                                     cmocka_unit_test(test_itself),  cmocka_unit_test(test_lens_of_clusters),
                                     cmocka_unit_test(test_refused), cmocka_unit_test(test_random)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
