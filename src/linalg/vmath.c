/* linalg/vmath.c - elementwise functions over arrays.
 *
 * glibc's libmvec exports vector versions of exp, tanh, erf, acos and log under names of the x86-64 vector ABI: _ZGV,
 * then the instruction set (d: AVX2, e: AVX-512), N (no mask), the number of lanes, v_ and the scalar name. gcc calls
 * them by itself only under -ffast-math, so they are called here by name. */
#include "linalg/vmath.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/isa.h"
#include "linalg/elementary_f32.h"

#if defined(DWELL_HAVE_LIBMVEC) && defined(__x86_64__)
#define HAVE_VECTORS
#include <immintrin.h>
#endif

#define DEFINE_SCALAR(name, real, function)               \
  static void name(size_t n, const real *x, real *y) {    \
    for (size_t i = 0; i < n; i++) y[i] = function(x[i]); \
  }

DEFINE_SCALAR(scalar_exp_f32, float, expf)
DEFINE_SCALAR(scalar_exp_f64, double, exp)
DEFINE_SCALAR(scalar_tanh_f32, float, tanhf)
DEFINE_SCALAR(scalar_tanh_f64, double, tanh)
DEFINE_SCALAR(scalar_erf_f32, float, erff)
DEFINE_SCALAR(scalar_erf_f64, double, erf)
DEFINE_SCALAR(scalar_acos_f64, double, acos)
DEFINE_SCALAR(scalar_log_f64, double, log)

/* ---- weights of softmax, in single precision ---- */

enum { SUM_LANES = 16, SUM_STEP = 4 * SUM_LANES };

/* Four numbers are added in single precision before they are converted, which costs as much as five additions; the
 * order is the same for every width of a register. */
ELEMENTARY void add_to_lanes(const float e[SUM_STEP], double lanes[SUM_LANES]) {
  _Pragma("GCC unroll 1") for (size_t k = 0; k < SUM_LANES; k++) { /* unrolled, it would not be vectorised */
    float four = (e[k] + e[SUM_LANES + k]) + (e[2 * SUM_LANES + k] + e[3 * SUM_LANES + k]);
    lanes[k] += (double)four;
  }
}

