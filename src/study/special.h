/* study/special.h - the distributions behind the intervals and tests: binomial, beta and Student's t. Made of +, -, *,
 * /, exp, log and sqrt only, so that a verdict does not depend on whose library of special functions is installed.
 *
 * Accuracy: 1e-12 relative of probabilities down to 1e-300, for shapes up to 1e5 (tests/study/test_special.c). */
#ifndef DWELL_STUDY_SPECIAL_H
#define DWELL_STUDY_SPECIAL_H

#include <stddef.h>

/* ln of the gamma function, x > 0. */
double special_log_gamma(double x);
/* The regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: P(B <= x) of a beta variable. */
double special_beta(double a, double b, double x);
/* The x with I_x(a, b) = p. */
double special_beta_quantile(double a, double b, double p);
/* P(B >= k) and P(B <= k) of a binomial variable of n trials that succeed with probability p, k of 0..n. */
double special_binomial_above(size_t n, size_t k, double p);
double special_binomial_below(size_t n, size_t k, double p);
/* P(T > t) of Student's t with nu > 0 degrees of freedom (any real number), and the t that is exceeded with
 * probability p, 0 < p < 1. */
double special_t_above(double t, double nu);
double special_t_quantile(double p, double nu);

#endif
