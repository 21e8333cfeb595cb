/* tools/calibrate/path.h - flows from many starts, and the numbers that the claims need of each start. */
#ifndef DWELL_CALIBRATE_PATH_H
#define DWELL_CALIBRATE_PATH_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

enum { PATH_PARTICLES = 64, PATH_FRAMES = 160, PATH_STATES = 13, PATH_DRAWS = 39 };

/* All states of all starts. */
typedef struct path {
  size_t starts, d;
  double beta;
  bool away;        /* V = -I: tokens move away from what they attend to */
  double *x;        /* [starts, PATH_FRAMES, PATH_PARTICLES, d] unit vectors */
  double *log_time; /* [PATH_FRAMES] */
} path;

/* SA to t = 300 from independent uniform starts, the same for every beta: PATH_FRAMES states, the first at 0, the
 * others equally spaced in ln t. Release with path_free, also after an error. */
dwell_status path_make(const dwell_context *ctx, size_t starts, size_t d, double beta, bool away, path *ret_path,
                       dwell_error *err);
void path_free(path *p);

/* What the claims need of one start. NaN: undefined. */
typedef struct start_numbers {
  double trend, p_any_state;      /* A: over PATH_STATES states at equal steps of the cumulated mean angle */
  double staircase;               /* ln of the separation ratio */
  double drawdown, index, floors; /* energy at the flow's own beta at those states */
  /* ln of merging over formation time by the groups of the state that stands out most; over all frames. `strict`: only
   * where the cluster test of that state is significant, else undefined. */
  double log_ratio, log_ratio_strict;
  bool censored;
} start_numbers;

/* ret [starts]. */
dwell_status path_measure(const dwell_context *ctx, const path *p, start_numbers *ret, dwell_error *err);

#endif
