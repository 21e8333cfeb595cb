/* linalg/panels.c - the size of a laid out operand. */
#include "linalg/panels.h"

#include "base/mem.h"

size_t panels_elements(size_t k, size_t n, size_t real_size) {
  size_t width = PANEL_BYTES / real_size, panels = n / width + (n % width != 0), count;
  return size_mul(panels, width, &count) && size_mul(count, k, &count) ? count : 0;
}
