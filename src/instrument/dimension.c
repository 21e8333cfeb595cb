/* instrument/dimension.c - intrinsic dimension from the two nearest neighbours. */
#include <math.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "instrument/instruments.h"

static const double NEAREST_LEAST = 1e-7; /* chord distance: nearer tokens coincide, as far as cosines can say */

/* Offers one cosine to each of n tokens, which keep their two largest. */
ISA_INLINE void offer_body(size_t n, const double *restrict row, double *restrict first, double *restrict second) {
  for (size_t j = 0; j < n; j++) {
    double c = row[j], less = c < first[j] ? c : first[j];
    first[j] = c > first[j] ? c : first[j];
    second[j] = less > second[j] ? less : second[j];
  }
}
ISA_DEFINE(static, offer, (size_t n, const double *row, double *first, double *second), (n, row, first, second))

/* Each token's two largest cosines to others, [n] each. G is symmetric: a row is offered to all tokens at once. */
static void two_nearest(size_t n, const double *gram, double *ret_first, double *ret_second) {
  for (size_t j = 0; j < n; j++) ret_first[j] = ret_second[j] = -2;
  for (size_t i = 0; i < n; i++) {
    offer(i, gram + i * n, ret_first, ret_second);
    offer(n - i - 1, gram + i * n + i + 1, ret_first + i + 1, ret_second + i + 1);
  }
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  size_t n = geometry_n(g), count = 0;
  const double *gram;
  double sum = 0, *first = MEM_NEW(double, 2 * n), *second = first != NULL ? first + n : NULL;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(first, "the nearest tokens");
  TRY(geometry_cosines(g, RAW, &gram, err));
  ret_values[0] = UNDEFINED("fewer than 3 tokens apart");
  two_nearest(n, gram, first, second);
  for (size_t i = 0; i < n && n > 2; i++) {
    double nearest = sqrt(2 - 2 * first[i]);
    if (!(nearest > NEAREST_LEAST)) continue;
    sum += log((2 - 2 * second[i]) / (2 - 2 * first[i])) / 2;
    count++;
  }
  if (count >= 3) ret_values[0] = sum > 0 ? VALUE((double)(count - 1) / sum) : UNDEFINED("equal distances");
done:
  mem_free(first);
  return status;
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
