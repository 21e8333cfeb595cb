/* flow/rounds.c - a tournament of blocks.
 *
 * Tasks are numbered: first every block alone, then the pairs of round after round, then every block again. A thread
 * takes the next one and waits until its blocks have come as far. What it waits for has a smaller number, so somebody
 * is at work on it. */
#define _GNU_SOURCE /* sched_yield */
#include "flow/rounds.h"

#include <sched.h>
#include <stdbool.h>

#include "base/context.h"

void rounds_pair(size_t blocks, size_t round, size_t item, size_t *ret_a, size_t *ret_b) {
  size_t circle = rounds_circle(blocks);
  *ret_a = (round + item) % circle;
  *ret_b = item == 0 ? circle : (round + circle - item) % circle;
}

typedef struct game {
  const rounds_play *play;
  const dwell_context *ctx;
  rounds_progress *progress; /* [blocks] what each has behind it: itself alone, and rounds */
  atomic_size_t next;        /* task */
  atomic_bool stop;
} game;

/* Waits until a block has come as far; false: it never will. */
static bool has_come(game *g, size_t block, size_t far) {
  for (;;) {
    if (block >= g->play->blocks) return true;
    if (atomic_load_explicit(g->progress + block, memory_order_acquire) >= far) return true;
    if (atomic_load_explicit(&g->stop, memory_order_relaxed)) return false;
    sched_yield();
  }
}

static void goes_on(game *g, size_t block, size_t far) {
  if (block < g->play->blocks) atomic_store_explicit(g->progress + block, far, memory_order_release);
}

/* A block by itself, its own opponent then, or a pair. */
static dwell_status run_task(game *g, size_t task, int worker, dwell_error *err) {
  const rounds_play *p = g->play;
  size_t blocks = p->blocks, items = rounds_items(blocks), rounds = rounds_count(blocks), meetings = rounds * items;
  size_t a = task, b = task, far = 0;
  if (task >= blocks + meetings) a = b = task - blocks - meetings, far = 1 + rounds;
  else if (task >= blocks) {
    far = 1 + (task - blocks) / items;
    rounds_pair(blocks, far - 1, (task - blocks) % items, &a, &b);
  }
  if (!has_come(g, a, far) || !has_come(g, b, far)) return DWELL_OK;
  dwell_status status = DWELL_OK;
  if (far == 0) status = p->first(p->arg, a, worker, err);
  else if (far > rounds) status = p->last(p->arg, a, worker, err);
  else if (a < blocks && b < blocks) p->meet(p->arg, a, b, worker);
  if (status == DWELL_OK) goes_on(g, a, far + 1), goes_on(g, b, far + 1);
  return status;
}

static dwell_status take_part(void *arg, size_t item, int worker, dwell_error *err) {
  (void)item;
  game *g = arg;
  size_t blocks = g->play->blocks, tasks = 2 * blocks + rounds_count(blocks) * rounds_items(blocks), task;
  dwell_status status = DWELL_OK;
  while (status == DWELL_OK && !atomic_load_explicit(&g->stop, memory_order_relaxed)) {
    task = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);
    if (task >= tasks) break;
    status = context_interrupted(g->ctx, err);
    if (status == DWELL_OK) status = run_task(g, task, worker, err);
  }
  if (status != DWELL_OK) atomic_store_explicit(&g->stop, true, memory_order_relaxed);
  return status;
}

dwell_status rounds_run(const dwell_context *ctx, const rounds_play *play, rounds_progress *progress,
                        dwell_error *err) {
  game g = {.play = play, .ctx = ctx, .progress = progress};
  for (size_t block = 0; block < play->blocks; block++) atomic_init(progress + block, 0);
  return threads_for(ctx, (size_t)threads_count(ctx), take_part, &g, err);
}
