/* linalg/panels_f32.c - products with an operand laid out in panels of float. */
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "linalg/panels.h"

#define REAL float
#define PANEL PANEL_F32
#define NAME(name) panels_##name##_f32
#define SPREAD_16(x) \
  { x, x, x, x }
#define SPREAD_32(x) \
  { x, x, x, x, x, x, x, x }
#define SPREAD_64(x) \
  { x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x }

#include "linalg/panels_real.inc"
