/* Interventions: states against transformers with the same edits made to its weights
 * (tools/oracle/make_interventions.py), and what must hold bit by bit.
 *
 * Bounds as in test_forward.c: f32 5e-5 of the largest entry; f64 1e-12: an
 * edited weight is rounded once more, and a rotation is 24 products of numbers that both sides make by themselves. */
#include <math.h>

#include "checkpoints.h"
#include "model/edits.h"
#include "trajectory/source.h"

static const dwell_head_place SOME[] = {{0, 1}, {1, 0}, {1, 2}};
static const dwell_head_place ALL[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}, {1, 1}, {1, 2}, {1, 3}};

enum { WO = 1, WQ = 2, ROTATE = 4, DROP = 8, DROPPED = 16, PATCH = 32 };

static dwell_intervention intervention(const dwell_model *model, unsigned what, const double *patch) {
  const dwell_model_info *info = dwell_model_get_info(model);
  static dwell_head_place dropped[8];
  bool shared = model->architecture->shared_block;
  dwell_intervention i = dwell_intervention_none();
  if (what & WO) i.scale_wo = 0.5;
  if (what & WQ) i.scale_wq = 1.7;
  if (what & ROTATE) i.rotate_wo = true, i.rotate_seed = 5;
  if (what & DROP) i.drop = SOME, i.drop_count = shared ? 1 : 3;
  if (what & DROPPED) {
    i.drop = dropped;
    for (size_t k = 0; k < 8; k++) {
      if (ALL[k].head < info->heads && (ALL[k].block == 0 || !shared)) dropped[i.drop_count++] = ALL[k];
    }
  }
  if (what & PATCH) i.patch = patch, i.patch_n = 9, i.patch_d = info->width, i.patch_state = 1;
  return i;
}

static dwell_model_options options_of(dwell_dtype dtype, dwell_intervention i) {
  dwell_model_options o = dwell_model_options_default();
  o.dtype = dtype, o.intervention = i;
  return o;
}

static recording run(dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *o, int threads,
                     unsigned with) {
  dwell_source *source;
  dwell_error err = {0};
  assert_ok(dwell_model_open_ids(model, ids, n, o, &source, &err), &err);
  recording r = record(source, threads, with);
  dwell_source_destroy(source);
  return r;
}

static const int64_t IDS[9] = {3, 1, 4, 1, 5, 9, 2, 6, 5};

static size_t bytes_of(const recording *r) { return r->states * r->n * r->d * r->size; }

/* ---- against transformers ---- */

static const struct edit {
  const char *key;
  unsigned what;
} EDITS[] = {{"scale_wo.last", WO},
             {"scale_wq.last", WQ},
             {"rotate.last", ROTATE},
             {"drop.last", DROP},
             {"dropped.last", DROPPED},
             {"patch.last", PATCH},
             {"all.last", WO | WQ | ROTATE | DROP | PATCH}};
enum { EDITS_COUNT = sizeof EDITS / sizeof EDITS[0] };

static void check_edits(dwell_model *model, npz *z, const int64_t *ids, dwell_dtype dtype, const char *name) {
  double *patch = golden(z, "patch", NULL), bound = dtype == DWELL_F64 ? 1e-12 : 5e-5;
  for (size_t k = 0; k < EDITS_COUNT; k++) {
    size_t i;
    if (!npz_find(z, EDITS[k].key, &i)) continue; /* models with an output layer of their own have all.last only */
    dwell_model_options o = options_of(dtype, intervention(model, EDITS[k].what, patch));
    recording r = run(model, ids, 9, &o, 2, 0);
    double *last = golden(z, EDITS[k].key, NULL);
    assert_close(r.x + r.blocks * 9 * r.d, last, 9 * r.d, bound, testing_format("%s, %s", name, EDITS[k].key));
    free(last);
    recording_free(&r);
  }
  free(patch);
}

static void check_model(const char *name, const char *ids_file, const char *ids_key) {
  const char *folder = testing_source(testing_format("tests/golden/model/%s", name));
  npz *z, *own;
  dwell_error err = {0};
  size_t n;
  assert_ok(npz_open(testing_format("%s/interventions.npz", folder), &z, &err), &err);
  assert_ok(npz_open(testing_format("%s/%s", folder, ids_file), &own, &err), &err);
  int64_t *ids = golden_ids(own, ids_key, &n);
  dwell_model *model = open_model(folder);
  worst_error = 0;
  check_edits(model, z, ids, DWELL_F64, name);
  double exact = worst_error;
  worst_error = 0;
  check_edits(model, z, ids, DWELL_F32, name);
  print_message("%s: largest difference f64 %.2g, f32 %.2g\n", name, exact, worst_error);
  dwell_model_destroy(model);
  free(ids);
  npz_close(z), npz_close(own);
}

