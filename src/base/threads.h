/* base/threads.h - one pool (OpenMP's) for everything. Work is cut into items that do not depend on the number of
 * threads; each item writes only its own results, so results have the same bits for any thread count. */
#ifndef DWELL_BASE_THREADS_H
#define DWELL_BASE_THREADS_H

#include <dwell/context.h>

/* One item. `worker` is 0..ctx->threads-1: an index for per-thread scratch. Fill err on failure. */
typedef dwell_status (*threads_item)(void *arg, size_t item, int worker, dwell_error *err);

/* Runs items 0..count-1 on ctx->threads threads, in any order. After a failure or an interruption only items before it
 * are still run, and the failure of the smallest failing item is returned. ctx may be NULL: one thread. Not to be
 * nested. */
dwell_status threads_for(const dwell_context *ctx, size_t count, threads_item run, void *arg, dwell_error *err);

/* ctx->threads, at least 1. */
int threads_count(const dwell_context *ctx);

#endif
