/* flow/tiles_f32.c - tiles in single precision. The loops are compiled for three instruction sets from one body, with
 * fused multiply-adds (-ffp-contract=fast; no expression adds two products). */
#include "flow/tiles_f32.h"

#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "linalg/elementary_f32.h"
#include "linalg/panels.h"

enum {
  LANES = TILES_F32_LANES,
  SIDE = TILES_F32_SIDE,
  SAMPLE = 64, /* tokens whose mean is the centre */
  CHUNK = 8    /* rows whose columns are added up in single precision first */
};

/* Scratch of one thread. */
typedef struct scratch {
  float weights[SIDE * SIDE]; /* cosines before */
  double columns[SIDE];
} scratch;

struct tiles_f32 {
  size_t n, d;
  double beta;
  double *centre; /* [d] among the tokens */
  float *y;       /* [n, d] x - centre */
  float *across;  /* y transposed, [d, n] in panels */
  float *heavy;   /* m_j y_j, [n, d] in panels */
  float *halves;  /* [n] beta |y|^2 / 2; behind as masses */
  float *pulls;   /* [n, d] */
  float *masses;  /* [n], zeros behind, where whole vectors are read */
  scratch *of;    /* [workers] */
};

/* ---- loops ---- */

#define KERNEL_INLINE static inline __attribute__((always_inline))
#ifdef __SANITIZE_ADDRESS__ /* which looks at every access: unrolled, that takes the compiler minutes */
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

#define ISA(name) name##_baseline
#define TARGET
#define VECTOR_BYTES 16
#include "flow/tiles_f32_kernel.inc"
static const tiles_f32_kernels with_baseline = {"baseline", round_baseline, weigh_baseline, settle_baseline};

#if defined(__x86_64__)
#define ISA(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR_BYTES 32
#include "flow/tiles_f32_kernel.inc"
static const tiles_f32_kernels with_avx2 = {"avx2", round_avx2, weigh_avx2, settle_avx2};

#define ISA(name) name##_avx512
#define TARGET __attribute__((target(ISA_NAMES_AVX512_FUSED)))
#define VECTOR_BYTES 64
#include "flow/tiles_f32_kernel.inc"
static const tiles_f32_kernels with_avx512 = {"avx512", round_avx512, weigh_avx512, settle_avx512};
#endif

const tiles_f32_kernels *tiles_f32_kernels_of(const char *isa) {
#if defined(__x86_64__)
  static const tiles_f32_kernels *const all[] = {&with_baseline, &with_avx2, &with_avx512};
#else
  static const tiles_f32_kernels *const all[] = {&with_baseline};
#endif
  int which = isa_fused(isa);
  return which < 0 ? NULL : all[which];
}

double tiles_f32_error(double beta) { return 1e-7 * (1 + fabs(beta)); }

/* ---- operands ---- */

static size_t whole_lanes(size_t count) { return (count + LANES - 1) / LANES * LANES; }

uint64_t tiles_f32_bytes(size_t n, size_t d, size_t workers) {
  uint64_t panels = panels_elements(d, n, sizeof(float)) + panels_elements(n, d, sizeof(float));
  return sizeof(tiles_f32) + sizeof(float) * (panels + 2 * n * d + 2 * whole_lanes(n)) + sizeof(double) * d +
         workers * sizeof(scratch);
}

tiles_f32 *tiles_f32_create(size_t n, size_t d, size_t workers) {
  tiles_f32 *t = MEM_ZERO(tiles_f32, 1);
  size_t across = panels_elements(d, n, sizeof(float)), heavy = panels_elements(n, d, sizeof(float));
  if (t == NULL) return NULL;
  t->n = n, t->d = d;
  t->y = mem_alloc(n, d * sizeof(float));
  t->centre = MEM_NEW(double, d);
  t->across = across > 0 ? MEM_NEW(float, across) : NULL;
  t->heavy = heavy > 0 ? MEM_NEW(float, heavy) : NULL;
  t->pulls = mem_alloc(n, d * sizeof(float));
  t->masses = MEM_ZERO(float, whole_lanes(n));
  t->halves = MEM_ZERO(float, whole_lanes(n));
  t->of = MEM_NEW(scratch, workers);
  if (t->y && t->centre && t->across && t->heavy && t->pulls && t->masses && t->halves && t->of) return t;
  tiles_f32_destroy(t);
  return NULL;
}

