/* geometry/geometry.c - unit rows, norms, the cosines G, the centred Gram Kc and the centred cosines C. */
#include "geometry/geometry.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/geometry_state.h"
#include "geometry/minimum_norm.h"
#include "geometry/pairwise.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/tridiagonal.h"

/* Instruments.md 0.2: a token is at the mean if its squared centred norm is below 1e-14 of the largest. Below the
 * absolute floors the direction of Hu_i is nothing but rounding: unit rows are exact to 1e-16, a Gram to 1e-16 per
 * entry before its row means are taken off. */
static const double UNDEFINED_RELATIVE = 1e-14, UNDEFINED_ROWS = 1e-28, UNDEFINED_GRAM = 1e-14;
/* Instruments.md 8.4: rms spread below 1e-3 rad. */
static const double COLLAPSED = 1e-6;

/* ---- life ---- */

double geometry_norm(size_t d, const double *x) {
  double square = pairwise_dot(d, x, x);
  if (square > 1e-280 && square < 1e280) return sqrt(square);
  double largest = 0;
  for (size_t k = 0; k < d; k++) {
    if (!isfinite(x[k])) return NAN;
    largest = fmax(largest, fabs(x[k]));
  }
  if (largest == 0) return 0;
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += (x[k] / largest) * (x[k] / largest);
  return largest * sqrt(sum);
}

/* Vectors of divisions: the bits of single ones. */
ISA_INLINE void divide_row_body(size_t d, const double *row, double by, double *ret_row) {
  for (size_t k = 0; k < d; k++) ret_row[k] = row[k] / by;
}
ISA_DEFINE(static, divide_row, (size_t d, const double *row, double by, double *ret_row), (d, row, by, ret_row))

static dwell_status normalise_row(geometry *g, size_t i, size_t token, dwell_error *err) {
  double *unit = g->unit + i * g->d, norm = geometry_norm(g->d, unit);
  if (!(norm > 0) || !isfinite(norm)) {
    error_set(err, DWELL_BAD_INPUT, "token %zu has %s norm and no direction", token,
              norm == 0 ? "zero" : "a non-finite");
    return error_remedy(err, "Leave the token out");
  }
  g->norms[i] = norm;
  divide_row(g->d, unit, norm, unit);
  double again = geometry_norm(g->d, unit); /* differs from 1 only where the norm was subnormal or huge */
  if (fabs(again - 1) > 1e-12) divide_row(g->d, unit, again, unit);
  return DWELL_OK;
}

typedef struct creation {
  geometry *g;
  const dwell_cloud *x;
  const size_t *rows;
} creation;

enum { STRIPE = 32 }; /* rows */

static dwell_status take_rows(void *arg, size_t item, int worker, dwell_error *err) {
  const creation *c = arg;
  size_t d = c->g->d, first = item * STRIPE, end = first + STRIPE < c->g->n ? first + STRIPE : c->g->n;
  dwell_status status = DWELL_OK;
  (void)worker;
  for (size_t i = first; status == DWELL_OK && i < end; i++) {
    double *unit = c->g->unit + i * d;
    if (c->x->dtype == DWELL_F64) {
      memcpy(unit, (const double *)c->x->data + c->rows[i] * d, d * sizeof *unit);
    } else {
      const float *row = (const float *)c->x->data + c->rows[i] * d;
      for (size_t k = 0; k < d; k++) unit[k] = (double)row[k];
    }
    status = normalise_row(c->g, i, c->rows[i], err);
  }
  return status;
}

/* With room for norms and unit rows. */
static dwell_status make_room(size_t n, size_t d, geometry **ret_geometry, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t entries;
  geometry *g = MEM_ZERO(geometry, 1);
  *ret_geometry = g;
  TRY_ALLOC(g, "a state's geometry");
  g->n = n, g->d = d;
  g->norms = MEM_NEW(double, n);
  g->unit = size_mul(n, d, &entries) ? MEM_NEW(double, entries) : NULL;
  TRY_ALLOC(g->norms, "norms");
  TRY_ALLOC(g->unit, "unit rows");
done:
  return status;
}

