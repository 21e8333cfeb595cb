/* geometry/minimum_norm.c - the point of least norm in the convex hull of a cloud, from its Gram matrix. */
#include "geometry/minimum_norm.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "linalg/cholesky.h"

/* On the squared distance (instruments.md 2). */
static const double TOLERANCE = 1e-10;
/* Added to the diagonal by the pivoting, so that points in fewer dimensions than their number have a factor too: it
 * moves a^T G a by less than a fifth of the tolerance, and stands above the rounding of a factor of 10^4 rows. */
static const double RIDGE = 2e-11;

enum {
  SWEEPS = 20,    /* of coordinate descent: 0.3 ms at n = 512, and saves two or three factors of 1 ms */
  EXCHANGES = 24, /* of blocks: 3 to 9 on clouds of every shape tried */
  PATIENCE = 4,   /* of them without fewer wrong signs */
  NARROW = 4      /* n > NARROW * rank: the few vertices of the face are found by Wolfe's algorithm in less */
};

ISA_INLINE void add_row_body(size_t n, double by, const double *row, double *sum) {
  for (size_t j = 0; j < n; j++) sum[j] += by * row[j];
}
ISA_DEFINE(static, add_row, (size_t n, double by, const double *row, double *sum), (n, by, row, sum))

/* ret = G a. */
static void multiply(size_t n, const double *gram, const double *a, double *ret) {
  memset(ret, 0, n * sizeof *ret);
  for (size_t i = 0; i < n; i++) {
    if (a[i] != 0) add_row(n, a[i], gram + i * n, ret);
  }
}

static size_t least_entry(size_t n, const double *x) {
  size_t least = 0;
  for (size_t i = 1; i < n; i++) {
    if (x[i] < x[least]) least = i;
  }
  return least;
}

/* What the weights are worth: f(a) = a^T G a is convex with gradient 2 G a, so no weights give less than
 * f(a) + 2 (min_j (G a)_j - f(a)). `product` [n] becomes G a. */
static minimum_norm_result judge(size_t n, const double *gram, const double *weights, double *product) {
  multiply(n, gram, weights, product);
  double square = fmax(0, pairwise_dot(n, weights, product));
  return (minimum_norm_result){square, fmax(0, 2 * (square - product[least_entry(n, product)]))};
}

static bool is_near(minimum_norm_result r) { return r.gap <= TOLERANCE || r.square <= TOLERANCE; }

/* ---- block principal pivoting ----
 *
 * min y^T H y / 2 - sum y over y >= 0 has the same minimiser up to its scale. At it y_i = 0 or (H y)_i = 1: guess which
 * tokens are free of the bound, solve for them, exchange all that have the wrong sign. */

typedef struct pivoting {
  size_t n;
  const double *gram;
  double *y, *product; /* [n] */
  double *factor;      /* [n,n] */
  size_t *free_list;   /* [n] tokens with y != 0 */
  bool *is_free;       /* [n] */
} pivoting;

static dwell_status pivoting_create(size_t n, const double *gram, pivoting *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t entries;
  *p = (pivoting){.n = n, .gram = gram};
  p->y = MEM_ZERO(double, n);
  p->product = MEM_NEW(double, n);
  p->factor = size_mul(n, n, &entries) ? MEM_NEW(double, entries) : NULL;
  p->free_list = MEM_NEW(size_t, n);
  p->is_free = MEM_NEW(bool, n);
  TRY_ALLOC(p->y, "weights");
  TRY_ALLOC(p->product, "cosines to a mean");
  TRY_ALLOC(p->factor, "a Cholesky factor");
  TRY_ALLOC(p->free_list, "a face");
  TRY_ALLOC(p->is_free, "a face");
done:
  return status;
}

static void pivoting_free(pivoting *p) {
  mem_free(p->y), mem_free(p->product), mem_free(p->factor), mem_free(p->free_list), mem_free(p->is_free);
}

/* A few sweeps of coordinate descent say which tokens are free, nearly. */
static void guess(pivoting *p) {
  size_t n = p->n;
  for (size_t i = 0; i < n; i++) p->product[i] = 0;
  for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
    for (size_t i = 0; i < n; i++) {
      double step = fmax(0, p->y[i] + 1 - p->product[i]) - p->y[i];
      if (step == 0) continue;
      p->y[i] += step;
      add_row(n, step, p->gram + i * n, p->product);
    }
  }
  for (size_t i = 0; i < n; i++) p->is_free[i] = p->y[i] > 0;
}

