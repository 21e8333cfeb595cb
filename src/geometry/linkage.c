/* geometry/linkage.c - average linkage by a nearest-neighbour chain, cuts, silhouettes. */
#include "geometry/linkage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "linalg/vmath.h"

static const double PER_PI = 0.31830988618379067154; /* 1/pi */

/* Not fmin: it is a call. */
static inline double smaller(double a, double b) { return a < b ? a : b; }

enum { MIRROR = 8 }; /* rows that become columns together: a cache line of each column */

/* Rows first..first+MIRROR of the lower triangle become columns of the upper one, each cache line written once: rows
 * whose length is a power of two fall on the same few places of a cache. */
static void mirror(size_t n, size_t first, double *distances) {
  const double *rows = distances + first * n;
  size_t count = n - first < MIRROR ? n - first : MIRROR;
  for (size_t j = 0; j < first + count; j++) {
    double *column = distances + j * n + first;
    for (size_t u = j < first ? 0 : j - first + 1; u < count; u++) column[u] = rows[u * n + j];
  }
}

void linkage_distances(size_t n, const double *cosines, double *ret_distances) {
  for (size_t first = 0; first < n; first += MIRROR) {
    for (size_t i = first; i < n && i < first + MIRROR; i++) {
      double *row = ret_distances + i * n;
      vmath_acos_f64(i, cosines + i * n, row);
      for (size_t j = 0; j < i; j++) row[j] *= PER_PI;
      row[i] = 0;
    }
    mirror(n, first, ret_distances);
  }
}

/* ---- dendrogram ---- */

typedef struct chain {
  size_t n, ld;     /* places; ld > n: no power of two, for the cache */
  double *distance; /* [n,ld] between clusters; the diagonal is infinite */
  uint32_t *token;  /* [n] the smallest token of the cluster at a place, ascending */
  double *size;     /* [n] */
  double *gone;     /* [n] 0, or infinite where no cluster is any more */
  double *tops;     /* least of each block of a row */
  uint32_t *path;   /* [n] the chain */
  uint32_t *alive;  /* [count] places that are not gone, ascending */
  size_t count;
  size_t length;
} chain;

enum { BLOCK = 8 * ISA_LANES };
enum { CLOSED = 2 * BLOCK }; /* fewer places are not worth a copy */

/* Whole cache lines, an odd number of them. */
static size_t leading(size_t n) { return (n + ISA_LANES - 1) / ISA_LANES / 2 * 2 * ISA_LANES + ISA_LANES; }

/* Pairs first, so that it is a loop over lanes. */
ISA_INLINE double least_of_block(const double *row, const double *gone) {
  double x[BLOCK], lanes[ISA_LANES], least;
  for (size_t j = 0; j < BLOCK; j++) x[j] = row[j] + gone[j];
  for (size_t k = 0; k < ISA_LANES; k++) {
    double a = smaller(x[k], x[k + ISA_LANES]), b = smaller(x[k + 2 * ISA_LANES], x[k + 3 * ISA_LANES]);
    double c = smaller(x[k + 4 * ISA_LANES], x[k + 5 * ISA_LANES]);
    double d = smaller(x[k + 6 * ISA_LANES], x[k + 7 * ISA_LANES]);
    lanes[k] = smaller(smaller(a, b), smaller(c, d));
  }
  least = lanes[0];
  for (size_t k = 1; k < ISA_LANES; k++) least = smaller(least, lanes[k]);
  return least;
}

/* The least entry of each block of clusters that are not gone. */
ISA_INLINE void least_of_row_body(size_t n, const double *row, const double *gone, double *tops) {
  size_t b = 0;
  for (; b + BLOCK <= n; b += BLOCK) tops[b / BLOCK] = least_of_block(row + b, gone + b);
  if (b < n) tops[b / BLOCK] = INFINITY;
  for (size_t j = b; j < n; j++) tops[b / BLOCK] = smaller(tops[b / BLOCK], row[j] + gone[j]);
}
ISA_DEFINE(static, least_of_row, (size_t n, const double *row, const double *gone, double *tops), (n, row, gone, tops))

/* The nearest cluster of `from`: `before` if it is one of the nearest, so that the chain ends, else the first. */
static size_t nearest(chain *c, size_t from, size_t before) {
  const double *row = c->distance + from * c->ld;
  size_t block = 0, blocks = (c->n + BLOCK - 1) / BLOCK;
  least_of_row(c->n, row, c->gone, c->tops);
  for (size_t b = 1; b < blocks; b++) block = c->tops[b] < c->tops[block] ? b : block;
  if (before < c->n && row[before] <= c->tops[block]) return before;
  size_t j = block * BLOCK;
  while (row[j] + c->gone[j] != c->tops[block]) j++;
  return j;
}

