/* geometry/linkage.h - one average-linkage dendrogram (Sokal and Michener 1958; nearest-neighbour chain, Benzecri 1982,
 * Murtagh 1983): made once, cut anywhere; and the mean silhouette (Rousseeuw 1987) of its cuts (instruments.md 3.2). */
#ifndef DWELL_GEOMETRY_LINKAGE_H
#define DWELL_GEOMETRY_LINKAGE_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKAGE_CUTS = 8 }; /* clusters of a cut at most */

typedef struct linkage_merge {
  uint32_t low, high; /* smallest tokens of the two clusters, the smaller one first */
  double height;      /* their mean distance */
} linkage_merge;

/* ret_distances [n,n] = arccos(cosine)/pi, 0 on the diagonal, of symmetric cosines [n,n]. */
void linkage_distances(size_t n, const double *cosines, double *ret_distances);

/* ret_merges [n-1], by height. Of n tokens with these distances [n,n]. */
dwell_status linkage_average(size_t n, const double *distances, linkage_merge *ret_merges, dwell_error *err);

/* The partition after all but the last k-1 merges, 1 <= k <= n: ret_labels [n], numbered by the smallest token. `work`
 * [n] is scratch. */
void linkage_cut(size_t n, const linkage_merge *merges, size_t k, uint32_t *work, uint32_t *ret_labels);

/* Mean silhouette of the cuts into k = 2..most clusters, 2 <= most <= min(LINKAGE_CUTS, n): ret_silhouettes[k]; a token
 * alone counts 0. */
dwell_status linkage_silhouettes(size_t n, const double *distances, const linkage_merge *merges, size_t most,
                                 double ret_silhouettes[LINKAGE_CUTS + 1], dwell_error *err);

/* Memory that the larger of the two takes, in bytes, without the distances. */
uint64_t linkage_work_bytes(size_t n);

#endif
