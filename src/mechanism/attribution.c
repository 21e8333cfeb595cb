/* mechanism/attribution.c - shares of the change of the energy along a leg.
 *
 * The path of a token is x(s) = (1-s) x + s t. All inner products along it are known from three matrices of the ends:
 * K(s) = (1-s)^2 X X' + s^2 T T' + s(1-s) (X T' + T X'). So a node costs n^2, not n^2 d. With the weights c(s) of a
 * node, grad E_i = sum_j c_ij x_j(s), whose diagonal takes the part along x_i away; the integral over all nodes is
 * A X + B T with A = sum of w (1-s) c, B = sum of w s c: two products, however many nodes there are.
 *
 * Work is cut into tiles of tokens, each with its own sums, so bits do not depend on the threads. */
#include "mechanism/attribution.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/pairwise.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

enum { TILE = 64, NODES = 8, MOST_PANELS = 64 };

/* Errors of shares cancel in their sum: for a sum good to 1e-8 some share may be off by twenty times as much, so more
 * is asked for. It costs little: panels are n^2. */
static const double TARGET = ATTRIBUTION_TOLERANCE / 100;
/* A token whose square comes so close to zero, of what it is at the ends, has lost its direction on the way. */
static const double LEAST_SQUARE = 1e-14;

struct attribution {
  const dwell_context *ctx;
  const size_t *rows;
  size_t n, d, betas, panels;                                 /* panels: the most that the last leg took */
  double beta[ATTRIBUTION_BETAS], energy[ATTRIBUTION_BETAS];  /* the latter where the next leg starts */
  double change[ATTRIBUTION_BETAS], whole[ATTRIBUTION_BETAS]; /* of the energy; the share of the whole leg */
  bool started;
  bool zero;                   /* a token passes through zero */
  double *from, *to;           /* [n, d] ends of the leg */
  double *gram_from, *gram_to; /* [n, n] */
  double *cross;               /* [n, n] from to' + to from' */
  double *gradient;            /* [betas, n, d] integrated over the leg */
  double *weights;             /* [threads, work_size] */
  double *nodes, *shares;      /* [MOST_PANELS * NODES, n] inverse norms; [tiles, betas] */
};

static size_t tiles(const attribution *a) { return (a->n + TILE - 1) / TILE; }
static size_t tile_end(const attribution *a, size_t tile) {
  return (tile + 1) * TILE < a->n ? (tile + 1) * TILE : a->n;
}
/* Numbers that a thread works with: A and B of a tile and two rows; or a token of a part. */
static size_t work_size(size_t n, size_t d) { return (2 * TILE + 2) * n > d ? (2 * TILE + 2) * n : d; }

/* ---- memory ---- */

uint64_t attribution_bytes(uint64_t n, uint64_t d, uint64_t betas, uint64_t threads) {
  uint64_t numbers = 2 * n * d + 3 * n * n + betas * n * d + threads * work_size(n, d) + MOST_PANELS * NODES * n;
  return sizeof(double) * (numbers + (n / TILE + 1) * betas);
}

static double *new_matrix(size_t rows, size_t columns) {
  size_t count;
  return size_mul(rows, columns, &count) ? MEM_NEW(double, count) : NULL;
}

static dwell_status make_room(attribution *a, dwell_error *err) {
  size_t threads = (size_t)threads_count(a->ctx);
  a->from = new_matrix(a->n, a->d), a->to = new_matrix(a->n, a->d);
  a->gram_from = new_matrix(a->n, a->n), a->gram_to = new_matrix(a->n, a->n), a->cross = new_matrix(a->n, a->n);
  a->gradient = new_matrix(a->betas * a->n, a->d);
  a->weights = new_matrix(threads, work_size(a->n, a->d));
  a->nodes = new_matrix(MOST_PANELS * NODES, a->n);
  a->shares = new_matrix(tiles(a), a->betas);
  bool all = a->from && a->to && a->gram_from && a->gram_to && a->cross && a->gradient && a->weights && a->nodes;
  return all && a->shares ? DWELL_OK : error_no_memory(err, "the attribution of the energy");
}

