/* instrument/spectrum.h - what several instruments derive from Grams. */
#ifndef DWELL_INSTRUMENT_SPECTRUM_H
#define DWELL_INSTRUMENT_SPECTRUM_H

#include "instrument/instrument.h"

/* Effective rank exp(-sum p ln p), p = s / sum s, s = sqrt(eigenvalue), from ascending eigenvalues [n]; those below
 * 1e-14 of the largest are dropped (Roy and Vetterli, EUSIPCO 2007, eq. 3). All zero: undefined, "collapsed". */
value spectrum_effective_rank(size_t n, const double *values);

/* sum_ij A_ij B_ij of two [n,n], and the trace. */
double spectrum_product(size_t n, const double *a, const double *b);
double spectrum_trace(size_t n, const double *a);

/* Unbiased HSIC of two linear kernels from their *centred* Grams Kc, Lc [n,n], n >= 4 (Song, Smola, Gretton, Bedo,
 * Borgwardt, JMLR 13 (2012), eq. 5). The estimator does not see the mean, so centred Grams give the value of the plain
 * ones, and their rows sum to zero, so that with ~ = zero diagonal
 *   1'K~1 = -tr Kc,   1'K~L~1 = sum_i Kc_ii Lc_ii,   tr(K~L~) = <Kc,Lc> - sum_i Kc_ii Lc_ii.
 * Near collapse this keeps the digits that the plain Grams lose by cancellation. */
double spectrum_hsic(size_t n, const double *k, const double *l);

#endif
