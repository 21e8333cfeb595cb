/* Attention measures that read the state at a block's input, from a source made here: which tokens are kept is known
 * only at the end, so blocks that were measured with others are delivered again. */
#include <dwell/measure.h>
#include <jansson.h>

#include "base/error.h"
#include "run/run.h"
#include "trajectory/source.h"
#include "util/clouds.h"
#include "util/heads.h"

enum { N = 40, D = 5, LAYERS = 5, HEADS = 5 };

typedef struct made {
  double x[LAYERS][N * D];
  double *attention[LAYERS - 1][HEADS];
  bool keep[N];
  int64_t ids[N];
  int runs, heads_pushed;
  bool normed; /* it has norms before its blocks, and what they put out is measured too */
  double gain[LAYERS - 1][D], bias[LAYERS - 1][D];
  dwell_trajectory t;
} made;

static dwell_status run(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err) {
  made *m = self;
  dwell_status status = DWELL_OK;
  m->runs++;
  for (size_t l = 0; status == DWELL_OK && l < LAYERS; l++) {
    dwell_frame frame = {.state = l, .tap = "resid"};
    dwell_cloud cloud = {N, D, DWELL_F64, m->x[l]};
    status = source_push_state(ctx, sink, &frame, &cloud, err);
    if (status == DWELL_OK && m->normed && sink->on_norm != NULL && l + 1 < LAYERS) {
      dwell_norm norm = {.epsilon = 1e-5, .gain = m->gain[l], .bias = m->bias[l]};
      status = sink->on_norm(sink->self, l, &norm, err);
    }
    for (size_t h = 0; status == DWELL_OK && l + 1 < LAYERS && sink->wants_heads && h < HEADS; h++) {
      m->heads_pushed++;
      status = sink->on_head(sink->self, 0, l, h, m->attention[l][h], err);
    }
  }
  return status == DWELL_OK ? source_push_end(sink, err) : status;
}

static uint64_t bytes(const void *self, const dwell_context *ctx) {
  (void)self, (void)ctx;
  return 0;
}

static void destroy(void *self) { (void)self; }

/* Normal tokens about two places, in no order; every ninth has the id of another. Attention is a function of nothing.
 */
static made make(bool causal) {
  made m = {.t = {.kind = "import",
                  .name = "made",
                  .n = N,
                  .d = D,
                  .states = LAYERS,
                  .replicas = 1,
                  .heads = HEADS,
                  .causal = causal,
                  .dtype = DWELL_F64,
                  .epsilon = 1e-15}};
  for (size_t l = 0; l < LAYERS; l++) {
    double *x = clouds_normal(N, D, 0, (uint32_t)(80 + l));
    memcpy(m.x[l], x, sizeof m.x[l]);
    free(x);
    for (size_t k = 0; l + 1 < LAYERS && k < D; k++) {
      m.gain[l][k] = 1 + 0.3 * (double)k, m.bias[l][k] = 0.2 * (double)(k * l);
    }
    for (size_t i = 0; i < N; i++) m.x[l][i * D] += i * i / 3 % 2 ? 5 : -5, m.ids[i] = (int64_t)(i % 9 == 8 ? 0 : i);
    for (size_t h = 0; l + 1 < LAYERS && h < HEADS; h++) {
      m.attention[l][h] = heads_random(N, 1, causal, (uint32_t)(90 + l * HEADS + h));
    }
  }
  return m;
}

static void close_made(made *m) {
  for (size_t e = 0; e < (LAYERS - 1) * HEADS; e++) free(m->attention[e / HEADS][e % HEADS]);
}

static dwell_run *measure_with(made *m, const char *instruments, bool types) {
  static const source_vtable vtable = {run, bytes, NULL, destroy};
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source;
  dwell_run *ret;
  dwell_error err;
  options.null_draws = 0;
  options.instruments = instruments;
  options.types = types;
  options.normed = m->normed;
  assert_ok(source_create(&vtable, m, &m->t, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &options, &ret, &err), &err);
  dwell_source_destroy(source);
  return ret;
}

