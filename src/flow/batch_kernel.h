/* flow/batch_kernel.h - one step of Dormand-Prince 5(4) for eight systems side by side (flow/batch.h). */
#ifndef DWELL_FLOW_BATCH_KERNEL_H
#define DWELL_FLOW_BATCH_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/orbit.h"

enum { BATCH_LANES = 8, BATCH_TILE = 4 };

/* Every number has one value per lane, the lanes being the last index. Buffers are aligned to 64 bytes. */
typedef struct batch_block {
  size_t n, d, pairs;      /* n: a multiple of BATCH_TILE; pairs n (n - 1) / 2 in the order of batch_pairs */
  double *x, *y;           /* [n, d] begin and end of the step, unit rows; rows without a token are 0 */
  double *k[ORBIT_STAGES]; /* [n, d] slopes; k[0] at x, the last at y */
  double *mass;            /* [n] 0: no token */
  double *cosine, *ahead;  /* [pairs] at x and at y */
  double *weight;          /* [pairs] scratch */
  double *heavy, *stage;   /* [n, d] scratch */
  double *total;           /* [n] scratch */
  _Alignas(64) double beta[BATCH_LANES];
  double h[BATCH_LANES];
  double error[BATCH_LANES]; /* of the step: the largest tangential error of a token */
} batch_block;

/* Which tokens the pairs are of: ret_first, ret_second [n (n - 1) / 2]. */
void batch_pairs(size_t n, unsigned char *ret_first, unsigned char *ret_second);

typedef struct batch_kernels {
  const char *isa;
  /* From x, k[0] and h to y, the last k, ahead and error. A lane with h = 0 gets its slopes and cosines at x. */
  void (*step)(batch_block *b);
  /* Pairs whose cosine in some lane has gone through `level` or is above `close`: ret_pair, their number is returned.
   */
  size_t (*events)(const batch_block *b, double level, double close, unsigned short *ret_pair);
  /* What the cosines of `count` pairs change at, where x moves with v, both [n, d]: ret_slope [count]. */
  void (*slopes)(const batch_block *b, const double *x, const double *v, const unsigned short *pair,
                 const unsigned char *first, const unsigned char *second, size_t count, double *ret_slope);
} batch_kernels;

/* For an instruction set ("avx512", "avx2", "baseline"; NULL: the best one of this CPU); NULL if this CPU has not got
 * it. Static storage. */
const batch_kernels *batch_kernels_of(const char *opt_isa);

#endif
