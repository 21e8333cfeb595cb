/* model/activation_f32.c - bias and activation in one loop, in float. Compiled with -ffp-contract=fast. */
#include "model/activation_f32.h"

#include "base/isa.h"
#include "linalg/elementary_f32.h"

#if defined(__x86_64__)

typedef struct rows_of {
  size_t rows, columns, ld;
  const float *opt_bias;
  float *y;
} rows_of;

/* x Phi(x). */
ELEMENTARY float gelu(float x) { return 0.5f * x * (1 + erf_f32(0.70710678118654752440f * x)); }

/* x sigmoid(slope (x + cubic x^3)), the exponential never above 1; 0.5 (1 + tanh(u)) is sigmoid(2 u). */
ELEMENTARY float swish(float x, float slope, float cubic) {
  float u = slope * (x + cubic * (x * x * x));
  float e = exp_below_0_f32(u > 0 ? -u : u);
  return x * (u > 0 ? 1 : e) / (1 + e);
}

/* ivdep: y and the bias are not one array. */
#define FOR_EACH_NUMBER(r, statement)                                                 \
  for (size_t i = 0; i < (r)->rows; i++) {                                            \
    float *y = (r)->y + i * (r)->ld;                                                  \
    const float *bias = (r)->opt_bias;                                                \
    if (bias != NULL) {                                                               \
      _Pragma("GCC ivdep") for (size_t j = 0; j < (r)->columns; j++) y[j] += bias[j]; \
    }                                                                                 \
    for (size_t j = 0; j < (r)->columns; j++) y[j] = statement;                       \
  }

ELEMENTARY void gelu_rows(const rows_of *r){FOR_EACH_NUMBER(r, gelu(y[j]))} ELEMENTARY
    void swish_rows(const rows_of *r, float slope, float cubic){FOR_EACH_NUMBER(r, swish(y[j], slope, cubic))}

ELEMENTARY bool activate_rows(ops_activation activation, const rows_of *r) {
  switch (activation) {
    case ACTIVATION_GELU: return gelu_rows(r), true;
    case ACTIVATION_GELU_TANH: return swish_rows(r, 1.59576912160573071176f, 0.044715f), true; /* 2 sqrt(2/pi) */
    case ACTIVATION_GELU_FAST: return swish_rows(r, 1.5957691216f, 0.044715f), true;
    case ACTIVATION_GELU_QUICK: return swish_rows(r, 1.702f, 0), true;
    case ACTIVATION_SILU: return swish_rows(r, 1, 0), true;
    default: return false;
  }
}

__attribute__((target("avx2,fma"))) static bool with_avx2(ops_activation activation, const rows_of *r) {
  return activate_rows(activation, r);
}

__attribute__((target(ISA_NAMES_AVX512_FUSED))) static bool with_avx512(ops_activation activation, const rows_of *r) {
  return activate_rows(activation, r);
}

bool activation_f32(ops_activation activation, size_t rows, size_t columns, const float *opt_bias, float *y,
                    size_t ldy) {
  const rows_of r = {.rows = rows, .columns = columns, .ld = ldy, .opt_bias = opt_bias, .y = y};
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  bool wide = __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return wide ? with_avx512(activation, &r) : with_avx2(activation, &r);
}

#else

bool activation_f32(ops_activation activation, size_t rows, size_t columns, const float *opt_bias, float *y,
                    size_t ldy) {
  (void)activation, (void)rows, (void)columns, (void)opt_bias, (void)y, (void)ldy;
  return false;
}

#endif
