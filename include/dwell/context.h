/* dwell/context.h - what a caller decides once for everything it does with the library.
 *
 * A context is a plain struct that the caller owns; the library only reads it. Start from dwell_context_default() and
 * change fields. Results never depend on `threads`.
 */
#ifndef DWELL_CONTEXT_H
#define DWELL_CONTEXT_H

#include <dwell/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum dwell_level { DWELL_LOG_DEBUG, DWELL_LOG_INFO, DWELL_LOG_WARNING } dwell_level;

typedef struct dwell_context {
  int threads;           /* threads to use, >= 1 */
  uint64_t seed;         /* seed of every random stream */
  uint64_t memory_bound; /* bytes a run may take; more is DWELL_NO_MEMORY before anything is computed. 0: no bound */

  /* Progress of stage `stage` ("forward", "integrate", ...): `done` of `total` units (total 0: unknown). May be NULL.
   * Called from one thread at a time. */
  void (*progress)(void *self, const char *stage, double done, double total);
  /* A line of words for a person, without newline. May be NULL. */
  void (*log)(void *self, dwell_level level, const char *line);
  /* Asked often; non-zero: stop and return DWELL_INTERRUPTED. May be NULL. May be called from any thread. */
  int (*interrupted)(void *self);
  void *self; /* handed to the three callbacks */

  /* Processes that share the work of one system (`mpirun dwell simulate`); NULL: this one works alone. */
  const struct dwell_ranks *ranks;
} dwell_context;

/* Threads = usable CPUs of this process (affinity mask), seed 0, no bound, no callbacks. */
dwell_context dwell_context_default(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