/* Solves (G + RIDGE) y = 1 for the free tokens, y = 0 for the others. */
static bool solve_free(pivoting *p) {
  size_t n = p->n, count = 0;
  for (size_t i = 0; i < n; i++) {
    p->y[i] = 0;
    if (p->is_free[i]) p->free_list[count++] = i;
  }
  for (size_t r = 0; r < count; r++) {
    const double *row = p->gram + p->free_list[r] * n;
    for (size_t c = 0; c <= r; c++) p->factor[r * count + c] = row[p->free_list[c]];
    p->factor[r * count + r] += RIDGE;
    p->product[r] = 1;
  }
  if (!cholesky_solve(count, p->factor, p->product)) return false;
  for (size_t r = 0; r < count; r++) p->y[p->free_list[r]] = p->product[r];
  return true;
}

/* Frees what would gain by it, binds what is negative; the number of those. */
static size_t exchange(pivoting *p) {
  size_t n = p->n, wrong = 0;
  double total = 0;
  for (size_t i = 0; i < n; i++) total += fabs(p->y[i]);
  multiply(n, p->gram, p->y, p->product);
  for (size_t i = 0; i < n; i++) {
    bool is_wrong = p->is_free[i] ? p->y[i] < 0 : p->product[i] < 1 - 1e-12 * total;
    if (!is_wrong) continue;
    p->is_free[i] = !p->is_free[i];
    wrong++;
  }
  return wrong;
}

/* True if it ended; p->y are then the weights. */
static bool pivot(pivoting *p) {
  size_t fewest = SIZE_MAX, patience = PATIENCE;
  guess(p);
  for (size_t k = 0; k < EXCHANGES; k++) {
    if (!solve_free(p)) return false;
    size_t wrong = exchange(p);
    if (wrong == 0) {
      double total = pairwise_sum(p->n, p->y);
      for (size_t i = 0; i < p->n; i++) p->y[i] /= total;
      return true;
    }
    if (wrong < fewest) fewest = wrong, patience = PATIENCE;
    else if (patience-- == 0) return false;
  }
  return false;
}

/* ---- Wolfe's algorithm ----
 *
 * A corral is an affinely independent set of points whose affine hull is nearest to the origin in the interior of
 * their convex hull. Each step adds the point that is furthest on the origin's side, then drops points until the set is
 * a corral again. The factor is that of 1 1^T + G of the set, which is positive definite if the set is independent. */

static const double INDEPENDENT = 1e-12; /* least pivot of a point that is added: below, rounding has the word */

typedef struct corral {
  size_t n, room, count;
  const double *gram;
  double *factor;        /* [room,room] lower triangle L */
  size_t *points;        /* [room] */
  double *weights;       /* [room] of the points */
  double *affine;        /* [room] weights of the nearest point of their affine hull */
  double *all, *product; /* [n] weights of all points; G of them */
} corral;

static dwell_status corral_create(size_t n, const double *gram, size_t rank, corral *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t entries, room = (rank < n ? rank : n) + 2;
  *c = (corral){.n = n, .gram = gram, .room = room};
  c->factor = size_mul(room, room, &entries) ? MEM_NEW(double, entries) : NULL;
  c->points = MEM_NEW(size_t, room);
  c->weights = MEM_NEW(double, room);
  c->affine = MEM_NEW(double, room);
  c->all = MEM_ZERO(double, n);
  c->product = MEM_NEW(double, n);
  TRY_ALLOC(c->factor, "a corral's factor");
  TRY_ALLOC(c->points, "a corral");
  TRY_ALLOC(c->weights, "a corral's weights");
  TRY_ALLOC(c->affine, "a corral's weights");
  TRY_ALLOC(c->all, "weights");
  TRY_ALLOC(c->product, "cosines to a mean");
done:
  return status;
}

static void corral_free(corral *c) {
  mem_free(c->factor), mem_free(c->points), mem_free(c->weights), mem_free(c->affine), mem_free(c->all);
  mem_free(c->product);
}

/* Adds a point with weight 0; false if it depends on the others, or there is no room (then they are dependent too). */
static bool corral_add(corral *c, size_t point) {
  if (c->count == c->room) return false;
  size_t k = c->count;
  double *row = c->factor + k * c->room, square = 1 + c->gram[point * c->n + point];
  for (size_t i = 0; i < k; i++) {
    const double *above = c->factor + i * c->room;
    row[i] = (1 + c->gram[point * c->n + c->points[i]] - pairwise_dot(i, row, above)) / above[i];
  }
  square -= pairwise_dot(k, row, row);
  if (!(square > INDEPENDENT)) return false;
  row[k] = sqrt(square);
  c->points[k] = point, c->weights[k] = 0;
  c->count++;
  return true;
}

