/* linalg/matvec.c - both products read the matrix once, row by row; what bounds them is the cache it comes from. */
#include "linalg/matvec.h"

#include <string.h>

#include "base/isa.h"

/* Four rows at a time; a row's sum is kept in ISA_LANES parts. */
ISA_INLINE void matvec_body(size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *y) {
  size_t whole = columns / ISA_LANES * ISA_LANES;
  for (size_t i = 0; i < rows; i += 4) {
    size_t count = rows - i < 4 ? rows - i : 4;
    isa_half sums[4][ISA_HALVES] = {{{0}}}, v, w;
    for (size_t k = 0; k < whole; k += ISA_LANES) {
      for (size_t h = 0; h < ISA_HALVES; h++) {
        memcpy(&v, x + k + h * ISA_HALF, sizeof v);
        for (size_t r = 0; r < 4; r++) { /* the last rows stand in for those that are lacking */
          memcpy(&w, a + (i + (r < count ? r : 0)) * ld + k + h * ISA_HALF, sizeof w);
          sums[r][h] += v * w;
        }
      }
    }
    for (size_t r = 0; r < count; r++) {
      double sum = 0;
      for (size_t k = whole; k < columns; k++) sum += a[(i + r) * ld + k] * x[k];
      for (size_t u = 0; u < ISA_LANES; u++) sum += sums[r][u / ISA_HALF][u % ISA_HALF];
      y[i + r] = sum;
    }
  }
}
ISA_DEFINE(, matvec, (size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *y),
           (rows, columns, a, ld, x, y))

ISA_INLINE void sums_body(size_t rows, size_t columns, const double *a, size_t ld, const double *x,
                          double *restrict y) {
  size_t i = 0;
  for (size_t k = 0; k < columns; k++) y[k] = 0;
  for (; i + 4 <= rows; i += 4) {
    const double *p = a + i * ld, *q = p + ld, *r = q + ld, *s = r + ld;
    for (size_t k = 0; k < columns; k++) y[k] += (x[i] * p[k] + x[i + 1] * q[k]) + (x[i + 2] * r[k] + x[i + 3] * s[k]);
  }
  for (; i < rows; i++) {
    for (size_t k = 0; k < columns; k++) y[k] += x[i] * a[i * ld + k];
  }
}
ISA_DEFINE(static, sums, (size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *y),
           (rows, columns, a, ld, x, y))

void matvec_transposed(size_t rows, size_t columns, const double *a, size_t ld, const double *x, double *ret_y) {
  sums(rows, columns, a, ld, x, ret_y);
}
