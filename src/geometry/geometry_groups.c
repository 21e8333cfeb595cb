/* geometry/geometry_groups.c - the clusters of a state, each kind computed once. */
#include "base/error.h"
#include "base/mem.h"
#include "geometry/excess.h"
#include "geometry/geometry_state.h"
#include "geometry/linkage.h"

static dwell_status make_clusters(geometry *g, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const double *centred;
  geometry_groups *groups = &g->groups;
  int32_t *labels = MEM_NEW(int32_t, g->n);
  TRY_ALLOC(labels, "cluster labels");
  TRY(geometry_cosines(g, CENTRED, &centred, err));
  TRY(excess(g->n, centred, labels, &groups->count, &groups->excess, err));
  groups->unassigned = 0;
  for (size_t i = 0; i < g->n; i++) groups->unassigned += labels[i] < 0;
  groups->labels = g->labels = labels;
  labels = NULL;
done:
  mem_free(labels);
  return status;
}

dwell_status geometry_clusters(geometry *g, const geometry_groups **ret_groups, dwell_error *err) {
  dwell_status status = g->labels != NULL ? DWELL_OK : make_clusters(g, err);
  *ret_groups = &g->groups;
  return status;
}

/* The best of the cuts into at most a third as many clusters as tokens. Too few tokens for two clusters: one. */
static dwell_status find_cut(const geometry *g, const double *distances, const linkage_merge *merges,
                             geometry_tree *ret_tree, dwell_error *err) {
  size_t most = g->n / 3 < LINKAGE_CUTS ? g->n / 3 : LINKAGE_CUTS;
  double silhouettes[LINKAGE_CUTS + 1];
  *ret_tree = (geometry_tree){.silhouette = 0, .silhouette_k = 1};
  if (g->n < 2 * excess_smallest(g->n)) return DWELL_OK;
  dwell_status status = linkage_silhouettes(g->n, distances, merges, most, silhouettes, err);
  if (status != DWELL_OK) return status;
  ret_tree->silhouette_k = 2;
  for (size_t k = 3; k <= most; k++) {
    if (silhouettes[k] > silhouettes[ret_tree->silhouette_k]) ret_tree->silhouette_k = k;
  }
  ret_tree->silhouette = silhouettes[ret_tree->silhouette_k];
  return DWELL_OK;
}

static dwell_status make_tree(geometry *g, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const double *centred;
  size_t n = g->n, entries;
  double *heights = MEM_NEW(double, n), *distances = size_mul(n, n, &entries) ? MEM_NEW(double, entries) : NULL;
  linkage_merge *merges = MEM_NEW(linkage_merge, n);
  TRY_ALLOC(heights, "a dendrogram");
  TRY_ALLOC(merges, "a dendrogram");
  TRY_ALLOC(distances, "a dendrogram");
  TRY(geometry_cosines(g, CENTRED, &centred, err));
  linkage_distances(n, centred, distances);
  TRY(linkage_average(n, distances, merges, err));
  TRY(find_cut(g, distances, merges, &g->tree, err));
  for (size_t k = 0; k + 1 < n; k++) heights[k] = merges[k].height;
  g->tree.heights = g->heights = heights;
  heights = NULL;
done:
  mem_free(heights), mem_free(merges), mem_free(distances);
  return status;
}

dwell_status geometry_linkage(geometry *g, const geometry_tree **ret_tree, dwell_error *err) {
  dwell_status status = g->heights != NULL ? DWELL_OK : make_tree(g, err);
  *ret_tree = &g->tree;
  return status;
}

uint64_t geometry_cluster_bytes(size_t n) {
  uint64_t clusters = excess_work_bytes(n), distances = (uint64_t)n * n * sizeof(double);
  uint64_t tree = linkage_work_bytes(n) + n * sizeof(linkage_merge) + distances;
  return clusters > tree ? clusters : tree;
}
