/* model/ops_f64.c - the arithmetic of a forward pass in double. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"
#include "model/ops.h"

#define REAL double
#define DTYPE DWELL_F64
#define OPS ops_f64
#define GEMM(warm, ...) gemm_f64(__VA_ARGS__)
#define EXP vmath_exp_f64
#define TANH vmath_tanh_f64
#define ERF vmath_erf_f64

static dwell_status product(const dwell_context *ctx, const ops_linear *l, dwell_error *err) {
  return gemm_rows_f64(ctx, l->rows, l->in, l->out, l->x, l->ldx, l->weight, l->out_in ? l->in : l->out, l->out_in,
                       l->y, l->ldy, err);
}

#include "model/ops_real.inc"
