/* instrument/dimension.c - intrinsic dimension from the two nearest neighbours. */
#include <math.h>

#include "base/error.h"
#include "base/isa.h"
#include "instrument/instruments.h"

static const double NEAREST_LEAST = 1e-7; /* chord distance: nearer tokens coincide, as far as cosines can say */

/* The two largest of n cosines, in ISA_LANES partial results. */
ISA_INLINE void two_largest_body(size_t n, const double *row, double *ret_two) {
  double first[ISA_LANES], second[ISA_LANES];
  for (size_t k = 0; k < ISA_LANES; k++) first[k] = second[k] = -2;
  size_t whole = n - n % ISA_LANES;
  for (size_t i = 0; i < whole; i += ISA_LANES) {
    for (size_t k = 0; k < ISA_LANES; k++) {
      double c = row[i + k], less = c < first[k] ? c : first[k];
      first[k] = c > first[k] ? c : first[k];
      second[k] = less > second[k] ? less : second[k];
    }
  }
  for (size_t i = whole; i < n; i++) {
    double c = row[i], less = c < first[0] ? c : first[0];
    first[0] = c > first[0] ? c : first[0];
    second[0] = less > second[0] ? less : second[0];
  }
  for (size_t k = 1; k < ISA_LANES; k++) {
    double less = first[k] < first[0] ? first[k] : first[0], more = second[k] > second[0] ? second[k] : second[0];
    first[0] = first[k] > first[0] ? first[k] : first[0];
    second[0] = less > more ? less : more;
  }
  ret_two[0] = first[0], ret_two[1] = second[0];
}
ISA_DEFINE(static, two_largest, (size_t n, const double *row, double *ret_two), (n, row, ret_two))

/* The two largest cosines of token i to others. */
static void two_nearest(size_t n, size_t i, const double *row, double *ret_two) {
  double after[2];
  two_largest(i, row, ret_two);
  two_largest(n - i - 1, row + i + 1, after);
  for (size_t k = 0; k < 2; k++) {
    if (after[k] > ret_two[0]) ret_two[1] = ret_two[0], ret_two[0] = after[k];
    else if (after[k] > ret_two[1]) ret_two[1] = after[k];
  }
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  size_t n = geometry_n(g), count = 0;
  const double *gram;
  double sum = 0;
  dwell_status status = geometry_cosines(g, RAW, &gram, err);
  if (status != DWELL_OK) return status;
  ret_values[0] = UNDEFINED("fewer than 3 tokens apart");
  for (size_t i = 0; i < n && n > 2; i++) {
    double two[2];
    two_nearest(n, i, gram + i * n, two);
    double nearest = sqrt(2 - 2 * two[0]);
    if (!(nearest > NEAREST_LEAST)) continue;
    sum += log((2 - 2 * two[1]) / (2 - 2 * two[0])) / 2;
    count++;
  }
  if (count < 3) return DWELL_OK;
  ret_values[0] = sum > 0 ? VALUE((double)(count - 1) / sum) : UNDEFINED("equal distances");
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 4 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"two_nn", "1", 0, INFINITY,
     "intrinsic dimension by the ratio of the distances to the two nearest neighbours, over tokens with r1 > 1e-7",
     .null = "gaussian_twin", .null_in = IN_RAW},
};

const instrument instrument_dimension = {
    .name = "dimension",
    .summary = "intrinsic dimension of the cloud",
    .source = "Facco, d'Errico, Rodriguez, Laio, Sci. Rep. 7 (2017) 12140; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};
