/* flow/history.h - what happened to the clusters of one replica, in exact times: which merged when, and how long the
 * plateaus between lasted. */
#ifndef DWELL_FLOW_HISTORY_H
#define DWELL_FLOW_HISTORY_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Two clusters have come within the merging distance and count as one from here on. Clusters are numbered like the
 * nodes of a tree: tokens 0..n-1, and n + k is what merger k made. */
typedef struct flow_merger {
  double log_time; /* -INFINITY: there from the start */
  size_t first, second;
  double mass;     /* of both */
  size_t clusters; /* that are left */
} flow_merger;

/* The time between two mergers (or the start). */
typedef struct flow_plateau {
  size_t clusters;
  double log_enter, log_end; /* log_end: the merger that ends it, or the end of the run */
  bool ended;                /* by a merger */
  /* When the first of its clusters had left the cap {<x, w> >= 1 - 2 HISTORY_CAP} around where it was at the
   * beginning; NaN: none has. */
  double log_exit;
  double energy;        /* sum_ij m_i m_j e^{beta (G_ij - 1)} at its beginning */
  double squares;       /* sum_i m_i^2: the energy of clusters that do not feel each other */
  double log_guarantee; /* ln of the time for which theory keeps all in their caps (flows.md 7); NaN: none */
} flow_plateau;

#define HISTORY_CAP 0.01

typedef struct flow_history {
  flow_merger *mergers;
  size_t merger_count, merger_room;
  flow_plateau *plateaus;
  size_t plateau_count, plateau_room;
  double log_end; /* of the run */
} flow_history;

void history_clear(flow_history *history); /* legal on a zeroed object */
dwell_status history_add_merger(flow_history *history, const flow_merger *merger, dwell_error *err);
dwell_status history_add_plateau(flow_history *history, const flow_plateau *plateau, dwell_error *err);

/* ln(e^a + e^b), and ln(e^a - e^b) for a >= b. */
double log_add(double a, double b);
double log_subtract(double a, double b);

#endif
