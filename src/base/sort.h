/* base/sort.h - numbers in order. */
#ifndef DWELL_BASE_SORT_H
#define DWELL_BASE_SORT_H

#include <stddef.h>

/* Ascending, in place. No NaN. */
void sort_doubles(double *values, size_t n);
/* Median of n >= 1 sorted numbers: the mean of the middle two where n is even, without overflow. */
double sort_median(const double *sorted, size_t n);

#endif
