/* The import contract: what is read, and what is refused in words. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file/npy.h"
#include "trajectory/source.h"
#include "util/testing.h"

enum { L = 2, N = 3, D = 4, H = 2 };

typedef struct record {
  size_t states, heads, ended;
  double first[L + 1];
  double attention[L * H];
  dwell_dtype dtype;
} record;

static double at(const dwell_cloud *x, size_t i) {
  return x->dtype == DWELL_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

static dwell_status on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  record *r = self;
  (void)err;
  assert_int_equal(frame->state, r->states);
  r->first[r->states++] = at(x, 1);
  r->dtype = x->dtype;
  return DWELL_OK;
}

static dwell_status on_head(void *self, size_t replica, size_t block, size_t head, const void *a, dwell_error *err) {
  record *r = self;
  (void)err, (void)replica;
  assert_int_equal(block, r->states - 1); /* a block's heads come between its two states */
  r->attention[block * H + head] = r->dtype == DWELL_F32 ? (double)((const float *)a)[N] : ((const double *)a)[N];
  r->heads++;
  return DWELL_OK;
}

static dwell_status on_end(void *self, dwell_error *err) {
  (void)err;
  ((record *)self)->ended++;
  return DWELL_OK;
}

static const char *path_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static npz_writer *begin(const char *path) {
  dwell_error err;
  npz_writer *w;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  return w;
}

static void add(npz_writer *w, const char *name, npy_type type, size_t item, size_t rank, const size_t *shape,
                const void *data) {
  dwell_error err;
  assert_ok(npz_writer_add(w, name, type, item, rank, shape, data, &err), &err);
}

static void end(npz_writer *w) {
  dwell_error err;
  assert_ok(npz_writer_commit(w, &err), &err);
}

/* Causal heads; in the k-th, token 1 looks at token 0 with weight k/8. */
static void fill_attention(float a[L * H * N * N]) {
  memset(a, 0, L * H * N * N * sizeof *a);
  for (size_t k = 0; k < L * H; k++) {
    float *head = a + k * N * N;
    head[0] = head[2 * N + 2] = 1;
    head[N] = (float)k / 8, head[N + 1] = 1 - head[N];
  }
}

static const char *whole_file(void) {
  const char *path = path_of("whole.npz");
  float states[(L + 1) * N * D], attention[L * H * N * N];
  for (size_t i = 0; i < (L + 1) * N * D; i++) states[i] = (float)i;
  fill_attention(attention);
  const int64_t ids[N] = {5, 6, 5}, causal = 1;
  const unsigned char keep[N] = {0, 1, 1};
  const uint32_t tokens[N * 2] = {'a', 'b', 'c', 0, 0x20AC, 0};
  const size_t shape[] = {L + 1, N, D}, a_shape[] = {L, H, N, N}, one[] = {N};
  npz_writer *w = begin(path);
  add(w, "states", NPY_FLOAT, 4, 3, shape, states);
  add(w, "attention", NPY_FLOAT, 4, 4, a_shape, attention);
  add(w, "token_ids", NPY_INT, 8, 1, one, ids);
  add(w, "keep", NPY_BOOL, 1, 1, one, keep);
  add(w, "causal", NPY_INT, 8, 0, NULL, &causal);
  add(w, "tokens", NPY_UNICODE, 8, 1, one, tokens);
  end(w);
  return path;
}

static void reads_everything(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  assert_ok(dwell_import_open(whole_file(), NULL, &source, &err), &err);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  assert_int_equal(t->n, N);
  assert_int_equal(t->d, D);
  assert_int_equal(t->states, L + 1);
  assert_int_equal(t->heads, H);
  assert_true(t->causal && t->dtype == DWELL_F32);
  assert_int_equal(t->token_ids[2], 5);
  assert_false(t->keep[0]);
  assert_string_equal(t->pieces[0], "ab");
  assert_string_equal(t->pieces[2], "\xE2\x82\xAC");
  record r = {0};
  dwell_sink sink = {.self = &r, .wants_heads = true, .on_state = on_state, .on_head = on_head, .on_end = on_end};
  assert_ok(dwell_source_run(source, NULL, &sink, &err), &err);
  assert_int_equal(r.states, L + 1);
  assert_int_equal(r.heads, L * H);
  assert_int_equal(r.ended, 1);
  for (size_t l = 0; l <= L; l++) assert_true(r.first[l] == (double)(l * N * D + 1));
  for (size_t k = 0; k < L * H; k++) assert_true(r.attention[k] == (double)k / 8);
  dwell_source_destroy(source);
}