/* Without row k the factor has one entry too many in each row below; plane rotations of its columns take them out. */
static void corral_drop(corral *c, size_t k) {
  size_t room = c->room, last = --c->count;
  for (size_t i = k; i < last; i++) {
    memmove(c->factor + i * room, c->factor + (i + 1) * room, (i + 2) * sizeof(double));
    c->points[i] = c->points[i + 1], c->weights[i] = c->weights[i + 1];
  }
  for (size_t i = k; i < last; i++) {
    double *row = c->factor + i * room, x = row[i], y = row[i + 1], length = hypot(x, y);
    double cosine = x / length, sine = y / length;
    for (size_t r = i; r < last; r++) {
      double *at = c->factor + r * room + i, a = at[0], b = at[1];
      at[0] = cosine * a + sine * b;
      at[1] = cosine * b - sine * a;
    }
  }
}

/* c->affine = u / sum u with (1 1^T + G) u = 1. */
static void corral_solve(corral *c) {
  size_t k = c->count, room = c->room;
  double *u = c->affine, total = 0;
  for (size_t i = 0; i < k; i++) u[i] = (1 - pairwise_dot(i, c->factor + i * room, u)) / c->factor[i * room + i];
  for (size_t i = k; i-- > 0;) {
    u[i] /= c->factor[i * room + i];
    for (size_t j = 0; j < i; j++) u[j] -= u[i] * c->factor[i * room + j];
  }
  for (size_t i = 0; i < k; i++) total += u[i];
  for (size_t i = 0; i < k; i++) u[i] /= total;
}

/* Towards the affine minimiser until a weight vanishes, which point is dropped; until none does. */
static void corral_settle(corral *c) {
  for (;;) {
    corral_solve(c);
    double step = 1;
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
      if (c->affine[i] > 0) continue;
      double t = c->weights[i] > 0 ? c->weights[i] / (c->weights[i] - c->affine[i]) : 0;
      if (first == SIZE_MAX || t < step) step = t, first = i;
    }
    for (size_t i = 0; i < c->count; i++) c->weights[i] += step * (c->affine[i] - c->weights[i]);
    if (first == SIZE_MAX) return;
    corral_drop(c, first);
  }
}

static void corral_spread(corral *c) {
  memset(c->all, 0, c->n * sizeof *c->all);
  for (size_t i = 0; i < c->count; i++) c->all[c->points[i]] = c->weights[i];
}

static bool corral_has(const corral *c, size_t point) {
  for (size_t i = 0; i < c->count; i++) {
    if (c->points[i] == point) return true;
  }
  return false;
}

/* The token nearest to the mean comes first. */
static size_t first_point(corral *c) {
  for (size_t i = 0; i < c->n; i++) c->product[i] = -pairwise_sum(c->n, c->gram + i * c->n);
  return least_entry(c->n, c->product);
}

dwell_status minimum_norm_wolfe(size_t n, const double *gram, size_t rank, minimum_norm_result *ret_result,
                                double *opt_weights, dwell_error *err) {
  dwell_status status = DWELL_OK;
  corral c;
  minimum_norm_result best = {INFINITY, INFINITY};
  TRY(corral_create(n, gram, rank, &c, err));
  corral_add(&c, first_point(&c));
  c.weights[0] = 1;
  /* Every step lowers the norm, so none repeats; the bound is for rounding. */
  for (size_t steps = 0; steps < 10 * n + 100; steps++) {
    corral_spread(&c);
    minimum_norm_result now = judge(n, gram, c.all, c.product);
    if (!(now.square < best.square)) break;
    best = now;
    if (opt_weights != NULL) memcpy(opt_weights, c.all, n * sizeof *opt_weights);
    size_t next = least_entry(n, c.product);
    if (now.gap <= TOLERANCE / 1000 || now.square <= TOLERANCE / 1000) break;
    if (corral_has(&c, next) || !corral_add(&c, next)) break;
    corral_settle(&c);
  }
  *ret_result = best;
done:
  corral_free(&c);
  return status;
}

dwell_status minimum_norm(size_t n, const double *gram, size_t rank, minimum_norm_result *ret_result,
                          double *opt_weights, dwell_error *err) {
  if (n > NARROW * rank) return minimum_norm_wolfe(n, gram, rank, ret_result, opt_weights, err);
  dwell_status status = DWELL_OK;
  pivoting p;
  bool found = false;
  TRY(pivoting_create(n, gram, &p, err));
  if (pivot(&p)) {
    *ret_result = judge(n, gram, p.y, p.product);
    found = is_near(*ret_result);
  }
  if (found && opt_weights != NULL) memcpy(opt_weights, p.y, n * sizeof *opt_weights);
done:
  pivoting_free(&p);
  if (status != DWELL_OK || found) return status;
  return minimum_norm_wolfe(n, gram, rank, ret_result, opt_weights, err);
}

uint64_t minimum_norm_bytes(size_t n, size_t rank) {
  uint64_t room = (rank < n ? rank : n) + 2, factor = n > NARROW * rank ? room * room : (uint64_t)n * n;
  if (factor < room * room) factor = room * room;
  return (factor + 8 * (uint64_t)n + 8 * room) * sizeof(double);
}
