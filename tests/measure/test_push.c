/* push.csv against the same pushes made by hand: the run's own states and labels, a patch, a run of all blocks. */
#include <dwell/measure.h>

#include "../model/models.h"
#include "base/mem.h"
#include "mechanism/push.h"
#include "run/run.h"

enum { N = 40, STATE = 1, DRAWS = 4, SEED = 11 };

static const int64_t *ids_of(void) {
  static int64_t ids[N];
  for (size_t i = 0; i < N; i++) ids[i] = (int64_t)(i * i % 17);
  return ids;
}

static dwell_run *measure(dwell_source *source, dwell_push push, int threads, size_t draws) {
  dwell_measure_options o = dwell_measure_options_default();
  dwell_context ctx = {.threads = threads, .seed = SEED};
  dwell_run *run;
  dwell_error err = {0};
  o.null_draws = draws, o.push = push;
  assert_ok(dwell_measure(&ctx, source, &o, &run, &err), &err);
  return run;
}

static double number(const dwell_run *run, size_t row, const char *column) {
  double x = NAN;
  if (!dwell_run_number(run, "push", row, column, &x)) fail_msg("row %zu has no %s", row, column);
  return x;
}

/* The tokens that are measured, and pushed. */
typedef struct kept_rows {
  size_t list[N], count;
} kept_rows;

static kept_rows rows_of(const dwell_run *run) {
  kept_rows rows = {.count = 0};
  size_t rank, shape[4];
  double *keep;
  assert_ok(run_read_array(run, "keep", &keep, &rank, shape, NULL), NULL);
  for (size_t i = 0; i < N; i++) {
    if (keep[i] != 0) rows.list[rows.count++] = i;
  }
  mem_free(keep);
  return rows;
}

/* The states that follow when `delta` is added to state STATE; the final norm behind them. */
static recording pushed(dwell_model *model, const recording *plain, const kept_rows *rows, const double *delta) {
  dwell_model_options o = dwell_model_options_default();
  size_t one = N * plain->d;
  double *x = malloc(one * sizeof *x);
  dwell_source *source;
  memcpy(x, plain->x + STATE * one, one * sizeof *x);
  for (size_t i = 0; i < rows->count; i++) {
    for (size_t k = 0; k < plain->d; k++) x[rows->list[i] * plain->d + k] += delta[i * plain->d + k];
  }
  o.dtype = DWELL_F64;
  o.intervention.patch = x, o.intervention.patch_n = N, o.intervention.patch_d = plain->d;
  o.intervention.patch_state = STATE;
  assert_ok(dwell_model_open_ids(model, ids_of(), N, &o, &source, NULL), NULL);
  recording r = record(source, 1, 0);
  dwell_source_destroy(source);
  free(x);
  return r;
}

static push_distance compare(const recording *plain, const recording *other, const kept_rows *rows, size_t frame,
                             const double *delta) {
  size_t one = N * plain->d;
  bool last = frame == plain->states;
  return push_measure(plain->d, rows->list, rows->count, last ? plain->final_norm : plain->x + frame * one,
                      last ? other->final_norm : other->x + frame * one, delta);
}

static void check_row(const dwell_run *run, const recording *plain, const recording *own, const recording draws[DRAWS],
                      double *const deltas[DRAWS + 1], const kept_rows *rows, size_t frame) {
  size_t row = frame - STATE, least = 1;
  push_distance mine = compare(plain, own, rows, frame, deltas[DRAWS]),
                first = compare(plain, own, rows, STATE, deltas[DRAWS]);
  double mean = 0, square = 0, growth = 0;
  for (size_t r = 0; r < DRAWS; r++) {
    push_distance m = compare(plain, &draws[r], rows, frame, deltas[r]),
                  was = compare(plain, &draws[r], rows, STATE, deltas[r]);
    mean += m.turn / DRAWS, square += m.turn * m.turn / DRAWS, growth += m.turn / was.turn / DRAWS;
    least += m.turn / was.turn <= mine.turn / first.turn;
  }
  /* rounding of the states, 1e-15 times a few, over pushes of the size of the states */
  assert_near(number(run, row, "distance"), mine.distance, 1e-11, 0);
  assert_near(number(run, row, "turn"), mine.turn, 1e-11, 0);
  assert_near(number(run, row, "turn_null_mean"), mean, 1e-11, 0);
  assert_near(number(run, row, "turn_null_sd"), sqrt(fmax(0, square - mean * mean)), 1e-6, 1e-9);
  if (frame < plain->states) assert_near(number(run, row, "kept"), mine.kept, 1e-11, 1e-13);
  if (frame == STATE) return; /* nothing has happened yet */
  assert_near(number(run, row, "turn_p"), (double)least / (DRAWS + 1), 1e-15, 0);
  assert_near(number(run, row, "healing_turn"), 1 - mine.turn / first.turn / growth, 0, 1e-10);
}

static double *labels_of(const dwell_run *run, size_t state) {
  size_t rank, shape[4];
  double *all;
  assert_ok(run_read_array(run, "labels", &all, &rank, shape, NULL), NULL);
  double *labels = malloc(N * sizeof *labels);
  memcpy(labels, all + state * N, N * sizeof *labels);
  mem_free(all);
  return labels;
}

