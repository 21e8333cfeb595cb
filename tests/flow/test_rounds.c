/* tests/flow/test_rounds.c - a tournament of blocks: everybody meets everybody once, in an order that threads do not
 * change, and nobody is left waiting when it is broken off. */
#include "flow/rounds.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "util/testing.h"

enum { MOST = 40, ALONE = 1000, DONE = 1001 };

/* What each block saw, in its order: itself, the others, the end. */
typedef struct book {
  size_t seen[MOST][MOST + 2], count[MOST];
  size_t fails_at;
} book;

static void enter(book *b, size_t block, size_t what) { b->seen[block][b->count[block]++] = what; }

static dwell_status alone(void *arg, size_t block, int worker, dwell_error *err) {
  (void)worker;
  book *b = arg;
  if (block == b->fails_at) return error_set(err, DWELL_FAILED, "block %zu", block);
  enter(b, block, ALONE);
  return DWELL_OK;
}

static void meet(const void *arg, size_t a, size_t b, int worker) {
  (void)worker;
  book *book_of = (book *)(uintptr_t)arg;
  enter(book_of, a, b);
  enter(book_of, b, a);
}

static dwell_status done(void *arg, size_t block, int worker, dwell_error *err) {
  (void)worker, (void)err;
  enter(arg, block, DONE);
  return DWELL_OK;
}

static dwell_status play(book *b, size_t blocks, int threads, dwell_error *err) {
  static rounds_progress progress[MOST];
  dwell_context ctx = {.threads = threads};
  rounds_play p = {blocks, alone, meet, done, b};
  return rounds_run(&ctx, &p, progress, err);
}

static void check(const book *b, size_t blocks) {
  for (size_t a = 0; a < blocks; a++) {
    bool met[MOST] = {false};
    assert_int_equal(b->count[a], blocks + 1);
    assert_int_equal(b->seen[a][0], ALONE);
    assert_int_equal(b->seen[a][blocks], DONE);
    for (size_t k = 1; k < blocks; k++) {
      size_t other = b->seen[a][k];
      assert_true(other < blocks && other != a && !met[other]);
      met[other] = true;
    }
  }
}

static void everybody_meets_everybody_once(void **state) {
  (void)state;
  for (size_t blocks = 1; blocks < MOST; blocks++) {
    book one = {.fails_at = MOST}, two = one, five = one;
    dwell_error err;
    assert_ok(play(&one, blocks, 1, &err), &err);
    assert_ok(play(&two, blocks, 2, &err), &err);
    assert_ok(play(&five, blocks, 5, &err), &err);
    check(&one, blocks);
    assert_memory_equal(&one, &two, sizeof one);
    assert_memory_equal(&one, &five, sizeof one);
  }
}

static void a_failure_ends_it(void **state) {
  (void)state;
  for (size_t fails_at = 0; fails_at < 9; fails_at++) {
    book b = {.fails_at = fails_at};
    dwell_error err;
    assert_int_equal(play(&b, 9, 1 + (int)fails_at % 3, &err), DWELL_FAILED);
    for (size_t k = 0; k < b.count[8]; k++) assert_true(b.seen[8][k] != DONE);
  }
}

static int at_once(void *self) {
  int *left = self;
  int now;
#pragma omp atomic capture
  now = --*left;
  return now < 0;
}

static void it_can_be_interrupted(void **state) {
  (void)state;
  static rounds_progress progress[MOST];
  for (int calls = 0; calls < 60; calls += 7) {
    int left = calls;
    book b = {.fails_at = MOST};
    rounds_play p = {20, alone, meet, done, &b};
    dwell_context ctx = {.threads = 3, .interrupted = at_once, .self = &left};
    dwell_error err;
    assert_int_equal(rounds_run(&ctx, &p, progress, &err), DWELL_INTERRUPTED);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everybody_meets_everybody_once),
      cmocka_unit_test(a_failure_ends_it),
      cmocka_unit_test(it_can_be_interrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
