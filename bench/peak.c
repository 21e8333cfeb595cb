/* bench/peak.c - twelve independent chains of fused multiply-adds that never leave the registers. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "peak.h"

#include <string.h>
#include <time.h>

#include "linalg/vmath.h"

enum { CHAINS = 12, ROUNDS = 2000000, REPEATS = 5 };

/* Vector types of gcc and clang; "+x" below is a register of whatever width the type has. */
#define DEFINE_CHAINS(name, isa, real, bytes, instruction, constraint)                                            \
  __attribute__((target(isa))) static double name(void) {                                                         \
    typedef real vector __attribute__((vector_size(bytes)));                                                      \
    vector c[CHAINS] = {0}, x = (vector){0} + (real)0.5, y = (vector){0} + (real)1;                               \
    for (long r = 0; r < ROUNDS; r++) {                                                                           \
      __asm__ volatile(instruction                                                                                \
                       " %13, %12, %0\n" instruction " %13, %12, %1\n" instruction " %13, %12, %2\n" instruction  \
                       " %13, %12, %3\n" instruction " %13, %12, %4\n" instruction " %13, %12, %5\n" instruction  \
                       " %13, %12, %6\n" instruction " %13, %12, %7\n" instruction " %13, %12, %8\n" instruction  \
                       " %13, %12, %9\n" instruction " %13, %12, %10\n" instruction " %13, %12, %11\n"            \
                       : "+" constraint(c[0]), "+" constraint(c[1]), "+" constraint(c[2]), "+" constraint(c[3]),  \
                         "+" constraint(c[4]), "+" constraint(c[5]), "+" constraint(c[6]), "+" constraint(c[7]),  \
                         "+" constraint(c[8]), "+" constraint(c[9]), "+" constraint(c[10]), "+" constraint(c[11]) \
                       : constraint(x), constraint(y));                                                           \
    }                                                                                                             \
    return 2.0 * CHAINS * ROUNDS * (bytes / sizeof(real));                                                        \
  }

#if defined(__x86_64__)
DEFINE_CHAINS(chains_avx2_f32, "avx2,fma", float, 32, "vfmadd231ps", "x")
DEFINE_CHAINS(chains_avx2_f64, "avx2,fma", double, 32, "vfmadd231pd", "x")
DEFINE_CHAINS(chains_avx512_f32, "avx512f", float, 64, "vfmadd231ps", "v")
DEFINE_CHAINS(chains_avx512_f64, "avx512f", double, 64, "vfmadd231pd", "v")
#endif

double peak_thread_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Best of a few runs; `chains` returns the operations it did. */
static double best_rate(double (*chains)(void)) {
  double best = 0;
  for (int r = 0; r < REPEATS; r++) {
    double start = peak_thread_seconds(), operations = chains(), rate = operations / (peak_thread_seconds() - start);
    if (rate > best) best = rate;
  }
  return best * 1e-9;
}

double peak_f32(void) {
#if defined(__x86_64__)
  if (strcmp(vmath_isa(), "avx512") == 0) return best_rate(chains_avx512_f32);
  if (strcmp(vmath_isa(), "avx2") == 0) return best_rate(chains_avx2_f32);
#endif
  return 0;
}

double peak_f64(void) {
#if defined(__x86_64__)
  if (strcmp(vmath_isa(), "avx512") == 0) return best_rate(chains_avx512_f64);
  if (strcmp(vmath_isa(), "avx2") == 0) return best_rate(chains_avx2_f64);
#endif
  return 0;
}
