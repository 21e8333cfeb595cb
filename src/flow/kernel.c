/* flow/kernel.c - inner loops over pairs, compiled for three instruction sets from one body.
 *
 * Written with the compiler's vector type of eight doubles: one AVX-512 register, two of AVX2, four of SSE2. There is
 * no fused multiply-add, so the three give the same bits for the same weights. */
#include "flow/kernel.h"

#include <string.h>

typedef double lanes __attribute__((vector_size(KERNEL_LANES * sizeof(double))));
typedef long long mask __attribute__((vector_size(KERNEL_LANES * sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

INLINE void load(const double *from, lanes *ret) { memcpy(ret, from, sizeof *ret); }

INLINE void exponents_body(size_t d, size_t count, const double *keys, size_t stride, const double *x, double factor,
                           double shift, double *ret_exponent) {
  const lanes zero = {0};
  const lanes floor = zero - 700.0;
  for (size_t j = 0; j < count; j += KERNEL_LANES) {
    lanes square = zero;
    for (size_t k = 0; k < d; k++) {
      lanes key;
      load(keys + k * stride + j, &key);
      lanes difference = key - x[k];
      square += difference * difference;
    }
    lanes e = square * factor + shift;
    mask low = e < floor;
    e = (lanes)(((mask)e & ~low) | ((mask)floor & low));
    memcpy(ret_exponent + j, &e, sizeof e);
  }
}

INLINE void accumulate_body(size_t d, size_t count, const double *keys, size_t stride, const double *x,
                            const double *mass, const double *weight, double *sums) {
  const lanes zero = {0};
  lanes total = zero, pull[KERNEL_MAX_D];
  for (size_t k = 0; k < d; k++) pull[k] = zero;
  for (size_t j = 0; j < count; j += KERNEL_LANES) {
    lanes w, m;
    load(weight + j, &w);
    load(mass + j, &m);
    w = (lanes)((mask)w & (w > zero + 1e-304));
    w *= m;
    total += w;
    for (size_t k = 0; k < d; k++) {
      lanes key;
      load(keys + k * stride + j, &key);
      pull[k] += w * (key - x[k]);
    }
  }
  for (size_t lane = 0; lane < KERNEL_LANES; lane++) sums[0] += total[lane];
  for (size_t k = 0; k < d; k++)
    for (size_t lane = 0; lane < KERNEL_LANES; lane++) sums[1 + k] += pull[k][lane];
}

INLINE double scale_body(size_t count, double beta, double anchor, double maximum, double *row) {
  double top[KERNEL_LANES];
  for (size_t lane = 0; lane < KERNEL_LANES; lane++) top[lane] = -2;
  size_t whole = count - count % KERNEL_LANES;
  for (size_t j = 0; j < whole; j += KERNEL_LANES)
    for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
      double g = row[j + lane], e = beta * (g - anchor) - maximum;
      top[lane] = g > top[lane] ? g : top[lane];
      row[j + lane] = e < -700.0 ? -700.0 : e;
    }
  for (size_t j = whole; j < count; j++) {
    double g = row[j], e = beta * (g - anchor) - maximum;
    top[0] = g > top[0] ? g : top[0];
    row[j] = e < -700.0 ? -700.0 : e;
  }
  for (size_t lane = 1; lane < KERNEL_LANES; lane++) top[0] = top[lane] > top[0] ? top[lane] : top[0];
  return top[0];
}

INLINE double weigh_body(size_t count, const double *mass, double *row) {
  double total[KERNEL_LANES] = {0};
  size_t whole = count - count % KERNEL_LANES;
  for (size_t j = 0; j < whole; j += KERNEL_LANES)
    for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
      double w = row[j + lane];
      w = w > 1e-304 ? w * mass[j + lane] : 0.0;
      row[j + lane] = w;
      total[lane] += w;
    }
  for (size_t j = whole; j < count; j++) {
    row[j] = row[j] > 1e-304 ? row[j] * mass[j] : 0.0;
    total[0] += row[j];
  }
  for (size_t lane = 1; lane < KERNEL_LANES; lane++) total[0] += total[lane];
  return total[0];
}

/* Small dimensions get their own copy of the body, so that its loop over coordinates disappears. */
#define BY_DIMENSION(body, ...)           \
  switch (d) {                            \
    case 2: body(2, __VA_ARGS__); break;  \
    case 3: body(3, __VA_ARGS__); break;  \
    case 4: body(4, __VA_ARGS__); break;  \
    case 8: body(8, __VA_ARGS__); break;  \
    default: body(d, __VA_ARGS__); break; \
  }

/* clang-format off */
#define KERNELS(isa, attributes)                                                                                \
  attributes static void exponents_##isa(size_t d, size_t count, const double *keys, size_t stride,             \
                                         const double *x, double factor, double shift, double *ret_exponent) {  \
    BY_DIMENSION(exponents_body, count, keys, stride, x, factor, shift, ret_exponent)                           \
  }                                                                                                             \
  attributes static void accumulate_##isa(size_t d, size_t count, const double *keys, size_t stride,            \
                                          const double *x, const double *mass, const double *weight,            \
                                          double *sums) {                                                       \
    BY_DIMENSION(accumulate_body, count, keys, stride, x, mass, weight, sums)                                   \
  }                                                                                                             \
  attributes static double scale_##isa(size_t count, double beta, double anchor, double maximum, double *row) { \
    return scale_body(count, beta, anchor, maximum, row);                                                       \
  }                                                                                                             \
  attributes static double weigh_##isa(size_t count, const double *mass, double *row) {                         \
    return weigh_body(count, mass, row);                                                                        \
  }

KERNELS(baseline, )
#if defined(__x86_64__)
KERNELS(avx2, __attribute__((target("avx2"))))
KERNELS(avx512, __attribute__((target("avx512f,avx512dq,avx512vl,prefer-vector-width=512"))))
/* __builtin_cpu_supports looks at what the operating system saves (XCR0) as well as at the CPU. */
#define DISPATCH(call)                                                                             \
  (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? call(avx512)         \
   : __builtin_cpu_supports("avx2")                                         ? call(avx2)           \
                                                                            : call(baseline))
#else
#define DISPATCH(call) call(baseline)
#endif
/* clang-format on */

void kernel_exponents(size_t d, size_t count, const double *keys, size_t stride, const double *x, double factor,
                      double shift, double *ret_exponent) {
#define CALL(isa) exponents_##isa(d, count, keys, stride, x, factor, shift, ret_exponent)
  DISPATCH(CALL);
#undef CALL
}

void kernel_accumulate(size_t d, size_t count, const double *keys, size_t stride, const double *x, const double *mass,
                       const double *weight, double *sums) {
#define CALL(isa) accumulate_##isa(d, count, keys, stride, x, mass, weight, sums)
  DISPATCH(CALL);
#undef CALL
}

double kernel_scale(size_t count, double beta, double anchor, double maximum, double *row) {
#define CALL(isa) scale_##isa(count, beta, anchor, maximum, row)
  return DISPATCH(CALL);
#undef CALL
}

double kernel_weigh(size_t count, const double *mass, double *row) {
#define CALL(isa) weigh_##isa(count, mass, row)
  return DISPATCH(CALL);
#undef CALL
}
