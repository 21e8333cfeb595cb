/* tests/geometry/test_selection.c - which tokens are measured, rule by rule (instruments.md 1.1). */
#include <math.h>

#include "geometry/selection.h"
#include "util/testing.h"

enum { N = 8 };
static const double EVEN[2 * N] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2};

static selection decide(const dwell_trajectory *t, const double *norms, bool drop_special) {
  selection s;
  dwell_error err;
  assert_ok(selection_decide(t, 2, norms, drop_special, &s, &err), &err);
  return s;
}

static void check_indices(const size_t *got, size_t got_count, const size_t *expected, size_t expected_count) {
  assert_int_equal(got_count, expected_count);
  for (size_t k = 0; k < expected_count; k++) assert_int_equal(got[k], expected[k]);
}
#define ASSERT_INDICES(got, count, ...)                                           \
  check_indices(got, count, (size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))

/* D-1-14: special tokens and position 0 enter every statistic. */
static void d_1_14_special_first_and_massive_tokens_are_left_out(void **state) {
  (void)state;
  static const bool special[N] = {false, false, true, false, false, false, false, true};
  double norms[2 * N] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2};
  norms[N + 3] = 10.001; /* massive in state 1 only: above 5 x 2 */
  norms[4] = 5;          /* not above 5 x 1 */
  norms[N + 5] = 0;
  norms[6] = NAN;
  dwell_trajectory t = {.kind = "model", .n = N, .causal = true, .special = special};
  selection s = decide(&t, norms, true);
  ASSERT_INDICES(s.all, s.all_count, 1, 4);
  ASSERT_INDICES(s.types, s.types_count, 1, 4);
  assert_int_equal(s.dropped_first, 1);
  assert_int_equal(s.dropped_special, 2);
  assert_int_equal(s.dropped_massive, 1);
  assert_int_equal(s.dropped_zero, 2);
  assert_int_equal(s.dropped_given, 0);
  assert_true(s.keep[1] && !s.keep[0] && !s.keep[6]);
  selection_free(&s);

  s = decide(&t, norms, false); /* only what has no direction goes */
  ASSERT_INDICES(s.all, s.all_count, 0, 1, 2, 3, 4, 7);
  assert_int_equal(s.dropped_zero, 2);
  selection_free(&s);

  t.causal = false;
  s = decide(&t, norms, true);
  ASSERT_INDICES(s.all, s.all_count, 0, 1, 4);
  assert_int_equal(s.dropped_first, 0);
  selection_free(&s);

  t.kind = "flow", t.causal = true; /* particles stay, also the first and the long ones */
  s = decide(&t, norms, true);
  ASSERT_INDICES(s.all, s.all_count, 0, 1, 2, 3, 4, 7);
  selection_free(&s);
}

static void test_given_mask(void **state) {
  (void)state;
  static const bool keep[N] = {true, false, true, true, true, true, false, true};
  static const bool special[N] = {false, false, true};
  double norms[2 * N] = {99, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 0, 2, 2, 2, 2};
  dwell_trajectory t = {.kind = "import", .n = N, .causal = true, .special = special, .keep = keep};
  for (int drop_special = 0; drop_special < 2; drop_special++) {
    selection s = decide(&t, norms, drop_special);
    ASSERT_INDICES(s.all, s.all_count, 0, 2, 4, 5, 7);
    assert_int_equal(s.dropped_given, 2);
    assert_int_equal(s.dropped_zero, 1);
    assert_int_equal(s.dropped_special + s.dropped_first + s.dropped_massive, 0);
    selection_free(&s);
  }
}

static void test_types(void **state) {
  (void)state;
  static const int64_t ids[N] = {7, 7, -3, 9, 7, -3, 5, 9};
  dwell_trajectory t = {.kind = "model", .n = N, .causal = true, .token_ids = ids};
  selection s = decide(&t, EVEN, true); /* token 0 is not kept, so token 1 is the first 7 */
  ASSERT_INDICES(s.all, s.all_count, 1, 2, 3, 4, 5, 6, 7);
  ASSERT_INDICES(s.types, s.types_count, 1, 2, 3, 6);
  selection_free(&s);
}

static void test_nothing_left(void **state) {
  (void)state;
  static const bool special[N] = {true, true, true, true, true, true, true, true};
  dwell_trajectory t = {.kind = "model", .n = N, .special = special};
  selection s;
  dwell_error err;
  assert_fails(selection_decide(&t, 2, EVEN, true, &s, &err), DWELL_BAD_INPUT, &err, "8 special");
  assert_null(s.all);
  selection_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(d_1_14_special_first_and_massive_tokens_are_left_out),
      cmocka_unit_test(test_given_mask),
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_nothing_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