ISA_INLINE void average_rows_body(size_t n, double *restrict row, const double *restrict other, double own,
                                  double others) {
  for (size_t j = 0; j < n; j++) row[j] = own * row[j] + others * other[j];
}
ISA_DEFINE(static, average_rows, (size_t n, double *row, const double *other, double own, double others),
           (n, row, other, own, others))

static void leave(chain *c, size_t cluster) {
  size_t at = 0;
  while (c->alive[at] != cluster) at++;
  memmove(c->alive + at, c->alive + at + 1, (--c->count - at) * sizeof *c->alive);
  c->gone[cluster] = INFINITY;
}

/* Joins cluster `high` to cluster `low`. */
static void join(chain *c, size_t low, size_t high) {
  double *row = c->distance + low * c->ld, size = c->size[low] + c->size[high];
  average_rows(c->n, row, c->distance + high * c->ld, c->size[low] / size, c->size[high] / size);
  leave(c, high);
  for (size_t k = 0; k < c->count; k++) c->distance[c->alive[k] * c->ld + low] = row[c->alive[k]];
  c->size[low] = size;
}

/* Places of clusters that are gone are given up. Order stays, so that ties fall as they would. */
static void close_ranks(chain *c) {
  for (size_t k = 0; k < c->count; k++) {
    const double *from = c->distance + c->alive[k] * c->ld;
    double *row = c->distance + k * c->ld;
    for (size_t l = 0; l < c->count; l++) row[l] = from[c->alive[l]];
    c->size[k] = c->size[c->alive[k]], c->token[k] = c->token[c->alive[k]];
  }
  for (size_t i = 0; i < c->length; i++) { /* the places before it that are left */
    uint32_t place = 0;
    while (c->alive[place] != c->path[i]) place++;
    c->path[i] = place;
  }
  for (size_t k = 0; k < c->count; k++) c->gone[k] = 0, c->alive[k] = (uint32_t)k;
  c->n = c->count;
}

/* Follows nearest neighbours until two clusters are each other's, and joins them. */
static linkage_merge next_merge(chain *c) {
  if (c->length == 0) c->path[c->length++] = 0; /* cluster 0 is never joined to a smaller one */
  for (;;) {
    size_t at = c->path[c->length - 1], before = c->length > 1 ? c->path[c->length - 2] : c->n;
    size_t next = nearest(c, at, before);
    if (next != before) {
      c->path[c->length++] = (uint32_t)next;
      continue;
    }
    c->length -= 2;
    size_t low = at < before ? at : before, high = at < before ? before : at;
    linkage_merge merge = {c->token[low], c->token[high], c->distance[at * c->ld + before]};
    join(c, low, high);
    if (c->n >= CLOSED && c->count <= c->n / 2) close_ranks(c);
    return merge;
  }
}

static int by_height(const void *a, const void *b) {
  const linkage_merge *x = a, *y = b;
  if (x->height != y->height) return x->height < y->height ? -1 : 1;
  return x->high < y->high ? -1 : x->high > y->high;
}

dwell_status linkage_average(size_t n, const double *distances, linkage_merge *ret_merges, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t entries;
  chain c = {.n = n,
             .ld = leading(n),
             .size = MEM_NEW(double, n),
             .gone = MEM_ZERO(double, n),
             .path = MEM_NEW(uint32_t, n),
             .token = MEM_NEW(uint32_t, n),
             .alive = MEM_NEW(uint32_t, n),
             .count = n};
  c.tops = MEM_NEW(double, n / BLOCK + 1);
  c.distance = size_mul(n, c.ld, &entries) ? MEM_NEW(double, entries) : NULL;
  bool room = c.size != NULL && c.gone != NULL && c.path != NULL && c.token != NULL && c.alive != NULL &&
              c.tops != NULL && c.distance != NULL;
  TRY_ALLOC(room ? &c : NULL, "a dendrogram");
  for (size_t i = 0; i < n; i++) {
    memcpy(c.distance + i * c.ld, distances + i * n, n * sizeof *c.distance);
    c.distance[i * c.ld + i] = INFINITY;
    c.size[i] = 1, c.alive[i] = c.token[i] = (uint32_t)i;
  }
  for (size_t k = 0; k + 1 < n; k++) ret_merges[k] = next_merge(&c);
  if (n > 1) qsort(ret_merges, n - 1, sizeof *ret_merges, by_height);
done:
  mem_free(c.distance), mem_free(c.size), mem_free(c.gone), mem_free(c.tops), mem_free(c.path), mem_free(c.token),
      mem_free(c.alive);
  return status;
}