static void test_golden(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) check_model(TINY[m].name, "golden.npz", "short.ids");
  check_model("llama-tiny-output", "interventions.npz", "ids");
  check_model("gpt_neox-tiny-output", "interventions.npz", "ids");
}

/* ---- bit by bit ---- */

/* The same for any number of threads, with kept weights or without, once more, and with random weights; other than the
 * plain run. */
static void test_same_bits(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    dwell_intervention i = intervention(model, WO | WQ | ROTATE | DROP, NULL);
    for (int kind = 0; kind < 3; kind++) {
      dwell_model_options o = options_of(kind == 1 ? DWELL_F64 : DWELL_F32, i), plain = o;
      plain.intervention = dwell_intervention_none();
      o.random_weights = plain.random_weights = kind == 2;
      recording a = run(model, IDS, 9, &o, 1, 0), b = run(model, IDS, 9, &o, 2, 0);
      assert_ok(dwell_model_keep_weights(model, o.dtype, NULL, NULL), NULL);
      recording c = run(model, IDS, 9, &o, 2, 0), d = run(model, IDS, 9, &plain, 1, 0);
      dwell_model_drop_weights(model);
      assert_memory_equal(a.bits, b.bits, bytes_of(&a));
      assert_memory_equal(a.bits, c.bits, bytes_of(&a));
      assert_memory_not_equal(a.bits, d.bits, bytes_of(&a));
      recording_free(&a), recording_free(&b), recording_free(&c), recording_free(&d);
    }
    dwell_model_destroy(model);
  }
}

/* Scale 1 is the plain run, another seed another rotation, and scale 0 is all heads dropped and no bias. */
static void test_limits(void **state) {
  (void)state;
  dwell_model *model = open_tiny("qwen2-tiny"); /* whose attention has no output bias */
  dwell_intervention none = dwell_intervention_none(), zero = none, turned = none, other;
  dwell_intervention gone = intervention(model, DROPPED, NULL);
  zero.scale_wo = 0, turned.rotate_wo = true, turned.rotate_seed = 1, other = turned, other.rotate_seed = 2;
  const dwell_intervention all[] = {none, zero, gone, turned, other};
  recording r[5];
  for (size_t k = 0; k < 5; k++) {
    dwell_model_options o = options_of(DWELL_F64, all[k]);
    r[k] = run(model, IDS, 9, &o, 1, WITH_PARTS);
  }
  dwell_source *source = open_ids(model, IDS, 9, DWELL_F64, 0);
  recording plain = record(source, 1, 0);
  dwell_source_destroy(source);
  assert_memory_equal(r[0].bits, plain.bits, bytes_of(&plain));
  for (size_t i = 0; i < 2 * 9 * r[1].d; i++) assert_true(r[1].attn[i] == 0 && r[2].attn[i] == 0);
  assert_memory_equal(r[1].x, r[2].x, r[1].states * 9 * r[1].d * sizeof(double));
  assert_memory_not_equal(r[3].bits, r[4].bits, bytes_of(&r[3]));
  for (size_t k = 0; k < 5; k++) recording_free(&r[k]);
  recording_free(&plain);
  dwell_model_destroy(model);
}

static double cosine(size_t d, const double *x, const double *y) {
  double xx = 0, xy = 0, yy = 0;
  for (size_t k = 0; k < d; k++) xx += x[k] * x[k], xy += x[k] * y[k], yy += y[k] * y[k];
  return xy / sqrt(xx * yy);
}

/* D-2b-1: a rotation of the frame is an identity; one of what heads write is an intervention. Squared lengths and
 * heads' writes among themselves stay at first, cosines of the tokens do not. */
static void d_2b_1_turning_what_heads_write_is_no_identity(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_intervention none = dwell_intervention_none(), turned = none;
  turned.rotate_wo = true, turned.rotate_seed = 1;
  dwell_model_options plain = options_of(DWELL_F64, none), other = options_of(DWELL_F64, turned);
  recording a = run(model, IDS, 9, &plain, 1, 0), b = run(model, IDS, 9, &other, 1, 0);
  double most = 0;
  for (size_t i = 0; i < 9; i++) {
    const double *x = a.x + ((a.states - 1) * 9 + i) * a.d, *y = b.x + ((b.states - 1) * 9 + i) * b.d;
    for (size_t j = 0; j < i; j++) {
      const double *u = a.x + ((a.states - 1) * 9 + j) * a.d, *v = b.x + ((b.states - 1) * 9 + j) * b.d;
      most = fmax(most, fabs(cosine(a.d, x, u) - cosine(b.d, y, v)));
    }
  }
  assert_true(most > 0.01);
  recording_free(&a), recording_free(&b);
  dwell_model_destroy(model);
}

