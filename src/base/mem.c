/* base/mem.c - allocation with checked sizes. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* PTRDIFF_MAX: beyond it pointer differences inside the buffer are undefined in C. */
#define MEM_LIMIT ((size_t)PTRDIFF_MAX - ALIGNMENT)

bool size_mul(size_t a, size_t b, size_t *ret_result) { return !__builtin_mul_overflow(a, b, ret_result); }

bool size_add(size_t a, size_t b, size_t *ret_result) { return !__builtin_add_overflow(a, b, ret_result); }

#ifdef DWELL_TORTURE
static size_t fail_at, calls;
void mem_fail_at(size_t k) { fail_at = k, calls = 0; }
size_t mem_calls(void) { return calls; }
static bool must_fail(void) { return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == fail_at; }
#else
void mem_fail_at(size_t k) { (void)k; }
size_t mem_calls(void) { return 0; }
static bool must_fail(void) { return false; }
#endif

/* Asks for pages of 2 MB, where the system has them, for what lies whole within the buffer: a page fault for each 4 kB
 * costs a forward pass 2 to 3 %. */
static void *ask_for_huge_pages(void *buffer, size_t bytes) {
#ifdef MADV_HUGEPAGE
  uintptr_t first = ((uintptr_t)buffer + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  uintptr_t end = ((uintptr_t)buffer + bytes) / HUGE_PAGE * HUGE_PAGE;
  if (buffer != NULL && end > first) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
  return buffer;
}

/* Pages that are cleared and mapped again and again took 6 % of a measurement of 512 tokens. Buffers above the
 * threshold (glibc's largest) still are mappings of their own, and go back when they are freed. */
enum { MEM_MAPPED = 32 << 20, MEM_KEPT = 256 << 20 };

void mem_keep_freed(void) {
#ifdef __GLIBC__
  (void)mallopt(M_MMAP_THRESHOLD, MEM_MAPPED);
  (void)mallopt(M_TRIM_THRESHOLD, MEM_KEPT);
#endif
}

void *mem_alloc(size_t count, size_t size) {
  size_t bytes;
  if (must_fail() || !size_mul(count, size, &bytes) || bytes > MEM_LIMIT) return NULL;
  size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return ask_for_huge_pages(aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT), rounded);
}

void *mem_zero(size_t count, size_t size) {
  void *buffer = mem_alloc(count, size);
  if (buffer != NULL) memset(buffer, 0, count * size);
  return buffer;
}

void *mem_grow(void *buffer, size_t old_count, size_t new_count, size_t size) {
  void *grown = mem_alloc(new_count, size);
  if (grown == NULL) return NULL;
  size_t kept = old_count < new_count ? old_count : new_count;
  if (kept > 0) memcpy(grown, buffer, kept * size);
  mem_free(buffer);
  return grown;
}

void *mem_room(void *items, size_t count, size_t *capacity, size_t first, size_t size) {
  if (count < *capacity) return items;
  size_t wanted = first;
  if (*capacity > 0 && !size_mul(*capacity, 2, &wanted)) return NULL;
  void *grown = mem_grow(items, count, wanted, size);
  if (grown != NULL) *capacity = wanted;
  return grown;
}

void *mem_copy(const void *source, size_t count, size_t size) {
  void *copy = mem_alloc(count, size);
  if (copy != NULL && count > 0) memcpy(copy, source, count * size);
  return copy;
}

void mem_free(void *buffer) { free(buffer); }
