/* null/phase_dft.c - Grams of turned clouds by Fourier transforms over their rows, then over their columns.
 *
 * A real sequence sum_f cos(2 pi j f/n) a_f + sin(2 pi j f/n) b_f is the transform of z_f = (a_f - i b_f)/2 with
 * z_{n-f} its conjugate, of z_f = a_f where f is its own mirror image. Two of them, one the imaginary part, are the
 * transform of a complex column. */
#include "null/phase_dft.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "linalg/panels.h"
#include "null/phase_table.h"

enum { TOKENS = DFT_ROW, MIRROR = 8 }; /* of a transform: two a lane; rows that become columns together */

static size_t groups_of(size_t n) { return (n / 2 + DFT_LANES) / DFT_LANES; }
static size_t blocks_of(size_t n) { return (n + TOKENS - 1) / TOKENS; }

/* Of coefficients over tokens: no power of two, for the cache. */
static size_t leading(size_t n) { return (blocks_of(n) + 1) * TOKENS; }

size_t phase_dft_waves(size_t n) { return groups_of(n) * n * DFT_ROW; }

void phase_dft_pack(size_t n, const double *gram, float *ret_waves) {
  size_t half = n / 2 + 1, wide = 2 * half;
  memset(ret_waves, 0, phase_dft_waves(n) * sizeof *ret_waves);
  for (size_t f = 0; f < half; f++) {
    const double *a = gram + f * wide, *b = gram + (half + f) * wide;
    for (size_t g = 0; g < half; g++) {
      float *group = ret_waves + g / DFT_LANES * n * DFT_ROW + g % DFT_LANES;
      float *here = group + f * DFT_ROW, *there = group + (n - f) % n * DFT_ROW;
      bool alone = phase_is_alone(n, f);
      here[0] = (float)(alone ? a[g] : (a[g] + b[half + g]) / 2);
      here[DFT_LANES] = (float)(alone ? a[half + g] : (a[half + g] - b[g]) / 2);
      if (alone) continue;
      there[0] = (float)((a[g] - b[half + g]) / 2);
      there[DFT_LANES] = (float)((a[half + g] + b[g]) / 2);
    }
  }
}

/* One row times exp(i (own - phase_g)); own has cosine c and sine s, the columns cg and sg. */
ISA_INLINE void turn_row(float c, float s, const float *cg, const float *sg, const float *z, float *ret_x) {
  for (size_t u = 0; u < DFT_LANES; u++) {
    float by = c * cg[u] + s * sg[u], across = s * cg[u] - c * sg[u];
    ret_x[u] = by * z[u] - across * z[DFT_LANES + u];
    ret_x[DFT_LANES + u] = by * z[DFT_LANES + u] + across * z[u];
  }
}

ISA_INLINE void turn_waves_body(size_t n, const float *c, const float *s, const float *cg, const float *sg,
                                const float *restrict waves, float *restrict ret_x) {
  for (size_t f = 0; f <= n / 2; f++) {
    size_t there = (n - f) % n * DFT_ROW;
    turn_row(c[f], s[f], cg, sg, waves + f * DFT_ROW, ret_x + f * DFT_ROW);
    if (!phase_is_alone(n, f)) turn_row(c[f], -s[f], cg, sg, waves + there, ret_x + there);
  }
}
ISA_DEFINE(static, turn_waves,
           (size_t n, const float *c, const float *s, const float *cg, const float *sg, const float *waves,
            float *ret_x),
           (n, c, s, cg, sg, waves, ret_x))

/* Of TOKENS tokens, the first half of them real parts: their coefficients, rows `ld` apart, before the transform over
 * columns. */
