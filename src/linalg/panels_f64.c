/* linalg/panels_f64.c - products with an operand laid out in panels of double. */
#include <stdint.h>
#include <string.h>

#include "base/threads.h"
#include "linalg/panels.h"

#define REAL double
#define PANEL PANEL_F64
#define NAME(name) panels_##name##_f64
#define SPREAD_16(x) \
  { x, x }
#define SPREAD_32(x) \
  { x, x, x, x }
#define SPREAD_64(x) \
  { x, x, x, x, x, x, x, x }

#include "linalg/panels_real.inc"

void panels_transpose_f64(size_t rows, size_t columns, const double *from, size_t ld_from, double *to, size_t ld_to) {
  for (size_t i = 0; i < rows; i += BLOCK) {
    for (size_t j = 0; j < columns; j += BLOCK) {
      transpose_block(from + i * ld_from + j, ld_from, smaller(BLOCK, rows - i), smaller(BLOCK, columns - j),
                      to + j * ld_to + i, ld_to);
    }
  }
}
