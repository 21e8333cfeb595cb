/* model/ops_f32.c - the arithmetic of a forward pass in float. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"
#include "model/ops.h"

#define REAL float
#define DTYPE DWELL_F32
#define OPS ops_f32
#define GEMM(warm, ...) ((warm) ? gemm_warm_f32 : gemm_f32)(__VA_ARGS__)
#define EXP vmath_exp_f32
#define TANH vmath_tanh_f32
#define ERF vmath_erf_f32

static dwell_status product(const dwell_context *ctx, const ops_linear *l, dwell_error *err) {
  if (l->packed) return gemm_packed_f32(ctx, l->rows, l->in, l->out, l->x, l->ldx, l->weight, l->y, l->ldy, err);
  return gemm_rows_f32(ctx, l->rows, l->in, l->out, l->x, l->ldx, l->weight, l->out_in ? l->in : l->out, l->out_in,
                       l->y, l->ldy, err);
}

#include "model/ops_real.inc"