dwell_status geometry_create_cloud(const dwell_context *ctx, const dwell_cloud *x, const size_t *rows, size_t n,
                                   geometry **ret_geometry, dwell_error *err) {
  size_t d = x->d;
  *ret_geometry = NULL;
  if (n == 0 || d == 0) return error_set(err, DWELL_USAGE, "a state of %zu tokens in %zu dimensions is empty", n, d);
  if (n > UINT32_MAX) return error_set(err, DWELL_UNSUPPORTED, "%zu tokens are more than 2^32", n);
  dwell_status status = DWELL_OK;
  geometry *g = NULL;
  TRY(make_room(n, d, &g, err));
  g->ctx = ctx;
  creation c = {g, x, rows};
  TRY(threads_for(ctx, (n + STRIPE - 1) / STRIPE, take_rows, &c, err));
done:
  if (status == DWELL_OK) *ret_geometry = g;
  else geometry_destroy(g);
  return status;
}

dwell_status geometry_create(const double *x, size_t d, const size_t *rows, size_t n, geometry **ret_geometry,
                             dwell_error *err) {
  const dwell_cloud cloud = {.data = x, .d = d, .dtype = DWELL_F64};
  return geometry_create_cloud(NULL, &cloud, rows, n, ret_geometry, err);
}

void geometry_skip_centred_gram(geometry *g) { g->skips_centred_gram = true; }

/* Of the selected rows of g, whose numbers among those of g are `at` [p->n]. */
static dwell_status take_part(geometry *g, const size_t *at, geometry *p, dwell_error *err) {
  const double *gram;
  size_t n = p->n;
  dwell_status status = geometry_cosines(g, RAW, &gram, err);
  if (status != DWELL_OK) return status;
  p->gram = MEM_NEW(double, n *n); /* smaller than that of g */
  if (p->gram == NULL) return error_no_memory(err, "a cosine Gram");
  for (size_t i = 0; i < n; i++) {
    const double *row = gram + at[i] * g->n;
    p->norms[i] = g->norms[at[i]];
    memcpy(p->unit + i * g->d, g->unit + at[i] * g->d, g->d * sizeof(double));
    for (size_t j = 0; j < n; j++) p->gram[i * n + j] = row[at[j]];
  }
  p->skips_centred_gram = g->skips_centred_gram;
  return DWELL_OK;
}

dwell_status geometry_part(geometry *g, const size_t *g_rows, const size_t *rows, size_t n, geometry **ret_geometry,
                           dwell_error *err) {
  dwell_status status = DWELL_OK;
  geometry *p = NULL;
  size_t *at = MEM_NEW(size_t, n);
  *ret_geometry = NULL;
  TRY_ALLOC(at, "a part of a state");
  for (size_t i = 0, from = 0; i < n; i++, from++) {
    while (from < g->n && g_rows[from] != rows[i]) from++;
    assert(from < g->n);
    at[i] = from;
  }
  TRY(make_room(n, g->d, &p, err));
  TRY(take_part(g, at, p, err));
  *ret_geometry = p;
  p = NULL;
done:
  geometry_destroy(p);
  mem_free(at);
  return status;
}

/* Not fmin and fmax: they are calls, and keep the loops over n^2 entries from being vectorised. */
static inline double clamp(double c) { return c > 1 ? 1 : c < -1 ? -1 : c; }

/* Rounding lets coincident tokens have a cosine a few units in the last place above 1: no news, and clamped quietly.
 * Beyond this it is counted, since something is wrong with the rows. */
static const double ROUNDING = 1e-13;

/* Clamps n cosines; adds the number of those that were further outside than rounding explains. */
ISA_INLINE void clamp_row_body(size_t n, double *row, size_t *clamped) {
  long long outside = 0;
  for (size_t j = 0; j < n; j++) {
    outside += fabs(row[j]) > 1 + ROUNDING;
    row[j] = clamp(row[j]);
  }
  *clamped += (size_t)outside;
}
ISA_DEFINE(static, clamp_row, (size_t n, double *row, size_t *clamped), (n, row, clamped))

/* Makes `gram` a cosine Gram: diagonal exactly 1, entries in [-1,1]; returns the number of pairs that were further
 * outside than rounding explains. */
static size_t clamp_cosines(size_t n, double *gram) {
  size_t clamped = 0;
  for (size_t i = 0; i < n; i++) {
    gram[i * n + i] = 1;
    clamp_row(n, gram + i * n, &clamped);
  }
  return clamped / 2;
}