static dwell_run *measure(made *m, const char *instruments) { return measure_with(m, instruments, false); }

static void scale_token(double *x, size_t token, double factor) {
  for (size_t k = 0; k < D; k++) x[token * D + k] *= factor;
}

static void assert_same_heads(const dwell_run *a, const dwell_run *b) {
  assert_int_equal(dwell_run_rows(a, "heads"), (LAYERS - 1) * HEADS);
  for (size_t c = 0; c < dwell_run_columns(a, "heads"); c++) {
    const char *column = dwell_run_column_name(a, "heads", c);
    for (size_t row = 0; row < dwell_run_rows(a, "heads"); row++) {
      double x = 0, y = 0;
      assert_true(dwell_run_number(a, "heads", row, column, &x) == dwell_run_number(b, "heads", row, column, &y));
      if (x != y) fail_msg("%s of row %zu: %.17g, not %.17g", column, row, x, y);
    }
  }
}

/* A token that is massive in state `late` only: the same numbers as if it had been left out from the start. */
static void check_late(size_t late, int runs, int heads_pushed) {
  for (int causal = 0; causal < 2; causal++) {
    made m = make(causal), given = make(causal);
    scale_token(m.x[late], 6, 1000);
    scale_token(given.x[late], 6, 1000);
    for (size_t i = 0; i < N; i++) given.keep[i] = i != 6 && !(causal && i == 0);
    m.normed = given.normed = true;
    m.t.kind = given.t.kind = "model"; /* of an import nobody knows the norms */
    given.t.keep = given.keep;
    dwell_run *a = measure(&m, NULL), *b = measure(&given, NULL);
    assert_same_heads(a, b);
    for (size_t row = 0; row < dwell_run_rows(a, "heads"); row++) {
      double plain = 0, normed = 0;
      assert_true(dwell_run_number(a, "heads", row, "beta_eff", &plain));
      assert_true(dwell_run_number(a, "heads", row, "beta_eff_ln", &normed) && normed != plain);
    }
    assert_int_equal(given.runs, 1);
    assert_int_equal(m.runs, runs);
    assert_int_equal(m.heads_pushed, heads_pushed);
    dwell_run_destroy(a), dwell_run_destroy(b);
    close_made(&m), close_made(&given);
  }
}

static void a_token_that_turns_massive_late(void **state) {
  (void)state;
  const int all = (LAYERS - 1) * HEADS;
  check_late(0, 1, all);
  check_late(1, 2, all + HEADS); /* block 0 again, no further */
  check_late(3, 2, all + 3 * HEADS);
  check_late(LAYERS - 1, 2, 2 * all); /* of the last state no head comes: the whole source runs */
}

/* What needs the attention alone never asks for a second run, nor does what needs no attention. */
static void only_what_needs_it_runs_again(void **state) {
  (void)state;
  static const char *const lists[] = {"entropy,tv_mean", "energy_b1", "ip"};
  for (size_t k = 0; k < 3; k++) {
    made m = make(false);
    scale_token(m.x[LAYERS - 1], 6, 1000);
    dwell_run_destroy(measure(&m, lists[k]));
    assert_int_equal(m.runs, 1);
    assert_int_equal(m.heads_pushed, k == 0 ? (LAYERS - 1) * HEADS : 0);
    close_made(&m);
  }
}

/* `count` heads of the made source become softmax of 1, 2, 3, ... times the cosines of the state before them. */
static void give_temperatures(made *m, size_t count) {
  for (size_t e = 0; e < count; e++) {
    geometry *g = clouds_geometry(m->x[e / HEADS], N, D);
    const double *cosines;
    assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
    for (size_t k = 0; k < N * N; k++) m->attention[e / HEADS][e % HEADS][k] = (double)(e + 1) * cosines[k];
    heads_softmax(N, m->attention[e / HEADS][e % HEADS], m->t.causal);
    geometry_destroy(g);
  }
}

