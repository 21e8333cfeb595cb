/* text/bpe_queue.h - the queue of pairs that may be merged: a binary heap, smallest first. */
#ifndef DWELL_TEXT_BPE_QUEUE_H
#define DWELL_TEXT_BPE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/* A candidate: rank << 32 | index of the left symbol: lowest rank first, then leftmost. It is stale if the pair there
 * no longer has that rank. Every merge takes one candidate and one symbol away and adds at most two candidates: there
 * are never more than twice as many as symbols at the start. */
typedef uint64_t bpe_candidate;

typedef struct bpe_queue {
  bpe_candidate *items;
  size_t count;
} bpe_queue;

static inline bpe_candidate bpe_queue_candidate(uint32_t rank, int32_t left) {
  return (bpe_candidate)rank << 32 | (uint32_t)left;
}

static inline void bpe_queue_sift(bpe_queue *q, size_t at) {
  bpe_candidate moved = q->items[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= q->count) break;
    if (child + 1 < q->count && q->items[child + 1] < q->items[child]) child++;
    if (q->items[child] >= moved) break;
    q->items[at] = q->items[child];
    at = child;
  }
  q->items[at] = moved;
}

static inline void bpe_queue_push(bpe_queue *q, bpe_candidate candidate) {
  size_t at = q->count++;
  while (at > 0 && q->items[(at - 1) / 2] > candidate) {
    q->items[at] = q->items[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  q->items[at] = candidate;
}

static inline bpe_candidate bpe_queue_pop(bpe_queue *q) {
  bpe_candidate top = q->items[0];
  q->items[0] = q->items[--q->count];
  if (q->count > 1) bpe_queue_sift(q, 0);
  return top;
}

#endif
