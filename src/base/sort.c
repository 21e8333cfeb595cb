/* base/sort.c - numbers in order. */
#include "base/sort.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void sort_doubles(double *values, size_t n) {
  if (n > 1) qsort(values, n, sizeof *values, ascending);
}

double sort_median(const double *sorted, size_t n) { return sorted[(n - 1) / 2] / 2 + sorted[n / 2] / 2; }