void tiles_f32_destroy(tiles_f32 *t) {
  if (t == NULL) return;
  mem_free(t->y);
  mem_free(t->centre);
  mem_free(t->across);
  mem_free(t->heavy);
  mem_free(t->pulls);
  mem_free(t->masses);
  mem_free(t->halves);
  mem_free(t->of);
  mem_free(t);
}

void tiles_f32_begin(tiles_f32 *t, double beta, const double *x) {
  t->beta = beta;
  size_t count = t->n < SAMPLE ? t->n : SAMPLE;
  memset(t->centre, 0, t->d * sizeof(double));
  for (size_t c = 0; c < count; c++)
    for (size_t k = 0; k < t->d; k++) t->centre[k] += x[c * t->n / count * t->d + k] / (double)count;
}

void tiles_f32_load(tiles_f32 *t, size_t first, size_t rows, const double *x, const double *masses) {
  size_t n = t->n, d = t->d;
  float *own = t->y + first * d, *heavy = t->pulls + first * d; /* in rows, until pulls are wanted */
  const tiles_f32_kernels *loops = tiles_f32_kernels_of(NULL);
  for (size_t i = 0; i < rows; i++) {
    t->masses[first + i] = (float)masses[first + i];
    double square = loops->round(d, x + (first + i) * d, t->centre, masses[first + i], own + i * d, heavy + i * d);
    t->halves[first + i] = (float)(t->beta * square / 2);
  }
  panels_pack_f32(d, n, true, first, 0, rows, d, own, d, t->across);
  panels_pack_f32(n, d, false, first, 0, rows, d, heavy, d, t->heavy);
  memset(heavy, 0, rows * d * sizeof(float));
}

float *tiles_f32_pulls(tiles_f32 *t, size_t first) { return t->pulls + first * t->d; }

void tiles_f32_settle(const tiles_f32 *t, size_t i, double z, const double *x, double *ret_shift) {
  tiles_f32_kernels_of(NULL)->settle(t->d, 1 / z, t->pulls + i * t->d, t->centre, x, ret_shift);
}

/* ---- a tile ---- */

/* Adds to the pulls on `count` tokens from `first` on what `others` from `other` on do. */
static void pull(const tiles_f32 *t, bool turned, const float *weights, size_t stride, size_t first, size_t count,
                 size_t other, size_t others) {
  (turned ? panels_multiply_turned_f32 : panels_multiply_f32)(
      count, others, t->d, weights, stride, t->heavy + other * PANEL_F32, t->n, t->pulls + first * t->d, t->d, true);
}

/* A token's product with itself as the sum in double has it: its weight with itself is then 1, as it should be. */
static void set_own(const tiles_f32 *t, const tiles_f32_tile *a, size_t stride, float *products) {
  for (size_t r = 0; r < a->rows && t->beta != 0; r++)
    products[r * stride + r] = (float)(2 * (double)t->halves[a->first + r] / t->beta);
}

void tiles_f32_add(const tiles_f32 *t, size_t worker, const tiles_f32_tile *a) {
  const tiles_f32_kernels *loops = tiles_f32_kernels_of(NULL);
  scratch *s = t->of + worker;
  size_t d = t->d, stride = whole_lanes(a->keys);
  panels_multiply_f32(a->rows, d, a->keys, t->y + a->first * d, d, t->across + a->key * d, d, s->weights, stride,
                      false);
  for (size_t r = 0; r < a->rows && stride > a->keys; r++)
    memset(s->weights + r * stride + a->keys, 0, (stride - a->keys) * sizeof(float));
  if (a->first == a->key) set_own(t, a, stride, s->weights);
  if (a->mirrored) memset(s->columns, 0, sizeof s->columns);
  loops->weigh(&(tiles_f32_weights){.rows = a->rows,
                                    .keys = stride,
                                    .beta = (float)t->beta,
                                    .shift = t->beta < 0 ? (float)(-2 * t->beta) : 0,
                                    .tile = s->weights,
                                    .own = t->masses + a->first,
                                    .masses = t->masses + a->key,
                                    .own_halves = t->halves + a->first,
                                    .halves = t->halves + a->key,
                                    .sums = a->sums + a->first,
                                    .opt_columns = a->mirrored ? s->columns : NULL});
  pull(t, false, s->weights, stride, a->first, a->rows, a->key, a->keys);
  if (!a->mirrored) return;
  for (size_t j = 0; j < a->keys; j++) a->sums[a->key + j] += s->columns[j];
  pull(t, true, s->weights, stride, a->key, a->keys, a->first, a->rows);
}
