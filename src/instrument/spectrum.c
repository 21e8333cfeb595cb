/* instrument/spectrum.c - effective rank, Frobenius products, unbiased HSIC. */
#include "instrument/spectrum.h"

#include <math.h>

#include "geometry/pairwise.h"

value spectrum_effective_rank(size_t n, const double *values) {
  double largest = n > 0 ? values[n - 1] : 0, total = 0, entropy = 0;
  if (!isfinite(largest)) return UNDEFINED("overflow");
  if (!(largest > 0)) return UNDEFINED("collapsed");
  for (size_t k = 0; k < n; k++) total += values[k] < 1e-14 * largest ? 0 : sqrt(values[k] / largest);
  for (size_t k = 0; k < n; k++) {
    if (values[k] < 1e-14 * largest) continue;
    double p = sqrt(values[k] / largest) / total;
    entropy -= p * log(p);
  }
  return VALUE(exp(entropy));
}

double spectrum_product(size_t n, const double *a, const double *b) { return pairwise_dot(n * n, a, b); }

double spectrum_trace(size_t n, const double *a) {
  double trace = 0;
  for (size_t i = 0; i < n; i++) trace += a[i * n + i];
  return trace;
}

double spectrum_hsic(size_t n, const double *k, const double *l) {
  double m = (double)n, diagonal = 0;
  for (size_t i = 0; i < n; i++) diagonal += k[i * n + i] * l[i * n + i];
  double traces = spectrum_trace(n, k) * spectrum_trace(n, l);
  double off = spectrum_product(n, k, l) - diagonal;
  return (off + traces / ((m - 1) * (m - 2)) - 2 * diagonal / (m - 2)) / (m * (m - 3));
}
