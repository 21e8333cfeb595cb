/* base/mem.h - allocation with checked sizes. Every buffer is aligned to 64 bytes (one cache line, one AVX-512
 * register). All return NULL when the product overflows, when it exceeds MEM_LIMIT, or when memory is out; a request
 * of zero bytes returns a valid pointer. Release with mem_free (NULL is fine). */
#ifndef DWELL_BASE_MEM_H
#define DWELL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t count, size_t size); /* contents undefined */
void *mem_zero(size_t count, size_t size);  /* contents zero */
/* Grows a buffer from `old_count` to `new_count` elements, keeping its contents; on failure the old buffer stays
 * valid and NULL is returned. */
void *mem_grow(void *buffer, size_t old_count, size_t new_count, size_t size);
/* For lists that grow one by one: `items` itself while `count` is less than `*capacity`, else moved to a buffer of
 * twice the capacity (`first` elements at first); on failure both stay valid and NULL is returned. */
void *mem_room(void *items, size_t count, size_t *capacity, size_t first, size_t size);
void *mem_copy(const void *source, size_t count, size_t size);
void mem_free(void *buffer);

#define MEM_NEW(type, count) ((type *)mem_alloc((count), sizeof(type)))
#define MEM_ZERO(type, count) ((type *)mem_zero((count), sizeof(type)))

/* For programs, once, before threads start: what is freed stays with the process for the next allocation, up to
 * MEM_KEPT bytes, instead of going back to the system and coming again page by page. Does nothing beyond glibc. */
void mem_keep_freed(void);

/* Checked size arithmetic: true and *ret_result set, or false on overflow. */
bool size_mul(size_t a, size_t b, size_t *ret_result);
bool size_add(size_t a, size_t b, size_t *ret_result);

/* Tests only: let the k-th allocation from now on fail (0: never). Compiled in with -Dtorture=true. */
void mem_fail_at(size_t k);
size_t mem_calls(void);

#endif
