/* instrument/clock.c - the theory's clock on a network: how long a step of the ideal layer map a block is, the time
 * that adds up to, and how far the mean cosine is from the map's own after that time.
 *
 * The ideal map is u -> normalise(u + eta A(u)), A_i = sum_j softmax_j(beta G_ij) u_j: one head that looks at cosines
 * and passes on what it sees. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "instrument/instruments.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

enum { TILE = 128, BETAS = 2 };    /* tokens at a time; each time all tokens are laid out for the product */
static const double NARROW = 5e-8; /* relative rounding error of states from which on products are made in f32 */
enum { ETA, COSINE, TAU, RESIDUAL, KINDS, COLUMNS = KINDS * BETAS };

/* Sums over tokens of what a block did and what the ideal attention would have pulled at. */
typedef struct pulls {
  double moved, pulled, both; /* |P u'|^2, |P A|^2, <P u', P A>; P takes the part along u away */
  double along, square;       /* <u, A>, |A|^2 */
} pulls;

/* Sums of what is left of A without its part along u, in ISA_LANES parts. P A itself: near collapse |A|^2 - <u, A>^2
 * would be nothing but rounding. */
enum { PULLED, BOTH, APART, SUMS };

ISA_INLINE void add_apart_body(size_t d, const double *u, const double *v, const double *a, double along,
                               double *ret_sums) {
  isa_half pulled[ISA_HALVES] = {{0}}, both[ISA_HALVES] = {{0}}, apart[ISA_HALVES] = {{0}}, x, y, z;
  size_t whole = d / ISA_LANES * ISA_LANES;
  for (size_t k = 0; k < whole; k += ISA_LANES) {
    for (size_t h = 0; h < ISA_HALVES; h++) {
      memcpy(&x, u + k + h * ISA_HALF, sizeof x), memcpy(&y, a + k + h * ISA_HALF, sizeof y);
      memcpy(&z, v + k + h * ISA_HALF, sizeof z);
      isa_half pull = y - along * x, step = z - x;
      pulled[h] += pull * pull, both[h] += pull * step, apart[h] += step * step;
    }
  }
  ret_sums[PULLED] = ret_sums[BOTH] = ret_sums[APART] = 0;
  for (size_t k = whole; k < d; k++) {
    double pull = a[k] - along * u[k], step = v[k] - u[k];
    ret_sums[PULLED] += pull * pull, ret_sums[BOTH] += pull * step, ret_sums[APART] += step * step;
  }
  for (size_t l = 0; l < ISA_LANES; l++) {
    size_t h = l / ISA_HALF, e = l % ISA_HALF;
    ret_sums[PULLED] += pulled[h][e], ret_sums[BOTH] += both[h][e], ret_sums[APART] += apart[h][e];
  }
}
ISA_DEFINE(static, add_apart,
           (size_t d, const double *u, const double *v, const double *a, double along, double *ret_sums),
           (d, u, v, a, along, ret_sums))

static void add_token(size_t d, const double *u, const double *v, const double *a, pulls *p) {
  double along = pairwise_dot(d, u, a), sums[SUMS];
  add_apart(d, u, v, a, along, sums);
  p->moved += sums[APART] * (1 - sums[APART] / 4); /* sine of the angle, squared */
  p->pulled += sums[PULLED], p->both += sums[BOTH], p->along += along, p->square += pairwise_dot(d, a, a);
}

/* Ideal attention of some tokens, whose cosines these are. */
static void attend(size_t n, double beta, size_t rows, const double *cosines, double *weights) {
  for (size_t i = 0; i < rows; i++) {
    double *w = weights + i * n, total;
    for (size_t j = 0; j < n; j++) w[j] = beta * (cosines[i * n + j] - 1);
    vmath_exp_f64(n, w, w);
    total = pairwise_sum(n, w);
    for (size_t j = 0; j < n; j++) w[j] /= total;
  }
}

/* What tokens look at. A state of f32 is good to 6e-8; then its deviations from the mean token are multiplied in f32,
 * which is good to that of themselves, at half the price. The mean passes through as it is: weights sum to 1. */
typedef struct looked_at {
  size_t n, d;
  const double *u;  /* [n,d] */
  double *mean;     /* [d], NULL: u is multiplied */
  float *apart;     /* [n,d] u - mean */
  float *w32, *a32; /* [TILE,n] and [TILE,d] */
} looked_at;

static void free_looked_at(looked_at *l) { mem_free(l->mean), mem_free(l->apart), mem_free(l->w32), mem_free(l->a32); }

