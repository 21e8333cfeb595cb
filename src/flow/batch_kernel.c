/* flow/batch_kernel.c - the step of sixteen systems, compiled for three instruction sets from one body, with fused
 * multiply-adds where the CPU has them (-ffp-contract=fast). */
#include "flow/batch_kernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "flow/dopri.h"
#include "linalg/elementary_f32.h"
#include "linalg/vmath.h"

#define UNROLL _Pragma("GCC unroll 4")
#define UNROLL_ALL _Pragma("GCC unroll 16")

#define ISA(name) name##_baseline
#define TARGET
#define VECTOR_BYTES 16
#define ROWS 2
#include "flow/batch_kernel.inc"
static const batch_kernels with_baseline = {"baseline", step_baseline, events_baseline, gaps_baseline,
                                            passages_baseline};

#if defined(__x86_64__)
#define ISA(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR_BYTES 32
#define ROWS 2
#include "flow/batch_kernel.inc"
static const batch_kernels with_avx2 = {"avx2", step_avx2, events_avx2, gaps_avx2, passages_avx2};

#define ISA(name) name##_avx512
#define TARGET __attribute__((target(ISA_NAMES_AVX512_FUSED)))
#define VECTOR_BYTES 64
#define ROWS 4
#include "flow/batch_kernel.inc"
static const batch_kernels with_avx512 = {"avx512", step_avx512, events_avx512, gaps_avx512, passages_avx512};
#endif

const batch_kernels *batch_kernels_of(const char *isa) {
#if defined(__x86_64__)
  static const batch_kernels *const all[] = {&with_baseline, &with_avx2, &with_avx512};
#else
  static const batch_kernels *const all[] = {&with_baseline};
#endif
  int which = isa_fused(isa);
  return which < 0 ? NULL : all[which];
}

void batch_pairs(size_t n, unsigned char *ret_first, unsigned char *ret_second) {
  size_t p = 0;
  for (size_t a = 0; a < n; a += BATCH_TILE)
    for (size_t b = a; b < n; b += BATCH_TILE)
      for (size_t i = a; i < a + BATCH_TILE; i++)
        for (size_t j = a == b ? i + 1 : b; j < b + BATCH_TILE; j++, p++)
          ret_first[p] = (unsigned char)i, ret_second[p] = (unsigned char)j;
}
