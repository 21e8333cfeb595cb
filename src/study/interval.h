/* study/interval.h - 95 % intervals over prompts (instruments: docs/verdicts.md 2). */
#ifndef DWELL_STUDY_INTERVAL_H
#define DWELL_STUDY_INTERVAL_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stdint.h>

#include "study/special.h"

typedef struct interval {
  double low, high;
} interval;

/* Mean, and unbiased variance (0 for n < 2), of x[0..n-1]. */
double sample_mean(size_t n, const double *x);
double sample_variance(size_t n, const double *x);

enum { BOOTSTRAP_RESAMPLES = 1999 };

/* Bootstrap-t interval of a mean (Hall 1988), from BOOTSTRAP_RESAMPLES resamples. *ret_valid is false, and the interval
 * empty (NaN), where the method does not hold: fewer than 5 distinct values, or more than 1 % of the resamples without
 * any spread. The same seed gives the same resamples. Errors: DWELL_NO_MEMORY, DWELL_BAD_INPUT (not finite). */
dwell_status interval_bootstrap_t(size_t n, const double *x, uint64_t seed, interval *ret_interval, bool *ret_valid,
                                  dwell_error *err);

/* The same of the difference of two independent means, mean of x[n] minus mean of y[m], whose variances may differ.
 * *ret_valid is false where one has fewer than 2 values or more than 5 % of the resamples have no spread in one of
 * them (of four values one resample in 64 has none). */
dwell_status interval_difference(size_t n, const double *x, size_t m, const double *y, uint64_t seed,
                                 interval *ret_interval, bool *ret_valid, dwell_error *err);

/* Clopper and Pearson's interval of a share of `count` in n; each side misses with probability at most (1 - level)/2.
 */
interval interval_share(size_t count, size_t n, double level);

/* Ranks low < high (from 1) of the sorted sample between which the median lies with probability at least .95 whatever
 * the law; false: n is too small (n < 6). Their interval is x_(low) .. x_(high). */
bool interval_median_ranks(size_t n, size_t *ret_low, size_t *ret_high);

/* What a trained network has more than networks of random weights: prompts and seeds are both samples. */
typedef struct crossed {
  double mean;         /* of trained minus the mean of the seeds */
  double variance, nu; /* of that mean, and its degrees of freedom (Satterthwaite); variance 0: no interval */
  interval interval;
} crossed;

/* trained [prompts]; seeds [seed_count, prompts], at least 2 of each. One control run per prompt (flows) is no sample
 * of seeds: take the differences and interval_bootstrap_t. */
crossed interval_crossed(size_t prompts, const double *trained, size_t seed_count, const double *seeds);
/* One-sided p of the mean against a margin: of being above it, or below. variance > 0. */
double crossed_p(const crossed *c, double margin, bool above);

#endif
