/* instrument/ip.c - the distribution of the cosines between tokens: mean, spread, tails, histogram. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "instrument/instruments.h"

enum { BINS = 50 };

/* Sum over pairs i < j of (c - shift)^power, power 1 or 2. */
static dwell_status pair_sum(size_t n, const double *cosines, double shift, int power, double *ret_sum,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *terms = MEM_NEW(double, n), *rows = MEM_NEW(double, n);
  TRY_ALLOC(terms, "cosines of a row");
  TRY_ALLOC(rows, "sums of rows");
  for (size_t i = 0; i < n; i++) {
    const double *row = cosines + i * n + i + 1;
    size_t count = n - 1 - i;
    for (size_t j = 0; j < count; j++) {
      double off = row[j] - shift;
      terms[j] = power == 1 ? off : off * off;
    }
    rows[i] = pairwise_sum(count, terms);
  }
  *ret_sum = pairwise_sum(n, rows);
done:
  mem_free(terms);
  mem_free(rows);
  return status;
}

enum { MEAN, STD, MASS90, MASS999, COLUMNS };

static bool is_needed(const instrument_setting *s, size_t column) { return !(s->skip >> column & 1); }

static dwell_status measure_moments(geometry *g, representation r, double pairs, value *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g);
  const double *cosines;
  double sum = 0, squares = 0;
  TRY(geometry_cosines(g, r, &cosines, err));
  TRY(pair_sum(n, cosines, 0, 1, &sum, err));
  double mean = sum / pairs;
  TRY(pair_sum(n, cosines, mean, 2, &squares, err));
  ret_values[MEAN] = VALUE(mean);
  ret_values[STD] = VALUE(sqrt(squares / pairs));
done:
  return status;
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  static const double limits[COLUMNS] = {[MASS90] = 0.9, [MASS999] = 0.999};
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g), above;
  double pairs = (double)n * (double)(n - 1) / 2;
  for (size_t c = 0; c < COLUMNS; c++) ret_values[c] = UNDEFINED(n < 2 ? "n < 2" : "skipped");
  if (n < 2) return DWELL_OK;
  if (is_needed(s, MEAN) || is_needed(s, STD)) TRY(measure_moments(g, r, pairs, ret_values, err));
  for (size_t c = MASS90; c <= MASS999; c++) {
    if (!is_needed(s, c)) continue;
    TRY(geometry_pairs_above(g, r, limits[c], &above, err));
    ret_values[c] = VALUE((double)above / pairs);
  }
  bool collapsed = r == CENTRED && geometry_collapsed(g);
  for (size_t c = 0; collapsed && c < COLUMNS; c++) ret_values[c] = UNDEFINED("collapsed");
done:
  return status;
}

static dwell_status histogram(geometry *g, representation r, void *ret_array, dwell_error *err) {
  size_t n = geometry_n(g);
  int64_t *ret_counts = ret_array;
  const double *cosines;
  dwell_status status = geometry_cosines(g, r, &cosines, err);
  if (status != DWELL_OK) return status;
  for (size_t b = 0; b < BINS; b++) ret_counts[b] = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) {
      size_t bin = (size_t)((cosines[i * n + j] + 1) * (BINS / 2)); /* cosines are clamped to [-1,1] */
      ret_counts[bin < BINS ? bin : BINS - 1]++;
    }
  }
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 4 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"ip_mean", "1", -1, 1, "mean cosine of the pairs of tokens"},
    {"ip_std", "1", 0, 1, "population standard deviation of the pairs' cosines"},
    {"mass90", "1", 0, 1, "share of pairs with a cosine above 0.9", .null = "gaussian_twin", .null_in = IN_CENTRED},
    {"mass999", "1", 0, 1, "share of pairs with a cosine above 0.999"},
};

const instrument instrument_ip = {
    .name = "ip",
    .summary = "distribution of the cosines between tokens",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, fig. 1; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW | IN_CENTRED,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .array_name = "hist",
    .array_length = BINS,
    .array = histogram,
    .flops = flops,
};
