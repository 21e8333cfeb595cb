/* flow/kernel.c - inner loops over tiles and rows, compiled for three instruction sets from one body.
 *
 * Sums run in eight lanes, which are kept in halves (base/isa.h). There is no fused multiply-add, so the three give the
 * same bits for the same weights. */
#include "flow/kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/isa.h"

typedef long long mask __attribute__((vector_size(sizeof(isa_half))));

#define INLINE static inline __attribute__((always_inline))

_Static_assert((int)KERNEL_LANES == (int)ISA_LANES, "two halves make the lanes");

INLINE void load(const double *from, isa_half *ret) { memcpy(ret, from, sizeof *ret); }

INLINE double sum_of(const isa_half *low, const isa_half *high) {
  double sum = 0;
  for (size_t lane = 0; lane < ISA_HALF; lane++) sum += (*low)[lane];
  for (size_t lane = 0; lane < ISA_HALF; lane++) sum += (*high)[lane];
  return sum;
}

INLINE double dot_body(size_t d, const double *a, const double *b) {
  isa_half low = {0}, high = {0};
  size_t k = 0;
  for (; k + KERNEL_LANES <= d; k += KERNEL_LANES) {
    isa_half x, y;
    load(a + k, &x), load(b + k, &y);
    low += x * y;
    load(a + k + ISA_HALF, &x), load(b + k + ISA_HALF, &y);
    high += x * y;
  }
  double sum = d < KERNEL_LANES ? 0 : sum_of(&low, &high);
  for (; k < d; k++) sum += a[k] * b[k];
  return sum;
}

INLINE void normalise_body(size_t n, size_t d, const double *x, double *ret_x) {
  for (size_t i = 0; i < n; i++, x += d, ret_x += d) {
    double square = dot_body(d, x, x);
    double norm = fabs(square - 1) <= 4 * DBL_EPSILON ? 1 : sqrt(square);
    if (norm == 1) memmove(ret_x, x, d * sizeof *x);
    for (size_t k = 0; k < d && norm != 1; k++) ret_x[k] = x[k] / norm;
  }
}

INLINE void project_body(size_t n, size_t d, const double *u, double *v, double *ret_square) {
  for (size_t i = 0; i < n; i++, u += d, v += d) {
    double radial = dot_body(d, u, v);
    for (size_t k = 0; k < d; k++) v[k] -= radial * u[k];
    ret_square[i] = dot_body(d, v, v);
  }
}

INLINE double distance_body(size_t d, const double *a, const double *b) {
  isa_half low = {0}, high = {0};
  size_t k = 0;
  for (; k + KERNEL_LANES <= d; k += KERNEL_LANES) {
    isa_half x, y;
    load(a + k, &x), load(b + k, &y);
    low += (x - y) * (x - y);
    load(a + k + ISA_HALF, &x), load(b + k + ISA_HALF, &y);
    high += (x - y) * (x - y);
  }
  double sum = sum_of(&low, &high);
  for (; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

INLINE void pull_body(size_t d, double weight, const double *from, const double *to, double *sum) {
  for (size_t k = 0; k < d; k++) sum[k] += weight * (to[k] - from[k]);
}

INLINE void settle_body(size_t d, double far, double inverse, const double *x, const double *close, double *sum) {
  for (size_t k = 0; k < d && close == NULL; k++) sum[k] = (sum[k] - far * x[k]) * inverse;
  for (size_t k = 0; k < d && close != NULL; k++) sum[k] = (sum[k] - far * x[k] + close[k]) * inverse;
}

INLINE void lift(const double *from, isa_half *top) {
  isa_half g;
  load(from, &g);
  mask higher = g > *top;
  *top = (isa_half)(((mask)g & higher) | ((mask)*top & ~higher));
}

INLINE double top_body(size_t count, const double *row) {
  isa_half low = {-2, -2, -2, -2}, high = low;
  size_t j = 0;
  for (; j + KERNEL_LANES <= count; j += KERNEL_LANES) {
    lift(row + j, &low);
    lift(row + j + ISA_HALF, &high);
  }
  double best = -2;
  for (size_t lane = 0; lane < ISA_HALF; lane++) {
    best = low[lane] > best ? low[lane] : best;
    best = high[lane] > best ? high[lane] : best;
  }
  for (; j < count; j++) best = row[j] > best ? row[j] : best;
  return best;
}

/* clang-format off */
#define KERNELS(isa, attributes)                                                                                \
  attributes static void normalise_##isa(size_t n, size_t d, const double *x, double *ret_x) {                  \
    normalise_body(n, d, x, ret_x);                                                                             \
  }                                                                                                             \
  attributes static void project_##isa(size_t n, size_t d, const double *u, double *v,                          \
                                       double *ret_square) {                                                    \
    project_body(n, d, u, v, ret_square);                                                                       \
  }                                                                                                             \
  attributes static double distance_##isa(size_t d, const double *a, const double *b) {                         \
    return distance_body(d, a, b);                                                                              \
  }                                                                                                             \
  attributes static void pull_##isa(size_t d, double weight, const double *from, const double *to,              \
                                    double *sum) {                                                              \
    pull_body(d, weight, from, to, sum);                                                                        \
  }                                                                                                             \
  attributes static void settle_##isa(size_t d, double far, double inverse, const double *x,                    \
                                      const double *close, double *sum) {                                       \
    settle_body(d, far, inverse, x, close, sum);                                                                \
  }                                                                                                             \
  attributes static double top_##isa(size_t count, const double *row) {                                         \
    return top_body(count, row);                                                                                \
  }

KERNELS(baseline, )
#if defined(__x86_64__)
KERNELS(avx2, __attribute__((target("avx2"))))
KERNELS(avx512, __attribute__((target(ISA_NAMES_AVX512))))
/* __builtin_cpu_supports looks at what the operating system saves (XCR0) as well as at the CPU. */
#define DISPATCH(call)                                                                             \
  (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? call(avx512)         \
   : __builtin_cpu_supports("avx2")                                         ? call(avx2)           \
                                                                            : call(baseline))
#else
#define DISPATCH(call) call(baseline)
#endif
/* clang-format on */

void kernel_normalise(size_t n, size_t d, const double *x, double *ret_x) {
#define CALL(isa) normalise_##isa(n, d, x, ret_x)
  DISPATCH(CALL);
#undef CALL
}

void kernel_project(size_t n, size_t d, const double *u, double *v, double *ret_square) {
#define CALL(isa) project_##isa(n, d, u, v, ret_square)
  DISPATCH(CALL);
#undef CALL
}

double kernel_distance(size_t d, const double *a, const double *b) {
#define CALL(isa) distance_##isa(d, a, b)
  return DISPATCH(CALL);
#undef CALL
}

void kernel_pull(size_t d, double weight, const double *from, const double *to, double *sum) {
#define CALL(isa) pull_##isa(d, weight, from, to, sum)
  DISPATCH(CALL);
#undef CALL
}

void kernel_settle(size_t d, double far, double inverse, const double *x, const double *close, double *sum) {
#define CALL(isa) settle_##isa(d, far, inverse, x, close, sum)
  DISPATCH(CALL);
#undef CALL
}

double kernel_top(size_t count, const double *row) {
#define CALL(isa) top_##isa(count, row)
  return DISPATCH(CALL);
#undef CALL
}
