/* instrument/ari.c - do the clusters stay the same over a block? */

#include "base/error.h"
#include "base/mem.h"
#include "instrument/instruments.h"

static double pairs(double count) { return count * (count - 1) / 2; }

/* Pairs of tokens that share a cluster: before, after, both. Tokens in no cluster share it with nobody. `table`
 * [before->count + 1, after->count + 1] holds zeros; its last row and column become totals. */
static void count_pairs(size_t n, const geometry_groups *before, const geometry_groups *after, double *table,
                        double ret_pairs[3]) {
  size_t width = after->count + 1;
  for (size_t i = 0; i < n; i++) {
    int32_t a = before->labels[i], b = after->labels[i];
    if (a >= 0) table[(size_t)a * width + after->count]++;
    if (b >= 0) table[before->count * width + (size_t)b]++;
    if (a >= 0 && b >= 0) table[(size_t)a * width + (size_t)b]++;
  }
  ret_pairs[0] = ret_pairs[1] = ret_pairs[2] = 0;
  for (size_t a = 0; a < before->count; a++) {
    ret_pairs[0] += pairs(table[a * width + after->count]);
    for (size_t b = 0; b < after->count; b++) ret_pairs[2] += pairs(table[a * width + b]);
  }
  for (size_t b = 0; b < after->count; b++) ret_pairs[1] += pairs(table[before->count * width + b]);
}

/* Hubert and Arabie's equation 5: (both - expected) / (mean - expected), expected = before * after / all. Where both
 * partitions are all singletons or all one cluster they are equal: 1. */
static double adjusted(const double shared[3], size_t n) {
  double expected = n > 1 ? shared[0] * shared[1] / pairs((double)n) : 0, mean = (shared[0] + shared[1]) / 2;
  return mean == expected ? 1 : (shared[2] - expected) / (mean - expected);
}

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  const geometry_groups *a, *b;
  double *table = NULL, shared[3];
  TRY(geometry_clusters(before, &a, err));
  TRY(geometry_clusters(after, &b, err));
  const char *undefined = geometry_clusters_undefined(before);
  if (undefined == NULL) undefined = geometry_clusters_undefined(after);
  ret_values[0] = UNDEFINED(undefined);
  if (undefined != NULL) goto done;
  table = MEM_ZERO(double, (a->count + 1) * (b->count + 1)); /* counts are at most 20 */
  TRY_ALLOC(table, "a contingency table");
  count_pairs(geometry_n(before), a, b, table, shared);
  ret_values[0] = VALUE(adjusted(shared, geometry_n(before)));
done:
  mem_free(table);
  return status;
}

static double chance(size_t n) {
  (void)n;
  return 0;
}

/* Clusters of both states are there already; what is left is a count over the tokens. */
static double flops(size_t n, size_t d) {
  (void)d;
  return 10 * (double)n;
}

static const instrument_column columns[] = {
    {"ari", "1", -1, 1,
     "adjusted Rand index of the clusters before and after; tokens in none are clusters of their own",
     .chance = chance},
};

const instrument instrument_ari = {
    .name = "ari",
    .summary = "do the clusters stay the same",
    .source = "Hubert and Arabie, J. Classif. 2 (1985) 193, eq. 5; docs/instruments.md 3.2; chance: 4.2",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .step = measure,
    .flops = flops,
};
