/* base/context.h - asking a dwell_context. Every function accepts ctx == NULL (no callbacks). */
#ifndef DWELL_BASE_CONTEXT_H
#define DWELL_BASE_CONTEXT_H

#include <dwell/context.h>

/* DWELL_OK, or DWELL_INTERRUPTED with err filled. */
dwell_status context_interrupted(const dwell_context *ctx, dwell_error *err);
void context_progress(const dwell_context *ctx, const char *stage, double done, double total);
void context_log(const dwell_context *ctx, dwell_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* DWELL_NO_MEMORY if `bytes` (for `what`) is over the context's bound. */
dwell_status context_check_memory(const dwell_context *ctx, uint64_t bytes, const char *what, dwell_error *err);

#endif
