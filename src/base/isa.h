/* base/isa.h - a loop compiled for three instruction sets from one body, chosen at run time.
 *
 *     ISA_INLINE void scale_body(size_t n, double *x, double by) { for (size_t i = 0; i < n; i++) x[i] *= by; }
 *     ISA_DEFINE(static, scale, (size_t n, double *x, double by), (n, x, by))
 *
 * defines scale(). Nothing is contracted to fused multiply-adds, and the compiler does not reorder sums (a sum meant to
 * be vectorised keeps ISA_LANES partial sums by hand), so the three give the same bits. */
#ifndef DWELL_BASE_ISA_H
#define DWELL_BASE_ISA_H

enum { ISA_LANES = 8 }; /* doubles in the widest register */

/* Half of them. A type as wide as the widest register is taken through memory, number by number, where registers are
 * narrower (gcc 12): sums that are to stay in registers are kept in halves. */
enum { ISA_HALF = ISA_LANES / 2, ISA_HALVES = 2 };
typedef double isa_half __attribute__((vector_size(ISA_HALF * sizeof(double))));

#define ISA_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
/* clang knows no preferred width, and drops the whole attribute where it reads of one. */
#if defined(__clang__)
#define ISA_WIDE
#else
#define ISA_WIDE ",prefer-vector-width=512"
#endif
#define ISA_NAMES_AVX512 "avx512f,avx512dq,avx512vl" ISA_WIDE
#define ISA_NAMES_AVX512_FUSED "avx512f,avx512dq,avx512vl,fma" ISA_WIDE

#define ISA_AVX2 __attribute__((target("avx2")))
#define ISA_AVX512 __attribute__((target(ISA_NAMES_AVX512)))
/* __builtin_cpu_supports looks at what the operating system saves (XCR0) as well as at the CPU. */
#define ISA_DEFINE(linkage, name, parameters, arguments)                            \
  static void name##_baseline parameters { name##_body arguments; }                 \
  ISA_AVX2 static void name##_avx2 parameters { name##_body arguments; }            \
  ISA_AVX512 static void name##_avx512 parameters { name##_body arguments; }        \
  linkage void name parameters {                                                    \
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) { \
      name##_avx512 arguments;                                                      \
    } else if (__builtin_cpu_supports("avx2")) {                                    \
      name##_avx2 arguments;                                                        \
    } else {                                                                        \
      name##_baseline arguments;                                                    \
    }                                                                               \
  }
#else
#define ISA_DEFINE(linkage, name, parameters, arguments) \
  linkage void name parameters { name##_body arguments; }
#endif

/* Of code compiled as "baseline", "avx2" and "avx512", the latter two with fused multiply-adds: which of the three, 0
 * to 2, is called `name`, or for NULL is the widest that this CPU runs. -1: it runs none of that name. */
int isa_fused(const char *name);

#endif
