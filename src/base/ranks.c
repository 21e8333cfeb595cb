/* base/ranks.c - shares of several processes. */
#include "base/ranks.h"

#include <math.h>

size_t ranks_count(const dwell_context *ctx) { return ctx != NULL && ctx->ranks != NULL ? ctx->ranks->count : 1; }

size_t ranks_own(const dwell_context *ctx) { return ctx != NULL && ctx->ranks != NULL ? ctx->ranks->rank : 0; }

void ranks_divide(const dwell_context *ctx, size_t units, bool causal, size_t *ret_bounds) {
  size_t count = ranks_count(ctx);
  for (size_t r = 0; r <= count; r++) {
    double share = (double)r / (double)count;
    ret_bounds[r] = (size_t)floor((double)units * (causal ? sqrt(share) : share) + 0.5);
  }
}

size_t ranks_first(const dwell_context *ctx, const size_t *bounds) { return bounds[ranks_own(ctx)]; }

size_t ranks_end(const dwell_context *ctx, const size_t *bounds) { return bounds[ranks_own(ctx) + 1]; }

size_t ranks_doer(const dwell_context *ctx, size_t item, size_t items) { return item * ranks_count(ctx) / items; }

size_t ranks_first_item(const dwell_context *ctx, size_t rank, size_t items) {
  size_t count = ranks_count(ctx);
  return (rank * items + count - 1) / count;
}

dwell_status ranks_exchange(const dwell_context *ctx, dwell_status mine, const size_t *bounds, size_t arrays,
                            const ranks_array *array, dwell_error *err) {
  if (ranks_count(ctx) == 1) return mine;
  return ctx->ranks->exchange(ctx->ranks->self, mine, bounds, arrays, array, err);
}
