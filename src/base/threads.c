/* base/threads.c - parallel loops over independent items. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/threads.h"

#include <omp.h>
#include <sched.h>
#include <stdalign.h>
#include <stdbool.h>

#include "base/context.h"
#include "base/error.h"

int threads_count(const dwell_context *ctx) { return ctx != NULL && ctx->threads > 1 ? ctx->threads : 1; }

dwell_context dwell_context_default(void) {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return (dwell_context){.threads = cpus > 0 ? cpus : 1};
}

typedef struct failure {
  size_t item; /* SIZE_MAX: none */
  dwell_status status;
  dwell_error err;
} failure;

static void keep_first(failure *first, size_t item, dwell_status status, const dwell_error *err) {
#pragma omp critical(threads_for_failure)
  if (item < first->item) {
    first->status = status, first->err = *err;
#pragma omp atomic write
    first->item = item;
  }
}

/* Those before a failure still run, as they would on one thread: what is told is the same for any number of them. */
static bool is_behind(const failure *first, size_t item) {
  size_t failed;
#pragma omp atomic read
  failed = first->item;
  return item > failed;
}

/* Items that a worker begins with: its own, so that a loop over rows finds them in the cache of the core that wrote
 * them in the loop before. Workers that are done help the others. Each range has a cache line to itself. */
typedef struct range {
  alignas(64) size_t next;
  size_t end;
} range;

enum { MOST_RANGES = 128 }; /* workers beyond it share */

static void share_out(size_t count, size_t ranges, range *ret_ranges) {
  for (size_t r = 0; r < ranges; r++) {
    size_t before = count / ranges * r + (count % ranges < r ? count % ranges : r);
    ret_ranges[r] = (range){before, before + count / ranges + (r < count % ranges)};
  }
}

/* The next item of worker's range, or of the first one behind it that has any left; false: there is none. */
static bool take(range *ranges, size_t count, size_t worker, size_t *ret_item) {
  for (size_t k = 0; k < count; k++) {
    range *r = &ranges[(worker + k) % count];
    size_t next;
#pragma omp atomic read
    next = r->next;
    if (next >= r->end) continue;
#pragma omp atomic capture
    next = r->next++;
    if (next < r->end) return *ret_item = next, true;
  }
  return false;
}

/* The same without a team of threads, which costs a microsecond. */
static dwell_status one_by_one(const dwell_context *ctx, size_t count, threads_item run, void *arg, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t item = 0; item < count && status == DWELL_OK; item++) {
    status = context_interrupted(ctx, err);
    if (status == DWELL_OK) status = run(arg, item, 0, err);
  }
  return status;
}

dwell_status threads_for(const dwell_context *ctx, size_t count, threads_item run, void *arg, dwell_error *err) {
  failure first = {.item = SIZE_MAX, .status = DWELL_OK};
  int threads = threads_count(ctx);
  if (threads == 1 || count <= 1) return one_by_one(ctx, count, run, arg, err);
  size_t ranges = threads < MOST_RANGES ? (size_t)threads : MOST_RANGES;
  range shares[MOST_RANGES];
  share_out(count, ranges, shares);
#pragma omp parallel num_threads(threads)
  for (size_t item; take(shares, ranges, (size_t)omp_get_thread_num(), &item);) {
    if (is_behind(&first, item)) continue;
    dwell_error local = {.offset = -1};
    dwell_status status = context_interrupted(ctx, &local);
    if (status == DWELL_OK) status = run(arg, item, omp_get_thread_num(), &local);
    if (status == DWELL_OK) continue;
    keep_first(&first, item, status, &local);
  }
  if (first.status != DWELL_OK && err != NULL) *err = first.err;
  return first.status;
}
