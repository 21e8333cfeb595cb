/* geometry/condense.h - the condensed tree of a single-linkage hierarchy, and the clusters of it that hold the largest
 * excess of mass (Campello, Moulavi, Zimek, Sander, TKDD 10 (2015); McInnes and Healy 2017).
 *
 * Merges at the same height (within 1e-12 of it) are one split into many parts, so the result is a function of the
 * distances alone: mutual reachability makes exact ties all the time. */
#ifndef DWELL_GEOMETRY_CONDENSE_H
#define DWELL_GEOMETRY_CONDENSE_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct condensation {
  size_t n;
  const uint32_t *order; /* [n] points, as of reach_tree */
  const double *height;  /* [n-1] of the link between order[k] and order[k+1]; > 0 */
  const double *level;   /* [n-1] a decreasing function of the height, in which lifetimes are measured */
  size_t smallest;       /* points of a cluster at least, >= 2 */
} condensation;

/* A cluster lives from the level at which it is born to those at which its points leave it; its score is the sum of
 * these lifetimes over its points. The root is none. Of the sets of clusters that do not contain one another, one of
 * the largest total score is chosen, the larger clusters where it makes no difference: ret_labels [n], numbered by
 * their smallest point, -1 in none; their number, and the total score. */
dwell_status condense(const condensation *c, int32_t *ret_labels, size_t *ret_count, double *ret_score,
                      dwell_error *err);

/* Memory it takes, in bytes. */
uint64_t condense_work_bytes(size_t n);

#endif
