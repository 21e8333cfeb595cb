/* base/arena.h - many small objects with one lifetime. Used by parsers: names, lists and tables of one file are
 * released together. Blocks double in size; nothing is ever moved, so pointers stay valid until arena_clear. */
#ifndef DWELL_BASE_ARENA_H
#define DWELL_BASE_ARENA_H

#include <stddef.h>

typedef struct arena {
  struct arena_block *blocks; /* newest first */
  size_t used;                /* bytes handed out of the newest block */
  size_t total;               /* bytes of all blocks, for memory accounts */
} arena;

/* An arena starts as (arena){0}. */
void *arena_alloc(arena *a, size_t count, size_t size);      /* zeroed, 16-byte aligned; NULL: out of memory */
char *arena_text(arena *a, const char *text, size_t length); /* copy with a terminating NUL */
void arena_clear(arena *a);                                  /* releases everything; the arena may be used again */

#define ARENA_NEW(a, type, count) ((type *)arena_alloc((a), (count), sizeof(type)))

#endif
