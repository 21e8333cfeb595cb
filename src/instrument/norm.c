/* instrument/norm.c - lengths of the tokens. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "instrument/instruments.h"

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  size_t n = geometry_n(g);
  double *sorted = mem_copy(geometry_norms(g), n, sizeof(double));
  if (sorted == NULL) return error_no_memory(err, "norms");
  sort_doubles(sorted, n);
  ret_values[0] = VALUE(sort_median(sorted, n));
  ret_values[1] = VALUE(sorted[0]);
  ret_values[2] = VALUE(sorted[n - 1]);
  mem_free(sorted);
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return (double)n * log2((double)n + 1);
}

static const instrument_column columns[] = {
    {"norm_median", "1", 0, INFINITY, "median length of the tokens (mean of the middle two if their number is even)"},
    {"norm_min", "1", 0, INFINITY, "length of the shortest token"},
    {"norm_max", "1", 0, INFINITY, "length of the longest token"},
};

const instrument instrument_norm = {
    .name = "norm",
    .summary = "lengths of the tokens",
    .source = "docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
    .rows_only = true,
};
