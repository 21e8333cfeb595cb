/* instrument/margin.c - do all tokens lie in one cap, and how far from its rim? */
#include <math.h>

#include "base/error.h"
#include "geometry/minimum_norm.h"
#include "geometry/pairwise.h"
#include "instrument/instruments.h"

/* The square of a margin is exact to 1e-10 (of a surrogate in f32: to 1e-7), a margin near 0 to 1e-5 only. A larger
 * gap has never been seen; it would not be called a margin. */
static const double GAP_MOST = 1e-5, MEAN_LEAST = 1e-5, ROUNDING = 1e-13;

/* 0 where the origin may be in the hull, for all that is known. */
static double margin_of(minimum_norm_result found, double mean) {
  if (found.square <= fmax(found.gap, ROUNDING)) return 0;
  return fmin(sqrt(found.square), mean); /* the mean is a point of the hull */
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g);
  const double *gram;
  minimum_norm_result found;
  TRY(geometry_cosines(g, RAW, &gram, err));
  TRY(minimum_norm(n, gram, geometry_d(g), &found, NULL, err));
  ret_values[0] = ret_values[1] = UNDEFINED("unconverged");
  if (found.gap > GAP_MOST) return DWELL_OK;
  double mean = sqrt(fmax(0, pairwise_sum(n * n, gram))) / (double)n;
  double margin = margin_of(found, mean);
  ret_values[0] = VALUE(margin);
  ret_values[1] = mean > MEAN_LEAST ? VALUE(margin / mean) : UNDEFINED("mean_norm <= 1e-5");
done:
  return status;
}

/* Sweeps of coordinate descent and about four Cholesky factors. */
static double flops(size_t n, size_t d) {
  double m = (double)(d < n ? d : n);
  return 50 * (double)n * (double)n + 4 * m * m * m / 3;
}

static const instrument_column columns[] = {
    {"margin", "1", 0, 1, "least cosine to a token of the direction for which that is largest; 0: no open half-space",
     .null = "gaussian_twin", .null_in = IN_RAW},
    {"margin_ratio", "1", 0, 1, "margin / mean_norm: 1 in an equiangular cone", .null = "gaussian_twin",
     .null_in = IN_RAW},
};

const instrument instrument_margin = {
    .name = "margin",
    .summary = "do all tokens lie in one cap",
    .source = "Wolfe, Math. Programming 11 (1976) 128; Wendel, Math. Scand. 11 (1962) 109; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};
