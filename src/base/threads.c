/* base/threads.c - parallel loops over independent items. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/threads.h"

#include <omp.h>
#include <sched.h>

#include "base/context.h"
#include "base/error.h"

int threads_count(const dwell_context *ctx) { return ctx != NULL && ctx->threads > 1 ? ctx->threads : 1; }

dwell_context dwell_context_default(void) {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return (dwell_context){.threads = cpus > 0 ? cpus : 1};
}

typedef struct failure {
  size_t item;
  dwell_status status;
  dwell_error err;
} failure;

static void keep_first(failure *first, size_t item, dwell_status status, const dwell_error *err) {
#pragma omp critical(threads_for_failure)
  if (first->status == DWELL_OK || item < first->item) *first = (failure){item, status, *err};
}

dwell_status threads_for(const dwell_context *ctx, size_t count, threads_item run, void *arg, dwell_error *err) {
  failure first = {.status = DWELL_OK};
  int stop = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_count(ctx)) if (count > 1)
  for (size_t item = 0; item < count; item++) {
    int stopped;
#pragma omp atomic read
    stopped = stop;
    if (stopped) continue;
    dwell_error local = {.offset = -1};
    dwell_status status = context_interrupted(ctx, &local);
    if (status == DWELL_OK) status = run(arg, item, omp_get_thread_num(), &local);
    if (status == DWELL_OK) continue;
    keep_first(&first, item, status, &local);
#pragma omp atomic write
    stop = 1;
  }
  if (first.status != DWELL_OK && err != NULL) *err = first.err;
  return first.status;
}
