/* flow/span.c - coordinates in the span of the tokens. */
#include "flow/span.h"

#include <math.h>
#include <string.h>

#include "linalg/gemm.h"

/* What is left of a unit vector below this is rounding. */
static const double nothing = 1e-14;

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

/* Takes the part of `rest` along the first `count` rows of the basis into `ret`, which is added to. */
static void take_along(size_t count, size_t d, const double *basis, double *rest, double *ret) {
  for (size_t j = 0; j < count; j++) {
    double along = dot(d, rest, basis + j * d);
    ret[j] += along;
    for (size_t k = 0; k < d; k++) rest[k] -= along * basis[j * d + k];
  }
}

void span_coordinates(size_t n, size_t d, const double *x, double *ret_basis, double *ret_coordinates) {
  memset(ret_coordinates, 0, n * n * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    double *rest = ret_basis + i * d, *to = ret_coordinates + i * n;
    memcpy(rest, x + i * d, d * sizeof(double));
    for (int sweep = 0; sweep < 2; sweep++) take_along(i, d, ret_basis, rest, to);
    double length = sqrt(dot(d, rest, rest));
    if (length < nothing) {
      memset(rest, 0, d * sizeof(double));
      continue;
    }
    to[i] = length;
    for (size_t k = 0; k < d; k++) rest[k] /= length;
  }
}

void span_expand(size_t n, size_t d, const double *coordinates, const double *basis, double *ret_x) {
  gemm_f64(false, false, n, d, n, 1, coordinates, n, basis, d, 0, ret_x, d);
}
