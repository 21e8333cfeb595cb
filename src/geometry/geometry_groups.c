/* geometry/geometry_groups.c - the clusters of a state, each kind computed once. */
#include "base/error.h"
#include "base/mem.h"
#include "geometry/excess.h"
#include "geometry/geometry_state.h"

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

uint64_t geometry_cluster_bytes(size_t n) { return excess_work_bytes(n); }
