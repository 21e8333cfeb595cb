/* geometry/excess.c - HDBSCAN's tree with lifetimes in the logarithm of the distance, so that T has no unit and no
 * scale, and without a vote for the root, so that one cluster is the ground state. */
#include "geometry/excess.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/condense.h"
#include "geometry/reach.h"
#include "linalg/vmath.h"

static const double PI = 3.14159265358979323846;
/* Distances below count as this: tokens of a flow come as near as rounding lets them. */
static const double FLOOR = 1e-6;

size_t excess_smallest(size_t n) {
  size_t twentieth = (n + 10) / 20;
  return twentieth > 4 ? twentieth : 4;
}

excess_setting excess_setting_default(size_t n) { return (excess_setting){excess_smallest(n), REACH_CORE}; }

static void measure_links(size_t links, const double *cosines, double *ret_height, double *ret_level) {
  vmath_acos_f64(links, cosines, ret_height);
  for (size_t k = 0; k < links; k++) {
    ret_height[k] = fmax(FLOOR, ret_height[k] / PI);
    ret_level[k] = -log(ret_height[k]);
  }
}

dwell_status excess(size_t n, const double *cosines, int32_t *ret_labels, size_t *ret_count, double *ret_excess,
                    dwell_error *err) {
  return excess_by(n, cosines, excess_setting_default(n), ret_labels, ret_count, ret_excess, err);
}

dwell_status excess_by(size_t n, const double *cosines, excess_setting setting, int32_t *ret_labels, size_t *ret_count,
                       double *ret_excess, dwell_error *err) {
  dwell_status status = DWELL_OK;
  uint32_t *order = MEM_NEW(uint32_t, n);
  double *height = MEM_NEW(double, n), *level = MEM_NEW(double, n), *core = NULL, *work = NULL;
  condensation c = {.n = n, .order = order, .height = height, .level = level, .smallest = setting.smallest};
  TRY_ALLOC(order, "the tree of clusters");
  TRY_ALLOC(height, "the tree of clusters");
  TRY_ALLOC(level, "the tree of clusters");
  if (n >= 2 * c.smallest) {
    core = MEM_NEW(double, n), work = MEM_NEW(double, reach_work(n));
    TRY_ALLOC(core, "core distances");
    TRY_ALLOC(work, "core distances");
    reach_cores(n, cosines, 1, setting.core, work, core);
    reach_tree(n, cosines, 1, core, work, order, height);
    measure_links(n - 1, height, height, level);
  }
  TRY(condense(&c, ret_labels, ret_count, ret_excess, err));
done:
  mem_free(order), mem_free(height), mem_free(level), mem_free(core), mem_free(work);
  return status;
}

uint64_t excess_work_bytes(size_t n) {
  return (uint64_t)n * ((3 + 1) * sizeof(double) + sizeof(uint32_t)) + reach_work(n) * sizeof(double) +
         condense_work_bytes(n);
}
