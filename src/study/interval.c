/* study/interval.c - intervals: bootstrap-t, exact for shares and medians, crossed over prompts and seeds. */
#include "study/interval.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sort.h"

static const double TAIL = 0.025;

double sample_mean(size_t n, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return n == 0 ? 0 : sum / (double)n;
}

double sample_variance(size_t n, const double *x) {
  double mean = sample_mean(n, x), sum = 0;
  for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
  return n < 2 ? 0 : sum / (double)(n - 1);
}

/* ---- bootstrap-t ---- */

static size_t distinct_values(const double *sorted, size_t n) {
  size_t count = n > 0;
  for (size_t i = 1; i < n; i++) count += sorted[i] > sorted[i - 1];
  return count;
}

/* Mean of resample k of centred values and its variance; false if all its values are equal. One counter gives four
 * places, each of bias below n / 2^32. */
static bool resample(uint64_t seed, uint32_t sample, size_t k, size_t n, const double *centred, double *ret_mean,
                     double *ret_variance) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_BOOTSTRAP, .replica = sample};
  double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
  uint32_t bits[4];
  for (size_t i = 0; i < n; i++) {
    if (i % 4 == 0) random_bits(&s, (uint32_t)k, (uint32_t)(i / 4), bits);
    double x = centred[((uint64_t)bits[i % 4] * n) >> 32];
    sum += x, squares += x * x;
    low = fmin(low, x), high = fmax(high, x);
  }
  *ret_mean = sum / (double)n;
  *ret_variance = (squares / (double)n - *ret_mean * *ret_mean) / (double)(n - 1);
  return high > low;
}

static bool resampled_t(uint64_t seed, size_t k, size_t n, const double *centred, double *ret_t) {
  double mean, variance;
  bool spread = resample(seed, 0, k, n, centred, &mean, &variance);
  *ret_t = mean / sqrt(fmax(variance, 0x1p-1000));
  return spread;
}

