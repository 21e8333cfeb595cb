/* tests/util/clouds.h - random clouds for tests of geometry, instruments and nulls. */
#ifndef DWELL_TESTS_CLOUDS_H
#define DWELL_TESTS_CLOUDS_H

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "geometry/geometry.h"
#include "util/testing.h"

/* Normal numbers [n,d]; column k has standard deviation (k+1)^(-power/2). Release with free. */
static inline double *clouds_normal(size_t n, size_t d, double power, uint32_t which) {
  random_stream s = {.seed = 20, .purpose = RANDOM_TEST, .replica = which};
  double *x = malloc(n * d * sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++)
      x[i * d + k] = random_normal(&s, (uint32_t)i, (uint32_t)k) * pow((double)k + 1, -power / 2);
  }
  return x;
}

/* A random rotation of the columns of x [n,d], by d (d-1)/2 plane rotations of random angle. */
static inline void clouds_rotate(size_t n, size_t d, double *x, uint32_t which) {
  random_stream s = {.seed = 21, .purpose = RANDOM_TEST, .replica = which};
  for (size_t a = 0; a < d; a++) {
    for (size_t b = a + 1; b < d; b++) {
      double angle = 6.283185307179586 * random_uniform(&s, (uint32_t)a, (uint32_t)b), c = cos(angle), v = sin(angle);
      for (size_t i = 0; i < n; i++) {
        double p = x[i * d + a], q = x[i * d + b];
        x[i * d + a] = c * p - v * q, x[i * d + b] = v * p + c * q;
      }
    }
  }
}

/* The geometry of all n tokens of x. */
static inline geometry *clouds_geometry(const double *x, size_t n, size_t d) {
  dwell_error err;
  geometry *g;
  size_t *rows = malloc(n * sizeof *rows);
  assert_non_null(rows);
  for (size_t i = 0; i < n; i++) rows[i] = i;
  assert_ok(geometry_create(x, d, rows, n, &g, &err), &err);
  free(rows);
  return g;
}

#endif