ELEMENTARY double softmax_body(size_t n, float *x, float scale, float shift) {
  double lanes[SUM_LANES] = {0};
  float e[SUM_STEP] = {0};
  size_t i = 0;
  for (; i + SUM_STEP <= n; i += SUM_STEP) {
    for (size_t k = 0; k < SUM_STEP; k++) x[i + k] = e[k] = exp_below_0_f32(x[i + k] * scale - shift);
    add_to_lanes(e, lanes);
  }
  memset(e, 0, sizeof e);
  for (size_t k = 0; i + k < n; k++) x[i + k] = e[k] = exp_below_0_f32(x[i + k] * scale - shift);
  add_to_lanes(e, lanes);
  for (size_t half = SUM_LANES / 2; half > 0; half /= 2) {
    for (size_t k = 0; k < half; k++) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

static double scalar_softmax_f32(size_t n, float *x, float scale, float shift) {
  return softmax_body(n, x, scale, shift);
}

static const vmath_kernels BASELINE = {"baseline",      scalar_exp_f32,    scalar_exp_f64, scalar_tanh_f32,
                                       scalar_tanh_f64, scalar_erf_f32,    scalar_erf_f64, scalar_acos_f64,
                                       scalar_log_f64,  scalar_softmax_f32};

#ifdef HAVE_VECTORS

/* Whole vectors, then the tail in a vector filled up with its last element: every element goes through the same
 * function, so its bits do not depend on its place. (Lanes do not influence each other: where one lane is out of the
 * fast path, libmvec redoes that lane alone.) */
#define DEFINE_VECTOR(name, real, isa, vector, lanes, load, store, symbol)          \
  __attribute__((target(isa))) extern vector symbol(vector);                        \
  __attribute__((target(isa))) static void name(size_t n, const real *x, real *y) { \
    size_t i = 0;                                                                   \
    for (; i + (lanes) <= n; i += (lanes)) store(y + i, symbol(load(x + i)));       \
    if (i == n) return;                                                             \
    real tail[lanes];                                                               \
    for (size_t k = 0; k < (lanes); k++) tail[k] = x[n - 1];                        \
    memcpy(tail, x + i, (n - i) * sizeof(real));                                    \
    store(tail, symbol(load(tail)));                                                \
    memcpy(y + i, tail, (n - i) * sizeof(real));                                    \
  }

#define AVX2 "avx2,fma"
#define DEFINE_AVX2_F32(name, symbol) \
  DEFINE_VECTOR(name, float, AVX2, __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps, symbol)
#define DEFINE_AVX2_F64(name, symbol) \
  DEFINE_VECTOR(name, double, AVX2, __m256d, 4, _mm256_loadu_pd, _mm256_storeu_pd, symbol)
DEFINE_AVX2_F32(avx2_exp_f32, _ZGVdN8v_expf)
DEFINE_AVX2_F64(avx2_exp_f64, _ZGVdN4v_exp)
DEFINE_AVX2_F32(avx2_tanh_f32, _ZGVdN8v_tanhf)
DEFINE_AVX2_F64(avx2_tanh_f64, _ZGVdN4v_tanh)
DEFINE_AVX2_F32(avx2_erf_f32, _ZGVdN8v_erff)
DEFINE_AVX2_F64(avx2_erf_f64, _ZGVdN4v_erf)
DEFINE_AVX2_F64(avx2_acos_f64, _ZGVdN4v_acos)
DEFINE_AVX2_F64(avx2_log_f64, _ZGVdN4v_log)

#define AVX512 ISA_NAMES_AVX512_FUSED
#define DEFINE_AVX512_F32(name, symbol) \
  DEFINE_VECTOR(name, float, AVX512, __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps, symbol)
#define DEFINE_AVX512_F64(name, symbol) \
  DEFINE_VECTOR(name, double, AVX512, __m512d, 8, _mm512_loadu_pd, _mm512_storeu_pd, symbol)
DEFINE_AVX512_F32(avx512_exp_f32, _ZGVeN16v_expf)
DEFINE_AVX512_F64(avx512_exp_f64, _ZGVeN8v_exp)
DEFINE_AVX512_F32(avx512_tanh_f32, _ZGVeN16v_tanhf)
DEFINE_AVX512_F64(avx512_tanh_f64, _ZGVeN8v_tanh)
DEFINE_AVX512_F32(avx512_erf_f32, _ZGVeN16v_erff)
DEFINE_AVX512_F64(avx512_erf_f64, _ZGVeN8v_erf)
DEFINE_AVX512_F64(avx512_acos_f64, _ZGVeN8v_acos)
DEFINE_AVX512_F64(avx512_log_f64, _ZGVeN8v_log)

#define DEFINE_SOFTMAX(name, isa)                                                                 \
  __attribute__((target(isa))) static double name(size_t n, float *x, float scale, float shift) { \
    return softmax_body(n, x, scale, shift);                                                      \
  }
DEFINE_SOFTMAX(avx2_softmax_f32, AVX2)
DEFINE_SOFTMAX(avx512_softmax_f32, AVX512)

static const vmath_kernels WITH_AVX2 = {"avx2",       avx2_exp_f32, avx2_exp_f64,  avx2_tanh_f32, avx2_tanh_f64,
                                        avx2_erf_f32, avx2_erf_f64, avx2_acos_f64, avx2_log_f64,  avx2_softmax_f32};
static const vmath_kernels WITH_AVX512 = {"avx512",        avx512_exp_f32,    avx512_exp_f64, avx512_tanh_f32,
                                          avx512_tanh_f64, avx512_erf_f32,    avx512_erf_f64, avx512_acos_f64,
                                          avx512_log_f64,  avx512_softmax_f32};

/* __builtin_cpu_supports reads a table that libgcc fills before main; it counts AVX and AVX-512 only if the operating
 * system saves their registers (XCR0). A few loads: cheap enough to ask at every call, so nothing is remembered. */
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static const vmath_kernels *best(void) { return has_avx512() ? &WITH_AVX512 : has_avx2() ? &WITH_AVX2 : &BASELINE; }

const vmath_kernels *vmath_kernels_of(const char *isa) {
  if (strcmp(isa, WITH_AVX512.isa) == 0) return has_avx512() ? &WITH_AVX512 : NULL;
  if (strcmp(isa, WITH_AVX2.isa) == 0) return has_avx2() ? &WITH_AVX2 : NULL;
  return strcmp(isa, BASELINE.isa) == 0 ? &BASELINE : NULL;
}

#else

static const vmath_kernels *best(void) { return &BASELINE; }

const vmath_kernels *vmath_kernels_of(const char *isa) { return strcmp(isa, BASELINE.isa) == 0 ? &BASELINE : NULL; }

#endif

void vmath_exp_f32(size_t n, const float *x, float *y) { best()->exp_f32(n, x, y); }
void vmath_exp_f64(size_t n, const double *x, double *y) { best()->exp_f64(n, x, y); }
void vmath_tanh_f32(size_t n, const float *x, float *y) { best()->tanh_f32(n, x, y); }
void vmath_tanh_f64(size_t n, const double *x, double *y) { best()->tanh_f64(n, x, y); }
void vmath_erf_f32(size_t n, const float *x, float *y) { best()->erf_f32(n, x, y); }
void vmath_erf_f64(size_t n, const double *x, double *y) { best()->erf_f64(n, x, y); }
void vmath_acos_f64(size_t n, const double *x, double *y) { best()->acos_f64(n, x, y); }
void vmath_log_f64(size_t n, const double *x, double *y) { best()->log_f64(n, x, y); }

double vmath_softmax_f32(size_t n, float *x, float scale, float shift) {
  return best()->softmax_f32(n, x, scale, shift);
}

double vmath_softmax_f64(size_t n, double *x, double scale, double shift) {
  double lanes[SUM_LANES] = {0};
  for (size_t i = 0; i < n; i++) x[i] = x[i] * scale - shift;
  vmath_exp_f64(n, x, x);
  for (size_t i = 0; i < n; i++) lanes[i % SUM_LANES] += x[i];
  for (size_t k = 1; k < SUM_LANES; k++) lanes[0] += lanes[k];
  return lanes[0];
}

const char *vmath_isa(void) { return best()->isa; }