/* Quantile of sorted numbers at the place (n + 1) p, between neighbours by a straight line. */
static double sorted_quantile(const double *sorted, size_t n, double p) {
  double place = p * (double)(n + 1) - 1;
  if (place <= 0) return sorted[0];
  size_t below = (size_t)place;
  if (below + 1 >= n) return sorted[n - 1];
  return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void from_resamples(size_t n, const double *centred, double mean, uint64_t seed, double *t,
                           interval *ret_interval, bool *ret_valid) {
  size_t kept = 0;
  for (size_t k = 0; k < BOOTSTRAP_RESAMPLES; k++) kept += resampled_t(seed, k, n, centred, &t[kept]);
  if ((BOOTSTRAP_RESAMPLES - kept) * 100 > BOOTSTRAP_RESAMPLES) return;
  double error = sqrt(sample_variance(n, centred) / (double)n);
  sort_doubles(t, kept);
  ret_interval->low = mean - error * sorted_quantile(t, kept, 1 - TAIL);
  ret_interval->high = mean - error * sorted_quantile(t, kept, TAIL);
  *ret_valid = true;
}

dwell_status interval_bootstrap_t(size_t n, const double *x, uint64_t seed, interval *ret_interval, bool *ret_valid,
                                  dwell_error *err) {
  enum { FEWEST_VALUES = 5 };
  dwell_status status = DWELL_OK;
  double mean = sample_mean(n, x), *centred = MEM_NEW(double, n), *t = MEM_NEW(double, BOOTSTRAP_RESAMPLES + n);
  *ret_interval = (interval){NAN, NAN}, *ret_valid = false;
  TRY_ALLOC(centred, "an interval");
  TRY_ALLOC(t, "an interval");
  if (!isfinite(mean)) TRY(error_set(err, DWELL_BAD_INPUT, "a number of a sample is not finite"));
  for (size_t i = 0; i < n; i++) centred[i] = t[i] = x[i] - mean;
  sort_doubles(t, n);
  if (distinct_values(t, n) < FEWEST_VALUES) goto done;
  from_resamples(n, centred, mean, seed, t, ret_interval, ret_valid);
done:
  mem_free(centred);
  mem_free(t);
  return status;
}

/* Of two centred samples, one behind the other. */
static bool resampled_difference(uint64_t seed, size_t k, size_t n, size_t m, const double *centred, double *ret_t) {
  double a, b, va, vb;
  bool spread = resample(seed, 0, k, n, centred, &a, &va);
  spread = resample(seed, 1, k, m, centred + n, &b, &vb) && spread;
  *ret_t = (a - b) / sqrt(fmax(va + vb, 0x1p-1000));
  return spread;
}

dwell_status interval_difference(size_t n, const double *x, size_t m, const double *y, uint64_t seed,
                                 interval *ret_interval, bool *ret_valid, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double a = sample_mean(n, x), b = sample_mean(m, y);
  double *centred = MEM_NEW(double, n + m), *t = MEM_NEW(double, BOOTSTRAP_RESAMPLES);
  size_t kept = 0;
  *ret_interval = (interval){NAN, NAN}, *ret_valid = false;
  TRY_ALLOC(centred, "an interval");
  TRY_ALLOC(t, "an interval");
  if (!isfinite(a - b)) TRY(error_set(err, DWELL_BAD_INPUT, "a number of a sample is not finite"));
  if (n < 2 || m < 2) goto done;
  for (size_t i = 0; i < n; i++) centred[i] = x[i] - a;
  for (size_t i = 0; i < m; i++) centred[n + i] = y[i] - b;
  for (size_t k = 0; k < BOOTSTRAP_RESAMPLES; k++) kept += resampled_difference(seed, k, n, m, centred, &t[kept]);
  if ((BOOTSTRAP_RESAMPLES - kept) * 20 > BOOTSTRAP_RESAMPLES) goto done;
  double error = sqrt(sample_variance(n, x) / (double)n + sample_variance(m, y) / (double)m);
  sort_doubles(t, kept);
  *ret_interval =
      (interval){a - b - error * sorted_quantile(t, kept, 1 - TAIL), a - b - error * sorted_quantile(t, kept, TAIL)};
  *ret_valid = true;
done:
  mem_free(centred);
  mem_free(t);
  return status;
}

/* ---- exact intervals ---- */

interval interval_share(size_t count, size_t n, double level) {
  double tail = (1 - level) / 2, k = (double)count, rest = (double)(n - count);
  return (interval){.low = count == 0 ? 0 : special_beta_quantile(k, rest + 1, tail),
                    .high = count == n ? 1 : 1 - special_beta_quantile(rest, k + 1, tail)};
}

bool interval_median_ranks(size_t n, size_t *ret_low, size_t *ret_high) {
  size_t k = 0;
  while (k < n && special_binomial_below(n, k, 0.5) <= TAIL) k++;
  *ret_low = k, *ret_high = n + 1 - k;
  return k > 0;
}

/* ---- prompts and seeds ---- */

/* Variance over the seeds of their means over prompts. */
static double variance_of_seeds(size_t prompts, size_t seed_count, const double *seeds) {
  double sum = 0, mean = sample_mean(seed_count * prompts, seeds);
  for (size_t s = 0; s < seed_count; s++) {
    double from = sample_mean(prompts, seeds + s * prompts) - mean;
    sum += from * from;
  }
  return sum / (double)(seed_count - 1);
}

crossed interval_crossed(size_t prompts, const double *trained, size_t seed_count, const double *seeds) {
  crossed c = {.interval = {NAN, NAN}};
  double squares = 0, P = (double)prompts, M = (double)seed_count;
  c.mean = sample_mean(prompts, trained) - sample_mean(seed_count * prompts, seeds);
  for (size_t p = 0; p < prompts; p++) {
    double sum = 0;
    for (size_t s = 0; s < seed_count; s++) sum += seeds[s * prompts + p];
    double from = trained[p] - sum / M - c.mean;
    squares += from * from;
  }
  /* The trained network is itself one draw of weights: 1 + 1/M. */
  double of_prompts = squares / (P - 1) / P, of_seeds = variance_of_seeds(prompts, seed_count, seeds) * (1 + 1 / M);
  c.variance = of_prompts + of_seeds;
  if (!(c.variance > 0)) return c;
  c.nu = c.variance * c.variance / (of_prompts * of_prompts / (P - 1) + of_seeds * of_seeds / (M - 1));
  double half = special_t_quantile(TAIL, c.nu) * sqrt(c.variance);
  c.interval = (interval){c.mean - half, c.mean + half};
  return c;
}

double crossed_p(const crossed *c, double margin, bool above) {
  double t = (c->mean - margin) / sqrt(c->variance);
  return special_t_above(above ? t : -t, c->nu);
}