/* ---- cuts ---- */

/* Each merge takes `high`, the smallest token of its cluster, into another cluster: exactly one merge does that to a
 * token, and the n-k first do it to all but k, whatever the order of equal heights. */
void linkage_cut(size_t n, const linkage_merge *merges, size_t k, uint32_t *work, uint32_t *ret_labels) {
  uint32_t *parent = work, count = 0;
  for (size_t i = 0; i < n; i++) parent[i] = (uint32_t)i;
  for (size_t m = 0; m + k < n; m++) parent[merges[m].high] = merges[m].low;
  for (size_t i = 0; i < n; i++) ret_labels[i] = parent[i] == i ? count++ : ret_labels[parent[i]]; /* parent[i] < i */
}

/* ---- silhouettes ---- */

typedef struct partition {
  size_t n, count;
  uint32_t *label; /* [n] */
  double *sums;    /* [count,n] sum of the distances of a token to a cluster */
  double size[LINKAGE_CUTS];
} partition;

ISA_INLINE void add_rows_body(size_t n, const double *row, double *restrict sum) {
  for (size_t i = 0; i < n; i++) sum[i] += row[i];
}
ISA_DEFINE(static, add_rows, (size_t n, const double *row, double *sum), (n, row, sum))

static void sum_distances(partition *p, const double *distances) {
  size_t n = p->n;
  memset(p->sums, 0, p->count * n * sizeof *p->sums);
  memset(p->size, 0, sizeof p->size);
  for (size_t j = 0; j < n; j++) {
    add_rows(n, distances + j * n, p->sums + p->label[j] * n);
    p->size[p->label[j]]++;
  }
}

/* Cluster `from` becomes part of cluster `to`; the last cluster takes its number. */
static void unite(partition *p, uint32_t to, uint32_t from) {
  uint32_t last = (uint32_t)p->count - 1;
  add_rows(p->n, p->sums + from * p->n, p->sums + to * p->n);
  p->size[to] += p->size[from];
  for (size_t i = 0; i < p->n; i++) {
    if (p->label[i] == from) p->label[i] = to;
  }
  if (from != last) {
    memcpy(p->sums + from * p->n, p->sums + last * p->n, p->n * sizeof *p->sums);
    p->size[from] = p->size[last];
    for (size_t i = 0; i < p->n; i++) {
      if (p->label[i] == last) p->label[i] = from;
    }
  }
  p->count--;
}

static double mean_silhouette(const partition *p) {
  double total = 0;
  for (size_t i = 0; i < p->n; i++) {
    size_t own = p->label[i];
    if (p->size[own] == 1) continue;
    double inside = p->sums[own * p->n + i] / (p->size[own] - 1), outside = INFINITY;
    for (size_t c = 0; c < p->count; c++) {
      if (c != own) outside = smaller(outside, p->sums[c * p->n + i] / p->size[c]);
    }
    double larger = inside > outside ? inside : outside;
    if (larger > 0) total += (outside - inside) / larger;
  }
  return total / (double)p->n;
}

dwell_status linkage_silhouettes(size_t n, const double *distances, const linkage_merge *merges, size_t most,
                                 double ret_silhouettes[LINKAGE_CUTS + 1], dwell_error *err) {
  dwell_status status = DWELL_OK;
  partition p = {.n = n, .count = most};
  size_t entries = n * most; /* fits: fewer than the n x n cosines */
  uint32_t *work = MEM_NEW(uint32_t, n);
  p.label = MEM_NEW(uint32_t, n);
  p.sums = MEM_NEW(double, entries);
  bool room = work != NULL && p.label != NULL && p.sums != NULL;
  TRY_ALLOC(room ? &p : NULL, "silhouettes");
  linkage_cut(n, merges, most, work, p.label);
  sum_distances(&p, distances);
  for (size_t k = most; k >= 2; k--) {
    ret_silhouettes[k] = mean_silhouette(&p);
    const linkage_merge *next = &merges[n - k];
    unite(&p, p.label[next->low], p.label[next->high]);
  }
done:
  mem_free(work), mem_free(p.label), mem_free(p.sums);
  return status;
}

uint64_t linkage_work_bytes(size_t n) {
  uint64_t chain_bytes = ((uint64_t)n * leading(n) + 3 * (uint64_t)n + 1) * sizeof(double) + 3 * n * sizeof(uint32_t);
  uint64_t cut_bytes = (uint64_t)n * (LINKAGE_CUTS * sizeof(double) + 2 * sizeof(uint32_t));
  return chain_bytes > cut_bytes ? chain_bytes : cut_bytes;
}
