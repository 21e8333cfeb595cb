/* instrument/fiedler.c - how far a head's graph is from falling into two parts.
 *
 * Descriptive: any head that looks nearby has a small value, with no cluster in it (docs/instruments.md 5.4). The null
 * is drawn by the same two iterations, 19 times over, so this is measured where it is asked for by name only. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/lanczos.h"
#include "linalg/matvec.h"

enum { DENSE = 64 };                   /* below it a dense solver is as fast */
static const double TOLERANCE = 1e-10; /* of the data; a draw's error need only be far below the draws' spread */
static const double TOLERANCE_OF_DRAW = 1e-7;

/* The normalised weights N of a graph: of `sym` themselves, of `co` a factor B with N = B B^T. */
typedef struct graph {
  size_t n;
  bool factored;
  double *a;     /* [n,n] N or B */
  double *top;   /* [n] unit eigenvector of the largest eigenvalue, 1: the square roots of the degrees */
  double *scale; /* [n] 1 / square root of the degree */
  double *other; /* [n] */
} graph;

static void apply(const void *self, const double *x, double *ret_y) {
  const graph *g = self;
  if (!g->factored) {
    matvec_transposed(g->n, g->n, g->a, g->n, x, ret_y); /* N is symmetric; this product is the faster one */
    return;
  }
  matvec_transposed(g->n, g->n, g->a, g->n, x, g->other);
  matvec(g->n, g->n, g->a, g->n, g->other, ret_y);
}

/* From the degrees in `top`: the scales, and top itself. A token without weight has scale 0. */
static void use_degrees(graph *g) {
  double total = 0;
  for (size_t i = 0; i < g->n; i++) total += g->top[i];
  for (size_t i = 0; i < g->n; i++) {
    g->scale[i] = g->top[i] > 0 ? 1 / sqrt(g->top[i]) : 0;
    g->top[i] = sqrt(g->top[i] / total);
  }
}

/* W = (P + P^T) / 2, tile by tile: a column is far apart in memory. */
static void average_with_transpose(size_t n, double *a) {
  enum { TILE = 16 };
  for (size_t i0 = 0; i0 < n; i0 += TILE) {
    for (size_t j0 = 0; j0 <= i0; j0 += TILE) {
      for (size_t i = i0; i < n && i < i0 + TILE; i++) {
        for (size_t j = j0; j < i && j < j0 + TILE; j++) {
          a[i * n + j] = a[j * n + i] = (a[i * n + j] + a[j * n + i]) / 2;
        }
      }
    }
  }
}

static void make_sym(graph *g) {
  size_t n = g->n;
  average_with_transpose(n, g->a);
  for (size_t k = 0; k < n; k++) g->other[k] = 1;
  matvec(n, n, g->a, n, g->other, g->top);
  use_degrees(g);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) g->a[i * n + j] *= g->scale[i] * g->scale[j];
  }
}

/* W = S S^T with S = sqrt(P): the degrees are S (S^T 1). */
static void make_co(graph *g) {
  size_t n = g->n;
  for (size_t e = 0; e < n * n; e++) g->a[e] = sqrt(g->a[e]);
  for (size_t k = 0; k < n; k++) g->scale[k] = 1;
  matvec_transposed(n, n, g->a, n, g->scale, g->other);
  matvec(n, n, g->a, n, g->other, g->top);
  use_degrees(g);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) g->a[i * n + j] *= g->scale[i];
  }
}

static void make_graph(graph *g, const instrument_head *h) {
  for (size_t i = 0; i < g->n; i++) head_row(h, i, g->a + i * g->n);
  if (g->factored) make_co(g);
  else make_sym(g);
}

/* Second largest eigenvalue; destroys N. */
static dwell_status dense_second(graph *g, double *ret_value, dwell_error *err) {
  size_t n = g->n;
  double *product = g->factored ? mem_alloc(n * n, sizeof(double)) : NULL;
  dwell_status status = DWELL_OK;
  if (g->factored) {
    TRY_ALLOC(product, "a head's graph");
    gemm_square_f64(n, n, g->a, n, product, n);
  }
  TRY(eigen_values(n, g->factored ? product : g->a, g->other, err));
  *ret_value = g->other[n - 2];
done:
  mem_free(product);
  return status;
}

static dwell_status fiedler_of(graph *g, const instrument_head *h, double tolerance, double *ret_value,
                               dwell_error *err) {
  double second = 0;
  bool converged = false;
  lanczos_problem p = {.n = g->n, .apply = apply, .self = g, .deflated = g->top, .tolerance = tolerance};
  make_graph(g, h);
  dwell_status status = g->n > DENSE ? lanczos_largest(&p, &second, &converged, err) : DWELL_OK;
  if (status == DWELL_OK && !converged) status = dense_second(g, &second, err);
  *ret_value = fmax(0, 1 - second); /* an eigenvalue of 1 may round to more */
  return status;
}

