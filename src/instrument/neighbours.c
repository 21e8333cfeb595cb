/* instrument/neighbours.c - do tokens keep their neighbours over a block? */
#include <math.h>

#include "base/error.h"
#include "instrument/instruments.h"

static size_t common(size_t k, const uint32_t *a, const uint32_t *b) {
  size_t count = 0;
  for (size_t i = 0; i < k; i++) {
    for (size_t j = 0; j < k; j++) count += a[i] == b[j];
  }
  return count;
}

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(before), k, same = 0, shared = 0;
  const uint32_t *a, *b;
  TRY(geometry_neighbours(before, CENTRED, &a, &k, err));
  TRY(geometry_neighbours(after, CENTRED, &b, &k, err));
  const char *undefined = n < 2                                                      ? "n < 2"
                          : geometry_collapsed(before) || geometry_collapsed(after) ? "collapsed"
                                                                                     : NULL;
  if (undefined != NULL) {
    ret_values[0] = ret_values[1] = UNDEFINED(undefined);
    return DWELL_OK;
  }
  for (size_t i = 0; i < n; i++) {
    same += a[i * k] == b[i * k];
    shared += common(k, a + i * k, b + i * k);
  }
  ret_values[0] = VALUE((double)same / (double)n);
  ret_values[1] = VALUE((double)shared / ((double)n * (double)k));
done:
  return status;
}

/* Under a token shuffle the neighbour is any of the n - 1 others; k of n - 1 hit k others in the mean k/(n-1) times. */
static double chance_nearest(size_t n) { return n < 2 ? 1 : 1 / (double)(n - 1); }
static double chance_overlap(size_t n) { return n < 7 ? 1 : 5 / (double)(n - 1); }

static double flops(size_t n, size_t d) {
  (void)d;
  return 2 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"nn_stability", "1", 0, 1, "share of tokens whose nearest neighbour (centred cosine) is the same after the block",
     .chance = chance_nearest},
    {"knn_overlap", "1", 0, 1, "mean share of the min(5, n-1) nearest neighbours that are the same after the block",
     .chance = chance_overlap},
};

const instrument instrument_neighbours = {
    .name = "neighbours",
    .summary = "do tokens keep their neighbours",
    .source = "docs/instruments.md 3.2; chance: 4.2",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .step = measure,
    .flops = flops,
};
