/* geometry/geometry_spectrum.c - eigenvalues and principal axes of the Grams.
 *
 * Two ways give the same numbers: the n x n Gram, or, where coordinates exist and d < n, the d x d product of the
 * same rows (X X^T and X^T X share their nonzero eigenvalues). The second makes many particles in few dimensions
 * cheap: at n = 512, d = 3 microseconds instead of 14 ms. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "geometry/geometry_state.h"
#include "geometry/pairwise.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"

static const double AXIS_LEAST = 1e-9; /* instruments.md 4.1: directions of less variance are left out */

static bool is_narrow(const geometry *g) { return g->unit != NULL && g->d < g->n; }

static double largest_norm(const geometry *g) {
  double largest = 0;
  for (size_t i = 0; i < g->n; i++) largest = fmax(largest, g->norms[i]);
  return largest;
}

/* The rows whose Gram is G, Kc or K / largest_norm^2: [n,d]. */
static void fill_rows(const geometry *g, representation r, double *ret_rows) {
  if (r == CENTRED) {
    geometry_centre_rows(g, ret_rows);
    return;
  }
  double largest = largest_norm(g);
  for (size_t i = 0; i < g->n; i++) {
    double scale = r == STATES ? g->norms[i] / largest : 1;
    for (size_t k = 0; k < g->d; k++) ret_rows[i * g->d + k] = scale * g->unit[i * g->d + k];
  }
}

/* Ascending [n]: n - d zeros, then the eigenvalues of the d x d product. */
static dwell_status narrow_values(const geometry *g, representation r, double *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = g->n, d = g->d;
  double *rows = MEM_NEW(double, n *d), *product = MEM_NEW(double, d *d);
  TRY_ALLOC(rows, "rows for eigenvalues");
  TRY_ALLOC(product, "a product for eigenvalues");
  fill_rows(g, r, rows);
  gemm_f64(true, false, d, d, n, 1, rows, d, rows, d, 0, product, d);
  memset(ret_values, 0, (n - d) * sizeof *ret_values);
  TRY(eigen_values(d, product, ret_values + (n - d), err));
  for (size_t k = n - d; k < n; k++) ret_values[k] = fmax(0, ret_values[k]);
done:
  mem_free(rows);
  mem_free(product);
  return status;
}

/* K / largest_norm^2, reduced. */
static dwell_status reduce_states(geometry *g, eigen_reduced **ret_reduced, dwell_error *err) {
  const double *gram;
  size_t n = g->n;
  dwell_status status = geometry_cosines(g, RAW, &gram, err);
  if (status != DWELL_OK) return status;
  double *copy = mem_copy(gram, n * n, sizeof *gram), largest = largest_norm(g);
  if (copy == NULL) return error_no_memory(err, "a Gram for eigenvalues");
  for (size_t i = 0; i < n; i++) {
    double scale = g->norms[i] / largest;
    for (size_t j = 0; j < n; j++) copy[i * n + j] *= scale * (g->norms[j] / largest);
  }
  return eigen_reduce(n, copy, ret_reduced, err);
}

/* ---- G and Kc in one ---- */

/* P = I - b u u^T with u = 1/sqrt n - e_last and b = 2/|u|^2 exchanges the last axis and the constant direction. Since
 * Kc 1 = 0, P Kc P is Kc + b c (k_i + k_j) + b^2 c^2 k_last with k the last row of Kc and c = 1/sqrt n, and 0 in its
 * last row; P G P differs from it in the last row alone, sqrt n g_i - b c (n mean - sqrt n g_last), and in the corner,
 * n mean. So one matrix, reduced once, has G's eigenvalues, and in its leading block those of Kc but one that is 0; and
 * the block's rounding is that of Kc, however much larger G is. */
typedef struct exchange {
  double c, b;
} exchange;

static exchange exchange_of(size_t n) {
  double c = 1 / sqrt((double)n);
  return (exchange){c, 1 / (1 - c)};
}

