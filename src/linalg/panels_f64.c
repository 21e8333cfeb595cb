/* linalg/panels_f64.c - products with an operand laid out in panels of double. */
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
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