/* Without heads attention puts out its bias, to the bit. */
static void test_bias_stays(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    const model_attention *at = &model->architecture->attention;
    dwell_model_options o = options_of(DWELL_F64, intervention(model, DROPPED, NULL));
    recording r = run(model, IDS, 9, &o, 2, WITH_PARTS);
    double *bias = calloc(r.d, sizeof(double));
    for (size_t b = 0; b < r.blocks; b++) {
      if (model_slot_present(&model->shape, &model->architecture->block[at->output_bias]))
        assert_ok(model->provider.read(model->provider.self, false, b, at->output_bias, 0, r.d, DWELL_F64, bias, NULL),
                  NULL);
      for (size_t i = 0; i < 9 * r.d; i++) assert_true(r.attn[b * 9 * r.d + i] == bias[i % r.d]);
    }
    free(bias);
    recording_free(&r);
    dwell_model_destroy(model);
  }
}

/* A state put back where it was changes nothing, whether the blocks before it run or not. */
static void test_own_state(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    for (int wide = 0; wide < 2; wide++) {
      dwell_model_options o = options_of(wide ? DWELL_F64 : DWELL_F32, dwell_intervention_none());
      recording plain = run(model, IDS, 9, &o, 1, 0);
      size_t one = 9 * plain.d;
      for (size_t l = 0; l < plain.states; l++) {
        o.intervention.patch = plain.x + l * one, o.intervention.patch_state = l;
        o.intervention.patch_n = 9, o.intervention.patch_d = plain.d;
        recording r = run(model, IDS, 9, &o, 2, 0);
        assert_memory_equal(r.bits, plain.bits, bytes_of(&plain));
        if (plain.final_norm) assert_memory_equal(r.final_norm, plain.final_norm, one * sizeof(double));
        recording_free(&r);
      }
      recording_free(&plain);
    }
    dwell_model_destroy(model);
  }
}

typedef struct later {
  const recording *plain;
  size_t pushed, first;
} later;

static dwell_status compare_later(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)err;
  later *l = self;
  size_t one = x->n * x->d * l->plain->size;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  if (l->pushed++ == 0) assert_int_equal(frame->state, l->first);
  assert_memory_equal(x->data, l->plain->bits + frame->state * one, one);
  return DWELL_OK;
}

