/* flow/pairs.c - the loops over pairs, compiled for three instruction sets from one body (pairs_kernel.inc).
 *
 * Compiled with -ffp-contract=fast: sums += a * b is a fused multiply-add where the CPU has one. No expression adds two
 * products, so there is one way to fuse them. */
#include "flow/pairs.h"

#include "base/isa.h"

#define KERNEL_INLINE static inline __attribute__((always_inline))
#ifdef __SANITIZE_ADDRESS__ /* which looks at every access: unrolled, that takes the compiler minutes */
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 80")
#endif
#define AT(from, c) (*(ISA(vector) *)((from) + (c)*LANES))

#define ROUND 0x1.8p52 /* t + ROUND - ROUND is t rounded to an integer, which the low bits of t + ROUND hold */
enum { MANTISSA = 52, SIGN = 63, TERMS = 11, LOW = 1009, FEW = 4 };

/* 2^r = 1 + r (C_0 + C_1 r + ... ) on |r| <= 1/2, relative error 4.3e-17: the polynomial of its degree with the
 * smallest largest relative error and value 1 at 0 (Remez's exchange), coefficients rounded. */
static const double coefficients[TERMS] = {
    0x1.62e42fefa39f3p-1,  0x1.ebfbdff82c598p-3,  0x1.c6b08d7048f2ap-5,  0x1.3b2ab6fba1e08p-7,
    0x1.5d87fe7bbcd39p-10, 0x1.43091309664b9p-13, 0x1.ffcbee3823cd6p-17, 0x1.62bfd48eeb77bp-20,
    0x1.b5416a873d5ccp-24, 0x1.e606194c9a513p-28, 0x1.c0638e045c8c6p-32,
};

/* Ones for all of a group but its member `lane`. */
static inline const long long *all_but(size_t lane) {
  static const long long ones[PAIRS_LANES][PAIRS_LANES] __attribute__((aligned(64))) = {
      {0, -1, -1, -1, -1, -1, -1, -1}, {-1, 0, -1, -1, -1, -1, -1, -1}, {-1, -1, 0, -1, -1, -1, -1, -1},
      {-1, -1, -1, 0, -1, -1, -1, -1}, {-1, -1, -1, -1, 0, -1, -1, -1}, {-1, -1, -1, -1, -1, 0, -1, -1},
      {-1, -1, -1, -1, -1, -1, 0, -1}, {-1, -1, -1, -1, -1, -1, -1, 0},
  };
  return ones[lane];
}

#define ISA(name) name##_baseline
#define TARGET
#define VECTOR_BYTES 16
#include "flow/pairs_kernel.inc"
static const pairs_kernels with_baseline = {"baseline", between_baseline, row_baseline, tile_baseline};

#if defined(__x86_64__)
#define ISA(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR_BYTES 32
#include "flow/pairs_kernel.inc"
static const pairs_kernels with_avx2 = {"avx2", between_avx2, row_avx2, tile_avx2};

#define ISA(name) name##_avx512
#define TARGET __attribute__((target(ISA_NAMES_AVX512_FUSED)))
#define VECTOR_BYTES 64
#include "flow/pairs_kernel.inc"
static const pairs_kernels with_avx512 = {"avx512", between_avx512, row_avx512, tile_avx512};
#endif

size_t pairs_width(size_t d) { return d <= 2 ? 2 : d <= 4 ? d : d <= 8 ? 8 : PAIRS_MAX_D; }

bool pairs_alike(size_t d, bool plain) { return plain && d <= FEW; }

const pairs_kernels *pairs_kernels_of(const char *isa) {
#if defined(__x86_64__)
  static const pairs_kernels *const all[] = {&with_baseline, &with_avx2, &with_avx512};
#else
  static const pairs_kernels *const all[] = {&with_baseline};
#endif
  int which = isa_fused(isa);
  return which < 0 ? NULL : all[which];
}