static dwell_status set_apart(looked_at *l, dwell_error *err) {
  size_t n = l->n, d = l->d;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(l->mean = MEM_ZERO(double, d), "the mean token");
  TRY_ALLOC(l->apart = MEM_NEW(float, n *d), "the ideal attention");
  TRY_ALLOC(l->w32 = MEM_NEW(float, TILE *n), "the ideal attention");
  TRY_ALLOC(l->a32 = MEM_NEW(float, TILE *d), "the ideal attention");
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) l->mean[k] += l->u[i * d + k];
  }
  for (size_t k = 0; k < d; k++) l->mean[k] /= (double)n;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) l->apart[i * d + k] = (float)(l->u[i * d + k] - l->mean[k]);
  }
done:
  return status;
}

/* a [rows,d] = weights [rows,n] u. */
static void pull(looked_at *l, size_t rows, const double *weights, double *a) {
  size_t n = l->n, d = l->d;
  if (l->mean == NULL) {
    gemm_f64(false, false, rows, d, n, 1, weights, n, l->u, d, 0, a, d);
    return;
  }
  for (size_t k = 0; k < rows * n; k++) l->w32[k] = (float)weights[k];
  gemm_f32(false, rows, d, n, l->w32, n, l->apart, d, l->a32, d);
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < d; k++) a[i * d + k] = l->mean[k] + (double)l->a32[i * d + k];
  }
}

static dwell_status add_up(geometry *before, geometry *after, double beta, bool narrow, pulls *ret, dwell_error *err) {
  size_t n = geometry_n(before), d = geometry_d(before);
  const double *u = geometry_unit(before), *v = geometry_unit(after), *cosines;
  looked_at l = {.n = n, .d = d, .u = u};
  double *weights = MEM_NEW(double, TILE *n), *a = MEM_NEW(double, TILE *d);
  dwell_status status = DWELL_OK;
  *ret = (pulls){0};
  TRY_ALLOC(weights, "the ideal attention");
  TRY_ALLOC(a, "the ideal attention");
  if (narrow) TRY(set_apart(&l, err));
  TRY(geometry_cosines(before, RAW, &cosines, err));
  for (size_t first = 0; first < n; first += TILE) {
    size_t rows = n - first < TILE ? n - first : TILE;
    attend(n, beta, rows, cosines + first * n, weights);
    pull(&l, rows, weights, a);
    for (size_t i = 0; i < rows; i++) add_token(d, u + (first + i) * d, v + (first + i) * d, a + i * d, ret);
  }
done:
  free_looked_at(&l);
  mem_free(weights);
  mem_free(a);
  return status;
}

/* A step eta turns a token by |P u'| = eta |P A| / |u + eta A|. Solved for eta with the mean <u, A> and |A|^2 in place
 * of each token's: exact where all pairs of tokens are alike. The longest step of all turns u into A / |A|. */
static value step_of(const pulls *p, size_t n) {
  double along = p->along / (double)n, square = p->square / (double)n, m2 = p->moved / p->pulled;
  if (!(p->pulled > 1e-24 * (double)n)) return UNDEFINED("no pull");
  double left = 1 - m2 * square, m = sqrt(m2);
  if (!(left > 0)) return UNDEFINED("moves further than a step can");
  return VALUE((m2 * along + m * sqrt(m2 * along * along + left)) / left);
}

/* Mean cosine of pairs. */
static dwell_status mean_cosine(geometry *g, double *ret_mean, dwell_error *err) {
  size_t n = geometry_n(g);
  const double *cosines;
  dwell_status status = geometry_cosines(g, RAW, &cosines, err);
  double *rows = MEM_NEW(double, n);
  if (status == DWELL_OK && rows == NULL) status = error_no_memory(err, "sums of rows");
  for (size_t i = 0; status == DWELL_OK && i < n; i++) rows[i] = pairwise_sum(n, cosines + i * n) - cosines[i * n + i];
  if (status == DWELL_OK) *ret_mean = pairwise_sum(n, rows) / ((double)n * ((double)n - 1));
  mem_free(rows);
  return status;
}

/* One temperature. Leaves the mean cosines before and after in the places of tau and the residual, which add_series
 * makes of them. */
