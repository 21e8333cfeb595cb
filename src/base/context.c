/* base/context.c - asking a dwell_context. */
#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

dwell_status context_interrupted(const dwell_context *ctx, dwell_error *err) {
  if (ctx == NULL || ctx->interrupted == NULL || !ctx->interrupted(ctx->self)) return DWELL_OK;
  return error_set(err, DWELL_INTERRUPTED, "interrupted");
}

void context_progress(const dwell_context *ctx, const char *stage, double done, double total) {
  if (ctx != NULL && ctx->progress != NULL) ctx->progress(ctx->self, stage, done, total);
}

void context_log(const dwell_context *ctx, dwell_level level, const char *format, ...) {
  if (ctx == NULL || ctx->log == NULL) return;
  char line[500];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  ctx->log(ctx->self, level, line);
}

dwell_status context_check_memory(const dwell_context *ctx, uint64_t bytes, const char *what, dwell_error *err) {
  if (ctx == NULL || ctx->memory_bound == 0 || bytes <= ctx->memory_bound) return DWELL_OK;
  error_set(err, DWELL_NO_MEMORY, "%s needs up to %.1f MB, the bound is %.1f MB", what, (double)bytes / 1e6,
            (double)ctx->memory_bound / 1e6);
  error_remedy(err, "Raise --memory, or use fewer tokens or fewer threads");
  return DWELL_NO_MEMORY;
}
