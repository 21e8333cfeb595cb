/* geometry/reach.c - core closeness and the dense Prim tree. Nulls ask for both thousands of times: plain loops over
 * rows that the compiler turns into vectors, no branch per entry. */
#include "geometry/reach.h"

#include <math.h>
#include <string.h>

#include "base/isa.h"

/* Not fmin and fmax: they are calls. */
static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

enum { KEPT = REACH_CORE + 1 }; /* with the point itself: its closeness is the largest of its row */

size_t reach_work(size_t n) { return KEPT * n; }

/* ---- cores ---- */

/* One rank of the ranking below: keeps the larger, passes the smaller on. */
ISA_INLINE double keep_larger(double *kept, double x) {
  double here = *kept;
  *kept = larger(here, x);
  return smaller(here, x);
}

/* Column j of `kept` [KEPT,n] holds the largest entries of column j so far, in order; a row of the matrix passes
 * through it. The matrix is symmetric, so columns are rows. Written out: gcc does not vectorise it with a loop over
 * ranks, nor while it thinks that the ranks may overlap. */
ISA_INLINE void insert_row_body(size_t n, const double *restrict row, double *restrict kept) {
#pragma GCC ivdep
  for (size_t j = 0; j < n; j++) {
    double x = keep_larger(kept + j, row[j]);
    x = keep_larger(kept + n + j, x);
    x = keep_larger(kept + 2 * n + j, x);
    x = keep_larger(kept + 3 * n + j, x);
    x = keep_larger(kept + 4 * n + j, x);
    kept[5 * n + j] = larger(kept[5 * n + j], x);
  }
}
ISA_DEFINE(static, insert_row, (size_t n, const double *row, double *kept), (n, row, kept))

static void cores_by_rank(size_t n, const double *closeness, size_t k, double *kept, double *ret_core) {
  for (size_t e = 0; e < KEPT * n; e++) kept[e] = -INFINITY;
  for (size_t i = 0; i < n; i++) insert_row(n, closeness + i * n, kept);
  memcpy(ret_core, kept + k * n, n * sizeof *ret_core);
}

/* The rank-th largest of `values` [n], which are reordered (Hoare's selection, middle element as pivot). */
static double select_largest(size_t n, double *values, size_t rank) {
  size_t low = 0, high = n - 1;
  while (low < high) {
    double pivot = values[low + (high - low) / 2];
    size_t i = low, j = high;
    while (i <= j) {
      while (values[i] > pivot) i++;
      while (values[j] < pivot) j--;
      if (i > j) break;
      double swapped = values[i];
      values[i++] = values[j];
      values[j] = swapped;
      if (j == 0) break;
      j--;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank];
}

void reach_cores(size_t n, const double *closeness, size_t k, double *work, double *ret_core) {
  if (k <= REACH_CORE) {
    cores_by_rank(n, closeness, k, work, ret_core);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    memcpy(work, closeness + i * n, n * sizeof *work);
    ret_core[i] = select_largest(n, work, k);
  }
}

/* ---- tree ---- */

enum { BLOCK = 8 * ISA_LANES };
static const double NONE = -INFINITY; /* less than any closeness */

/* What a newly reached point with closeness `row` and core `from` offers: best[j] becomes the larger of itself and
 * min(row[j], from, cap[j]). cap is the core of points not reached yet and NONE of those reached, so that best stays
 * NONE there. Returns the largest of best. */
ISA_INLINE double offer_block(size_t n, const double *restrict row, double from, const double *restrict cap,
                              double *restrict best) {
  double lanes[ISA_LANES], top;
  size_t j = 0;
  for (size_t k = 0; k < ISA_LANES; k++) lanes[k] = NONE;
  for (; j + ISA_LANES <= n; j += ISA_LANES) {
    for (size_t k = 0; k < ISA_LANES; k++) {
      double offered = smaller(smaller(row[j + k], from), cap[j + k]);
      best[j + k] = larger(best[j + k], offered);
      lanes[k] = larger(lanes[k], best[j + k]);
    }
  }
  top = lanes[0];
  for (size_t k = 1; k < ISA_LANES; k++) top = larger(top, lanes[k]);
  for (; j < n; j++) {
    best[j] = larger(best[j], smaller(smaller(row[j], from), cap[j]));
    top = larger(top, best[j]);
  }
  return top;
}

/* The same for a whole row, block by block; tops[b] is the largest of block b. */
ISA_INLINE void offer_body(size_t n, const double *row, double from, const double *cap, double *best, double *tops) {
  size_t b = 0;
  for (; b + BLOCK <= n; b += BLOCK) tops[b / BLOCK] = offer_block(BLOCK, row + b, from, cap + b, best + b);
  if (b < n) tops[b / BLOCK] = offer_block(n - b, row + b, from, cap + b, best + b);
}
ISA_DEFINE(static, offer, (size_t n, const double *row, double from, const double *cap, double *best, double *tops),
           (n, row, from, cap, best, tops))

/* The first entry of `best` that is the largest. */
static size_t first_best(size_t n, const double *best, const double *tops) {
  size_t block = 0, blocks = (n + BLOCK - 1) / BLOCK;
  for (size_t b = 1; b < blocks; b++) block = tops[b] > tops[block] ? b : block;
  size_t j = block * BLOCK;
  while (best[j] != tops[block]) j++;
  return j;
}

void reach_tree(size_t n, const double *closeness, const double *core, double *work, uint32_t *ret_order,
                double *ret_links) {
  double *cap = work, *best = work + n, *tops = work + 2 * n;
  memcpy(cap, core, n * sizeof *cap);
  for (size_t j = 0; j < n; j++) best[j] = NONE;
  size_t at = 0;
  for (size_t k = 0; k < n; k++) {
    ret_order[k] = (uint32_t)at;
    if (k + 1 == n) break;
    cap[at] = best[at] = NONE;
    offer(n, closeness + at * n, core[at], cap, best, tops);
    at = first_best(n, best, tops);
    ret_links[k] = best[at];
  }
}