dwell_status geometry_from_gram(double *gram, size_t n, size_t d, geometry **ret_geometry, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_geometry = NULL;
  geometry *g = MEM_ZERO(geometry, 1);
  if (g == NULL) mem_free(gram);
  TRY_ALLOC(g, "a surrogate's geometry");
  g->n = n, g->d = d, g->gram = gram;
  g->norms = MEM_NEW(double, n);
  TRY_ALLOC(g->norms, "norms");
  for (size_t i = 0; i < n; i++) g->norms[i] = 1;
  g->clamped = clamp_cosines(n, gram);
done:
  if (status == DWELL_OK) *ret_geometry = g;
  else geometry_destroy(g);
  return status;
}

void geometry_shed(geometry *g) {
  mem_free(g->unit);
  mem_free(g->means);
  mem_free(g->centred_gram);
  mem_free(g->centred);
  mem_free(g->labels);
  mem_free(g->heights);
  eigen_reduced_destroy(g->reduced);
  for (size_t r = 0; r < 3; r++) mem_free(g->values[r]), mem_free(g->order[r]);
  *g = (geometry){.n = g->n, .d = g->d, .norms = g->norms, .gram = g->gram, .clamped = g->clamped};
}

void geometry_inherit(geometry *g, geometry *from) {
  assert(g->gram == NULL && g->n == from->n && g->d == from->d);
  g->gram = from->gram, g->clamped = from->clamped;
  from->gram = NULL;
  geometry_destroy(from);
}

void geometry_destroy(geometry *g) {
  if (g == NULL) return;
  geometry_shed(g);
  mem_free(g->norms);
  mem_free(g->gram);
  mem_free(g);
}

size_t geometry_n(const geometry *g) { return g->n; }
size_t geometry_d(const geometry *g) { return g->d; }
const double *geometry_norms(const geometry *g) { return g->norms; }
const double *geometry_unit(const geometry *g) { return g->unit; }
size_t geometry_clamped(const geometry *g) { return g->clamped; }
size_t geometry_centred_undefined(const geometry *g) { return g->centred_undefined; }
bool geometry_collapsed(const geometry *g) { return g->collapsed; }
const char *geometry_clusters_undefined(const geometry *g) {
  return g->collapsed ? "collapsed" : g->centred_undefined > 0 ? "centred_undefined" : NULL;
}

uint64_t geometry_rows_bytes(size_t n, size_t d) {
  return (uint64_t)n * (d + 6) * sizeof(double) + (uint64_t)n * sizeof(int32_t) + sizeof(geometry);
}

uint64_t geometry_bytes(size_t n, size_t d) {
  uint64_t square = (uint64_t)n * n * sizeof(double), reduced = n <= d ? eigen_reduced_bytes(n) : 0;
  uint64_t neighbours = 2 * (uint64_t)n * GEOMETRY_NEIGHBOURS * sizeof(uint32_t);
  return geometry_rows_bytes(n, d) + 3 * square + reduced + neighbours;
}

/* A copy of the n x n Gram, or the d x d product and a copy of the rows it is made of; or what clusters or the point of
 * least norm take. */
uint64_t geometry_work_bytes(size_t n, size_t d) {
  uint64_t m = d < n ? d : n, rows = d < n ? (uint64_t)n * d * sizeof(double) : 0;
  uint64_t spectrum = m * m * sizeof(double) + eigen_bytes(m, 0) + rows + 4 * (uint64_t)n * sizeof(double);
  spectrum += tridiagonal_bytes(n);
  uint64_t clusters = geometry_cluster_bytes(n), least = minimum_norm_bytes(n, d);
  uint64_t most = spectrum > clusters ? spectrum : clusters;
  return most > least ? most : least;
}

/* ---- Grams ---- */

static dwell_status make_gram(geometry *g, dwell_error *err) {
  if (g->gram != NULL) return DWELL_OK;
  dwell_status status = DWELL_OK;
  size_t entries;
  double *gram = size_mul(g->n, g->n, &entries) ? MEM_NEW(double, entries) : NULL;
  TRY_ALLOC(gram, "a cosine Gram");
  TRY(gemm_gram(g->ctx, g->n, g->d, g->unit, g->d, gram, g->n, err));
  g->clamped = clamp_cosines(g->n, gram);
  g->gram = gram;
  gram = NULL;
done:
  mem_free(gram);
  return status;
}