dwell_status attribution_create(const dwell_context *ctx, const size_t *rows, size_t count, size_t d,
                                const double *betas, size_t beta_count, attribution **ret_attribution,
                                dwell_error *err) {
  attribution *a = *ret_attribution = MEM_ZERO(attribution, 1);
  if (a == NULL) return error_no_memory(err, "the attribution of the energy");
  a->ctx = ctx, a->rows = rows, a->n = count, a->d = d, a->betas = beta_count;
  memcpy(a->beta, betas, beta_count * sizeof *betas);
  dwell_status status = make_room(a, err);
  if (status == DWELL_OK) return DWELL_OK;
  attribution_destroy(a);
  *ret_attribution = NULL;
  return status;
}

void attribution_destroy(attribution *a) {
  if (a == NULL) return;
  mem_free(a->from), mem_free(a->to);
  mem_free(a->gram_from), mem_free(a->gram_to), mem_free(a->cross);
  mem_free(a->gradient), mem_free(a->weights), mem_free(a->nodes), mem_free(a->shares);
  mem_free(a);
}

/* ---- ends of a leg ---- */

/* Row `token` of a cloud, as doubles. */
static void widen_row(const dwell_cloud *x, size_t token, double *ret_row) {
  if (x->dtype == DWELL_F64) {
    memcpy(ret_row, (const double *)x->data + token * x->d, x->d * sizeof(double));
    return;
  }
  const float *from = (const float *)x->data + token * x->d;
  for (size_t k = 0; k < x->d; k++) ret_row[k] = (double)from[k];
}

static void inverse_norms(const attribution *a, const double *gram, double *ret_inverse) {
  for (size_t i = 0; i < a->n; i++) ret_inverse[i] = 1 / sqrt(gram[i * a->n + i]);
}

ISA_INLINE void row_exponents_body(size_t n, double beta, double inverse, const double *inner, const double *inverses,
                                   double *ret) {
  for (size_t j = 0; j < n; j++) ret[j] = beta * (inner[j] * inverse * inverses[j] - 1);
}
ISA_DEFINE(static, row_exponents,
           (size_t n, double beta, double inverse, const double *inner, const double *inverses, double *ret),
           (n, beta, inverse, inner, inverses, ret))

/* n^-2 sum over i != j of exp(beta (G_ij - 1)), plus 1/n for i = j. */
static dwell_status energy_tile(void *arg, size_t tile, int worker, dwell_error *err) {
  const attribution *a = arg;
  (void)err;
  double *row = a->weights + (size_t)worker * work_size(a->n, a->d);
  for (size_t k = 0; k < a->betas; k++) {
    double sums[TILE];
    for (size_t i = tile * TILE, at = 0; i < tile_end(a, tile); i++, at++) {
      size_t later = a->n - i - 1;
      row_exponents(later, a->beta[k], a->nodes[i], a->gram_to + i * a->n + i + 1, a->nodes + i + 1, row);
      vmath_exp_f64(later, row, row);
      sums[at] = pairwise_sum(later, row);
    }
    a->shares[tile * a->betas + k] = pairwise_sum(tile_end(a, tile) - tile * TILE, sums);
  }
  return DWELL_OK;
}

/* Sums over tiles, [betas]. */
static void add_tiles(const attribution *a, double *ret_sums) {
  for (size_t k = 0; k < a->betas; k++) {
    ret_sums[k] = 0;
    for (size_t tile = 0; tile < tiles(a); tile++) ret_sums[k] += a->shares[tile * a->betas + k];
  }
}

static dwell_status take_state(attribution *a, const dwell_cloud *x, double *ret_energies, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double n = (double)a->n;
  for (size_t i = 0; i < a->n; i++) widen_row(x, a->rows[i], a->to + i * a->d);
  TRY(gemm_gram(a->ctx, a->n, a->d, a->to, a->d, a->gram_to, a->n, err));
  for (size_t i = 0; i < a->n; i++) {
    if (a->gram_to[i * a->n + i] > 0) continue;
    return error_set(err, DWELL_BAD_INPUT, "token %zu has no direction", a->rows[i]);
  }
  inverse_norms(a, a->gram_to, a->nodes);
  TRY(threads_for(a->ctx, tiles(a), energy_tile, a, err));
  add_tiles(a, ret_energies);
  for (size_t k = 0; k < a->betas; k++) ret_energies[k] = (n + 2 * ret_energies[k]) / (n * n);
done:
  return status;
}

