/* text/bpe_merge.c - the merging itself: a list of symbols and a queue of candidate pairs. */
#include "text/bpe.h"

/* ---- the queue: a binary heap, smallest order first ---- */

typedef struct heap {
  bpe_candidate *items;
  size_t count;
} heap;

static void sift_down(heap *h, size_t at) {
  bpe_candidate moved = h->items[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= h->count) break;
    if (child + 1 < h->count && h->items[child + 1] < h->items[child]) child++;
    if (h->items[child] >= moved) break;
    h->items[at] = h->items[child];
    at = child;
  }
  h->items[at] = moved;
}

static void heap_push(heap *h, bpe_candidate candidate) {
  size_t at = h->count++;
  while (at > 0 && h->items[(at - 1) / 2] > candidate) {
    h->items[at] = h->items[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  h->items[at] = candidate;
}

static bpe_candidate heap_pop(heap *h) {
  bpe_candidate top = h->items[0];
  h->items[0] = h->items[--h->count];
  if (h->count > 1) sift_down(h, 0);
  return top;
}

/* ---- merging ---- */

static const bpe_merge *merge_at(const bpe_table *t, const bpe_symbol *symbols, int32_t left) {
  int32_t right = symbols[left].after;
  return right < 0 ? NULL : bpe_lookup(t, bpe_key(symbols[left].id, symbols[right].id));
}

static bpe_candidate candidate_of(const bpe_merge *m, int32_t left) {
  return (bpe_candidate)m->rank << 32 | (uint32_t)left;
}

/* `left` takes in its right neighbour and becomes `id`. */
static void merge(bpe_symbol *symbols, int32_t left, int32_t id) {
  bpe_symbol *kept = &symbols[left], *gone = &symbols[kept->after];
  kept->id = id;
  kept->end = gone->end;
  kept->after = gone->after;
  if (kept->after >= 0) symbols[kept->after].before = left;
  gone->id = VOCAB_NONE;
}

/* Few symbols: looking at all pairs each time beats a queue. */
static void merge_few(const bpe_table *t, bpe_symbol *symbols) {
  for (;;) {
    const bpe_merge *best = NULL;
    int32_t where = 0;
    for (int32_t left = 0; left >= 0; left = symbols[left].after) {
      const bpe_merge *m = merge_at(t, symbols, left);
      if (m != NULL && (best == NULL || m->rank < best->rank)) best = m, where = left;
    }
    if (best == NULL) return;
    merge(symbols, where, best->id);
  }
}

enum { FEW = 12 }; /* where the two cost the same on English text */

/* Every merge takes one candidate and one symbol away and adds at most two candidates: 2 * count is the most there is.
 */
void bpe_merge_all(const bpe_table *t, bpe_symbol *symbols, size_t count, bpe_candidate *queue) {
  if (count <= FEW) {
    merge_few(t, symbols);
    return;
  }
  heap h = {queue, 0};
  for (int32_t left = 0; left >= 0; left = symbols[left].after) {
    const bpe_merge *m = merge_at(t, symbols, left);
    if (m != NULL) h.items[h.count++] = candidate_of(m, left);
  }
  for (size_t at = h.count / 2; at-- > 0;) sift_down(&h, at);
  while (h.count > 0) {
    bpe_candidate next = heap_pop(&h);
    int32_t left = (int32_t)(next & UINT32_MAX);
    if (symbols[left].id == VOCAB_NONE) continue;
    const bpe_merge *m = merge_at(t, symbols, left);
    if (m == NULL || m->rank != next >> 32) continue; /* stale */
    merge(symbols, left, m->id);
    if ((m = merge_at(t, symbols, left)) != NULL) heap_push(&h, candidate_of(m, left));
    int32_t before = symbols[left].before;
    if (before >= 0 && (m = merge_at(t, symbols, before)) != NULL) heap_push(&h, candidate_of(m, before));
  }
}