void geometry_centre_rows(const geometry *g, double *ret_rows) {
  size_t n = g->n, d = g->d;
  double *mean = ret_rows + (n - 1) * d; /* the last row is written last */
  memset(mean, 0, d * sizeof *mean);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) mean[k] += g->unit[i * d + k];
  }
  for (size_t k = 0; k < d; k++) mean[k] /= (double)n;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) ret_rows[i * d + k] = g->unit[i * d + k] - mean[k];
  }
}

/* Kc from the centred rows: near collapse G_ij - row means cancels, (u_i - mean) . (u_j - mean) does not. */
static dwell_status centre_by_rows(const geometry *g, double *ret_gram, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *rows = MEM_NEW(double, g->n * g->d); /* the product was checked for `unit` */
  TRY_ALLOC(rows, "centred rows");
  geometry_centre_rows(g, rows);
  TRY(gemm_gram(NULL, g->n, g->d, rows, g->d, ret_gram, g->n, err));
done:
  mem_free(rows);
  return status;
}

dwell_status geometry_means(geometry *g, double *ret_mean, dwell_error *err) {
  size_t n = g->n;
  if (g->means == NULL) {
    const double *gram;
    dwell_status status = geometry_cosines(g, RAW, &gram, err);
    if (status != DWELL_OK) return status;
    g->means = MEM_NEW(double, n);
    if (g->means == NULL) return error_no_memory(err, "row means");
    for (size_t i = 0; i < n; i++) g->means[i] = pairwise_sum(n, gram + i * n) / (double)n;
  }
  *ret_mean = pairwise_sum(n, g->means) / (double)n;
  return DWELL_OK;
}

ISA_INLINE void centre_gram_row_body(size_t n, const double *restrict gram, const double *restrict means, double own,
                                     double mean, double *restrict ret_row) {
  for (size_t j = 0; j < n; j++) ret_row[j] = gram[j] - (own + means[j]) + mean;
}
ISA_DEFINE(static, centre_gram_row,
           (size_t n, const double *gram, const double *means, double own, double mean, double *ret_row),
           (n, gram, means, own, mean, ret_row))

/* Kc_ij = G_ij - g_i - g_j + mean: all that is left without coordinates. */
static dwell_status centre_by_means(geometry *g, double *ret_gram, dwell_error *err) {
  size_t n = g->n;
  double mean;
  dwell_status status = geometry_means(g, &mean, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < n; i++) /* the sum of two means first: exactly symmetric */
    centre_gram_row(n, g->gram + i * n, g->means, g->means[i], mean, ret_gram + i * n);
  return DWELL_OK;
}

/* Means cost n^2, rows n^2 d: means where no token is near the mean. What cancels then is at most 5 bits: errors of
 * Kc_ij are some 1e-15 of sqrt(Kc_ii Kc_jj), at most some 1e-14. For few dimensions rows are as cheap. */
static const double FAR_FROM_MEAN = 0.03125;
enum { FEW_DIMENSIONS = 32 };

static dwell_status is_spread(geometry *g, bool *ret_spread, dwell_error *err) {
  double mean;
  *ret_spread = false;
  if (g->d <= FEW_DIMENSIONS) return DWELL_OK;
  dwell_status status = geometry_means(g, &mean, err);
  *ret_spread = status == DWELL_OK;
  for (size_t i = 0; *ret_spread && i < g->n; i++) *ret_spread = 1 - 2 * g->means[i] + mean >= FAR_FROM_MEAN;
  return status;
}

static dwell_status make_centred_gram(geometry *g, dwell_error *err) {
  if (g->centred_gram != NULL) return DWELL_OK;
  dwell_status status = DWELL_OK;
  size_t n = g->n, entries;
  double *gram = size_mul(n, n, &entries) ? MEM_NEW(double, entries) : NULL;
  bool by_means = true;
  TRY_ALLOC(gram, "a centred Gram");
  if (g->unit != NULL) TRY(is_spread(g, &by_means, err));
  TRY(by_means ? centre_by_means(g, gram, err) : centre_by_rows(g, gram, err));
  double trace = 0;
  for (size_t i = 0; i < n; i++) trace += gram[i * n + i];
  g->collapsed = trace / (double)n < COLLAPSED;
  g->centred_gram = gram;
  gram = NULL;
done:
  mem_free(gram);
  return status;
}

