/* geometry/reach.c - core closeness and the dense Prim tree. Nulls ask for both thousands of times: plain loops over
 * rows that the compiler turns into vectors, no branch per entry. */
#include "geometry/reach.h"

#include <math.h>
#include <string.h>

#include "base/isa.h"

/* Not fmin and fmax: they are calls. */
static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

static const double NONE = -INFINITY; /* less than any closeness */

enum {
  KEPT = REACH_CORE + 1, /* with the point itself: its closeness is the largest of its row */
  TILE = 512,            /* columns whose ranks stay in the first cache */
  TOGETHER = 4,          /* rows */
  CHUNK = 2 * ISA_LANES
};

size_t reach_work(size_t n) { return KEPT * n + CHUNK; }

/* ---- cores near the point: by rank ---- */

/* The largest entries of a column so far, in order; `x` pushes the smaller ones down. */
typedef struct ranks {
  double r0, r1, r2, r3, r4, r5;
} ranks;

ISA_INLINE ranks insert(ranks k, double x) {
  double below = smaller(k.r0, x);
  k.r0 = larger(k.r0, x), x = below;
  below = smaller(k.r1, x), k.r1 = larger(k.r1, x), x = below;
  below = smaller(k.r2, x), k.r2 = larger(k.r2, x), x = below;
  below = smaller(k.r3, x), k.r3 = larger(k.r3, x), x = below;
  below = smaller(k.r4, x), k.r4 = larger(k.r4, x), x = below;
  k.r5 = larger(k.r5, x);
  return k;
}

/* Passes entries low..high-1 of `count` rows that are n apart through the ranks of their columns, kept[rank * n +
 * column]. The compiler must not think that the ranks may overlap. */
ISA_INLINE void insert_rows_body(size_t n, size_t low, size_t high, size_t count, const double *rows, double sign,
                                 double *kept) {
  if (count == TOGETHER) {
#pragma GCC ivdep
    for (size_t j = low; j < high; j++) {
      double *at = kept + j;
      ranks k = {at[0], at[n], at[2 * n], at[3 * n], at[4 * n], at[5 * n]};
      k = insert(k, sign * rows[j]);
      k = insert(k, sign * rows[n + j]);
      k = insert(k, sign * rows[2 * n + j]);
      k = insert(k, sign * rows[3 * n + j]);
      at[0] = k.r0, at[n] = k.r1, at[2 * n] = k.r2, at[3 * n] = k.r3, at[4 * n] = k.r4, at[5 * n] = k.r5;
    }
    return;
  }
  for (size_t r = 0; r < count; r++) {
    for (size_t j = low; j < high; j++) {
      double *at = kept + j;
      ranks k = insert((ranks){at[0], at[n], at[2 * n], at[3 * n], at[4 * n], at[5 * n]}, sign * rows[r * n + j]);
      at[0] = k.r0, at[n] = k.r1, at[2 * n] = k.r2, at[3 * n] = k.r3, at[4 * n] = k.r4, at[5 * n] = k.r5;
    }
  }
}
ISA_DEFINE(static, insert_rows,
           (size_t n, size_t low, size_t high, size_t count, const double *rows, double sign, double *kept),
           (n, low, high, count, rows, sign, kept))

/* The matrix is symmetric, so columns are rows. */
static void cores_by_rank(size_t n, const double *matrix, double sign, size_t k, double *kept, double *ret_core) {
  for (size_t e = 0; e < KEPT * n; e++) kept[e] = NONE;
  for (size_t low = 0; low < n; low += TILE) {
    size_t high = n - low < TILE ? n : low + TILE;
    for (size_t i = 0; i < n; i += TOGETHER) {
      insert_rows(n, low, high, n - i < TOGETHER ? n - i : TOGETHER, matrix + i * n, sign, kept);
    }
  }
  memcpy(ret_core, kept + k * n, n * sizeof *ret_core);
}

/* ---- cores farther off: by list ---- */

/* Copies a chunk and returns its largest entry. */
ISA_INLINE void take_chunk_body(const double *restrict entries, double sign, double *restrict ret_chunk,
                                double *ret_top) {
  double lanes[ISA_LANES];
  for (size_t j = 0; j < CHUNK; j++) ret_chunk[j] = sign * entries[j];
  for (size_t k = 0; k < ISA_LANES; k++) lanes[k] = larger(ret_chunk[k], ret_chunk[k + ISA_LANES]);
  double top = lanes[0];
  for (size_t k = 1; k < ISA_LANES; k++) top = larger(top, lanes[k]);
  *ret_top = top;
}
ISA_DEFINE(static, take_chunk, (const double *entries, double sign, double *ret_chunk, double *ret_top),
           (entries, sign, ret_chunk, ret_top))

/* list [count], ascending, loses its least entry to x. */
static void push(double *list, size_t count, double x) {
  size_t at = 1;
  for (; at < count && list[at] < x; at++) list[at - 1] = list[at];
  list[at - 1] = x;
}