/* Are these the rows that the last leg ended at? */
static bool is_here(const attribution *a, const dwell_cloud *x) {
  bool same = a->started;
  for (size_t i = 0; same && i < a->n; i++) {
    widen_row(x, a->rows[i], a->weights);
    same = memcmp(a->weights, a->to + i * a->d, a->d * sizeof(double)) == 0;
  }
  return same;
}

dwell_status attribution_start(attribution *a, const dwell_cloud *x, dwell_error *err) {
  if (is_here(a, x)) return DWELL_OK;
  dwell_status status = take_state(a, x, a->energy, err);
  a->started = status == DWELL_OK;
  return status;
}

/* ---- the gradient along a leg ---- */

/* Node `node` of `panels` panels of Gauss-Legendre with 8 nodes (Abramowitz and Stegun, table 25.4). */
static double node_of(size_t panels, size_t node, double *ret_weight) {
  static const double at[NODES / 2] = {0.18343464249564980494, 0.52553240991632898582, 0.79666647741362673959,
                                       0.96028985649753623168};
  static const double weight[NODES / 2] = {0.36268378337836198297, 0.31370664587788728734, 0.22238103445337447054,
                                           0.10122853629037625915};
  size_t k = node % NODES, half = NODES / 2;
  double x = k < half ? -at[half - 1 - k] : at[k - half], width = 1 / (double)panels;
  *ret_weight = width / 2 * weight[k < half ? half - 1 - k : k - half];
  return width * ((double)(node / NODES) + (x + 1) / 2);
}

/* Inner products with token i at place s of the leg. */
ISA_INLINE void row_inner_body(size_t n, double s, const double *from, const double *to, const double *cross,
                               double *ret) {
  double a = (1 - s) * (1 - s), b = s * s, c = s * (1 - s);
  for (size_t j = 0; j < n; j++) ret[j] = a * from[j] + b * to[j] + c * cross[j];
}
ISA_DEFINE(static, row_inner,
           (size_t n, double s, const double *from, const double *to, const double *cross, double *ret),
           (n, s, from, to, cross, ret))

/* Weights exp(beta (G - 1)) become c_ij, added to A and B. */
ISA_INLINE void row_add_body(size_t n, double by, double s, const double *c, const double *inverses, double *a,
                             double *b) {
  double before = by * (1 - s), after = by * s;
  for (size_t j = 0; j < n; j++) {
    double weighted = c[j] * inverses[j];
    a[j] += before * weighted, b[j] += after * weighted;
  }
}
ISA_DEFINE(static, row_add,
           (size_t n, double by, double s, const double *c, const double *inverses, double *a, double *b),
           (n, by, s, c, inverses, a, b))

/* Sum of w_j G_ij, with G_ij = exponent / beta + 1. */
ISA_INLINE void radial_sum_body(size_t n, double beta, const double *exponents, const double *weights, double *ret) {
  double lanes[ISA_LANES] = {0};
  size_t j = 0;
  for (; j + ISA_LANES <= n; j += ISA_LANES) {
    for (size_t k = 0; k < ISA_LANES; k++) lanes[k] += weights[j + k] * (exponents[j + k] / beta + 1);
  }
  for (size_t k = 0; j + k < n; k++) lanes[k] += weights[j + k] * (exponents[j + k] / beta + 1);
  for (size_t half = ISA_LANES / 2; half > 0; half /= 2) {
    for (size_t k = 0; k < half; k++) lanes[k] += lanes[k + half];
  }
  *ret = lanes[0];
}
ISA_DEFINE(static, radial_sum, (size_t n, double beta, const double *exponents, const double *weights, double *ret),
           (n, beta, exponents, weights, ret))

/* Temperatures that are integrated now, with that many panels. */
typedef struct integration {
  attribution *a;
  size_t which[ATTRIBUTION_BETAS], count, panels;
} integration;

