/* The spool gives back what it was given, from memory and from its file, and refuses what cannot be measured. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trajectory/spool.h"
#include "util/testing.h"

enum { N = 7, D = 5, STATES = 4 };

static dwell_trajectory shape(dwell_dtype dtype) {
  return (dwell_trajectory){
      .kind = "import", .name = "test", .n = N, .d = D, .states = STATES, .replicas = 2, .dtype = dtype};
}

static double number(size_t frame, size_t i) {
  random_stream s = {.purpose = RANDOM_TEST};
  return (float)random_normal(&s, (uint32_t)frame, (uint32_t)i); /* representable in both dtypes */
}

static void fill(spool *s, dwell_dtype dtype) {
  for (size_t frame = 0; frame < 2 * STATES; frame++) {
    double wide[N * D];
    float narrow[N * D];
    dwell_error err;
    for (size_t i = 0; i < N * D; i++) wide[i] = number(frame, i), narrow[i] = (float)wide[i];
    dwell_frame f = {.replica = frame / STATES, .state = frame % STATES, .tap = "resid"};
    dwell_cloud x = {N, D, dtype, dtype == DWELL_F32 ? (void *)narrow : (void *)wide};
    assert_ok(spool_on_state(s, &f, &x, &err), &err);
  }
}

static void check(dwell_dtype dtype, uint64_t memory) {
  dwell_trajectory t = shape(dtype);
  dwell_error err;
  spool *s;
  assert_ok(spool_create(&t, memory, &s, &err), &err);
  fill(s, dtype);
  assert_int_equal(spool_frames(s), 2 * STATES);
  for (size_t frame = 2 * STATES; frame-- > 0;) {
    double x[N * D];
    assert_ok(spool_read(s, frame, x, &err), &err);
    for (size_t i = 0; i < N * D; i++) assert_true(x[i] == number(frame, i));
    assert_int_equal(spool_frame(s, frame)->state, frame % STATES);
  }
  spool_destroy(s);
}

static void gives_back_from_memory(void **state) {
  (void)state;
  check(DWELL_F32, 1 << 20);
  check(DWELL_F64, 1 << 20);
}

static void gives_back_from_file(void **state) {
  (void)state;
  check(DWELL_F32, 0);
  check(DWELL_F64, 0);
}

static void names_what_is_not_finite(void **state) {
  (void)state;
  dwell_trajectory t = shape(DWELL_F64);
  dwell_error err;
  spool *s;
  double wide[N * D] = {0};
  assert_ok(spool_create(&t, 1 << 20, &s, &err), &err);
  dwell_frame f = {.state = 3, .tap = "resid"};
  dwell_cloud x = {N, D, DWELL_F64, wide};
  wide[2 * D + 4] = NAN;
  assert_fails(spool_on_state(s, &f, &x, &err), DWELL_BAD_INPUT, &err,
               "state 3 (resid) is not finite at token 2, dimension 4");
  wide[2 * D + 4] = -INFINITY;
  assert_fails(spool_on_state(s, &f, &x, &err), DWELL_BAD_INPUT, &err, "token 2, dimension 4");
  assert_int_equal(spool_frames(s), 0);
  spool_destroy(s);
}

static void refuses_another_shape(void **state) {
  (void)state;
  dwell_trajectory t = shape(DWELL_F64);
  dwell_error err;
  spool *s;
  double wide[N * D] = {0};
  assert_ok(spool_create(&t, 1 << 20, &s, &err), &err);
  dwell_frame f = {.tap = "resid"};
  dwell_cloud x = {N, D - 1, DWELL_F64, wide};
  assert_fails(spool_on_state(s, &f, &x, &err), DWELL_FAILED, &err, "another shape");
  spool_destroy(s);
}

static void says_where_it_cannot_write(void **state) {
  (void)state;
  dwell_trajectory t = shape(DWELL_F64);
  dwell_error err;
  spool *s;
  char *kept = getenv("TMPDIR") != NULL ? strdup(getenv("TMPDIR")) : NULL;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  assert_fails(spool_create(&t, 0, &s, &err), DWELL_FAILED, &err, "TMPDIR");
  assert_null(s);
  if (kept != NULL) setenv("TMPDIR", kept, 1);
  else unsetenv("TMPDIR");
  free(kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back_from_memory), cmocka_unit_test(gives_back_from_file),
                                     cmocka_unit_test(names_what_is_not_finite),
                                     cmocka_unit_test(refuses_another_shape),
                                     cmocka_unit_test(says_where_it_cannot_write)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