static dwell_status measure_at(geometry *before, geometry *after, double beta, bool narrow, size_t k, value *ret_values,
                               dwell_error *err) {
  double was, is;
  pulls p;
  dwell_status status = DWELL_OK;
  TRY(mean_cosine(before, &was, err));
  TRY(mean_cosine(after, &is, err));
  TRY(add_up(before, after, beta, narrow, &p, err));
  value cosine = VALUE(p.both / sqrt(p.moved * p.pulled));
  if (!(p.moved > 0) || !(p.pulled > 0)) cosine = UNDEFINED(p.moved > 0 ? "no pull" : "nothing moves");
  ret_values[ETA * BETAS + k] = step_of(&p, geometry_n(before));
  ret_values[COSINE * BETAS + k] = cosine;
  ret_values[TAU * BETAS + k] = VALUE(was);
  ret_values[RESIDUAL * BETAS + k] = VALUE(is);
done:
  return status;
}

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  const double betas[BETAS] = {1, s->beta};
  dwell_status status = DWELL_OK;
  assert(geometry_n(before) == geometry_n(after));
  bool narrow = s->epsilon >= NARROW;
  bool known = geometry_unit(before) != NULL && geometry_unit(after) != NULL && geometry_d(before) == geometry_d(after);
  const char *reason = !known ? "no coordinates" : geometry_n(before) < 2 ? "n < 2" : NULL;
  for (size_t k = 0; status == DWELL_OK && k < BETAS; k++) {
    const char *why = reason == NULL && isnan(betas[k]) ? "beta_uncalibrated" : reason;
    for (size_t kind = 0; kind < KINDS && why != NULL; kind++) ret_values[kind * BETAS + k] = UNDEFINED(why);
    if (why == NULL) status = measure_at(before, after, betas[k], narrow, k, ret_values, err);
  }
  return status;
}

/* The mean cosine after a step of the ideal map, if all pairs have the same one (theory: equiangular tokens). */
double clock_map(size_t n, double beta, double eta, double rho) {
  double m = (double)n, other = exp(-beta * (1 - rho)), a = 1 / (1 + (m - 1) * other), b = other * a;
  double p = 1 + eta * (a - b), q = eta * b;
  double cross = (1 - rho) * (2 * p * q + m * q * q) + rho * (p + m * q) * (p + m * q);
  return cross / ((1 - rho) * p * p + cross);
}

static void add_series(size_t n, const instrument_setting *s, size_t steps, value *const *rows) {
  const double betas[BETAS] = {1, s->beta};
  for (size_t k = 0; k < BETAS; k++) {
    double tau = 0, rho = steps > 0 ? rows[0][TAU * BETAS + k].number : 0;
    const char *reason = s->first_state > 0 ? "the states before were not measured" : NULL;
    for (size_t b = 0; b < steps; b++) {
      value *eta = &rows[b][ETA * BETAS + k], *at = &rows[b][TAU * BETAS + k], *off = &rows[b][RESIDUAL * BETAS + k];
      if (at->undefined != NULL) continue; /* the block has no numbers at all, and says why */
      if (eta->undefined != NULL) reason = "eta is undefined here or before";
      if (reason == NULL) tau += eta->number, rho = clock_map(n, betas[k], eta->number, rho);
      *at = reason == NULL ? VALUE(tau) : UNDEFINED(reason);
      *off = reason == NULL ? VALUE(off->number - rho) : UNDEFINED(reason);
    }
  }
}

static double flops(size_t n, size_t d) {
  return BETAS * (2 * (double)d + 24) * (double)n * (double)n + BETAS * 12 * (double)n * (double)d;
}

static const instrument_column columns[] = {
    {"eta_b1", "1", 0, INFINITY,
     "step of the ideal layer map that turns the tokens as far as the block does, beta = 1"},
    {"eta_calibrated", "1", 0, INFINITY, "the same at the calibrated beta"},
    {"eta_cosine_b1", "1", -1, 1, "cosine of the block's motion and the ideal pull, both along the sphere, beta = 1"},
    {"eta_cosine_calibrated", "1", -1, 1, "the same at the calibrated beta"},
    {"tau_b1", "1", 0, INFINITY, "sum of eta_b1 up to and with the block: the theory's time"},
    {"tau_calibrated", "1", 0, INFINITY, "sum of eta_calibrated up to and with the block"},
    {"gamma_residual_b1", "1", -2, 2,
     "mean cosine after the block minus the ideal map's after the same steps, beta = 1"},
    {"gamma_residual_calibrated", "1", -2, 2, "the same at the calibrated beta"},
};

const instrument instrument_clock = {
    .name = "clock",
    .summary = "the theory's time in blocks, and how far the mean cosine is from its own",
    .source =
        "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, theorems 6.8 and 6.9; docs/instruments.md 3.5",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .step = measure,
    .series = add_series,
    .flops = flops,
};