/* The lower triangle. */
static void fill_bordered(const geometry *g, double mean, double *ret_matrix) {
  size_t n = g->n, last = n - 1;
  exchange p = exchange_of(n);
  const double *k = g->centred_gram + last * n;
  double corner = p.b * p.b * p.c * p.c * k[last], root = sqrt((double)n), along = (double)n * mean;
  for (size_t i = 0; i < last; i++) {
    const double *from = g->centred_gram + i * n;
    for (size_t j = 0; j <= i; j++) ret_matrix[i * n + j] = from[j] + p.b * p.c * (k[i] + k[j]) + corner;
  }
  double *border = ret_matrix + last * n;
  for (size_t j = 0; j < last; j++) border[j] = root * g->means[j] - p.b * p.c * (along - root * g->means[last]);
  border[last] = along;
}

static dwell_status make_reduced(geometry *g, dwell_error *err) {
  const double *centred;
  double mean, *matrix;
  dwell_status status = DWELL_OK;
  if (g->reduced != NULL) return DWELL_OK;
  TRY(geometry_centred_gram(g, &centred, err));
  TRY(geometry_means(g, &mean, err));
  matrix = mem_alloc(g->n, g->n * sizeof *matrix); /* fits: so does G */
  TRY_ALLOC(matrix, "a Gram for eigenvalues");
  fill_bordered(g, mean, matrix);
  TRY(eigen_reduce(g->n, matrix, &g->reduced, err));
done:
  return status;
}

/* Some values of some representations at once: [n] each. */
typedef struct spectra {
  size_t count;
  representation of[3];
  eigen_block blocks[3];
} spectra;

static dwell_status add_spectrum(spectra *all, const geometry *g, representation r, const eigen_reduced *reduced,
                                 dwell_error *err) {
  double *values = MEM_NEW(double, g->n);
  if (values == NULL) return error_no_memory(err, "eigenvalues");
  all->of[all->count] = r;
  all->blocks[all->count++] = (eigen_block){reduced, r == CENTRED ? g->n - 1 : g->n, values};
  return DWELL_OK;
}

/* Of Kc the constant direction is missing. */
static void keep_spectra(geometry *g, spectra *all) {
  for (size_t k = 0; k < all->count; k++) {
    double *values = all->blocks[k].values;
    if (all->of[k] == CENTRED) values[g->n - 1] = 0, sort_doubles(values, g->n);
    g->values[all->of[k]] = values;
  }
  all->count = 0;
}

static dwell_status wide_values(geometry *g, representation r, dwell_error *err) {
  spectra all = {0};
  eigen_reduced *states = NULL;
  dwell_status status = DWELL_OK;
  if (r != STATES) {
    TRY(make_reduced(g, err));
    TRY(add_spectrum(&all, g, RAW, g->reduced, err));
    TRY(add_spectrum(&all, g, CENTRED, g->reduced, err));
  }
  if (g->values[STATES] == NULL && (r == STATES || g->expects_states)) {
    TRY(reduce_states(g, &states, err));
    TRY(add_spectrum(&all, g, STATES, states, err));
  }
  TRY(eigen_block_values(all.count, all.blocks, err));
  keep_spectra(g, &all);
done:
  for (size_t k = 0; k < all.count; k++) mem_free(all.blocks[k].values);
  eigen_reduced_destroy(states);
  return status;
}

static dwell_status other_values(geometry *g, representation r, dwell_error *err) {
  double *values = MEM_NEW(double, g->n);
  if (values == NULL) return error_no_memory(err, "eigenvalues");
  values[0] = r != CENTRED; /* of a single token */
  dwell_status status = g->n == 1 ? DWELL_OK : narrow_values(g, r, values, err);
  if (status == DWELL_OK) g->values[r] = values;
  else mem_free(values);
  return status;
}