/* The manifest's summaries; *ret_manifest is released by the caller. */
static json_t *summaries(const dwell_run *of, json_t **ret_manifest) {
  char *whole = malloc(of->manifest_body.length + 3);
  sprintf(whole, "{%s}", of->manifest_body.data);
  *ret_manifest = json_loads(whole, 0, NULL);
  free(whole);
  return json_object_get(*ret_manifest, "summaries");
}

/* The median of the heads that qualify, if they are at least 8 and at least half: never a default in its place. */
static void a_temperature_needs_half_of_the_heads(void **state) {
  (void)state;
  static const size_t counts[] = {7, 9, 10, 11, 20};
  for (size_t k = 0; k < 5; k++) {
    made m = make(false);
    json_t *manifest;
    double energy;
    give_temperatures(&m, counts[k]);
    dwell_run *measured = measure(&m, NULL);
    json_t *got = summaries(measured, &manifest), *beta = json_object_get(got, "beta_cal");
    assert_int_equal(json_integer_value(json_object_get(got, "heads")), (LAYERS - 1) * HEADS);
    assert_int_equal(json_integer_value(json_object_get(got, "heads_that_qualify")), counts[k]);
    assert_true(json_is_number(json_object_get(got, "beta_eff_median")));
    if (counts[k] < 10) assert_true(json_is_null(beta));
    else assert_near(json_number_value(beta), (double)(counts[k] + 1) / 2, 1e-10, 0);
    assert_true(dwell_run_number(measured, "layers", 0, "energy_calibrated", &energy) == (counts[k] >= 10));
    json_decref(manifest);
    dwell_run_destroy(measured);
    close_made(&m);
  }
}

/* Alignment with the clusters of first occurrences is `align` of a run over those alone. */
static void alignment_over_types(void **state) {
  (void)state;
  static const char *const names[][2] = {{"align_types", "align"},
                                         {"align_types_null_mean", "align_null_mean"},
                                         {"align_types_null_sd", "align_null_sd"},
                                         {"align_types_p", "align_p"}};
  made m = make(true);
  m.t.token_ids = m.ids;
  dwell_run *both = measure(&m, "alignment"), *types = measure_with(&m, "alignment", true);
  for (size_t row = 0; row < dwell_run_rows(both, "heads"); row++) {
    for (size_t k = 0; k < 4; k++) {
      double a = 0, b = 0, c = 0;
      assert_true(dwell_run_number(both, "heads", row, names[k][0], &a));
      assert_true(dwell_run_number(types, "heads", row, names[k][1], &b));
      assert_true(dwell_run_number(both, "heads", row, names[k][1], &c));
      assert_true(a == b && (a != c || k == 3));
    }
  }
  assert_int_equal(dwell_run_columns(both, "heads"), 3 + 8);
  assert_int_equal(dwell_run_columns(types, "heads"), 3 + 4);
  dwell_run_destroy(both), dwell_run_destroy(types);
  close_made(&m);
}

static dwell_status fail_late(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err) {
  made *m = self;
  if (m->runs == 1) return m->runs++, error_set(err, DWELL_INTERRUPTED, "interrupted");
  return run(self, ctx, sink, err);
}

/* An interruption of the second run is one of the measurement. */
static void the_second_run_may_fail(void **state) {
  (void)state;
  static const source_vtable vtable = {fail_late, bytes, NULL, destroy};
  dwell_context ctx = dwell_context_default();
  dwell_measure_options options = dwell_measure_options_default();
  made m = make(false);
  scale_token(m.x[2], 6, 1000);
  dwell_source *source;
  dwell_run *ret;
  dwell_error err;
  assert_ok(source_create(&vtable, &m, &m.t, &source, &err), &err);
  assert_int_equal(dwell_measure(&ctx, source, &options, &ret, &err), DWELL_INTERRUPTED);
  assert_null(ret);
  assert_int_equal(m.runs, 2);
  dwell_source_destroy(source);
  close_made(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_token_that_turns_massive_late), cmocka_unit_test(only_what_needs_it_runs_again),
      cmocka_unit_test(alignment_over_types), cmocka_unit_test(a_temperature_needs_half_of_the_heads),
      cmocka_unit_test(the_second_run_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
