/* flow/rounds.h - blocks that meet in pairs, each pair adding to the sums of both. Pairs that share a block must not
 * run at once, and every block must meet the others in an order that depends on their number alone: then so do the
 * bits.
 *
 * They are played like a tournament of an even number of players, the last of whom may be absent: in round r, r meets
 * the last one, and r + k meets r - k, counted in the circle of the others. */
#ifndef DWELL_FLOW_ROUNDS_H
#define DWELL_FLOW_ROUNDS_H

#include <stdatomic.h>

#include "base/threads.h"

/* Pairs of a round: one player may be absent. */
static inline size_t rounds_items(size_t blocks) { return (blocks + 1) / 2; }

/* Players but the last one: the circle. */
static inline size_t rounds_circle(size_t blocks) { return 2 * rounds_items(blocks) - 1; }

static inline size_t rounds_count(size_t blocks) { return blocks > 1 ? rounds_circle(blocks) : 0; }

/* The two of pair `item` of a round; one of them may be `blocks`, the absent one. */
void rounds_pair(size_t blocks, size_t round, size_t item, size_t *ret_a, size_t *ret_b);

typedef struct rounds_play {
  size_t blocks;
  threads_item first; /* each block, before it meets others */
  void (*meet)(const void *arg, size_t a, size_t b, int worker);
  threads_item last; /* each block, after it has met all others */
  void *arg;
} rounds_play;

typedef atomic_size_t rounds_progress;

/* All of it on ctx's threads, which do not wait for each other but where a block is still busy. progress [blocks] is
 * scratch. Errors: those of `first` and `last`, DWELL_INTERRUPTED. */
dwell_status rounds_run(const dwell_context *ctx, const rounds_play *play, rounds_progress *progress, dwell_error *err);

#endif
