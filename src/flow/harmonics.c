/* flow/harmonics.c - Funk-Hecke multipliers by Miller's algorithm. */
#include "flow/harmonics.h"

#include <math.h>

#include "base/mem.h"

double harmonics_dimension(size_t d, size_t l) {
  double n = 1, m = (double)d;
  for (size_t k = 0; k < l; k++)
    n *= k == 0 ? m : (2 * (double)k + m) / (2 * (double)k + m - 2) * ((double)k + m - 2) / ((double)k + 1);
  return n;
}

/* An order from which ratios I_{nu+1} / I_nu = x / (2 nu + 2 + ...) are below 1/4 and N_l a_l has died out. */
static size_t top_order(size_t d, double x, size_t count) {
  return count + 60 + (size_t)(2 * x) + (d < 64 ? 0 : (size_t)(4 * sqrt((double)d)));
}

int harmonics_multipliers(size_t d, double beta, size_t count, double *ret_scaled) {
  double x = fabs(beta), m = (double)d, ratio = 0, term = 1, sum = 0;
  if (count == 0) return 0;
  size_t top = top_order(d, x, count);
  double *ratios = MEM_NEW(double, top);
  if (ratios == NULL) return -1;
  for (size_t l = top; l-- > 0;) {
    double nu = (double)l + m / 2 - 1;
    ratio = x > 0 ? 1 / (2 * (nu + 1) / x + ratio) : 0;
    ratios[l] = ratio; /* a_{l+1} / a_l */
  }
  for (size_t l = 0; l < top; l++) {
    double k = (double)l, more = l == 0 ? m : (2 * k + m) / (2 * k + m - 2) * (k + m - 2) / (k + 1);
    sum += term;
    term *= more * ratios[l];
  }
  ret_scaled[0] = 1 / sum;
  for (size_t l = 1; l < count; l++) ret_scaled[l] = ret_scaled[l - 1] * ratios[l - 1] * (beta < 0 ? -1 : 1);
  mem_free(ratios);
  return 0;
}

size_t harmonics_needed(size_t d, double beta, double tolerance, size_t most) {
  double *a = MEM_NEW(double, most + 1);
  if (a == NULL || harmonics_multipliers(d, beta, most + 1, a) != 0) {
    mem_free(a);
    return most;
  }
  size_t needed = most;
  while (needed > 1 && harmonics_dimension(d, needed) * fabs(a[needed]) < tolerance) needed--;
  mem_free(a);
  return needed;
}