/* Most entries of a row are no news for the list of its k + 1 largest, and a chunk of them is passed by at once. */
static double core_by_list(size_t n, const double *row, double sign, size_t k, double *list, double *chunk) {
  size_t j = 0;
  double top;
  for (size_t e = 0; e <= k; e++) list[e] = NONE;
  for (; j + CHUNK <= n; j += CHUNK) {
    take_chunk(row + j, sign, chunk, &top);
    if (top <= list[0]) continue;
    for (size_t e = 0; e < CHUNK; e++) {
      if (chunk[e] > list[0]) push(list, k + 1, chunk[e]);
    }
  }
  for (; j < n; j++) {
    if (sign * row[j] > list[0]) push(list, k + 1, sign * row[j]);
  }
  return list[0];
}

void reach_cores(size_t n, const double *matrix, double sign, size_t k, double *work, double *ret_core) {
  if (k <= REACH_CORE) {
    cores_by_rank(n, matrix, sign, k, work, ret_core);
    return;
  }
  for (size_t i = 0; i < n; i++) ret_core[i] = core_by_list(n, matrix + i * n, sign, k, work + CHUNK, work);
}

/* ---- tree ---- */

enum { BLOCK = 8 * ISA_LANES };

/* Of BLOCK entries. Pairs first, so that it is a loop over lanes. */
ISA_INLINE double largest_of_block(const double *x) {
  double lanes[ISA_LANES], top;
  for (size_t k = 0; k < ISA_LANES; k++) {
    double a = larger(x[k], x[k + ISA_LANES]), b = larger(x[k + 2 * ISA_LANES], x[k + 3 * ISA_LANES]);
    double c = larger(x[k + 4 * ISA_LANES], x[k + 5 * ISA_LANES]),
           d = larger(x[k + 6 * ISA_LANES], x[k + 7 * ISA_LANES]);
    lanes[k] = larger(larger(a, b), larger(c, d));
  }
  top = lanes[0];
  for (size_t k = 1; k < ISA_LANES; k++) top = larger(top, lanes[k]);
  return top;
}

/* What a newly reached point with closeness sign * `row` and core `from` offers: best[j] becomes the larger of itself
 * and min(sign * row[j], from, cap[j]). cap is the core of points not reached yet and NONE of those reached, so that
 * best stays NONE there. Returns the largest of best. */
ISA_INLINE double offer_block(size_t n, const double *restrict row, double sign, double from,
                              const double *restrict cap, double *restrict best) {
  for (size_t j = 0; j < n; j++) best[j] = larger(best[j], smaller(smaller(sign * row[j], from), cap[j]));
  if (n == BLOCK) return largest_of_block(best);
  double top = NONE;
  for (size_t j = 0; j < n; j++) top = larger(top, best[j]);
  return top;
}

/* The same for a whole row, block by block; tops[b] is the largest of block b. Constant signs: the loop is so short
 * that a product counts. */
ISA_INLINE void offer_body(size_t n, const double *row, double sign, double from, const double *cap, double *best,
                           double *tops) {
  for (size_t b = 0; b < n; b += BLOCK) {
    if (n - b < BLOCK) tops[b / BLOCK] = offer_block(n - b, row + b, sign, from, cap + b, best + b);
    else if (sign > 0) tops[b / BLOCK] = offer_block(BLOCK, row + b, 1, from, cap + b, best + b);
    else tops[b / BLOCK] = offer_block(BLOCK, row + b, -1, from, cap + b, best + b);
  }
}
ISA_DEFINE(static, offer,
           (size_t n, const double *row, double sign, double from, const double *cap, double *best, double *tops),
           (n, row, sign, from, cap, best, tops))

/* The first entry of `best` that is the largest. */
static size_t first_best(size_t n, const double *best, const double *tops) {
  size_t block = 0, blocks = (n + BLOCK - 1) / BLOCK;
  for (size_t b = 1; b < blocks; b++) block = tops[b] > tops[block] ? b : block;
  size_t j = block * BLOCK;
  while (best[j] != tops[block]) j++;
  return j;
}

void reach_tree(size_t n, const double *matrix, double sign, const double *core, double *work, uint32_t *ret_order,
                double *ret_links) {
  double *cap = work, *best = work + n, *tops = work + 2 * n;
  memcpy(cap, core, n * sizeof *cap);
  for (size_t j = 0; j < n; j++) best[j] = NONE;
  size_t at = 0;
  for (size_t k = 0; k < n; k++) {
    ret_order[k] = (uint32_t)at;
    if (k + 1 == n) break;
    cap[at] = best[at] = NONE;
    offer(n, matrix + at * n, sign, core[at], cap, best, tops);
    at = first_best(n, best, tops);
    ret_links[k] = best[at];
  }
}
