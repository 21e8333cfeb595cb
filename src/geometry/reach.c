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
  LD = TILE + ISA_LANES, /* no power of two: ranks of a column are in different places of it */
  TOGETHER = 4,          /* rows */
  FEW = 8 * ISA_LANES    /* entries whose order is found by counting */
};

/* Ranks of columns; or a row's entries that are looked at, with room behind them, tops and strings; or a tree. */
size_t reach_work(size_t n) { return 3 * n + KEPT * LD + FEW; }

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

/* Passes entries of `count` rows that are n apart through the ranks of their `width` columns, kept[rank * LD + column].
 * The compiler must not think that the ranks may overlap. */
ISA_INLINE void insert_rows_body(size_t n, size_t width, size_t count, const double *rows, double sign, double *kept) {
  if (count == TOGETHER) {
#pragma GCC ivdep
    for (size_t j = 0; j < width; j++) {
      double *at = kept + j;
      ranks k = {at[0], at[LD], at[2 * LD], at[3 * LD], at[4 * LD], at[5 * LD]};
      k = insert(k, sign * rows[j]);
      k = insert(k, sign * rows[n + j]);
      k = insert(k, sign * rows[2 * n + j]);
      k = insert(k, sign * rows[3 * n + j]);
      at[0] = k.r0, at[LD] = k.r1, at[2 * LD] = k.r2, at[3 * LD] = k.r3, at[4 * LD] = k.r4, at[5 * LD] = k.r5;
    }
    return;
  }
  for (size_t r = 0; r < count; r++) {
    for (size_t j = 0; j < width; j++) {
      double *at = kept + j;
      ranks k = {at[0], at[LD], at[2 * LD], at[3 * LD], at[4 * LD], at[5 * LD]};
      k = insert(k, sign * rows[r * n + j]);
      at[0] = k.r0, at[LD] = k.r1, at[2 * LD] = k.r2, at[3 * LD] = k.r3, at[4 * LD] = k.r4, at[5 * LD] = k.r5;
    }
  }
}
ISA_DEFINE(static, insert_rows, (size_t n, size_t width, size_t count, const double *rows, double sign, double *kept),
           (n, width, count, rows, sign, kept))

/* The matrix is symmetric, so columns are rows. */
static void cores_by_rank(size_t n, const double *matrix, double sign, size_t k, double *kept, double *ret_core) {
  for (size_t low = 0; low < n; low += TILE) {
    size_t width = n - low < TILE ? n - low : TILE;
    for (size_t rank = 0; rank < KEPT; rank++) {
      for (size_t j = 0; j < width; j++) kept[rank * LD + j] = NONE;
    }
    for (size_t i = 0; i < n; i += TOGETHER) {
      insert_rows(n, width, n - i < TOGETHER ? n - i : TOGETHER, matrix + i * n + low, sign, kept);
    }
    memcpy(ret_core + low, kept + k * LD, width * sizeof *ret_core);
  }
}

/* ---- cores farther off: by list ---- */

enum {
  STRING = 8, /* entries, ISA_LANES apart; as many strings as lanes lie side by side */
  STRAND = STRING * ISA_LANES
};

/* tops [n / STRAND * ISA_LANES]: the largest entry of each string of a row. What is left behind the last strand has
 * none. */
ISA_INLINE void take_tops_body(size_t n, const double *restrict row, double sign, double *restrict tops) {
  for (size_t first = 0; first + STRAND <= n; first += STRAND, tops += ISA_LANES) {
    for (size_t u = 0; u < ISA_LANES; u++) tops[u] = sign * row[first + u];
    for (size_t e = ISA_LANES; e < STRAND; e += ISA_LANES) {
      for (size_t u = 0; u < ISA_LANES; u++) tops[u] = larger(tops[u], sign * row[first + e + u]);
    }
  }
}
ISA_DEFINE(static, take_tops, (size_t n, const double *row, double sign, double *tops), (n, row, sign, tops))

/* At least `count` of the entries are as large: the least of the largest tops of so many groups of strings. NONE if
 * there are too few strings. groups [count + ISA_LANES] is scratch. */
static double lower_bound(size_t strings, const double *tops, size_t count, double *groups) {
  size_t all = (count + ISA_LANES - 1) / ISA_LANES * ISA_LANES;
  double least = INFINITY;
  if (strings < all) return NONE;
  memcpy(groups, tops, all * sizeof *groups);
  for (size_t first = all; first + ISA_LANES <= strings; first += ISA_LANES) {
    double *to = groups + first % all;
    for (size_t u = 0; u < ISA_LANES; u++) to[u] = larger(to[u], tops[first + u]);
  }
  for (size_t g = 0; g < all; g++) least = smaller(least, groups[g]);
  return least;
}

/* The entry of x [count] that comes after `place` others if they are put in order, the largest first; x is put in
 * another order (Hoare 1961). */