/* A and B of one token; `row` and `exponents` [n] are work. */
static void integrate_row(const integration *g, size_t k, size_t i, double *row, double *exponents, double *ret_a,
                          double *ret_b) {
  const attribution *a = g->a;
  size_t n = a->n;
  double beta = a->beta[k], unit = 2 * beta / ((double)n * (double)n);
  memset(ret_a, 0, n * sizeof(double)), memset(ret_b, 0, n * sizeof(double));
  for (size_t node = 0; node < g->panels * NODES; node++) {
    double weight, radial, s = node_of(g->panels, node, &weight);
    const double *inverses = a->nodes + node * n;
    row_inner(n, s, a->gram_from + i * n, a->gram_to + i * n, a->cross + i * n, row);
    row_exponents(n, beta, inverses[i], row, inverses, exponents);
    vmath_exp_f64(n, exponents, row);
    row[i] = 0;
    radial_sum(n, beta, exponents, row, &radial);
    double by = weight * unit * inverses[i];
    row_add(n, by, s, row, inverses, ret_a, ret_b);
    ret_a[i] -= by * inverses[i] * (1 - s) * radial;
    ret_b[i] -= by * inverses[i] * s * radial;
  }
}

static dwell_status integrate_tile(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const integration *g = arg;
  const attribution *a = g->a;
  size_t n = a->n, d = a->d, k = g->which[item / tiles(a)], first = item % tiles(a) * TILE;
  size_t rows = tile_end(a, item % tiles(a)) - first;
  double *before = a->weights + (size_t)worker * work_size(n, d), *after = before + TILE * n;
  double *row = after + TILE * n, *exponents = row + n, *gradient = a->gradient + (k * n + first) * d;
  for (size_t i = 0; i < rows; i++) integrate_row(g, k, first + i, row, exponents, before + i * n, after + i * n);
  gemm_f64(false, false, rows, d, n, 1, before, n, a->from, d, 0, gradient, d);
  gemm_f64(false, false, rows, d, n, 1, after, n, a->to, d, 1, gradient, d);
  return DWELL_OK;
}

/* from to' + to from', in whole rows of tiles. */
static dwell_status cross_tile(void *arg, size_t tile, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const attribution *a = arg;
  size_t n = a->n, d = a->d, first = tile * TILE, rows = tile_end(a, tile) - first;
  double *out = a->cross + first * n;
  gemm_f64(false, true, rows, n, d, 1, a->from + first * d, d, a->to, d, 0, out, n);
  gemm_f64(false, true, rows, n, d, 1, a->to + first * d, d, a->from, d, 1, out, n);
  return DWELL_OK;
}

static void make_nodes(attribution *a, size_t panels) {
  size_t step = a->n + 1; /* along a diagonal */
  for (size_t node = 0; node < panels * NODES; node++) {
    double weight, s = node_of(panels, node, &weight), *inverses = a->nodes + node * a->n;
    for (size_t i = 0; i < a->n; i++) {
      inverses[i] = 1 / sqrt((1 - s) * (1 - s) * a->gram_from[i * step] + s * s * a->gram_to[i * step] +
                             s * (1 - s) * a->cross[i * step]);
    }
  }
}

/* Does a token come to nothing inside the leg? The least of the parabola |x(s)|^2, if it is between the ends. */
static bool passes_zero(const attribution *a) {
  for (size_t i = 0; i < a->n; i++) {
    double from = a->gram_from[i * (a->n + 1)], to = a->gram_to[i * (a->n + 1)], half = a->cross[i * (a->n + 1)] / 2;
    if (half >= fmin(from, to)) continue; /* it is at an end */
    double least = (from * to - half * half) / (from + to - 2 * half);
    if (!(least > LEAST_SQUARE * fmax(from, to))) return true;
  }
  return false;
}

/* <gradient, row i of a part> for all temperatures. */
ISA_INLINE void row_shares_body(size_t d, size_t betas, size_t step, const double *gradient, const double *part,
                                double *sums) {
  for (size_t k = 0; k < betas; k++) {
    const double *g = gradient + k * step;
    double lanes[ISA_LANES] = {0};
    size_t j = 0;
    for (; j + ISA_LANES <= d; j += ISA_LANES) {
      for (size_t m = 0; m < ISA_LANES; m++) lanes[m] += g[j + m] * part[j + m];
    }
    for (size_t m = 0; j + m < d; m++) lanes[m] += g[j + m] * part[j + m];
    for (size_t half = ISA_LANES / 2; half > 0; half /= 2) {
      for (size_t m = 0; m < half; m++) lanes[m] += lanes[m + half];
    }
    sums[k] += lanes[0];
  }
}
ISA_DEFINE(static, row_shares,
           (size_t d, size_t betas, size_t step, const double *gradient, const double *part, double *sums),
           (d, betas, step, gradient, part, sums))

