/* null/token_map.c - phase and Haar maps over the token axis. */
#include "null/token_map.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "linalg/gemm.h"

enum { BLOCK = 32 }; /* reflections per product */
static const double TWO_PI = 6.28318530717958647693;

/* ---- phases ---- */

/* c_k = (1/n) sum over all n frequencies of cos(phase_f + 2 pi f k/n): the first column of the circulant. `table` [4,n]
 * holds cos and sin of 2 pi k/n, then of the phases. */
static double kernel_entry(size_t n, size_t k, const double *table, double middle) {
  const double *cosine = table, *sine = table + n, *phase_cosine = table + 2 * n, *phase_sine = table + 3 * n;
  double sum = 0;
  size_t turn = 0;
  for (size_t f = 1; 2 * f < n; f++) {
    turn = turn + k < n ? turn + k : turn + k - n; /* f k mod n */
    sum += cosine[turn] * phase_cosine[f] - sine[turn] * phase_sine[f];
  }
  double ends = 1 + (n % 2 == 0 ? middle * (k % 2 ? -1 : 1) : 0);
  return (ends + 2 * sum) / (double)n;
}

dwell_status token_map_phases(size_t n, const double *phases, double *ret_map, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *table = MEM_NEW(double, 4 * n), *kernel = MEM_NEW(double, n);
  TRY_ALLOC(table, "a table of phases");
  TRY_ALLOC(kernel, "a circulant map");
  for (size_t k = 0; k < n; k++) {
    table[k] = cos(TWO_PI * (double)k / (double)n);
    table[n + k] = sin(TWO_PI * (double)k / (double)n);
  }
  for (size_t f = 0; f <= n / 2 && f < n; f++) {
    table[2 * n + f] = cos(phases[f]);
    table[3 * n + f] = sin(phases[f]);
  }
  double middle = cos(phases[n / 2]) < 0 ? -1 : 1;
  for (size_t k = 0; k < n; k++) kernel[k] = kernel_entry(n, k, table, middle);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) ret_map[i * n + j] = kernel[i >= j ? i - j : i + n - j];
  }
done:
  mem_free(table);
  mem_free(kernel);
  return status;
}

/* ---- Haar ---- */

/* The vector of the reflection that takes the first of the last k axes to minus or plus the direction of k normal
 * numbers, in the last k entries of v[n] (others 0). Returns the sign that makes the direction itself the image. */
static double draw_reflection(const random_stream *s, size_t draw, size_t n, size_t k, double *v) {
  double square = 0, *x = v + (n - k);
  memset(v, 0, (n - k) * sizeof *v);
  for (size_t e = 0; e < k; e++) {
    x[e] = random_normal(s, (uint32_t)draw, (uint32_t)(k * (k - 1) / 2 + e)); /* fits: n < 2^16 */
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

/* map <- P map P with P = I - 2 u u^T / |u|^2, u = 1/sqrt n - e_0: exchanges the first axis and the constant
 * direction. The first row and column of `map` are those of the identity. */
static void move_axis_to_constant(size_t n, double *map, double *u, double *image) {
  double flat = 1 / sqrt((double)n), scale = 1 / (1 - flat); /* 2 / |u|^2 */
  for (size_t i = 0; i < n; i++) u[i] = flat - (i == 0 ? 1 : 0);
  gemm_f64(false, false, 1, n, n, scale, u, n, map, n, 0, image, n);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) map[i * n + j] -= u[i] * image[j];
  }
  gemm_f64(false, true, 1, n, n, scale, u, n, map, n, 0, image, n); /* map u */
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) map[i * n + j] -= image[i] * u[j];
  }
}

dwell_status token_map_haar(uint64_t seed, size_t draw, size_t n, double *ret_map, dwell_error *err) {
  dwell_status status = DWELL_OK;
  random_stream s = {.seed = seed, .purpose = RANDOM_TWIN_HAAR};
  double *v = MEM_NEW(double, 3 * BLOCK * n);
  TRY_ALLOC(v, "a random rotation");
  double *product = v + BLOCK * n, *turned = v + 2 * BLOCK * n;
  memset(ret_map, 0, n * n * sizeof *ret_map);
  ret_map[0] = 1;
  if (n < 2) goto done;
  ret_map[n * n - 1] = draw_reflection(&s, draw, n, 1, v);
  for (size_t k = 2; k < n;) { /* reflections of the last k axes, k = 2 .. n-1 */
    size_t b = 0;
    for (; b < BLOCK && k < n; b++, k++) ret_map[(n - k) * n + (n - k)] = draw_reflection(&s, draw, n, k, v + b * n);
    reflect(n, k - 1, b, v, ret_map, product, turned);
  }
  move_axis_to_constant(n, ret_map, v, product);
done:
  mem_free(v);
  return status;
}
