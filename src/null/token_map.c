/* null/token_map.c - phase and Haar maps over the token axis. */
#include "null/token_map.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "linalg/gemm.h"
#include "linalg/haar.h"

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

dwell_status token_map_kernel(size_t n, const double *phases, double *ret_kernel, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *table = MEM_NEW(double, 4 * n);
  TRY_ALLOC(table, "a table of phases");
  for (size_t k = 0; k < n; k++) {
    table[k] = cos(TWO_PI * (double)k / (double)n);
    table[n + k] = sin(TWO_PI * (double)k / (double)n);
  }
  for (size_t f = 0; f <= n / 2 && f < n; f++) {
    table[2 * n + f] = cos(phases[f]);
    table[3 * n + f] = sin(phases[f]);
  }
  double middle = cos(phases[n / 2]) < 0 ? -1 : 1;
  for (size_t k = 0; k < n; k++) ret_kernel[k] = kernel_entry(n, k, table, middle);
done:
  mem_free(table);
  return status;
}

dwell_status token_map_phases(size_t n, const double *phases, double *ret_map, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *kernel = MEM_NEW(double, n);
  TRY_ALLOC(kernel, "a circulant map");
  TRY(token_map_kernel(n, phases, kernel, err));
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) ret_map[i * n + j] = kernel[i >= j ? i - j : i + n - j];
  }
done:
  mem_free(kernel);
  return status;
}

/* ---- Haar ---- */

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
  const random_stream s = {.seed = seed, .purpose = RANDOM_TWIN_HAAR};
  dwell_status status = DWELL_OK;
  double *v = MEM_NEW(double, 2 * n);
  TRY_ALLOC(v, "a random rotation");
  TRY(haar_matrix(&s, (uint32_t)draw, n, n > 0 ? n - 1 : 0, ret_map, err));
  if (n > 1) move_axis_to_constant(n, ret_map, v, v + n);
done:
  mem_free(v);
  return status;
}
