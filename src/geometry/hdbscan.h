/* geometry/hdbscan.h - HDBSCAN as others define it (Campello, Moulavi, Sander, PAKDD 2013; McInnes, Healy, Astels, JOSS
 * 2 (2017) 205), for comparison: lifetimes in 1/distance, clusters by excess of mass, the root no cluster.
 *
 * Merges at the same height are one split into many parts (condense.h). The packages split in two by the order of their
 * sort, so that where mutual reachability has ties their labels may depend on the order of the points; ours do not, and
 * are theirs where theirs do not. */
#ifndef DWELL_GEOMETRY_HDBSCAN_H
#define DWELL_GEOMETRY_HDBSCAN_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

/* Whose min_samples: the core distance of a point is that of */
typedef enum hdbscan_convention {
  HDBSCAN_OTHERS, /* its min_samples-th nearest other point (package hdbscan 0.8) */
  HDBSCAN_ITSELF  /* its min_samples-th nearest point, itself the first (scikit-learn 1.3 and later) */
} hdbscan_convention;

/* What the entries of the matrix are. */
typedef enum hdbscan_metric {
  HDBSCAN_COSINE,  /* cosines c; the distance is max(0, 1 - c) */
  HDBSCAN_ANGLE,   /* cosines c; the distance is arccos(c)/pi */
  HDBSCAN_DISTANCE /* distances */
} hdbscan_metric;

typedef struct hdbscan_setting {
  hdbscan_metric metric;
  hdbscan_convention convention;
  size_t min_cluster_size; /* >= 2 */
  size_t min_samples;      /* >= 1; counts beyond the points there are mean the last */
} hdbscan_setting;

/* Of n points with the symmetric matrix [n,n], each row's diagonal its nearest entry. ret_labels [n]: clusters numbered
 * by their smallest point, -1 for noise; their number. */
dwell_status hdbscan(size_t n, const double *matrix, const hdbscan_setting *s, int32_t *ret_labels, size_t *ret_count,
                     dwell_error *err);

#endif
