/* flow/span.h - n tokens in d > n dimensions need only n coordinates: those in a basis of their span. */
#ifndef DWELL_FLOW_SPAN_H
#define DWELL_FLOW_SPAN_H

#include <stddef.h>

/* x [n, d] = ret_coordinates [n, n] ret_basis [n, d], the coordinates lower triangular, the basis orthonormal; rows
 * that earlier ones span get a zero vector in the basis. Gram-Schmidt, twice over: cosines keep to rounding. */
void span_coordinates(size_t n, size_t d, const double *x, double *ret_basis, double *ret_coordinates);

/* ret_x [n, d] = coordinates [n, n] basis [n, d] */
void span_expand(size_t n, size_t d, const double *coordinates, const double *basis, double *ret_x);

#endif