typedef struct sharing {
  const attribution *a;
  const dwell_cloud *part; /* NULL: the whole leg */
} sharing;

static dwell_status share_tile(void *arg, size_t tile, int worker, dwell_error *err) {
  (void)err;
  const sharing *s = arg;
  const attribution *a = s->a;
  double *row = a->weights + (size_t)worker * work_size(a->n, a->d), *sums = a->shares + tile * a->betas;
  memset(sums, 0, a->betas * sizeof *sums);
  for (size_t i = tile * TILE; i < tile_end(a, tile); i++) {
    if (s->part != NULL) widen_row(s->part, a->rows[i], row);
    for (size_t j = 0; s->part == NULL && j < a->d; j++) row[j] = a->to[i * a->d + j] - a->from[i * a->d + j];
    row_shares(a->d, a->betas, a->n * a->d, a->gradient + i * a->d, row, sums);
  }
  return DWELL_OK;
}

static dwell_status share(const attribution *a, const dwell_cloud *opt_part, double *ret_shares, dwell_error *err) {
  sharing s = {a, opt_part};
  dwell_status status = threads_for(a->ctx, tiles(a), share_tile, &s, err);
  if (status == DWELL_OK) add_tiles(a, ret_shares);
  return status;
}

/* Temperatures that are not integrated well enough, with twice the panels. */
static void refine(integration *g) {
  const attribution *a = g->a;
  size_t left = 0;
  for (size_t k = 0; k < g->count; k++) {
    size_t which = g->which[k];
    if (!(fabs(a->whole[which] - a->change[which]) <= TARGET)) g->which[left++] = which;
  }
  g->count = left, g->panels *= 2;
}

static dwell_status integrate(attribution *a, dwell_error *err) {
  dwell_status status = DWELL_OK;
  integration g = {.a = a, .count = a->betas, .panels = 1};
  for (size_t k = 0; k < a->betas; k++) g.which[k] = k;
  TRY(threads_for(a->ctx, tiles(a), cross_tile, a, err));
  a->zero = passes_zero(a);
  while (!a->zero && g.count > 0 && g.panels <= MOST_PANELS) {
    a->panels = g.panels;
    make_nodes(a, g.panels);
    TRY(threads_for(a->ctx, g.count * tiles(a), integrate_tile, &g, err));
    TRY(share(a, NULL, a->whole, err));
    refine(&g);
  }
done:
  return status;
}

/* ---- legs ---- */

static void swap(double **a, double **b) {
  double *kept = *a;
  *a = *b, *b = kept;
}

dwell_status attribution_leg(attribution *a, const dwell_cloud *to, bool wanted, double *ret_changes,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  double energies[ATTRIBUTION_BETAS];
  swap(&a->from, &a->to);
  swap(&a->gram_from, &a->gram_to);
  TRY(take_state(a, to, energies, err));
  for (size_t k = 0; k < a->betas; k++) {
    ret_changes[k] = a->change[k] = energies[k] - a->energy[k];
    a->energy[k] = energies[k];
  }
  if (wanted) TRY(integrate(a, err));
done:
  return status;
}

void attribution_defects(const attribution *a, double *ret_defects) {
  for (size_t k = 0; k < a->betas; k++) ret_defects[k] = a->zero ? NAN : a->whole[k] - a->change[k];
}

size_t attribution_panels(const attribution *a) { return a->panels; }

dwell_status attribution_share(attribution *a, const dwell_cloud *part, double *ret_shares, dwell_error *err) {
  dwell_status status = share(a, part, ret_shares, err);
  for (size_t k = 0; status == DWELL_OK && a->zero && k < a->betas; k++) ret_shares[k] = NAN;
  return status;
}
