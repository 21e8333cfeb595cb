/* base/ranks.h - several processes that compute one system together.
 *
 * Every process ("rank") holds the whole state and does the same steps; only sums over pairs are divided. Each sum is
 * made in an order that depends on the system alone, by one process or by one after the other, so results have the same
 * bits for any number of processes, and every process takes the same decisions. The library knows this table only; who
 * fills it (MPI: src/cli/mpi.c) is the caller's affair. */
#ifndef DWELL_BASE_RANKS_H
#define DWELL_BASE_RANKS_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>

/* `width` numbers of eight bytes a row. */
typedef struct ranks_array {
  void *data;
  size_t width;
} ranks_array;

/* `bytes` at `data`, which process `from` sends and process `to` gets. */
typedef struct ranks_move {
  size_t from, to, bytes;
  void *data;
} ranks_move;

typedef struct dwell_ranks {
  size_t rank, count;
  void *self;
  /* Process r has made rows [bounds[r], bounds[r+1]) of each array; afterwards every process has them all. Every
   * process calls it, also one that failed: `mine` is how it fared, with *err filled. If any failed, all get the status
   * and the error of the first of them. Called outside parallel loops. */
  dwell_status (*exchange)(void *self, dwell_status mine, const size_t *bounds, size_t arrays, const ranks_array *array,
                           dwell_error *err);
  /* After a meeting (an exchange, also one of no arrays). Every process calls it with the same list but for `data`,
   * also one that failed: it then goes on to the exchange, which tells the others. Returns `mine`, or that the messages
   * were lost. */
  dwell_status (*move)(void *self, dwell_status mine, size_t count, const ranks_move *moves, dwell_error *err);
} dwell_ranks;

/* 1 where ctx or its ranks are NULL. */
size_t ranks_count(const dwell_context *ctx);
/* ret_bounds [ranks_count + 1]: `units` equal pieces of work in whole pieces a process; causal: piece u costs u + 1. */
void ranks_divide(const dwell_context *ctx, size_t units, bool causal, size_t *ret_bounds);
/* This process's first and last + 1 of bounds. */
size_t ranks_first(const dwell_context *ctx, const size_t *bounds);
size_t ranks_end(const dwell_context *ctx, const size_t *bounds);
/* Which process does item `item` of `items`, in runs of about equal length. */
size_t ranks_doer(const dwell_context *ctx, size_t item, size_t items);
/* The first item of process `rank`; of the one behind the last: items. */
size_t ranks_first_item(const dwell_context *ctx, size_t rank, size_t items);
size_t ranks_own(const dwell_context *ctx); /* this process; 0 where it is alone */
/* As dwell_ranks.exchange; without ranks nothing happens and `mine` comes back. */
dwell_status ranks_exchange(const dwell_context *ctx, dwell_status mine, const size_t *bounds, size_t arrays,
                            const ranks_array *array, dwell_error *err);

#endif
