/* flow/batch_kernel.c - the step of eight systems, compiled for three instruction sets from one body, with fused
 * multiply-adds where the CPU has them (-ffp-contract=fast). */
#include "flow/batch_kernel.h"

#include <math.h>

#include "base/isa.h"
#include "flow/dopri.h"
#include "linalg/vmath.h"

#define UNROLL _Pragma("GCC unroll 4")

#define ISA(name) name##_baseline
#define TARGET
#include "flow/batch_kernel.inc"

#if defined(__x86_64__)
#define ISA(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "flow/batch_kernel.inc"

#define ISA(name) name##_avx512
#define TARGET __attribute__((target(ISA_NAMES_AVX512_FUSED)))
#include "flow/batch_kernel.inc"

static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_avx512(void) { return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"); }
#else
static bool has_avx2(void) { return false; }
static bool has_avx512(void) { return false; }
#define step_avx2 step_baseline
#define step_avx512 step_baseline
#define events_avx2 events_baseline
#define events_avx512 events_baseline
#define slopes_avx2 slopes_baseline
#define slopes_avx512 slopes_baseline
#endif

void batch_pairs(size_t n, unsigned char *ret_first, unsigned char *ret_second) {
  size_t p = 0;
  for (size_t a = 0; a < n; a += BATCH_TILE)
    for (size_t b = a; b < n; b += BATCH_TILE)
      for (size_t i = a; i < a + BATCH_TILE; i++)
        for (size_t j = a == b ? i + 1 : b; j < b + BATCH_TILE; j++, p++)
          ret_first[p] = (unsigned char)i, ret_second[p] = (unsigned char)j;
}

void batch_step(batch_block *b) {
  if (has_avx512()) step_avx512(b);
  else if (has_avx2()) step_avx2(b);
  else step_baseline(b);
}

size_t batch_events(const batch_block *b, double level, double close, unsigned short *ret_pair) {
  if (has_avx512()) return events_avx512(b, level, close, ret_pair);
  if (has_avx2()) return events_avx2(b, level, close, ret_pair);
  return events_baseline(b, level, close, ret_pair);
}

void batch_slopes(const batch_block *b, bool end, const unsigned short *pair, const unsigned char *first,
                  const unsigned char *second, size_t count, double *ret_slope) {
  const double *x = end ? b->y : b->x, *v = b->k[end ? ORBIT_STAGES - 1 : 0];
  if (has_avx512()) slopes_avx512(b, x, v, pair, first, second, count, ret_slope);
  else if (has_avx2()) slopes_avx2(b, x, v, pair, first, second, count, ret_slope);
  else slopes_baseline(b, x, v, pair, first, second, count, ret_slope);
}