ISA_INLINE void pair_tokens_body(size_t n, const float *restrict coefficients, size_t ld, float *restrict ret_x) {
  for (size_t g = 0; g <= n / 2; g++) {
    const float *a = coefficients + (g / DFT_LANES * DFT_ROW + g % DFT_LANES) * ld, *b = a + DFT_LANES * ld;
    float *here = ret_x + g * DFT_ROW, *there = ret_x + (n - g) % n * DFT_ROW;
    if (phase_is_alone(n, g)) {
      for (size_t u = 0; u < DFT_ROW; u++) here[u] = a[u];
      continue;
    }
    for (size_t u = 0; u < DFT_LANES; u++) {
      float first = a[u] / 2, second = a[DFT_LANES + u] / 2, sine = b[u] / 2, other = b[DFT_LANES + u] / 2;
      here[u] = first + other, here[DFT_LANES + u] = second - sine;
      there[u] = first - other, there[DFT_LANES + u] = second + sine;
    }
  }
}
ISA_DEFINE(static, pair_tokens, (size_t n, const float *coefficients, size_t ld, float *ret_x),
           (n, coefficients, ld, ret_x))

/* Room for phase_dft_cosines, in floats unless said otherwise. */
typedef struct room {
  float *turn;                  /* [2, groups * DFT_LANES], zero behind the last column */
  float *x, *scratch, *y;       /* [n, DFT_ROW] each: a transform */
  float *coefficients;          /* [groups * DFT_ROW, leading]: of the tokens, by columns */
  float *products;              /* [blocks, n, TOKENS] of a block's tokens with all */
  double *shift, *scale, *tile; /* [blocks * TOKENS] both, [MIRROR * TOKENS] */
} room;

static size_t room_floats(size_t n) {
  size_t columns = groups_of(n) * DFT_LANES, rows = blocks_of(n) * n * TOKENS;
  return 2 * columns + 3 * n * DFT_ROW + 2 * columns * leading(n) + rows;
}

static size_t room_doubles(size_t n) { return 2 * blocks_of(n) * TOKENS + MIRROR * TOKENS; }

uint64_t phase_dft_work_bytes(size_t n) { return room_floats(n) * sizeof(float) + room_doubles(n) * sizeof(double); }

static room lay_out(size_t n, float *floats, double *doubles) {
  size_t columns = groups_of(n) * DFT_LANES, tokens = blocks_of(n) * TOKENS;
  room r = {.coefficients = floats, .shift = doubles, .scale = doubles + tokens, .tile = doubles + 2 * tokens};
  r.products = r.coefficients + 2 * columns * leading(n);
  r.x = r.products + tokens * n, r.scratch = r.x + n * DFT_ROW, r.y = r.scratch + n * DFT_ROW;
  r.turn = r.y + n * DFT_ROW;
  return r;
}

/* The tokens' coefficients after the turn. */
static void turn_tokens(const dft *transform, const phase_dft_cloud *cloud, const room *r) {
  size_t n = cloud->n, half = n / 2 + 1, groups = groups_of(n), columns = groups * DFT_LANES, ld = leading(n);
  memset(r->turn, 0, 2 * columns * sizeof *r->turn);
  memcpy(r->turn, cloud->turn, half * sizeof *r->turn);
  memcpy(r->turn + columns, cloud->turn + half, half * sizeof *r->turn);
  for (size_t group = 0; group < groups; group++) {
    const float *own = r->turn + group * DFT_LANES;
    turn_waves(n, cloud->turn, cloud->turn + half, own, own + columns, cloud->waves + group * n * DFT_ROW, r->x);
    dft_run(transform, r->x, r->scratch, r->y);
    panels_transpose_f32(n, DFT_ROW, r->y, DFT_ROW, r->coefficients + group * DFT_ROW * ld, ld);
  }
}

