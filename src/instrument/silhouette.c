/* instrument/silhouette.c - how many clusters? */
#include <math.h>

#include "base/error.h"
#include "instrument/instruments.h"

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  dwell_status status = DWELL_OK;
  const geometry_tree *tree;
  TRY(geometry_linkage(g, &tree, err));
  const char *undefined = geometry_clusters_undefined(g);
  ret_values[0] = undefined != NULL ? UNDEFINED(undefined) : VALUE(tree->silhouette);
  ret_values[1] = undefined != NULL ? UNDEFINED(undefined) : VALUE((double)tree->silhouette_k);
done:
  return status;
}

static dwell_status heights(geometry *g, representation r, void *ret_array, dwell_error *err) {
  (void)r;
  const geometry_tree *tree;
  double *ret_heights = ret_array;
  dwell_status status = geometry_linkage(g, &tree, err);
  bool defined = status == DWELL_OK && geometry_clusters_undefined(g) == NULL;
  for (size_t k = 0; k + 1 < geometry_n(g); k++) ret_heights[k] = defined ? tree->heights[k] : NAN;
  return status;
}

/* Two arccos per pair, three searches and one update of a row per merge, sums. */
static double flops(size_t n, size_t d) {
  (void)d;
  return 60 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"silhouette", "1", -1, 1,
     "largest mean silhouette of the cuts of the average-linkage dendrogram (centred angles) into 2..min(8, n/3) parts",
     .null = "gaussian_twin", .null_in = IN_RAW, .null_where = "cluster_T"},
    {"silhouette_k", "1", 1, 8, "number of parts of that cut, the smallest on ties"},
};

const instrument instrument_silhouette = {
    .name = "silhouette",
    .summary = "number of clusters",
    .source = "Sokal and Michener 1958; Rousseeuw, J. Comput. Appl. Math. 20 (1987) 53; docs/instruments.md 2.1",
    .scope = PER_STATE,
    .in = IN_RAW,
    .types_too = true,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .array_name = "merge_heights",
    .array_kind = ARRAY_PER_MERGE,
    .array = heights,
    .flops = flops,
};