static double select_largest(size_t count, double *x, size_t place) {
  size_t low = 0, high = count - 1;
  while (low < high) {
    double pivot = x[low + (high - low) / 2];
    size_t left = low, right = high;
    for (;; left++, right--) {
      while (x[left] > pivot) left++;
      while (x[right] < pivot) right--;
      if (left >= right) break;
      double kept = x[left];
      x[left] = x[right], x[right] = kept;
    }
    if (place <= right) high = right; /* none up to `right` is smaller than any behind it */
    else low = right + 1;
  }
  return x[low];
}

enum { RANKS = 4, LEADING = RANKS * ISA_LANES };

/* The entry at `place` again, of at most FEW entries: the least of those that no more than `place` others exceed. No
 * branch depends on them. There is room behind the last for a whole number of lanes. */
ISA_INLINE void select_few_body(size_t count, double *x, size_t place, double *ret_entry) {
  double before[FEW] = {0}, entry = INFINITY, last = (double)place;
  size_t whole = (count + ISA_LANES - 1) / ISA_LANES * ISA_LANES;
  for (size_t i = count; i < whole; i++) x[i] = NONE;
  for (size_t j = 0; j < count; j++) {
    for (size_t i = 0; i < whole; i++) before[i] += x[j] > x[i] ? 1 : 0;
  }
  for (size_t i = 0; i < count; i++) entry = before[i] <= last ? smaller(entry, x[i]) : entry;
  *ret_entry = entry;
}
ISA_DEFINE(static, select_few, (size_t count, double *x, size_t place, double *ret_entry), (count, x, place, ret_entry))

static double select_entry(size_t count, double *x, size_t place) {
  double entry;
  if (count > FEW) return select_largest(count, x, place);
  select_few(count, x, place, &entry);
  return entry;
}

/* ret_leading [LEADING]: of the tops of each lane the RANKS largest; NONE where there are fewer. */
ISA_INLINE void take_leading_body(size_t strings, const double *restrict tops, double *restrict ret_leading) {
  double r0[ISA_LANES], r1[ISA_LANES], r2[ISA_LANES], r3[ISA_LANES];
  for (size_t u = 0; u < ISA_LANES; u++) r0[u] = r1[u] = r2[u] = r3[u] = NONE;
  for (size_t first = 0; first < strings; first += ISA_LANES) {
    for (size_t u = 0; u < ISA_LANES; u++) {
      double x = tops[first + u], below = smaller(r0[u], x);
      r0[u] = larger(r0[u], x), x = below;
      below = smaller(r1[u], x), r1[u] = larger(r1[u], x), x = below;
      below = smaller(r2[u], x), r2[u] = larger(r2[u], x);
      r3[u] = larger(r3[u], below);
    }
  }
  for (size_t u = 0; u < ISA_LANES; u++) {
    ret_leading[u] = r0[u], ret_leading[ISA_LANES + u] = r1[u];
    ret_leading[2 * ISA_LANES + u] = r2[u], ret_leading[3 * ISA_LANES + u] = r3[u];
  }
}
ISA_DEFINE(static, take_leading, (size_t strings, const double *tops, double *ret_leading),
           (strings, tops, ret_leading))

/* At least k + 1 of the tops are as large. Of one lane hardly more than RANKS are among so few. `found` is scratch. */
static double bound_of_tops(size_t strings, const double *tops, size_t k, double *found) {
  double bound;
  if (k >= LEADING) return lower_bound(strings, tops, k + 1, found);
  take_leading(strings, tops, found);
  select_few(LEADING, found, k, &bound);
  return bound;
}

/* No entry below the bound is one of the k + 1 largest, so few strings are looked through. Strings and entries are put
 * where the next one goes, which costs less than a branch for each; meanwhile the next row is on its way, a cache line
 * for each string. */
static double core_by_list(size_t n, const double *row, const double *next_row, double sign, size_t k, double *work) {
  size_t strings = n / STRAND * ISA_LANES, listed = 0, count = 0;
  double *found = work, *tops = found + n + FEW;
  uint32_t *list = (uint32_t *)(tops + strings);
  take_tops(n, row, sign, tops);
  double least = bound_of_tops(strings, tops, k, found);
  for (size_t t = 0; t < strings; t++) {
    __builtin_prefetch(next_row + t * STRING);
    list[listed] = (uint32_t)t;
    listed += tops[t] >= least;
  }
  for (size_t l = 0; l < listed; l++) {
    const double *string = row + list[l] / ISA_LANES * STRAND + list[l] % ISA_LANES;
    for (size_t e = 0; e < STRAND; e += ISA_LANES) {
      found[count] = sign * string[e];
      count += found[count] >= least;
    }
  }
  for (size_t j = n / STRAND * STRAND; j < n; j++) found[count++] = sign * row[j];
  return select_entry(count, found, k);
}

void reach_cores(size_t n, const double *matrix, double sign, size_t k, double *work, double *ret_core) {
  if (k <= REACH_CORE) {
    cores_by_rank(n, matrix, sign, k, work, ret_core);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    const double *row = matrix + i * n;
    ret_core[i] = core_by_list(n, row, i + 1 < n ? row + n : row, sign, k, work);
  }
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
