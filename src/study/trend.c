/* study/trend.c - emergence, slopes, thresholds of depth. */
#include "study/trend.h"

#include <math.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "study/interval.h"

size_t trend_emergence(size_t checkpoints, const double *means, double largest) {
  enum { LASTING = 2 };
  size_t first = checkpoints;
  while (first > 0 && means[first - 1] > largest) first--;
  return first > 0 && first + LASTING <= checkpoints ? first : SIZE_MAX;
}

double trend_slope(size_t count, const double *x, const double *y) {
  double mean = 0, of_y = sample_mean(count, y), xx = 0, xy = 0;
  for (size_t k = 0; k < count; k++) mean += log(x[k]) / (double)count;
  for (size_t k = 0; k < count; k++) {
    double from = log(x[k]) - mean;
    xx += from * from, xy += from * (y[k] - of_y);
  }
  return xy / xx;
}

static double share_of(const size_t *with, const size_t *prompts, size_t from, size_t to) {
  size_t have = 0, all = 0;
  for (size_t j = from; j <= to; j++) have += with[j], all += prompts[j];
  return (double)have / (double)all;
}

/* Isotonic regression weighted by the prompts, by its max-min formula: a family has few depths. */
static double isotonic_share(size_t count, const size_t *with, const size_t *prompts, size_t at) {
  double most = 0;
  for (size_t from = 0; from <= at; from++) {
    double least = 1;
    for (size_t to = at; to < count; to++) least = fmin(least, share_of(with, prompts, from, to));
    most = fmax(most, least);
  }
  return most;
}

static double crossing_of(size_t count, const double *depths, const double *share) {
  for (size_t k = 0; k + 1 < count; k++) {
    if (share[k] > 0.5 || share[k + 1] < 0.5 || !(share[k + 1] > share[k])) continue;
    double f = (0.5 - share[k]) / (share[k + 1] - share[k]);
    return exp(log(depths[k]) + f * (log(depths[k + 1]) - log(depths[k])));
  }
  return NAN;
}

dwell_status trend_depths(size_t count, const double *depths, const size_t *with, const size_t *prompts,
                          depth_threshold *ret, dwell_error *err) {
  *ret = (depth_threshold){.below = SIZE_MAX, .above = SIZE_MAX, .crossing = NAN};
  double *share = MEM_NEW(double, count);
  if (share == NULL) return error_no_memory(err, "a threshold of depth");
  for (size_t k = 0; k < count; k++) {
    share[k] = isotonic_share(count, with, prompts, k);
    interval found = interval_share(with[k], prompts[k], 1 - 0.05 / (double)count);
    if (found.high < 0.5) ret->below = k;
    if (found.low > 0.5 && ret->above == SIZE_MAX) ret->above = k;
  }
  ret->crossing = crossing_of(count, depths, share);
  mem_free(share);
  return DWELL_OK;
}
