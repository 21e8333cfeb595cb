/* base/quadrature.h - integrals of one variable, kept as logarithms. */
#ifndef DWELL_BASE_QUADRATURE_H
#define DWELL_BASE_QUADRATURE_H

/* ln(e^a + e^b); -inf is the logarithm of zero. */
double quadrature_log_add(double a, double b);

/* ln of the integral of e^{f(x)} over [a, b], a <= b, for a smooth f; -inf if a == b. Nothing overflows however large f
 * is. A peak of f inside that is narrower than a hundredth of the interval may be missed: split there; peaks at an end
 * are found. Gauss-Kronrod with 7 and 15 points, halved until each part is good to 1e-13 of itself, or too small to
 * matter, or 60 times halved; where f is analytic the result is good to a few roundings of f itself, relative. */
double quadrature_log(double (*f)(const void *self, double x), const void *self, double a, double b);

#endif