/* shift_j = (Q X)_j . mu + |mu|^2/2 and scale_j = 1/|mu + (Q X)_j|, from the products of tokens with themselves. */
static void scale_tokens(const dft *transform, const phase_dft_cloud *cloud, const room *r) {
  size_t n = cloud->n, half = n / 2 + 1;
  const float *c = cloud->turn, *s = c + half, *a = cloud->along, *b = a + half;
  memset(r->x, 0, n * DFT_ROW * sizeof *r->x);
  for (size_t f = 0; f < half; f++) {
    float *here = r->x + f * DFT_ROW, *there = r->x + (n - f) % n * DFT_ROW;
    float even = c[f] * a[f] + s[f] * b[f], odd = s[f] * a[f] - c[f] * b[f];
    if (phase_is_alone(n, f)) {
      here[0] = even;
      continue;
    }
    here[0] = there[0] = even / 2;
    here[DFT_LANES] = odd / 2, there[DFT_LANES] = -odd / 2;
  }
  dft_run(transform, r->x, r->scratch, r->y);
  for (size_t j = 0; j < n; j++) {
    double square = r->products[(j / TOKENS * n + j) * TOKENS + j % TOKENS];
    r->shift[j] = (double)r->y[j * DFT_ROW] + cloud->square / 2;
    r->scale[j] = phase_scale(2 * r->shift[j] + square);
  }
}

/* ret_tile [count, TOKENS]: cosines of tokens k .. k+count-1 with a block's. */
ISA_INLINE void fill_tile_body(size_t count, const float *products, const double *shift_k, const double *scale_k,
                               const double *shift, const double *scale, double *restrict ret_tile) {
  for (size_t k = 0; k < count; k++) {
    for (size_t u = 0; u < TOKENS; u++) {
      double product = products[k * TOKENS + u];
      ret_tile[k * TOKENS + u] = (product + (shift_k[k] + shift[u])) * (scale_k[k] * scale[u]);
    }
  }
}
ISA_DEFINE(static, fill_tile,
           (size_t count, const float *products, const double *shift_k, const double *scale_k, const double *shift,
            const double *scale, double *ret_tile),
           (count, products, shift_k, scale_k, shift, scale, ret_tile))

/* Cosines of the block from token `first` with the tokens from there on. Each is put in both of its places: as products
 * they differ by rounding. Columns are written a whole cache line at a time. */
static void assemble_block(size_t n, size_t first, const room *r, double *ret_cosines) {
  size_t width = n - first < TOKENS ? n - first : TOKENS, height;
  for (size_t k = first; k < n; k += height) {
    height = n - k < MIRROR ? n - k : MIRROR;
    fill_tile(height, r->products + (first / TOKENS * n + k) * TOKENS, r->shift + k, r->scale + k, r->shift + first,
              r->scale + first, r->tile);
    for (size_t row = 0; row < height; row++) {
      size_t known = k + row - first < width ? k + row - first + 1 : width;
      memcpy(ret_cosines + (k + row) * n + first, r->tile + row * TOKENS, known * sizeof *ret_cosines);
    }
    for (size_t u = 0; u < width; u++) {
      double *mirrored = ret_cosines + (first + u) * n + k;
      for (size_t row = first + u > k ? first + u - k : 0; row < height; row++)
        mirrored[row] = r->tile[row * TOKENS + u];
    }
  }
}

dwell_status phase_dft_cosines(const dft *transform, const phase_dft_cloud *cloud, double *ret_cosines,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = cloud->n, ld = leading(n);
  float *floats = MEM_NEW(float, room_floats(n));
  double *doubles = MEM_ZERO(double, room_doubles(n)); /* zero behind the last token */
  TRY_ALLOC(floats, "a surrogate cloud");
  TRY_ALLOC(doubles, "a surrogate cloud");
  room r = lay_out(n, floats, doubles);
  for (size_t row = 0; row < groups_of(n) * DFT_ROW; row++) /* behind the last token too */
    memset(r.coefficients + row * ld + n, 0, (ld - n) * sizeof *r.coefficients);
  turn_tokens(transform, cloud, &r);
  for (size_t first = 0; first < n; first += TOKENS) {
    pair_tokens(n, r.coefficients + first, ld, r.x);
    dft_run(transform, r.x, r.scratch, r.products + first * n);
  }
  scale_tokens(transform, cloud, &r);
  for (size_t first = 0; first < n; first += TOKENS) assemble_block(n, first, &r, ret_cosines);
done:
  mem_free(floats);
  mem_free(doubles);
  return status;
}
