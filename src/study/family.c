/* study/family.c - Holm, and Benjamini and Hochberg. */
#include "study/family.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"

/* Order of ascending p; equal ones in their own order. A family is small: claims times models, or the heads of one. */
static void ascending(size_t count, const double *p, size_t *ret_order) {
  for (size_t i = 0; i < count; i++) {
    size_t at = i;
    for (; at > 0 && p[ret_order[at - 1]] > p[i]; at--) ret_order[at] = ret_order[at - 1];
    ret_order[at] = i;
  }
}

dwell_status family_holm(size_t count, const double *p, size_t size, double *ret_adjusted, dwell_error *err) {
  size_t *order = MEM_NEW(size_t, count);
  double most = 0;
  if (order == NULL) return error_no_memory(err, "a family of tests");
  ascending(count, p, order);
  for (size_t k = 0; k < count; k++) {
    most = fmax(most, fmin(1, p[order[k]] * (double)(size - k)));
    ret_adjusted[order[k]] = most;
  }
  mem_free(order);
  return DWELL_OK;
}

dwell_status family_false_discovery(size_t count, const double *p, double *ret_adjusted, dwell_error *err) {
  size_t *order = MEM_NEW(size_t, count);
  double least = 1;
  if (order == NULL) return error_no_memory(err, "a family of tests");
  ascending(count, p, order);
  for (size_t k = count; k-- > 0;) {
    least = fmin(least, p[order[k]] * (double)count / (double)(k + 1));
    ret_adjusted[order[k]] = least;
  }
  mem_free(order);
  return DWELL_OK;
}
