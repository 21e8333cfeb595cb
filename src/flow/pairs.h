/* flow/pairs.h - sums over pairs of tokens in few dimensions, each weight made once for both tokens of a pair.
 *
 * Tokens lie transposed: coordinate k of token j is tokens[k * stride + j], for k below pairs_width(d), zeros from d
 * on. Places behind the last token, up to a whole group of PAIRS_LANES, have mass zero and coordinates that keep their
 * exponents from the ceiling. `stride` is a multiple of PAIRS_LANES too, and arrays are aligned as mem.h aligns. With
 * the weight w_ij = 2^(factor |x_j - x_i|^2 + shift) the sums of token i are sums[i]                      += sum_j m_j
 * w_ij sums[(1 + k) * stride + i]   += sum_j m_j w_ij (x_jk - x_ik) over other tokens j != i. Differences of
 * coordinates make both the weight and the pull, so that sums keep the relative precision of the distances, and w_ij is
 * exactly 1 at distance 0 (shift 0). Weights below 2^-1009 count as zero.
 *
 * Sums run in PAIRS_LANES lanes and by fused multiply-adds: on every CPU that has them the bits are the same. */
#ifndef DWELL_FLOW_PAIRS_H
#define DWELL_FLOW_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

enum { PAIRS_LANES = 8, PAIRS_MAX_D = 16 };

/* Coordinates that the kernels run over for tokens of d <= PAIRS_MAX_D dimensions. */
size_t pairs_width(size_t d);

/* Whether tokens may have no masses in `between`, if they are `plain`: all masses are 1, n a multiple of PAIRS_LANES.
 */
bool pairs_alike(size_t d, bool plain);

typedef struct pairs {
  size_t width, stride;
  const double *tokens; /* [width, stride] */
  const double *masses; /* filled up with zeros; NULL: see pairs_alike */
  double factor, shift;
  double
      ceiling; /* larger exponents are taken for it: 1024 makes a weight infinite, 1000 does for tokens without mass */
  bool plain;  /* shift is 0, and exponents of all pairs lie above -1000: nothing to look after */
} pairs;

/* A tile of cosines in many dimensions, from a product, that turns into weights in place:
 *   w = 2^(factor (g - anchor) + shift of the row), where a cosine below PAIRS_NEVER has weight zero. */
#define PAIRS_NEVER (-2.0)
typedef struct pairs_tile {
  size_t rows,
      keys; /* keys: a multiple of PAIRS_LANES, and the distance of rows; columns that fill up have mass zero */
  double factor, anchor, shift;
  const double *opt_shifts; /* [rows] instead of `shift` */
  double ceiling;           /* as in `pairs` */
  bool plain;               /* shift is 0, all exponents lie in [-1000, 1], no cosine is below PAIRS_NEVER */
  const double *own;        /* [rows] masses */
  const double *masses;     /* [keys] */
  double *tile;             /* [rows, keys] */
  double *sums;             /* [rows] += sum_j mass_j w_rj */
  double *opt_columns;      /* [keys] += sum_r own_r w_rj */
} pairs_tile;

typedef struct pairs_kernels {
  const char *isa;
  /* The pairs of tokens first .. end-1 with tokens key .. key_end-1, both multiples of PAIRS_LANES: adds to the sums of
   * both. The two ranges are the same (then each pair is one, not two) or have no token in common. */
  void (*between)(const pairs *p, size_t first, size_t end, size_t key, size_t key_end, double *sums);
  /* Token i with tokens 0 .. end-1, adding to i alone. */
  void (*row)(const pairs *p, size_t i, size_t end, double *sums);
  void (*tile)(const pairs_tile *t);
} pairs_kernels;

/* For an instruction set ("avx512", "avx2", "baseline"; NULL: the best one of this CPU); NULL if this CPU has not got
 * it. Static storage. */
const pairs_kernels *pairs_kernels_of(const char *opt_isa);

#endif
