/* text/bpe_merge.c - the merging itself: a list of symbols and a queue of candidate pairs. */
#include "text/bpe.h"

static const bpe_merge *merge_at(const bpe_table *t, const bpe_symbol *symbols, int32_t left) {
  int32_t right = symbols[left].after;
  return right < 0 ? NULL : bpe_lookup(t, bpe_key(symbols[left].id, symbols[right].id));
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

void bpe_merge_all(const bpe_table *t, bpe_symbol *symbols, size_t count, bpe_candidate *queue) {
  if (count <= FEW) {
    merge_few(t, symbols);
    return;
  }
  bpe_queue q = {queue, 0};
  for (int32_t left = 0; left >= 0; left = symbols[left].after) {
    const bpe_merge *m = merge_at(t, symbols, left);
    if (m != NULL) q.items[q.count++] = bpe_queue_candidate(m->rank, left);
  }
  for (size_t at = q.count / 2; at-- > 0;) bpe_queue_sift(&q, at);
  while (q.count > 0) {
    bpe_candidate next = bpe_queue_pop(&q);
    int32_t left = (int32_t)(next & UINT32_MAX);
    if (symbols[left].id == VOCAB_NONE) continue;
    const bpe_merge *m = merge_at(t, symbols, left);
    if (m == NULL || m->rank != next >> 32) continue; /* stale */
    merge(symbols, left, m->id);
    if ((m = merge_at(t, symbols, left)) != NULL) bpe_queue_push(&q, bpe_queue_candidate(m->rank, left));
    int32_t before = symbols[left].before;
    if (before >= 0 && (m = merge_at(t, symbols, before)) != NULL)
      bpe_queue_push(&q, bpe_queue_candidate(m->rank, before));
  }
}