void geometry_inverse_norms(geometry *g, const double *diagonal, double *ret_inverse) {
  size_t n = g->n, undefined = 0;
  double largest = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, diagonal[i]);
  double least = fmax(UNDEFINED_RELATIVE * largest, g->unit != NULL ? UNDEFINED_ROWS : UNDEFINED_GRAM), trace = 0;
  for (size_t i = 0; i < n; i++) {
    double square = diagonal[i];
    bool defined = square > least;
    trace += square;
    ret_inverse[i] = defined ? 1 / sqrt(square) : 0;
    undefined += !defined;
  }
  g->centred_undefined = undefined;
  g->collapsed = trace / (double)n < COLLAPSED;
}

ISA_INLINE void normalise_gram_row_body(size_t n, const double *restrict gram, const double *restrict inverse,
                                        double own, double *restrict ret_row) {
  for (size_t j = 0; j < n; j++) ret_row[j] = clamp(gram[j] * (own * inverse[j]));
}
ISA_DEFINE(static, normalise_gram_row,
           (size_t n, const double *gram, const double *inverse, double own, double *ret_row),
           (n, gram, inverse, own, ret_row))

/* C from Kc. */
static dwell_status normalise_gram(geometry *g, double *inverse, double *ret_centred, dwell_error *err) {
  dwell_status status = make_centred_gram(g, err);
  if (status != DWELL_OK) return status;
  size_t n = g->n;
  for (size_t i = 0; i < n; i++) inverse[i] = g->centred_gram[i * n + i];
  geometry_inverse_norms(g, inverse, inverse);
  for (size_t i = 0; i < n; i++)
    normalise_gram_row(n, g->centred_gram + i * n, inverse, inverse[i], ret_centred + i * n);
  return DWELL_OK;
}

ISA_INLINE void centre_row_body(size_t n, const double *restrict gram, const double *restrict means, double mean_i,
                                double mean, const double *restrict inverse, double inverse_i,
                                double *restrict ret_row) {
  for (size_t j = 0; j < n; j++) ret_row[j] = clamp((gram[j] - (mean_i + means[j]) + mean) * (inverse_i * inverse[j]));
}
ISA_DEFINE(static, centre_row,
           (size_t n, const double *gram, const double *means, double mean_i, double mean, const double *inverse,
            double inverse_i, double *ret_row),
           (n, gram, means, mean_i, mean, inverse, inverse_i, ret_row))

/* The same numbers where nobody asked for Kc: nulls need C thousands of times. */
static dwell_status normalise_by_means(geometry *g, double *inverse, double *ret_centred, dwell_error *err) {
  size_t n = g->n;
  double mean;
  dwell_status status = geometry_means(g, &mean, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < n; i++) inverse[i] = g->gram[i * n + i] - (g->means[i] + g->means[i]) + mean;
  geometry_inverse_norms(g, inverse, inverse);
  for (size_t i = 0; i < n; i++) {
    centre_row(n, g->gram + i * n, g->means, g->means[i], mean, inverse, inverse[i], ret_centred + i * n);
  }
  return DWELL_OK;
}

static dwell_status make_centred(geometry *g, dwell_error *err) {
  if (g->centred != NULL) return DWELL_OK;
  dwell_status status = DWELL_OK;
  size_t n = g->n, entries;
  double *centred = size_mul(n, n, &entries) ? MEM_NEW(double, entries) : NULL, *inverse = MEM_NEW(double, n);
  TRY_ALLOC(centred, "centred cosines");
  TRY_ALLOC(inverse, "centred norms");
  bool direct = g->unit == NULL;
  if (g->unit != NULL && g->skips_centred_gram) TRY(is_spread(g, &direct, err));
  if (direct && g->centred_gram == NULL) TRY(normalise_by_means(g, inverse, centred, err));
  else TRY(normalise_gram(g, inverse, centred, err));
  for (size_t i = 0; i < n; i++) centred[i * n + i] = inverse[i] > 0 ? 1 : 0;
  g->centred = centred;
  centred = NULL;
done:
  mem_free(centred);
  mem_free(inverse);
  return status;
}

dwell_status geometry_cosines(geometry *g, representation r, const double **ret_cosines, dwell_error *err) {
  assert(r == RAW || r == CENTRED);
  dwell_status status = r == RAW ? make_gram(g, err) : make_centred(g, err);
  *ret_cosines = r == RAW ? g->gram : g->centred;
  return status;
}

dwell_status geometry_centred_gram(geometry *g, const double **ret_gram, dwell_error *err) {
  dwell_status status = make_centred_gram(g, err);
  *ret_gram = g->centred_gram;
  return status;
}
