/* tools/calibrate/cloud.h - clouds of tokens whose truth is known: without groups, and with planted ones. */
#ifndef DWELL_CALIBRATE_CLOUD_H
#define DWELL_CALIBRATE_CLOUD_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One kind of cloud: x = mean + coordinates whose variances fall as k^-power, or groups. */
typedef struct cloud_case {
  const char *name;
  size_t n, d;
  double power, mean; /* mean: its length, in units of the spread */
  double serial;      /* correlation of one token with the next; 1: a random walk */
  bool periodic;      /* the last token is followed by the first */
  double norms;       /* sd of the logarithm of the tokens' lengths */
  bool layer_norm, ring;
  size_t groups;
  double noise; /* of a group's members, relative to the centres */
  double stray; /* share of tokens that belong to no group */
  bool contiguous, uneven;
  double published[4]; /* T, sil under phases; T, sil under rotations (or: exact count) */
  size_t published_runs;
} cloud_case;

/* The cloud of a run into x [n,d]; the same run gives the same cloud. */
dwell_status cloud_make(const cloud_case *c, uint64_t run, double *x, dwell_error *err);

#endif
