/* instrument/rank.c - how many directions the tokens fill. */
#include <math.h>

#include "base/error.h"
#include "instrument/instruments.h"
#include "instrument/spectrum.h"

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g);
  const double *gram, *eigenvalues;
  TRY(r == RAW ? geometry_cosines(g, RAW, &gram, err) : geometry_centred_gram(g, &gram, err));
  if (r == CENTRED && geometry_collapsed(g)) {
    ret_values[0] = ret_values[1] = UNDEFINED("collapsed");
    return DWELL_OK;
  }
  TRY(geometry_eigenvalues(g, r, &eigenvalues, err));
  ret_values[0] = spectrum_effective_rank(n, eigenvalues);
  double trace = spectrum_trace(n, gram);
  ret_values[1] = VALUE(trace * trace / spectrum_product(n, gram, gram));
done:
  return status;
}

static double flops(size_t n, size_t d) {
  double m = (double)(d < n ? d : n);
  return 4 * m * m * m / 3 + 2 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"effective_rank", "1", 1, INFINITY,
     "exp of the entropy of the normalised singular values of the unit tokens; at most min(n, d)"},
    {"participation_ratio", "1", 1, INFINITY, "(sum of eigenvalues)^2 / sum of their squares; at most min(n, d)"},
};

const instrument instrument_rank = {
    .name = "rank",
    .summary = "number of directions the tokens fill",
    .source = "Roy and Vetterli, EUSIPCO 2007; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW | IN_CENTRED,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};