typedef struct kind {
  bool wanted;
  double observed, sum, squares; /* of the draws, less the observed value */
} kind;

/* Both graphs of the data, or of one permutation. */
static dwell_status measure_both(graph *g, const instrument_head *h, kind kinds[2], bool data, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t c = 0; status == DWELL_OK && c < 2; c++) {
    double x = 0;
    if (!kinds[c].wanted) continue;
    g->factored = c == 1;
    status = fiedler_of(g, h, data ? TOLERANCE : TOLERANCE_OF_DRAW, &x, err);
    if (data) kinds[c].observed = x;
    kinds[c].sum += x - kinds[c].observed;
    kinds[c].squares += (x - kinds[c].observed) * (x - kinds[c].observed);
  }
  return status;
}

static void results(const kind *k, size_t draws, value *ret_values) {
  ret_values[0] = ret_values[1] = ret_values[2] = UNDEFINED("causal");
  if (!k->wanted) return;
  ret_values[0] = VALUE(k->observed);
  ret_values[1] = ret_values[2] = UNDEFINED("no_draws");
  if (draws == 0) return;
  double mean = k->sum / (double)draws;
  ret_values[1] = VALUE(k->observed + mean);
  ret_values[2] = VALUE(sqrt(fmax(0, k->squares / (double)draws - mean * mean)));
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  size_t n = h->n;
  dwell_status status = DWELL_OK;
  graph g = {.n = n};
  kind kinds[2] = {{.wanted = !h->causal}, {.wanted = true}};
  instrument_head drawn = *h;
  void *surrogate = NULL;
  for (size_t k = 0; k < 6; k++) ret_values[k] = UNDEFINED("n < 2");
  if (n < 2) return DWELL_OK;
  g.a = mem_alloc(n * n, sizeof(double));
  g.top = MEM_NEW(double, 3 * n);
  drawn.attention = surrogate = mem_alloc(n * n, (size_t)h->dtype);
  TRY_ALLOC(g.a, "a head's graph");
  TRY_ALLOC(g.top, "a head's graph");
  TRY_ALLOC(surrogate, "a head's surrogate");
  g.scale = g.top + n, g.other = g.scale + n;
  TRY(measure_both(&g, h, kinds, true, err));
  for (size_t k = 0; k < h->draws; k++) {
    h->permute(h->seed, k, n, h->dtype, h->causal, h->attention, surrogate);
    TRY(measure_both(&g, &drawn, kinds, false, err));
  }
  for (size_t c = 0; c < 2; c++) results(&kinds[c], h->draws, ret_values + 3 * c);
done:
  mem_free(g.a);
  mem_free(g.top);
  mem_free(surrogate);
  return status;
}

/* Twenty iterations of some 40 products of one and of two passes. */
static double flops(size_t n, size_t d) {
  (void)d;
  return 20. * 40 * 3 * 2 * (double)n * (double)n;
}

static uint64_t work_bytes(size_t n) {
  uint64_t square = (uint64_t)n * n * sizeof(double), dense = square + eigen_bytes(n, 0), thin = lanczos_bytes(n);
  return 2 * square + 3 * n * sizeof(double) + (dense > thin ? dense : thin);
}

#define NULL_MEAN "its mean over permutations of each row's weights"
#define NULL_SD "its standard deviation over them"

static const instrument_column columns[] = {
    {"fiedler_sym", "1", 0, 2, "1 - second eigenvalue of (P + P^T)/2, normalised by degrees; 0: two parts; not causal",
     .null = "row_permutation", .null_in = IN_RAW},
    {"fiedler_sym_null_mean", "1", 0, 2, NULL_MEAN},
    {"fiedler_sym_null_sd", "1", 0, 1, NULL_SD},
    {"fiedler_co", "1", 0, 1, "the same of co-attention, sum over k of sqrt(P_ik P_jk)", .null = "row_permutation",
     .null_in = IN_RAW},
    {"fiedler_co_null_mean", "1", 0, 1, NULL_MEAN},
    {"fiedler_co_null_sd", "1", 0, 1, NULL_SD},
};

const instrument instrument_fiedler = {
    .name = "fiedler",
    .summary = "how far a head's graph is from falling into two parts (measured where named only)",
    .source = "Fiedler, Czechoslovak Math. J. 23 (1973) 298; docs/instruments.md 5.4",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
    .work_bytes = work_bytes,
    .optional = true,
};