void geometry_expect_states(geometry *g) { g->expects_states = true; }

dwell_status geometry_eigenvalues(geometry *g, representation r, const double **ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (g->values[r] == NULL) status = is_narrow(g) || g->n == 1 ? other_values(g, r, err) : wide_values(g, r, err);
  *ret_values = g->values[r];
  return status;
}

/* ---- principal axes ---- */

static size_t count_axes(size_t m, const double *values) {
  size_t count = 0;
  double largest = m > 0 ? values[m - 1] : 0;
  while (count < m && largest > 0 && values[m - 1 - count] > AXIS_LEAST * largest) count++;
  return count;
}

/* Axis k is row n-2-k of the solver's vectors, before the exchange. */
static dwell_status wide_axes(geometry *g, double *values, size_t *ret_count, double **ret_axes, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = g->n;
  double *vectors = NULL, *axes = NULL;
  exchange p = exchange_of(n);
  values[0] = 0;
  if (n == 1) return DWELL_OK;
  TRY(make_reduced(g, err));
  TRY_ALLOC(vectors = mem_alloc(n - 1, n * sizeof *vectors), "principal axes");
  TRY(eigen_reduced_vectors(g->reduced, values + 1, vectors, err)); /* the n - 1 that are not the constant direction */
  size_t count = count_axes(n, values);
  axes = MEM_NEW(double, count *n);
  TRY_ALLOC(axes, "principal axes");
  for (size_t k = 0; k < count; k++) {
    const double *from = vectors + (n - 2 - k) * n;
    double *axis = axes + k * n, along = p.c * pairwise_sum(n - 1, from);
    for (size_t i = 0; i < n; i++) axis[i] = from[i] - p.b * (i + 1 < n ? p.c : p.c - 1) * along;
  }
  *ret_axes = axes, *ret_count = count;
done:
  mem_free(vectors);
  return status;
}

/* v_k = Hu w_k / sqrt(lam_k), w_k an eigenvector of the d x d product. */
static dwell_status narrow_axes(const geometry *g, double *values, size_t *ret_count, double **ret_axes,
                                dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = g->n, d = g->d;
  double *rows = MEM_NEW(double, n *d), *vectors = MEM_NEW(double, d *d), *axes = NULL;
  TRY_ALLOC(rows, "centred rows");
  TRY_ALLOC(vectors, "a product for principal axes");
  geometry_centre_rows(g, rows);
  gemm_f64(true, false, d, d, n, 1, rows, d, rows, d, 0, vectors, d);
  TRY(eigen_vectors(d, vectors, values, err));
  size_t count = count_axes(d, values);
  axes = MEM_NEW(double, count *n);
  TRY_ALLOC(axes, "principal axes");
  for (size_t k = 0; k < count; k++) {
    const double *w = vectors + (d - 1 - k) * d;
    gemm_f64(false, true, 1, n, d, 1 / sqrt(values[d - 1 - k]), w, d, rows, d, 0, axes + k * n, n);
  }
  *ret_axes = axes, *ret_count = count;
done:
  mem_free(rows);
  mem_free(vectors);
  return status;
}

dwell_status geometry_principal_axes(geometry *g, double **ret_values, double **ret_axes, size_t *ret_count,
                                     dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t m = is_narrow(g) ? g->d : g->n;
  *ret_values = *ret_axes = NULL, *ret_count = 0;
  double *values = MEM_NEW(double, m);
  TRY_ALLOC(values, "variances");
  TRY(is_narrow(g) ? narrow_axes(g, values, ret_count, ret_axes, err) : wide_axes(g, values, ret_count, ret_axes, err));
  for (size_t k = 0; k < m / 2; k++) { /* descending, like the axes */
    double kept = values[k];
    values[k] = values[m - 1 - k];
    values[m - 1 - k] = kept;
  }
  *ret_values = values;
  values = NULL;
done:
  mem_free(values);
  return status;
}
