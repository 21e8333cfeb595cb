/* flow/tiles_f32.h - sums over pairs of tokens from tiles in single precision.
 *
 * Of unit tokens x_i with masses m_i and weights w_ij = e^{beta G_ij - |beta|}, |beta| <= TILES_F32_BETA. Tokens are
 * taken from a centre among them, y_i = x_i - centre: G_ij = 1 + y_i y_j - |y_i|^2 / 2 - |y_j|^2 / 2, so that what
 * products of floats lose is a part of the size of the cloud. Sums of weights are double beyond the 192 of a tile,
 * pulls are float: adding n tokens costs them 2e-8 sqrt(n / 600) of their size besides. Bits depend neither on the
 * number of threads nor on the CPU, if it has fused multiply-adds. */
#ifndef DWELL_FLOW_TILES_F32_H
#define DWELL_FLOW_TILES_F32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TILES_F32_SIDE = 192, /* largest side of a tile, whole panels: 147 KB, which stay in the second cache */
  TILES_F32_BETA = 40   /* e^{-2 beta} is a normal float */
};

/* The largest error of sum_j m_j w_ij (x_j - x_i) / sum_j m_j w_ij, as a vector (the sphere's radius is 1); three times
 * it is that of the sum of weights, as a part of itself. Measured against double; most are a tenth. */
double tiles_f32_error(double beta);

typedef struct tiles_f32 tiles_f32;

/* For n tokens in d dimensions; `workers` threads. NULL: out of memory. */
tiles_f32 *tiles_f32_create(size_t n, size_t d, size_t workers);
void tiles_f32_destroy(tiles_f32 *t); /* NULL is fine */
uint64_t tiles_f32_bytes(size_t n, size_t d, size_t workers);

/* Before tokens x [n, d] are loaded. */
void tiles_f32_begin(tiles_f32 *t, double beta, const double *x);
/* Takes over tokens first .. first+rows-1 of x, and of masses [n], whose pulls are then 0. Several threads may do so at
 * once, where `first` is a multiple of PANEL_F32 and so is `rows` but at the end. */
void tiles_f32_load(tiles_f32 *t, size_t first, size_t rows, const double *x, const double *masses);

/* Pulls [., d] of tokens from `first` on: sum_j m_j w_ij (x_j - centre) over the tiles so far. */
float *tiles_f32_pulls(tiles_f32 *t, size_t first);
/* ret_shift [d] = sum_j m_j w_ij (x_j - x_i) / z with x [d] of token i and its sum of weights z. */
void tiles_f32_settle(const tiles_f32 *t, size_t i, double z, const double *x, double *ret_shift);

/* rows and keys at most TILES_F32_SIDE, first and key multiples of PANEL_F32. */
typedef struct tiles_f32_tile {
  size_t first, rows, key, keys;
  bool mirrored; /* the keys get sums over the rows too */
  double *sums;  /* [n] sums[i] += sum_j m_j w_ij; pulls alike, with x_j - centre */
} tiles_f32_tile;
void tiles_f32_add(const tiles_f32 *t, size_t worker, const tiles_f32_tile *tile);

/* Products y_r y_j to weights e^{beta y_r y_j - own_halves_r - halves_j - shift} in place, where exponents are at most
 * 0 but for rounding. */
enum { TILES_F32_LANES = 16 };
typedef struct tiles_f32_weights {
  size_t rows, keys; /* keys: a multiple of TILES_F32_LANES */
  float beta, shift;
  float *tile;                   /* [rows, keys] */
  const float *own, *own_halves; /* [rows] masses */
  const float *masses, *halves;  /* [keys] */
  double *sums;                  /* [rows] += sum_j masses_j w_rj */
  double *opt_columns;           /* [keys] += sum_r own_r w_rj */
} tiles_f32_weights;

/* The loops, for an instruction set as pairs_kernels_of has them. */
typedef struct tiles_f32_kernels {
  const char *isa;
  /* y = x - centre [d] and mass y in single precision; returns |y|^2. */
  double (*round)(size_t d, const double *x, const double *centre, double mass, float *ret_y, float *ret_heavy);
  void (*weigh)(const tiles_f32_weights *a);
  /* ret_shift [d] = pull inverse + (centre - x) */
  void (*settle)(size_t d, double inverse, const float *pull, const double *centre, const double *x, double *ret_shift);
} tiles_f32_kernels;
/* NULL: this CPU has not got it. Static storage. */
const tiles_f32_kernels *tiles_f32_kernels_of(const char *opt_isa);

#endif
