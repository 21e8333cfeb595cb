/* instrument/cloud.c - numbers of the cloud as a whole that exist in one representation only. */
#include <math.h>

#include "base/error.h"
#include "geometry/pairwise.h"
#include "instrument/instruments.h"
#include "instrument/spectrum.h"

/* t^2 / h with t = tr(Kc)/(n-1), h = HSIC_u(G,G): estimates tr(S)^2/tr(S^2) of the population covariance S. */
static value unbiased_ratio(size_t n, const double *centred) {
  if (n < 4) return UNDEFINED("n < 4");
  double t = spectrum_trace(n, centred) / (double)(n - 1), h = spectrum_hsic(n, centred, centred);
  if (h <= 1e-14) return UNDEFINED("HSIC <= 1e-14");
  return VALUE(t * t / h);
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r, (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g);
  const double *gram, *centred, *eigenvalues;
  TRY(geometry_cosines(g, RAW, &gram, err));
  TRY(geometry_centred_gram(g, &centred, err));
  TRY(geometry_eigenvalues(g, STATES, &eigenvalues, err));
  double mean = pairwise_sum(n * n, gram) / ((double)n * (double)n);
  ret_values[0] = VALUE(sqrt(fmax(0, mean)));
  ret_values[1] = unbiased_ratio(n, centred);
  ret_values[2] = spectrum_effective_rank(n, eigenvalues);
done:
  return status;
}

static double flops(size_t n, size_t d) {
  double m = (double)(d < n ? d : n);
  return 4 * m * m * m / 3 + 4 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"mean_norm", "1", 0, 1, "length of the mean of the unit tokens"},
    {"pr_unbiased", "1", 0, INFINITY,
     "participation ratio of the population covariance of the unit tokens, estimated without bias from n tokens"},
    {"states_erank", "1", 1, INFINITY,
     "effective rank of the states with their norms, not centred; one long token can own it"},
};

const instrument instrument_cloud = {
    .name = "cloud",
    .summary = "length of the mean, dimension free of the number of tokens, rank with norms kept",
    .source = "Song, Smola, Gretton, Bedo, Borgwardt, JMLR 13 (2012), eq. 5; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .needs = NEEDS_STATES,
    .flops = flops,
};
