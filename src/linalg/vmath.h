/* linalg/vmath.h - elementwise functions over arrays (glibc's libmvec where the CPU has AVX2 or AVX-512, else scalar),
 * in place allowed (x == y). At most 4 ulp. exp(-inf) = 0, exp(NaN) = NaN. The bits of an element depend neither on
 * its place in the array nor on the length (tails are padded to whole vectors). */
#ifndef DWELL_LINALG_VMATH_H
#define DWELL_LINALG_VMATH_H

#include <stddef.h>

void vmath_exp_f32(size_t n, const float *x, float *y);
void vmath_exp_f64(size_t n, const double *x, double *y);
void vmath_tanh_f32(size_t n, const float *x, float *y);
void vmath_tanh_f64(size_t n, const double *x, double *y);
void vmath_erf_f32(size_t n, const float *x, float *y);
void vmath_erf_f64(size_t n, const double *x, double *y);
void vmath_acos_f64(size_t n, const double *x, double *y);
void vmath_log_f64(size_t n, const double *x, double *y); /* x > 0 */

/* x[i] = exp(scale x[i] - shift), where shift is the largest of scale x: no exponent is above 0. Returns the sum, in
 * double over fixed lanes; f32 adds four numbers at a time before, and its weights below 2^-126 are 0. */
double vmath_softmax_f32(size_t n, float *x, float scale, float shift);
double vmath_softmax_f64(size_t n, double *x, double scale, double shift);

/* Instruction set chosen at run time: "avx512", "avx2" or "baseline". Checks the OS too (XCR0). */
const char *vmath_isa(void);

/* The same functions for one instruction set, so that tests and benchmarks reach all of them. */
typedef struct vmath_kernels {
  const char *isa;
  void (*exp_f32)(size_t n, const float *x, float *y);
  void (*exp_f64)(size_t n, const double *x, double *y);
  void (*tanh_f32)(size_t n, const float *x, float *y);
  void (*tanh_f64)(size_t n, const double *x, double *y);
  void (*erf_f32)(size_t n, const float *x, float *y);
  void (*erf_f64)(size_t n, const double *x, double *y);
  void (*acos_f64)(size_t n, const double *x, double *y);
  void (*log_f64)(size_t n, const double *x, double *y);
  double (*softmax_f32)(size_t n, float *x, float scale, float shift);
} vmath_kernels;
/* NULL if this machine (or this build) cannot run it. Static storage. */
const vmath_kernels *vmath_kernels_of(const char *isa);

#endif
