/* geometry/forms.c - robust and normed states. */
#include "geometry/forms.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "geometry/geometry.h"

static const double DEVIATIONS = 1.4826, MOST = 5; /* instruments.md 1.2 */

/* Median of the n numbers, which are sorted. */
static double median(double *values, size_t n) {
  sort_doubles(values, n);
  return sort_median(values, n);
}

static double clip(double z) { return z > MOST ? MOST : z < -MOST ? -MOST : z; }

dwell_status form_robust(const double *x, size_t d, const size_t *rows, size_t n, double *ret_rows, dwell_error *err) {
  double *values = MEM_NEW(double, n);
  if (values == NULL) return error_no_memory(err, "a coordinate of all tokens");
  for (size_t k = 0; k < d && n > 0; k++) {
    for (size_t i = 0; i < n; i++) values[i] = x[rows[i] * d + k];
    double middle = median(values, n);
    for (size_t i = 0; i < n; i++) values[i] = fabs(x[rows[i] * d + k] - middle);
    double unit = DEVIATIONS * median(values, n);
    for (size_t i = 0; i < n; i++) ret_rows[i * d + k] = unit > 0 ? clip((x[rows[i] * d + k] - middle) / unit) : 0;
  }
  mem_free(values);
  return DWELL_OK;
}

void form_normed(const double *x, size_t d, const size_t *rows, size_t n, const dwell_norm *norm, double *ret_rows) {
  for (size_t i = 0; i < n; i++) {
    const double *from = x + rows[i] * d;
    double *to = ret_rows + i * d, mean = 0, square = 0;
    for (size_t k = 0; k < d && !norm->rms; k++) mean += from[k] / (double)d;
    for (size_t k = 0; k < d; k++) square += (from[k] - mean) * (from[k] - mean) / (double)d;
    double scale = 1 / sqrt(square + norm->epsilon);
    for (size_t k = 0; k < d; k++) {
      to[k] = (from[k] - mean) * scale * norm->gain[k];
      if (norm->bias != NULL) to[k] += norm->bias[k];
    }
  }
}

const char *form_undefined(const double *x, size_t d, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!(geometry_norm(d, x + i * d) > 0)) return "a token of zero norm";
  }
  return NULL;
}
