/* geometry/hdbscan.c - mutual reachability, condensed tree and choice, with 1/distance as level. */
#include "geometry/hdbscan.h"

#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/condense.h"
#include "geometry/reach.h"
#include "linalg/vmath.h"

static const double PI = 3.14159265358979323846;
/* Coincident points would live for ever: longer than anything else, but so that sums stay finite. */
static const double FLOOR = 1e-290;

static void measure_links(hdbscan_metric metric, size_t links, double *height, double *ret_level) {
  if (metric == HDBSCAN_ANGLE) vmath_acos_f64(links, height, height);
  for (size_t k = 0; k < links; k++) {
    double d = metric == HDBSCAN_COSINE ? 1 - height[k] : metric == HDBSCAN_ANGLE ? height[k] / PI : -height[k];
    height[k] = fmax(FLOOR, d);
    ret_level[k] = 1 / height[k];
  }
}

/* Which other point's distance is the core distance; 0: the point's own. */
static size_t core_rank(size_t n, const hdbscan_setting *s) {
  size_t rank = s->convention == HDBSCAN_ITSELF ? s->min_samples - 1 : s->min_samples;
  return rank < n - 1 ? rank : n - 1;
}

dwell_status hdbscan(size_t n, const double *matrix, const hdbscan_setting *s, int32_t *ret_labels, size_t *ret_count,
                     dwell_error *err) {
  if (s->min_cluster_size < 2 || s->min_samples < 1) {
    return error_set(err, DWELL_USAGE, "HDBSCAN needs clusters of at least 2 points and at least 1 sample");
  }
  dwell_status status = DWELL_OK;
  double sign = s->metric == HDBSCAN_DISTANCE ? -1 : 1;
  uint32_t *order = MEM_NEW(uint32_t, n);
  double *height = MEM_NEW(double, n), *level = MEM_NEW(double, n), *core = MEM_NEW(double, n), score;
  double *work = MEM_NEW(double, reach_work(n));
  bool room = order != NULL && height != NULL && level != NULL && core != NULL && work != NULL;
  TRY_ALLOC(room ? work : NULL, "the tree of clusters");
  if (n > 1) {
    reach_cores(n, matrix, sign, core_rank(n, s), work, core);
    reach_tree(n, matrix, sign, core, work, order, height);
    measure_links(s->metric, n - 1, height, level);
  }
  condensation c = {.n = n, .order = order, .height = height, .level = level, .smallest = s->min_cluster_size};
  TRY(condense(&c, ret_labels, ret_count, &score, err));
done:
  mem_free(order), mem_free(height), mem_free(level), mem_free(core), mem_free(work);
  return status;
}
