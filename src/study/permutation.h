/* study/permutation.h - tests by permutation, and tests of counts. All are one-sided unless said otherwise. */
#ifndef DWELL_STUDY_PERMUTATION_H
#define DWELL_STUDY_PERMUTATION_H

#include <dwell/status.h>
#include <stdint.h>

#include "instrument/instrument.h"

enum { SIGN_FLIP_EXACT = 16, SIGN_FLIP_DRAWS = 9999, LABEL_DRAWS = 4999 };

/* p of the mean of x being above 0, by flipping signs: all 2^n for n <= SIGN_FLIP_EXACT, else SIGN_FLIP_DRAWS draws
 * and the sample itself. Sums that differ by rounding count as equal. */
double sign_flip_p(size_t n, const double *x, uint64_t seed);

/* Exact McNemar test: `gained` prompts where the model has it and the control has not, `lost` the other way round. */
double mcnemar_p(size_t gained, size_t lost);

/* (1 + number of seeds that reach the trained network's mean) / (1 + number of seeds). seeds [seed_count, prompts]. */
double rank_gate_p(size_t prompts, const double *trained, size_t seed_count, const double *seeds);

/* Do the means of classes differ? Two-sided; permutes labels [n] of 0..class_count-1 LABEL_DRAWS times; the statistic
 * weighs classes by their precision (Welch 1951), for plain sums of squares reject too often where variances differ.
 * Undefined: a class of fewer than 2 ("few_classes"), or without spread ("degenerate"). */
dwell_status label_permutation_p(size_t n, const double *x, const uint32_t *labels, size_t class_count, uint64_t seed,
                                 value *ret_p, dwell_error *err);

/* Kendall's tau of x[0..n-1] with its order, and its exact two-sided p. Undefined p: ties ("ties"), n < 3 or n > 100.
 */
dwell_status kendall(size_t n, const double *x, double *ret_tau, value *ret_p, dwell_error *err);

#endif
