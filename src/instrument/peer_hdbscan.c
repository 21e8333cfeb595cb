/* instrument/peer_hdbscan.c - the count that others print, beside ours. It finds clusters in clouds that have none. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/hdbscan.h"
#include "instrument/instruments.h"

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g), count;
  const double *cosines;
  const hdbscan_setting setting = {
      .metric = HDBSCAN_COSINE, .convention = HDBSCAN_OTHERS, .min_cluster_size = 2, .min_samples = 2};
  int32_t *labels = MEM_NEW(int32_t, n);
  TRY_ALLOC(labels, "cluster labels");
  TRY(geometry_cosines(g, r, &cosines, err));
  TRY(hdbscan(n, cosines, &setting, labels, &count, err));
  ret_values[0] = VALUE((double)count);
done:
  mem_free(labels);
  return status;
}

/* A selection and four comparisons per pair. */
static double flops(size_t n, size_t d) {
  (void)d;
  return 10 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"peer_hdbscan", "1", 0, INFINITY,
     "clusters of HDBSCAN (cosine distance, not centred, at least 2 tokens); 3 to 5 where there are none: no evidence"},
};

const instrument instrument_peer_hdbscan = {
    .name = "peer_hdbscan",
    .summary = "the count of HDBSCAN with its usual settings, for comparison",
    .source =
        "Campello, Moulavi, Sander, PAKDD 2013; McInnes, Healy, Astels, JOSS 2 (2017) 205; docs/instruments.md 2.1",
    .scope = PER_STATE,
    .in = IN_RAW,
    .optional = true,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};
