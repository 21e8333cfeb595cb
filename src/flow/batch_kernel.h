/* flow/batch_kernel.h - one step of Dormand-Prince 5(4) for sixteen systems side by side (flow/batch.h). */
#ifndef DWELL_FLOW_BATCH_KERNEL_H
#define DWELL_FLOW_BATCH_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/orbit.h"

enum { BATCH_LANES = 16, BATCH_TILE = 4 };

/* Every number has one value per lane, the lanes being the last index. Buffers are aligned to 64 bytes. */
typedef struct batch_block {
  size_t n, d, pairs;     /* n: a multiple of BATCH_TILE; pairs n (n - 1) / 2 in the order of batch_pairs */
  float *x, *y;           /* [n, d] begin and end of the step, unit rows; rows without a token are 0 */
  float *k[ORBIT_STAGES]; /* [n, d] slopes; k[0] at x, the last at y */
  float *mass;            /* [n] tokens that a row stands for; 0: no token */
  float *cosine, *ahead;  /* [pairs] at x and at y */
  float *heavy;           /* [n, d] scratch */
  float *total, *inverse; /* [n] scratch */
  _Alignas(64) float beta[BATCH_LANES];
  float h[BATCH_LANES];
  float error[BATCH_LANES]; /* of the step: the largest tangential error of a token */
} batch_block;

/* Pairs to which something happened in a step, ascending, and a bit for each lane in which it did. */
typedef struct batch_events {
  size_t crossing_count, near_count;
  unsigned short *crossing, *crossing_lanes; /* [pairs + 1] their cosine went through the level */
  unsigned short *near, *near_lanes;         /* [pairs + 1] it is above `near` */
} batch_events;

/* Pairs of one lane that go through the level in a step. Gaps are 1 - cosine; `leave` and `arrive` what they change at
 * in the unit of the step, at its beginning and end. */
typedef struct batch_passages {
  double *gap, *end, *leave, *arrive; /* [pairs] */
  double *rise, *goal;                /* [pairs] scratch */
  double *where;                      /* [pairs] out: 0..1 in the step */
} batch_passages;

/* Which tokens the pairs are of: ret_first, ret_second [n (n - 1) / 2]. */
void batch_pairs(size_t n, unsigned char *ret_first, unsigned char *ret_second);

typedef struct batch_kernels {
  const char *isa;
  /* From x, k[0] and h to y, the last k, ahead and error. A lane with h = 0 gets its slopes and cosines at x. */
  void (*step)(batch_block *b);
  void (*events)(const batch_block *b, float level, float near, batch_events *ret_events);
  /* 1 - cosine of the pairs that cross, and what it changes at where x moves with v, both [n, d]: ret_gap, ret_slope
   * [crossing_count]. */
  void (*gaps)(const batch_block *b, const float *x, const float *v, const batch_events *events,
               const unsigned char *first, const unsigned char *second, float *ret_gap, float *ret_slope);
  void (*passages)(size_t count, double level_gap, batch_passages *passages);
} batch_kernels;

/* For an instruction set ("avx512", "avx2", "baseline"; NULL: the best one of this CPU); NULL if this CPU has not got
 * it. Static storage. */
const batch_kernels *batch_kernels_of(const char *opt_isa);

#endif
