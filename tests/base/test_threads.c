/* Parallel loops: every item once, the same results and the same error for any number of threads. */
#include "base/threads.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "util/testing.h"

static dwell_context with_threads(int threads) {
  dwell_context ctx = dwell_context_default();
  ctx.threads = threads;
  return ctx;
}

enum { ITEMS = 500 };

typedef struct job {
  double results[ITEMS];
  int visits[ITEMS], threads;
  size_t fail_from;      /* items from here on fail */
  int asked, stop_after; /* of the interruption callback */
} job;

/* Writes only its own results; long sums, so that any change of order would show. */
static dwell_status sum_item(void *arg, size_t item, int worker, dwell_error *err) {
  job *j = arg;
  if (worker < 0 || worker >= j->threads) return error_set(err, DWELL_FAILED, "worker %d", worker);
  if (item >= j->fail_from) return error_set(err, DWELL_BAD_INPUT, "item %zu is bad", item);
  j->visits[item]++;
  double sum = 0;
  for (size_t t = 1; t < 300; t++) sum += sin((double)(item * t));
  j->results[item] = sum;
  return DWELL_OK;
}

static void same_results_for_any_threads(void **state) {
  (void)state;
  static job jobs[4];
  for (int threads = 0; threads <= 3; threads++) {
    job *j = &jobs[threads];
    *j = (job){.threads = threads > 0 ? threads : 1, .fail_from = SIZE_MAX};
    dwell_context ctx = with_threads(threads);
    dwell_error err;
    assert_int_equal(threads_count(&ctx), j->threads);
    assert_ok(threads_for(threads > 0 ? &ctx : NULL, ITEMS, sum_item, j, &err), &err);
    for (size_t i = 0; i < ITEMS; i++) assert_int_equal(j->visits[i], 1);
    assert_memory_equal(j->results, jobs[0].results, sizeof j->results);
  }
  assert_int_equal(threads_count(NULL), 1);
}

static void no_items_and_one(void **state) {
  (void)state;
  job j = {.threads = 2, .fail_from = SIZE_MAX};
  dwell_context ctx = with_threads(2);
  dwell_error err;
  assert_ok(threads_for(&ctx, 0, sum_item, &j, &err), &err);
  assert_int_equal(j.visits[0], 0);
  assert_ok(threads_for(&ctx, 1, sum_item, &j, &err), &err);
  assert_int_equal(j.visits[0], 1);
}

/* What fails first in order is told for any number of threads; one thread stops there. */
static void failures_stop_the_loop(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    for (int again = 0; again < 20; again++) {
      static job j;
      j = (job){.threads = threads, .fail_from = 100};
      dwell_context ctx = with_threads(threads);
      dwell_error err;
      assert_fails(threads_for(&ctx, ITEMS, sum_item, &j, &err), DWELL_BAD_INPUT, &err, "item 100 is bad");
      assert_int_equal(threads_for(&ctx, ITEMS, sum_item, &j, NULL), DWELL_BAD_INPUT);
      if (threads == 1) assert_int_equal(j.visits[101], 0); /* stopped early */
    }
  }
}

/* Two failures for certain: items 0 and 1 wait for each other, then both fail. */
static int arrived;

static dwell_status meet_and_fail(void *arg, size_t item, int worker, dwell_error *err) {
  (void)arg, (void)worker;
  int here = 0;
#pragma omp atomic update
  arrived++;
  double end = clock_seconds() + 20;
  while (here < 2 && clock_seconds() < end) {
#pragma omp atomic read
    here = arrived;
  }
  return error_set(err, DWELL_BAD_INPUT, "item %zu of %d", item, here);
}

static void smaller_of_two_failures_wins(void **state) {
  (void)state;
  omp_set_dynamic(0); /* OMP_DYNAMIC: fewer threads on a busy machine */
  if (omp_get_thread_limit() < 2) {
    print_message("skipped: OMP_THREAD_LIMIT allows one thread\n");
    skip();
  }
  for (int again = 0; again < 20; again++) {
    arrived = 0;
    dwell_context ctx = with_threads(2);
    dwell_error err;
    assert_fails(threads_for(&ctx, 2, meet_and_fail, NULL, &err), DWELL_BAD_INPUT, &err, "item 0 of 2");
  }
}

static int stop_after(void *self) {
  job *j = self;
  int asked;
#pragma omp atomic capture
  asked = ++j->asked;
  return asked > j->stop_after;
}

static void interruption_stops(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    static job j;
    j = (job){.threads = threads, .fail_from = SIZE_MAX, .stop_after = 50};
    dwell_context ctx = with_threads(threads);
    ctx.interrupted = stop_after, ctx.self = &j;
    dwell_error err;
    assert_fails(threads_for(&ctx, ITEMS, sum_item, &j, &err), DWELL_INTERRUPTED, &err, "interrupted");
    int done = 0;
    for (size_t i = 0; i < ITEMS; i++) done += j.visits[i];
    assert_int_equal(done, 50);
  }
}

static void clock_goes_on(void **state) {
  (void)state;
  double before = clock_seconds();
  uint64_t peak = clock_peak_bytes();
  assert_true(peak > 100000);
  char *block = malloc(50000000);
  assert_non_null(block);
  memset(block, 1, 50000000);
  assert_true(block[(size_t)before % 50000000] == 1);
  assert_true(clock_peak_bytes() >= peak + 20000000);
  free(block);
  assert_true(clock_seconds() > before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_results_for_any_threads), cmocka_unit_test(no_items_and_one),
      cmocka_unit_test(failures_stop_the_loop),       cmocka_unit_test(smaller_of_two_failures_wins),
      cmocka_unit_test(interruption_stops),           cmocka_unit_test(clock_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
