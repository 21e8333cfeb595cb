/* flow/gaps.c - nearest neighbours of particles. */
#include "flow/gaps.h"

#include <math.h>

#include "flow/kernel.h"
#include "linalg/gemm.h"

enum { TILE = 64, DIRECT = 8 };

/* Cosines above 1 - CLOSE are redone by differences. */
static const double close_limit = 1e-8;

double gaps_between(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

static void note(double square, size_t i, size_t j, double *nearest) {
  if (square < nearest[i]) nearest[i] = square;
  if (square < nearest[j]) nearest[j] = square;
}

static void by_differences(size_t n, size_t d, const double *x, double *nearest) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) note(gaps_between(d, x + i * d, x + j * d), i, j, nearest);
}

static void tile(size_t d, const double *x, size_t row, size_t rows, size_t key, size_t keys, double *nearest) {
  double cosines[TILE * TILE];
  gemm_f64(false, true, rows, keys, d, 1, x + row * d, d, x + key * d, d, 0, cosines, keys);
  for (size_t i = row; i < row + rows; i++)
    for (size_t j = key; j < key + keys && j < i; j++) {
      double far = 1 - cosines[(i - row) * keys + (j - key)];
      note(far > close_limit ? 2 * far : kernel_distance(d, x + i * d, x + j * d), i, j, nearest);
    }
}

void gaps_nearest(size_t n, size_t d, const double *x, double *ret_square) {
  for (size_t i = 0; i < n; i++) ret_square[i] = INFINITY;
  if (d <= DIRECT) {
    by_differences(n, d, x, ret_square);
    return;
  }
  for (size_t row = 0; row < n; row += TILE)
    for (size_t key = 0; key <= row; key += TILE) {
      size_t rows = n - row < TILE ? n - row : TILE, keys = n - key < TILE ? n - key : TILE;
      tile(d, x, row, rows, key, keys, ret_square);
    }
}
