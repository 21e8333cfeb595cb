/* base/arena.c - many small objects with one lifetime. */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_BLOCK = 16384, ALIGNMENT = 16 };

struct arena_block {
  struct arena_block *older;
  size_t size; /* bytes of data */
  alignas(16) unsigned char data[];
};

static struct arena_block *add_block(arena *a, size_t wanted) {
  size_t size = a->blocks ? a->blocks->size : FIRST_BLOCK / 2;
  if (size <= ((size_t)1 << 26)) size *= 2;
  if (size < wanted) size = wanted;
  size_t bytes;
  if (!size_add(size, sizeof(struct arena_block), &bytes)) return NULL;
  struct arena_block *block = mem_alloc(bytes, 1);
  if (block == NULL) return NULL;
  block->older = a->blocks;
  block->size = size;
  a->blocks = block;
  a->used = 0;
  a->total += bytes;
  return block;
}

void *arena_alloc(arena *a, size_t count, size_t size) {
  size_t bytes, rounded;
  if (!size_mul(count, size, &bytes) || !size_add(bytes, ALIGNMENT - 1, &rounded)) return NULL;
  rounded = rounded / ALIGNMENT * ALIGNMENT;
  struct arena_block *block = a->blocks;
  if (block == NULL || block->size - a->used < rounded) block = add_block(a, rounded);
  if (block == NULL) return NULL;
  void *place = block->data + a->used;
  a->used += rounded;
  memset(place, 0, rounded);
  return place;
}

char *arena_text(arena *a, const char *text, size_t length) {
  size_t size;
  if (!size_add(length, 1, &size)) return NULL;
  char *copy = arena_alloc(a, size, 1);
  if (copy != NULL && length > 0) memcpy(copy, text, length);
  return copy;
}

void arena_clear(arena *a) {
  for (struct arena_block *block = a->blocks; block != NULL;) {
    struct arena_block *older = block->older;
    mem_free(block);
    block = older;
  }
  *a = (arena){0};
}