/* Going on from a state pushes it and what follows, and nothing before. */
static void test_run_from(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    dwell_source *source = open_ids(model, IDS, 9, DWELL_F32, 0);
    dwell_context ctx = {.threads = 2};
    recording plain = record(source, 1, 0);
    for (size_t l = 0; l < plain.states; l++) {
      later seen = {.plain = &plain, .first = l};
      dwell_sink sink = {.self = &seen, .on_state = compare_later};
      assert_ok(source_run_from(source, &ctx, &sink, l, plain.x + l * 9 * plain.d, NULL), NULL);
      assert_int_equal(seen.pushed, plain.states - l);
    }
    dwell_error err = {0};
    assert_fails(source_run_from(source, &ctx, &(dwell_sink){0}, plain.states, plain.x, &err), DWELL_USAGE, &err,
                 "no state 3");
    recording_free(&plain);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

/* Edited numbers do not depend on the pieces in which they are read. */
static void test_pieces(void **state) {
  (void)state;
  const char *names[] = {"gpt2-tiny", "llama-tiny", "gpt_neox-tiny"};
  for (size_t m = 0; m < 3; m++) {
    dwell_model *model = open_tiny(names[m]);
    dwell_intervention what = intervention(model, WO | WQ | ROTATE | DROP, NULL);
    weight_edits *e;
    assert_ok(edits_open(model, &what, &model->provider, &e, NULL), NULL);
    weight_provider p = edits_provider(e);
    const model_architecture *a = model->architecture;
    for (size_t s = 0; s < a->block_count; s++) {
      size_t columns = model_dim_size(&model->shape, a->block[s].columns),
             count = model_dim_size(&model->shape, a->block[s].rows) * columns;
      if (!model_slot_present(&model->shape, &a->block[s])) continue;
      double *whole = calloc(count, sizeof(double)), *part = calloc(count, sizeof(double));
      assert_ok(p.read(p.self, false, 1, s, 0, count, DWELL_F64, whole, NULL), NULL);
      for (size_t at = 0; at < count; at += 37) {
        size_t some = count - at < 37 ? count - at : 37;
        assert_ok(p.read(p.self, false, 1, s, at, some, DWELL_F64, part + at, NULL), NULL);
      }
      assert_memory_equal(whole, part, count * sizeof(double));
      free(whole), free(part);
    }
    edits_close(e);
    dwell_model_destroy(model);
  }
}

/* ---- refusals ---- */

static void refused(dwell_model *model, dwell_intervention i, dwell_status status, const char *words) {
  dwell_model_options o = options_of(DWELL_F32, i);
  dwell_source *source;
  dwell_error err = {0};
  assert_fails(dwell_model_open_ids(model, IDS, 9, &o, &source, &err), status, &err, words);
  assert_null(source);
}

static void test_refused(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny"), *shared = open_tiny("albert-tiny");
  dwell_intervention none = dwell_intervention_none(), i = none;
  double x[9 * 24] = {0};
  i.scale_wo = NAN, refused(model, i, DWELL_USAGE, "finite");
  i = none, i.scale_wq = INFINITY, refused(model, i, DWELL_USAGE, "finite");
  dwell_head_place at = {2, 1};
  i = none, i.drop = &at, i.drop_count = 1, refused(model, i, DWELL_USAGE, "no head 2.1");
  at = (dwell_head_place){0, 3}, refused(model, i, DWELL_USAGE, "no head 0.3");
  at = (dwell_head_place){1, 0}, refused(shared, i, DWELL_USAGE, "no head 1.0");
  i = none, i.patch = x, i.patch_n = 9, i.patch_d = 24, i.patch_state = 3;
  refused(model, i, DWELL_USAGE, "no state 3");
  i.patch_state = 1, i.patch_n = 8, refused(model, i, DWELL_BAD_INPUT, "8 tokens of 24 dimensions, the state 9 of 24");
  i.patch_n = 9, i.patch_d = 23, refused(model, i, DWELL_BAD_INPUT, "9 tokens of 23");
  i.patch_d = 24, x[30] = NAN, refused(model, i, DWELL_BAD_INPUT, "not finite");
  dwell_model_destroy(model), dwell_model_destroy(shared);
}

/* ---- patches from files ---- */

static void test_patch_files(void **state) {
  (void)state;
  const double x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const int64_t first = 5;
  const size_t three[] = {2, 3, 2}, two[] = {3, 4}, one = 1;
  const char *stacked = testing_format("%s/stacked.npz", testing_folder());
  const char *flat = testing_format("%s/flat.npz", testing_folder());
  npz_writer *w;
  double *got;
  size_t n, d;
  dwell_error err = {0};
  assert_ok(npz_writer_open(stacked, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, three, x, &err), &err);
  assert_ok(npz_writer_add(w, "state_index", NPY_INT, 8, 1, &one, &first, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(npz_writer_open(flat, &w, &err), &err);
  assert_ok(npz_writer_add(w, "state", NPY_FLOAT, 8, 2, two, x, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_ok(dwell_patch_read(stacked, 6, &got, &n, &d, &err), &err);
  assert_true(n == 3 && d == 2 && got[0] == 6 && got[5] == 11);
  dwell_patch_free(got);
  assert_ok(dwell_patch_read(flat, 6, &got, &n, &d, &err), &err);
  assert_true(n == 3 && d == 4 && got[0] == 0 && got[11] == 11);
  dwell_patch_free(got);
  assert_fails(dwell_patch_read(stacked, 4, &got, &n, &d, &err), DWELL_USAGE, &err, "its states are 5 to 6");
  assert_fails(dwell_patch_read(stacked, 7, &got, &n, &d, &err), DWELL_USAGE, &err, "its states are 5 to 6");
  assert_ok(npz_writer_open(flat, &w, &err), &err);
  assert_ok(npz_writer_add(w, "x", NPY_FLOAT, 8, 2, two, x, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_fails(dwell_patch_read(flat, 0, &got, &n, &d, &err), DWELL_BAD_INPUT, &err, "no array `state`");
  assert_ok(npz_writer_open(flat, &w, &err), &err);
  assert_ok(npz_writer_add(w, "state", NPY_FLOAT, 8, 1, &one, &(double){NAN}, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_fails(dwell_patch_read(flat, 0, &got, &n, &d, &err), DWELL_BAD_INPUT, &err, "[n, d]");
  const size_t square[] = {1, 1};
  assert_ok(npz_writer_open(flat, &w, &err), &err);
  assert_ok(npz_writer_add(w, "state", NPY_FLOAT, 8, 2, square, &(double){NAN}, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  assert_fails(dwell_patch_read(flat, 0, &got, &n, &d, &err), DWELL_BAD_INPUT, &err, "not a finite number");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),     cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_limits),     cmocka_unit_test(d_2b_1_turning_what_heads_write_is_no_identity),
      cmocka_unit_test(test_bias_stays), cmocka_unit_test(test_own_state),
      cmocka_unit_test(test_run_from),   cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_refused),    cmocka_unit_test(test_patch_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
