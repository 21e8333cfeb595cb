/* model: the models that come with dwell against transformers in float64 (tools/oracle/make_nursery.py): token ids of
 * three texts, states of the first. Real weights that are always there.
 *
 * Bounds, relative to the largest entry of a state: f32 5e-5, as test_forward.c; f64 1e-12, 1000 ulps for some hundred
 * roundings of up to 48 blocks. Both sides widen the stored halves exactly. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <unistd.h>

#include "base/sha256.h"
#include "hub/nursery.h"
#include "model/model.h"
#include "models.h"

typedef struct goldens {
  json_t *tokens;
  npz *states;
} goldens;

/* Skips where the models or the goldens are not in the tree. */
static goldens open_goldens(void) {
  static const char *const needed[] = {"data/models/index.json", "tests/golden/nursery/tokens.json"};
  for (size_t i = 0; i < 2; i++) {
    if (access(testing_source(needed[i]), R_OK) == 0) continue;
    print_message("skipped: %s is not in this tree\n", needed[i]);
    skip();
  }
  goldens g = {0};
  json_error_t problem;
  dwell_error err = {0};
  setenv("DWELL_DATA", testing_source("data"), 1);
  g.tokens = json_load_file(testing_source(needed[1]), 0, &problem);
  if (g.tokens == NULL) fail_msg("tokens.json: %s", problem.text);
  assert_ok(npz_open(testing_source("tests/golden/nursery/states.npz"), &g.states, &err), &err);
  return g;
}

static void close_goldens(goldens *g) {
  json_decref(g->tokens);
  npz_close(g->states);
}

/* The golden must be of these weights. */
static dwell_model *open_nursery(const goldens *g, const char *name) {
  dwell_model *model = open_model(testing_format(NURSERY_PREFIX "%s", name));
  const char *path = testing_format("%s/model.safetensors", dwell_model_get_info(model)->folder);
  const char *expected = json_string_value(json_object_get(json_object_get(g->tokens, "sha256"), name));
  char hex[SHA256_SIZE];
  dwell_error err = {0};
  assert_ok(sha256_file(path, hex, &err), &err);
  if (expected == NULL || strcmp(expected, hex) != 0)
    fail_msg("the goldens are of other weights of %s: run tools/oracle/make_nursery.py", name);
  return model;
}

/* ---- token ids ---- */

static void check_ids(const tokenizer *t, const char *text, json_t *expected, const char *what) {
  token_list list;
  dwell_error err = {0};
  assert_ok(tokenizer_encode(t, text, strlen(text), true, &list, &err), &err);
  if (list.count != json_array_size(expected))
    fail_msg("%s: %zu tokens, expected %zu", what, list.count, json_array_size(expected));
  for (size_t i = 0; i < list.count; i++) {
    int64_t id = json_integer_value(json_array_get(expected, i));
    if (list.tokens[i].id != id)
      fail_msg("%s, token %zu: %lld, expected %lld", what, i, (long long)list.tokens[i].id, (long long)id);
  }
  token_list_free(&list);
}

static void test_token_ids(void **state) {
  (void)state;
  goldens g = open_goldens();
  json_t *texts = json_object_get(g.tokens, "texts"), *ids;
  const char *name;
  size_t models = 0;
  json_object_foreach(json_object_get(g.tokens, "ids"), name, ids) {
    dwell_model *model = open_nursery(&g, name);
    assert_non_null(model->tokenizer);
    for (size_t k = 0; k < json_array_size(texts); k++)
      check_ids(model->tokenizer, json_string_value(json_array_get(texts, k)), json_array_get(ids, k),
                testing_format("%s, text %zu", name, k));
    dwell_model_destroy(model);
    models++;
  }
  assert_true(models >= 1);
  close_goldens(&g);
}

/* ---- states ---- */

/* The kept rows of `x` [n,d], one after another. */
static void keep_rows(const double *x, size_t d, const int64_t *rows, size_t count, double *kept) {
  for (size_t i = 0; i < count; i++) memcpy(kept + i * d, x + (size_t)rows[i] * d, d * sizeof *kept);
}

static void check_states(const goldens *g, dwell_model *model, const char *name, dwell_dtype dtype) {
  size_t n, row_count, state_count, i;
  double bound = dtype == DWELL_F64 ? 1e-12 : 5e-5;
  int64_t *ids = golden_ids(g->states, testing_format("%s.ids", name), &n);
  int64_t *rows = golden_ids(g->states, testing_format("%s.rows", name), &row_count);
  int64_t *states = golden_ids(g->states, testing_format("%s.states", name), &state_count);
  double *x = golden(g->states, testing_format("%s.x", name), NULL);
  dwell_source *source = open_ids(model, ids, n, dtype, 0);
  recording r = record(source, 2, 0);
  size_t count = row_count * r.d;
  double *kept = malloc(count * sizeof *kept);
  assert_int_equal(states[state_count - 1], r.blocks);
  for (size_t k = 0; k < state_count; k++) {
    keep_rows(r.x + (size_t)states[k] * n * r.d, r.d, rows, row_count, kept);
    assert_close(kept, x + k * count, count, bound, testing_format("%s, state %lld", name, (long long)states[k]));
  }
  const char *final = testing_format("%s.final", name);
  assert_int_equal(npz_find(g->states, final, &i), r.final_norm != NULL);
  if (r.final_norm != NULL) {
    double *expected = golden(g->states, final, NULL);
    keep_rows(r.final_norm, r.d, rows, row_count, kept);
    assert_close(kept, expected, count, bound, testing_format("%s, final norm", name));
    free(expected);
  }
  free(kept), free(ids), free(rows), free(states), free(x);
  recording_free(&r);
  dwell_source_destroy(source);
}

/* Every model and checkpoint that the index names. */
static void test_states(void **state) {
  (void)state;
  goldens g = open_goldens();
  nursery_index index;
  dwell_error err = {0};
  double worst[2] = {0};
  assert_ok(nursery_index_open(&index, NULL, &err), &err);
  for (size_t i = 0; i < index.count; i++) {
    const nursery_model *m = &index.models[i];
    for (size_t k = 0; k <= m->checkpoint_count; k++) {
      const char *name =
          k == 0 ? m->name : testing_format("%s@step-%lld", m->name, (long long)m->checkpoints[k - 1].step);
      dwell_model *model = open_nursery(&g, name);
      assert_int_equal(dwell_model_get_info(model)->blocks, m->layers);
      assert_int_equal(dwell_model_get_info(model)->width, m->width);
      for (int wide = 0; wide < 2; wide++) {
        worst_error = 0;
        check_states(&g, model, name, wide ? DWELL_F64 : DWELL_F32);
        worst[wide] = fmax(worst[wide], worst_error);
      }
      dwell_model_destroy(model);
    }
  }
  print_message("largest difference: f32 %.2g, f64 %.2g\n", worst[0], worst[1]);
  assert_true(index.count >= 1);
  nursery_index_free(&index);
  close_goldens(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_token_ids), cmocka_unit_test(test_states)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