static void check_kind(dwell_model *model, dwell_push_kind kind, double amount) {
  dwell_source *source = open_ids(model, ids_of(), N, DWELL_F64, 0);
  dwell_run *run = measure(source, (dwell_push){kind, amount, STATE}, 2, DRAWS);
  recording plain = record(source, 1, 0), own, draws[DRAWS];
  size_t one = N * plain.d, clusters;
  double *deltas[DRAWS + 1], *labels = labels_of(run, STATE);
  int64_t groups[N];
  kept_rows rows = rows_of(run);
  double *x = malloc(one * sizeof *x);
  for (size_t i = 0; i < rows.count; i++) {
    groups[i] = (int64_t)labels[rows.list[i]];
    memcpy(x + i * plain.d, plain.x + STATE * one + rows.list[i] * plain.d, plain.d * sizeof *x);
  }
  for (size_t r = 0; r <= DRAWS; r++) deltas[r] = malloc(one * sizeof(double));
  assert_ok(push_make(kind, amount, rows.count, plain.d, x, groups, deltas[DRAWS], &clusters, NULL), NULL);
  assert_true(clusters >= 2);
  own = pushed(model, &plain, &rows, deltas[DRAWS]);
  for (size_t r = 0; r < DRAWS; r++) {
    assert_ok(push_random(SEED, r, rows.count, plain.d, deltas[DRAWS], deltas[r], NULL), NULL);
    draws[r] = pushed(model, &plain, &rows, deltas[r]);
  }
  assert_int_equal(dwell_run_rows(run, "push"), plain.states - STATE + (plain.final_norm != NULL));
  for (size_t f = STATE; f < STATE + dwell_run_rows(run, "push"); f++)
    check_row(run, &plain, &own, draws, deltas, &rows, f);
  assert_near(number(run, 0, "kept"), 1, 1e-12, 0);
  for (size_t r = 0; r < DRAWS; r++) recording_free(&draws[r]);
  for (size_t r = 0; r <= DRAWS; r++) free(deltas[r]);
  recording_free(&plain), recording_free(&own);
  free(labels), free(x);
  dwell_run_destroy(run);
  dwell_source_destroy(source);
}

static void test_by_hand(void **state) {
  (void)state;
  const char *names[] = {"gpt2-tiny", "llama-tiny", "bert-tiny", "albert-tiny"};
  for (size_t m = 0; m < 4; m++) {
    dwell_model *model = open_tiny(names[m]);
    check_kind(model, DWELL_PUSH_CENTROID, 1);
    check_kind(model, DWELL_PUSH_TOGETHER, 0.5);
    dwell_model_destroy(model);
  }
}

/* The same for any number of threads. */
static void test_threads(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *source = open_ids(model, ids_of(), N, DWELL_F32, 0);
  dwell_push push = {DWELL_PUSH_CENTROID, 1, STATE};
  dwell_run *one = measure(source, push, 1, 3), *two = measure(source, push, 3, 3);
  for (size_t row = 0; row < dwell_run_rows(one, "push"); row++) {
    for (size_t c = 2; c < dwell_run_columns(one, "push"); c++) {
      const char *name = dwell_run_column_name(one, "push", c);
      double a = -1, b = -1;
      assert_true(dwell_run_number(one, "push", row, name, &a) == dwell_run_number(two, "push", row, name, &b));
      assert_true(a == b);
    }
  }
  dwell_run_destroy(one), dwell_run_destroy(two);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* A push of nothing has no table; without draws there is nothing to compare with. */
static void test_edges(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *source = open_ids(model, ids_of(), N, DWELL_F64, 0);
  dwell_run *still = measure(source, (dwell_push){DWELL_PUSH_CENTROID, 0, STATE}, 1, 2);
  dwell_run *alone = measure(source, (dwell_push){DWELL_PUSH_CENTROID, 1, 2}, 1, 0);
  double x;
  assert_int_equal(dwell_run_rows(still, "push"), 0);
  assert_int_equal(dwell_run_rows(alone, "push"), 2); /* the last state, and the final norm */
  assert_true(number(alone, 1, "distance") > 0);
  assert_false(dwell_run_number(alone, "push", 1, "distance_null_mean", &x));
  assert_false(dwell_run_number(alone, "push", 1, "healing", &x));
  dwell_run_destroy(still), dwell_run_destroy(alone);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

static void refused(const char *instruments, dwell_push push, const char *words) {
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *source = open_ids(model, ids_of(), N, DWELL_F64, 0);
  dwell_measure_options o = dwell_measure_options_default();
  dwell_context ctx = {.threads = 1};
  dwell_run *run;
  dwell_error err = {0};
  o.push = push, o.instruments = instruments;
  assert_fails(dwell_measure(&ctx, source, &o, &run, &err), DWELL_USAGE, &err, words);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

static void test_refused(void **state) {
  (void)state;
  refused(NULL, (dwell_push){DWELL_PUSH_CENTROID, 1, 3}, "no state 3 to push: the states are 0 to 2");
  refused(NULL, (dwell_push){DWELL_PUSH_CENTROID, NAN, 1}, "finite");
  refused("norm", (dwell_push){DWELL_PUSH_CENTROID, 1, 1}, "--instruments must name cluster");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_threads),
                                     cmocka_unit_test(test_edges), cmocka_unit_test(test_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
