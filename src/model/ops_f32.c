/* model/ops_f32.c - the arithmetic of a forward pass in float. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "linalg/panels.h"
#include "linalg/vmath.h"
#include "model/activation_f32.h"
#include "model/ops.h"

#define REAL float
#define DTYPE DWELL_F32
#define OPS ops_f32
#define EXP vmath_exp_f32
#define TANH vmath_tanh_f32
#define ERF vmath_erf_f32
#define SOFTMAX vmath_softmax_f32
#define ACTIVATE_ROWS activation_f32
#define PANELS(name) panels_##name##_f32

#include "model/ops_real.inc"
