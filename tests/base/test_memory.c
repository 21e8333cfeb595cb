/* Allocation with checked sizes, and arenas. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "util/testing.h"

static bool aligned(const void *p, uintptr_t to) { return (uintptr_t)p % to == 0; }

static void sizes_are_checked(void **state) {
  (void)state;
  size_t r = 77;
  assert_true(size_mul(SIZE_MAX, 1, &r) && r == SIZE_MAX);
  assert_true(size_mul(0, SIZE_MAX, &r) && r == 0);
  assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &r));
  assert_true(size_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX);
  assert_false(size_add(SIZE_MAX, 1, &r));
}

static void absurd_requests_fail(void **state) {
  (void)state;
  assert_null(mem_alloc(SIZE_MAX, 1));
  assert_null(mem_alloc(SIZE_MAX / 8 + 2, 8)); /* wraps around to 8 bytes */
  assert_null(mem_alloc((size_t)PTRDIFF_MAX, 1));
  assert_null(mem_zero((size_t)1 << 63, 2)); /* wraps around to 0 bytes */
  char *old = mem_alloc(4, 1);
  memcpy(old, "abc", 4);
  assert_null(mem_grow(old, 4, SIZE_MAX / 2, 4));
  assert_string_equal(old, "abc"); /* still there */
  assert_null(mem_copy(old, SIZE_MAX / 2, 4));
  mem_free(old);
  mem_free(NULL);
}

static void buffers_are_aligned_zeroed_and_grown(void **state) {
  (void)state;
  for (size_t size = 0; size < 300; size += 7) {
    unsigned char *a = mem_alloc(size, 1), *z = mem_zero(size, 3);
    assert_true(a != NULL && z != NULL && aligned(a, 64) && aligned(z, 64));
    for (size_t i = 0; i < 3 * size; i++) assert_int_equal(z[i], 0);
    for (size_t i = 0; i < size; i++) a[i] = (unsigned char)i;
    a = mem_grow(a, size, size + 1000, 1);
    assert_true(a != NULL && aligned(a, 64));
    for (size_t i = 0; i < size; i++) assert_int_equal(a[i], (unsigned char)i);
    a = mem_grow(a, size + 1000, size / 2, 1); /* shrinking keeps what fits */
    for (size_t i = 0; i < size / 2; i++) assert_int_equal(a[i], (unsigned char)i);
    unsigned char *copy = mem_copy(a, size / 2, 1);
    assert_non_null(copy);
    assert_memory_equal(copy, a, size / 2);
    mem_free(copy), mem_free(a), mem_free(z);
  }
}

static void room_is_made_for_one_more(void **state) {
  (void)state;
  int *items = NULL;
  size_t capacity = 0;
  for (size_t count = 0; count < 100; count++) {
    size_t before = capacity;
    int *grown = mem_room(items, count, &capacity, 3, sizeof *grown);
    assert_non_null(grown);
    assert_true(count < before ? grown == items && capacity == before : capacity == (before == 0 ? 3 : 2 * before));
    items = grown;
    items[count] = (int)count;
  }
  for (size_t i = 0; i < 100; i++) assert_int_equal(items[i], (int)i);
  size_t huge = SIZE_MAX / 2 + 1; /* its double wraps around */
  assert_null(mem_room(items, huge, &huge, 3, sizeof *items));
  assert_int_equal(huge, SIZE_MAX / 2 + 1);
  assert_int_equal(items[99], 99);
  mem_free(items);
}

/* Objects of all sizes do not overlap, do not move, are zeroed and aligned, and outlive growth of the arena. */
static void arena_objects_stay(void **state) {
  (void)state;
  enum { N = 3000 };
  arena a = {0};
  unsigned char *objects[N];
  for (size_t i = 0; i < N; i++) {
    size_t size = i * i % 977;
    objects[i] = arena_alloc(&a, size, 1);
    assert_true(objects[i] != NULL && aligned(objects[i], 16));
    for (size_t b = 0; b < size; b++) assert_int_equal(objects[i][b], 0);
    memset(objects[i], (int)(i % 251), size);
  }
  for (size_t i = 0; i < N; i++) {
    for (size_t b = 0; b < i * i % 977; b++) assert_int_equal(objects[i][b], i % 251);
  }
  assert_true(a.total >= 1000000);
  arena_clear(&a);
  assert_true(a.blocks == NULL && a.total == 0);
  assert_non_null(arena_alloc(&a, 10, 10)); /* and it can be used again */
  arena_clear(&a);
  arena_clear(&a);
}

static void arena_limits(void **state) {
  (void)state;
  arena a = {0};
  assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
  assert_null(arena_alloc(&a, SIZE_MAX, 1));
  assert_null(arena_text(&a, "x", SIZE_MAX));
  double *big = ARENA_NEW(&a, double, 1000000); /* larger than any block */
  assert_non_null(big);
  big[999999] = 1;
  char *text = arena_text(&a, "abcdef", 3);
  assert_string_equal(text, "abc");
  assert_string_equal(arena_text(&a, NULL, 0), "");
  arena_clear(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_are_checked),
      cmocka_unit_test(absurd_requests_fail),
      cmocka_unit_test(buffers_are_aligned_zeroed_and_grown),
      cmocka_unit_test(room_is_made_for_one_more),
      cmocka_unit_test(arena_objects_stay),
      cmocka_unit_test(arena_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
