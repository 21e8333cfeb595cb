/* flow/clusters.h - tokens that have met and move as one. Clusters are the rows of the system that is integrated; each
 * has the summed mass of its tokens and sits at their normalised barycentre. */
#ifndef DWELL_FLOW_CLUSTERS_H
#define DWELL_FLOW_CLUSTERS_H

#include <stdint.h>

#include "flow/history.h"

typedef struct clusters {
  size_t tokens, d;
  size_t count;   /* clusters */
  size_t *of;     /* [tokens] the row of each token */
  double *masses; /* [tokens], the first `count` in use */
  size_t *node;   /* [tokens] their numbers in the tree */
  size_t nodes;   /* numbers given so far */
} clusters;

/* Each token a cluster. Errors: DWELL_NO_MEMORY. */
dwell_status clusters_create(size_t n, size_t d, const double *masses, clusters *ret_clusters, dwell_error *err);
void clusters_destroy(clusters *c); /* legal on a zeroed object */
uint64_t clusters_bytes(size_t n);
/* Both made for the same tokens. */
void clusters_copy(const clusters *from, clusters *to);

/* Two rows that have come close, and when (part of a step). */
typedef struct clusters_meeting {
  size_t first, second; /* rows, first < second */
  double theta;
} clusters_meeting;

/* Merges, in x [count, d] too, whatever `meetings` [count of them] connect; sorts them by theta first. Each that
 * connects two clusters becomes a merger of `history` (may be NULL) at log_time(arg, theta). Errors: DWELL_NO_MEMORY.
 */
dwell_status clusters_merge(clusters *c, double *x, clusters_meeting *meetings, size_t count,
                            double (*log_time)(const void *arg, double theta), const void *arg, flow_history *history,
                            dwell_error *err);

/* ret_x [tokens, d]: each token where its cluster is. */
void clusters_expand(const clusters *c, const double *x, double *ret_x);

#endif
