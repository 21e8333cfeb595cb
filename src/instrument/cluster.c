/* instrument/cluster.c - are there clusters? */
#include <math.h>

#include "base/error.h"
#include "instrument/instruments.h"

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  dwell_status status = DWELL_OK;
  const geometry_groups *groups;
  TRY(geometry_clusters(g, &groups, err));
  const char *undefined = geometry_clusters_undefined(g);
  if (undefined != NULL) {
    for (size_t k = 0; k < 3; k++) ret_values[k] = UNDEFINED(undefined);
    return DWELL_OK;
  }
  ret_values[0] = VALUE(groups->excess);
  ret_values[1] = VALUE((double)groups->count);
  ret_values[2] = VALUE((double)groups->unassigned / (double)geometry_n(g));
done:
  return status;
}

static dwell_status labels(geometry *g, representation r, void *ret_array, dwell_error *err) {
  (void)r;
  const geometry_groups *groups;
  int64_t *ret_labels = ret_array;
  dwell_status status = geometry_clusters(g, &groups, err);
  bool defined = status == DWELL_OK && geometry_clusters_undefined(g) == NULL;
  for (size_t i = 0; i < geometry_n(g); i++) ret_labels[i] = defined ? groups->labels[i] : -1;
  return status;
}

/* Cores: 12 comparisons per pair; the tree: 4. */
static double flops(size_t n, size_t d) {
  (void)d;
  return 16 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"cluster_T", "1", 0, INFINITY,
     "log-lifetime excess of mass of the clusters below the root (centred angles); 0: one cluster is all there is",
     .null = "gaussian_twin", .null_in = IN_RAW},
    {"cluster_count", "1", 0, INFINITY, "clusters of the largest excess of mass; 0: none stands out from the whole"},
    {"unassigned", "1", 0, 1, "share of tokens in none of them"},
};

const instrument instrument_cluster = {
    .name = "cluster",
    .summary = "presence of clusters",
    .source = "Campello, Moulavi, Sander, PAKDD 2013, with lifetimes in ln distance; docs/instruments.md 2.1",
    .scope = PER_STATE,
    .in = IN_RAW,
    .types_too = true,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .array_name = "labels",
    .array_kind = ARRAY_PER_TOKEN,
    .array = labels,
    .flops = flops,
};
