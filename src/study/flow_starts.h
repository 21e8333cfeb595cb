/* study/flow_starts.h - flows from many starts, and the numbers that the claims need of each start. A start is to a
 * flow what a text is to a network. */
#ifndef DWELL_STUDY_FLOW_STARTS_H
#define DWELL_STUDY_FLOW_STARTS_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

enum { STARTS_PARTICLES = 512, STARTS_FRAMES = 160, STARTS_STATES = 13 }; /* particles: at most */

typedef struct flow_starts_setting {
  const char *flow; /* registry name */
  size_t n, d, count, draws;
  double beta, until;
  bool away; /* V = -I: tokens move away from what they attend to, along the sphere */
} flow_starts_setting;

/* All states of all starts. */
typedef struct flow_starts {
  size_t count, n, d, draws;
  double beta;
  bool away;
  double *x;        /* [count, STARTS_FRAMES, n, d] unit vectors */
  double *log_time; /* [STARTS_FRAMES] */
} flow_starts;

/* The flow from independent uniform starts, the same for every beta: STARTS_FRAMES states, the first at 0, the others
 * equally spaced in ln t. Release with flow_starts_free, also after an error. */
dwell_status flow_starts_make(const dwell_context *ctx, const flow_starts_setting *setting, flow_starts *ret_starts,
                              dwell_error *err);
void flow_starts_free(flow_starts *p);

/* What the claims need of one start. NaN: undefined. */
typedef struct start_numbers {
  double trend, p_any_state;      /* A: over STARTS_STATES states at equal steps of the cumulated mean angle */
  double staircase;               /* ln of the separation ratio */
  double drawdown, index, floors; /* energy at the flow's own beta at those states */
  /* ln of merging over formation time by the groups of the state that stands out most; over all frames. `strict`: only
   * where the cluster test of that state is significant, else undefined. */
  double log_ratio, log_ratio_strict;
  bool censored;
} start_numbers;

/* ret [count]. */
dwell_status flow_starts_measure(const dwell_context *ctx, const flow_starts *p, start_numbers *ret, dwell_error *err);

/* Of `frames` states at rising times tau[0] = 0, ..., the ones nearest to `states` equal steps. ret_frames [states]. */
void flow_starts_equal_steps(size_t frames, const double *tau, size_t states, size_t *ret_frames);

#endif