static void reads_numbered_states(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("numbered.npz");
  const size_t shape[] = {N, D};
  double x[N * D] = {0};
  npz_writer *w = begin(path);
  for (int l = 0; l < 3; l++) {
    x[1] = l;
    add(w, testing_format("state_%03d", l), NPY_FLOAT, 8, 2, shape, x);
  }
  end(w);
  assert_ok(dwell_import_open(path, NULL, &source, &err), &err);
  record r = {0};
  dwell_sink sink = {.self = &r, .on_state = on_state};
  assert_ok(dwell_source_run(source, NULL, &sink, &err), &err);
  for (int l = 0; l < 3; l++) assert_true(r.first[l] == l);
  dwell_source_destroy(source);
}

/* One wrong member beside good states. */
static void refuses(const char *member, size_t rank, const size_t *shape, const char *words) {
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("wrong.npz");
  double zeros[256] = {0};
  const size_t good[] = {L + 1, N, D};
  npz_writer *w = begin(path);
  if (strcmp(member, "states") != 0) add(w, "states", NPY_FLOAT, 8, 3, good, zeros);
  add(w, member, NPY_FLOAT, 8, rank, shape, zeros);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, words);
}

static void refuses_wrong_shapes(void **state) {
  (void)state;
  refuses("states", 2, (const size_t[]){N, D}, "[states, n, d]");
  refuses("states", 3, (const size_t[]){L, 0, D}, "no tokens");
  refuses("attention", 4, (const size_t[]){L + 1, H, N, N}, "one less");
  refuses("attention", 4, (const size_t[]){L, H, N, N + 1}, "attention");
  refuses("keep", 1, (const size_t[]){N + 1}, "keep: has the wrong number of elements");
  refuses("token_ids", 1, (const size_t[]){N - 1}, "token_ids");
  refuses("phases", 1, (const size_t[]){4}, "phases");
}

static void says_that_there_are_no_states(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("none.npz");
  const size_t shape[] = {2};
  double x[2] = {0};
  npz_writer *w = begin(path);
  add(w, "other", NPY_FLOAT, 8, 1, shape, x);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, "no array `states`");
  assert_fails(dwell_import_open(path_of("absent.npz"), NULL, &source, &err), DWELL_BAD_INPUT, &err, "absent.npz");
}

/* One wrong number in a good attention array: the answer names head, row and what is wrong. */
static void refuses_attention(bool causal, size_t head, size_t entry, float value, const char *words) {
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("attention.npz");
  const size_t shape[] = {L + 1, N, D}, a_shape[] = {L, H, N, N};
  float states[(L + 1) * N * D] = {1}, attention[L * H * N * N];
  int64_t flag = causal;
  fill_attention(attention);
  attention[head * N * N + entry] = value;
  npz_writer *w = begin(path);
  add(w, "states", NPY_FLOAT, 4, 3, shape, states);
  add(w, "attention", NPY_FLOAT, 4, 4, a_shape, attention);
  add(w, "causal", NPY_INT, 8, 0, NULL, &flag);
  end(w);
  assert_ok(dwell_import_open(path, NULL, &source, &err), &err);
  record r = {0};
  dwell_sink sink = {.self = &r, .wants_heads = true, .on_state = on_state, .on_head = on_head, .on_end = on_end};
  assert_fails(dwell_source_run(source, NULL, &sink, &err), DWELL_BAD_INPUT, &err, words);
  assert_true(strstr(err.file, "attention.npz") != NULL);
  assert_string_equal(err.item, "attention");
  dwell_source_destroy(source);
}

static void refuses_what_is_no_attention(void **state) {
  (void)state;
  refuses_attention(false, 3, N, NAN, "block 1, head 1: row 1 holds a number that is no weight at token 0");
  refuses_attention(false, 0, 0, INFINITY, "block 0, head 0: row 0");
  refuses_attention(false, 2, N + 1, -0.25F, "block 1, head 0: row 1");
  refuses_attention(false, 1, 2 * N + 2, 2, "block 0, head 1: row 2 sums to 2, not 1");
  refuses_attention(false, 1, 2 * N + 2, 0, "sums to 0, not 1");
  refuses_attention(true, 1, 1, 0.001F, "row 0 looks at the later token 1");
}

