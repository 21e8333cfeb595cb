/* geometry/forms.h - what may be done to a state before its directions are taken (instruments.md 1.2). */
#ifndef DWELL_GEOMETRY_FORMS_H
#define DWELL_GEOMETRY_FORMS_H

#include <dwell/trajectory.h>

/* Of the selected rows of x [*, d] into ret_rows [n,d]: every coordinate minus its median over the rows, in units of
 * 1.4826 times the median absolute deviation (the standard deviation of a normal law), clipped to +-5. A coordinate
 * whose deviation is 0 becomes 0. Errors: DWELL_NO_MEMORY. */
dwell_status form_robust(const double *x, size_t d, const size_t *rows, size_t n, double *ret_rows, dwell_error *err);

/* The same rows as a LayerNorm or RMSNorm puts them out. */
void form_normed(const double *x, size_t d, const size_t *rows, size_t n, const dwell_norm *norm, double *ret_rows);

/* NULL if every row of x [n,d] has a direction, else why there are no cosines. */
const char *form_undefined(const double *x, size_t d, size_t n);

#endif
