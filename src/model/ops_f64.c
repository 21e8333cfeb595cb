/* model/ops_f64.c - the arithmetic of a forward pass in double. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "linalg/panels.h"
#include "linalg/vmath.h"
#include "model/ops.h"

#define REAL double
#define DTYPE DWELL_F64
#define OPS ops_f64
#define EXP vmath_exp_f64
#define TANH vmath_tanh_f64
#define ERF vmath_erf_f64
#define SOFTMAX vmath_softmax_f64
#define ACTIVATE_ROWS(...) false
#define PANELS(name) panels_##name##_f64

#include "model/ops_real.inc"