/* The widest member decides: a state that needs f64 is not squeezed into the f32 of another. */
static void takes_the_widest_type(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("mixed.npz");
  const size_t shape[] = {N, D};
  float narrow[N * D] = {0, 1};
  double wide[N * D] = {0, 1e200};
  npz_writer *w = begin(path);
  add(w, "state_000", NPY_FLOAT, 4, 2, shape, narrow);
  add(w, "state_001", NPY_FLOAT, 8, 2, shape, wide);
  end(w);
  assert_ok(dwell_import_open(path, NULL, &source, &err), &err);
  assert_int_equal(dwell_source_trajectory(source)->dtype, DWELL_F64);
  assert_true(dwell_source_trajectory(source)->epsilon > 1e-8); /* the roundest member decides the floor */
  record r = {0};
  dwell_sink sink = {.self = &r, .on_state = on_state};
  assert_ok(dwell_source_run(source, NULL, &sink, &err), &err);
  assert_true(r.first[1] == 1e200);
  dwell_source_destroy(source);
}

/* Numbered states with a hole would silently be another trajectory; so would two sets of states. */
static void refuses_ambiguous_states(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("hole.npz");
  const size_t shape[] = {N, D}, stacked[] = {L + 1, N, D};
  double x[(L + 1) * N * D] = {0};
  npz_writer *w = begin(path);
  add(w, "state_000", NPY_FLOAT, 8, 2, shape, x);
  add(w, "state_002", NPY_FLOAT, 8, 2, shape, x);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, "there is no state_001");
  w = begin(path);
  add(w, "state_000", NPY_FLOAT, 8, 2, shape, x);
  add(w, "states", NPY_FLOAT, 8, 3, stacked, x);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, "both `states` and state_000");
}

/* Pieces are for the eye: however long, they are read. */
static void reads_long_pieces(void **state) {
  (void)state;
  enum { LONG = 3000 };
  static uint32_t tokens[N][LONG];
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("long.npz");
  const size_t shape[] = {L + 1, N, D}, one[] = {N};
  double x[(L + 1) * N * D] = {0};
  for (size_t i = 0; i < LONG; i++) tokens[1][i] = 0x20AC;
  npz_writer *w = begin(path);
  add(w, "states", NPY_FLOAT, 8, 3, shape, x);
  add(w, "tokens", NPY_UNICODE, sizeof tokens[0], 1, one, tokens);
  end(w);
  assert_ok(dwell_import_open(path, NULL, &source, &err), &err);
  assert_int_equal(strlen(dwell_source_trajectory(source)->pieces[1]), 3 * LONG);
  assert_string_equal(dwell_source_trajectory(source)->pieces[2], "");
  dwell_source_destroy(source);
}

static void refuses_wrong_phases(void **state) {
  (void)state;
  dwell_error err;
  dwell_source *source;
  const char *path = path_of("phases.npz");
  const size_t good[] = {L + 1, N, D}, shape[] = {1, 2}, empty[] = {0, 2};
  double x[(L + 1) * N * D] = {0}, phases[] = {0, NAN};
  npz_writer *w = begin(path);
  add(w, "states", NPY_FLOAT, 8, 3, good, x);
  add(w, "phases", NPY_FLOAT, 8, 2, shape, phases);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, "phases: element 1 is not finite");
  w = begin(path);
  add(w, "states", NPY_FLOAT, 8, 3, good, x);
  add(w, "phases", NPY_FLOAT, 8, 2, empty, phases);
  end(w);
  assert_fails(dwell_import_open(path, NULL, &source, &err), DWELL_BAD_INPUT, &err, "phases: must be");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads_everything),
                                     cmocka_unit_test(reads_numbered_states),
                                     cmocka_unit_test(refuses_wrong_shapes),
                                     cmocka_unit_test(says_that_there_are_no_states),
                                     cmocka_unit_test(refuses_what_is_no_attention),
                                     cmocka_unit_test(takes_the_widest_type),
                                     cmocka_unit_test(refuses_ambiguous_states),
                                     cmocka_unit_test(reads_long_pieces),
                                     cmocka_unit_test(refuses_wrong_phases)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
