/* linalg/haar.c - uniformly distributed orthogonal matrices, by random reflections. */
#include "linalg/haar.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"

enum { BLOCK = 32 }; /* reflections per product */

/* The vector of the reflection that takes the first of the last k axes to minus or plus the direction of k normal
 * numbers, in the last k entries of v[n] (others 0). Returns the sign that makes the direction itself the image. */
static double draw_reflection(const random_stream *s, uint32_t i, size_t n, size_t k, double *v) {
  double square = 0, *x = v + (n - k);
  memset(v, 0, (n - k) * sizeof *v);
  for (size_t e = 0; e < k; e++) {
    x[e] = random_normal(s, i, (uint32_t)(k * (k - 1) / 2 + e)); /* fits: n < HAAR_MOST */
    square += x[e] * x[e];
  }
  double sign = x[0] < 0 ? -1 : 1;
  x[0] += sign * sqrt(square);
  return -sign;
}

/* Upper triangular T of H_1 H_2 ... H_b = I - V^T T V (rows of v [b,n] are the vectors), from S = V V^T [b,b]
 * (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989) 53). */
static void compact(size_t b, const double *s, double *ret_t) {
  memset(ret_t, 0, b * b * sizeof *ret_t);
  for (size_t j = 0; j < b; j++) {
    double tau = 2 / s[j * b + j];
    for (size_t i = 0; i < j; i++) {
      double sum = 0;
      for (size_t k = i; k < j; k++) sum += ret_t[i * b + k] * s[k * b + j];
      ret_t[i * b + j] = -tau * sum;
    }
    ret_t[j * b + j] = tau;
  }
}

/* map <- H_b ... H_1 map on its trailing k x k block, where everything outside is still diagonal.
 * (H_1 ... H_b)^T = I - V^T T^T V. Scratch: product and turned [b,n]. */
static void reflect(size_t n, size_t k, size_t b, const double *v, double *map, double *product, double *turned) {
  double s[BLOCK * BLOCK], t[BLOCK * BLOCK], *block = map + (n - k) * n + (n - k);
  const double *tail = v + (n - k);
  gemm_f64(false, true, b, b, k, 1, tail, n, tail, n, 0, s, b);
  compact(b, s, t);
  gemm_f64(false, false, b, k, k, 1, tail, n, block, n, 0, product, n);
  gemm_f64(true, false, b, k, b, 1, t, b, product, n, 0, turned, n);
  gemm_f64(true, false, k, k, b, -1, tail, n, turned, n, 1, block, n);
}

dwell_status haar_matrix(const random_stream *s, uint32_t i, size_t n, size_t m, double *ret_q, dwell_error *err) {
  if (n >= HAAR_MOST) return error_set(err, DWELL_UNSUPPORTED, "random rotations have at most %d axes", HAAR_MOST - 1);
  double *v = MEM_NEW(double, 3 * BLOCK * n);
  if (v == NULL) return error_no_memory(err, "a random rotation");
  double *product = v + BLOCK * n, *turned = v + 2 * BLOCK * n;
  memset(ret_q, 0, n * n * sizeof *ret_q);
  for (size_t k = 0; k < n - m; k++) ret_q[k * n + k] = 1;
  if (m > 0) ret_q[n * n - 1] = draw_reflection(s, i, n, 1, v);
  for (size_t k = 2; k <= m;) { /* reflections of the last k axes */
    size_t b = 0;
    for (; b < BLOCK && k <= m; b++, k++) ret_q[(n - k) * n + (n - k)] = draw_reflection(s, i, n, k, v + b * n);
    reflect(n, k - 1, b, v, ret_q, product, turned);
  }
  mem_free(v);
  return DWELL_OK;
}
