/* flow/batch.h - many small systems of softmax self-attention at once, one in each lane of a vector: phase diagrams.
 *
 * Tokens are in single precision, times are not: rounding moves a token by some 1e-7 a step, less than `rtol` lets it.
 * Each system has its own time, step and end; when one ends the next takes its lane. Tokens that have come within
 * `merge` of each other count as one of their summed mass (the error of the force is of order beta merge^2), and
 * systems that have become small go on among small ones. The bits of a system do not depend on those beside it. */
#ifndef DWELL_FLOW_BATCH_H
#define DWELL_FLOW_BATCH_H

#include <dwell/context.h>
#include <stddef.h>

enum { BATCH_MOST_TOKENS = 64 };

typedef struct batch_options {
  size_t n, d;         /* tokens (2..BATCH_MOST_TOKENS) of equal mass, coordinates */
  double until;        /* last time; a system whose pairs are all above the level ends before: they stay there */
  double level;        /* cosine whose crossings are told, in (0, 1) */
  double rtol;         /* largest error of a token per step; below 1e-6 rounding is larger */
  double merge;        /* distance; sqrt(2 (1 - level)) is larger */
  const char *opt_isa; /* an instruction set of this CPU, as batch_kernels_of has them; NULL: the best one */
} batch_options;

typedef struct batch_host {
  /* Start of a system: ret_x [n, d] unit rows, and its beta >= 0. */
  dwell_status (*start)(void *self, size_t system, double *ret_x, double *ret_beta, dwell_error *err);
  /* At each of these times so many pairs of tokens (negative: they part) of a system cross the level; at t = 0 those
   * that start above. Times of one call are in no order; none is before one of an earlier call. */
  void (*crossings)(void *self, size_t system, size_t count, const double *times, const double *pairs);
  void *self;
} batch_host;

typedef struct batch_counts {
  size_t steps, rejected; /* of single systems */
} batch_counts;

/* Runs systems 0..count-1 in one thread. opt_ctx: interruption. Errors: DWELL_NO_MEMORY, DWELL_INTERRUPTED,
 * DWELL_FAILED (a step vanished), or what `start` returns. */
dwell_status batch_run(const batch_options *options, size_t count, const batch_host *host, const dwell_context *opt_ctx,
                       batch_counts *opt_counts, dwell_error *err);

#endif
