/* linalg/lanczos.c - Lanczos iteration with full reorthogonalisation (Golub and Van Loan, Matrix
 * Computations, 10.1-10.3).
 *
 * A pair (theta, s) of the tridiagonal matrix of m steps has the residual beta_m |s_m|: an eigenvalue lies that near to
 * theta, and within residual^2 / gap of it where the next one is a gap away. */
#include "linalg/lanczos.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "linalg/eigen.h"
#include "linalg/matvec.h"

enum { MOST = LANCZOS_MOST_STEPS, FIRST_CHECK = 12 };
static const double BREAKDOWN = 1e-13; /* of the largest |alpha|, |beta|: an invariant subspace, up to rounding */

typedef struct lanczos {
  const lanczos_problem *p;
  double *basis;        /* [MOST + 1, n] */
  double *w;            /* [n] */
  double *projection;   /* [MOST + 1] */
  double *small;        /* [MOST, MOST] */
  double *small_values; /* [MOST] */
  double alpha[MOST], beta[MOST];
} lanczos;

static double norm(size_t n, const double *x) {
  double square;
  matvec(1, n, x, n, x, &square);
  return sqrt(square);
}

/* w -= Q^T (Q w) for the first `count` rows of Q. */
static void remove_rows(size_t n, size_t count, const double *q, double *projection, double *w) {
  matvec(count, n, q, n, w, projection);
  for (size_t r = 0; r < count; r++) {
    const double *row = q + r * n;
    for (size_t k = 0; k < n; k++) w[k] -= projection[r] * row[k];
  }
}

/* Twice is enough (Kahan; Parlett, The Symmetric Eigenvalue Problem, 6.9). */
static void orthogonalise(lanczos *z, size_t count) {
  size_t n = z->p->n;
  for (int round = 0; round < 2; round++) {
    if (z->p->deflated != NULL) remove_rows(n, 1, z->p->deflated, z->projection, z->w);
    remove_rows(n, count, z->basis, z->projection, z->w);
  }
}

/* Row `at` of the basis = w / |w|. */
static void keep(lanczos *z, size_t at, double length) {
  for (size_t k = 0; k < z->p->n; k++) z->basis[at * z->p->n + k] = z->w[k] / length;
}

static void start(lanczos *z) {
  random_stream s = {.purpose = RANDOM_LANCZOS};
  for (size_t k = 0; k < z->p->n; k++) z->w[k] = random_normal(&s, 0, (uint32_t)k);
  orthogonalise(z, 0);
  keep(z, 0, norm(z->p->n, z->w));
}

/* One product; beta[m] = 0 where the subspace is invariant. */
static void step(lanczos *z, size_t m, double *scale) {
  size_t n = z->p->n;
  const double *q = z->basis + m * n;
  z->p->apply(z->p->self, q, z->w);
  matvec(1, n, q, n, z->w, &z->alpha[m]);
  orthogonalise(z, m + 1);
  double length = norm(n, z->w);
  *scale = fmax(*scale, fmax(fabs(z->alpha[m]), length));
  z->beta[m] = length > BREAKDOWN * *scale ? length : 0;
  if (z->beta[m] > 0) keep(z, m + 1, length);
}

/* The largest eigenvalue after m steps, and a bound on its error. */
static dwell_status judge(lanczos *z, size_t m, double *ret_value, double *ret_error, dwell_error *err) {
  memset(z->small, 0, m * m * sizeof(double));
  for (size_t k = 0; k < m; k++) {
    z->small[k * m + k] = z->alpha[k];
    if (k > 0) z->small[k * m + k - 1] = z->beta[k - 1];
  }
  dwell_status status = eigen_vectors(m, z->small, z->small_values, err);
  if (status != DWELL_OK) return status;
  double residual = z->beta[m - 1] * fabs(z->small[(m - 1) * m + m - 1]);
  double gap = m > 1 ? z->small_values[m - 1] - z->small_values[m - 2] : 0;
  *ret_value = z->small_values[m - 1];
  *ret_error = gap > 2 * residual ? residual * residual / (gap - residual) : residual;
  return DWELL_OK;
}

/* Steps until the error is small; checks are rarer the longer it takes, they cost m^3. */
static dwell_status iterate(lanczos *z, double *ret_value, bool *ret_converged, dwell_error *err) {
  double scale = 0, error = INFINITY;
  size_t most = z->p->n - (z->p->deflated != NULL), check = FIRST_CHECK;
  if (most > MOST) most = MOST;
  for (size_t m = 1; m <= most; m++) {
    step(z, m - 1, &scale);
    if (m < check && m < most && z->beta[m - 1] > 0) continue;
    dwell_status status = judge(z, m, ret_value, &error, err);
    if (status != DWELL_OK) return status;
    if (error <= z->p->tolerance || z->beta[m - 1] <= 0) break;
    check = m + m / 3;
  }
  *ret_converged = error <= z->p->tolerance;
  return DWELL_OK;
}

dwell_status lanczos_largest(const lanczos_problem *p, double *ret_value, bool *ret_converged, dwell_error *err) {
  dwell_status status = DWELL_OK;
  lanczos *z = MEM_ZERO(lanczos, 1);
  *ret_converged = false;
  TRY_ALLOC(z, "a Lanczos iteration");
  z->p = p;
  z->basis = mem_alloc(MOST + 1, p->n * sizeof(double));
  z->w = MEM_NEW(double, p->n);
  z->projection = MEM_NEW(double, MOST + 1);
  z->small = MEM_NEW(double, MOST *MOST);
  z->small_values = MEM_NEW(double, MOST);
  TRY_ALLOC(z->basis, "a Lanczos iteration");
  TRY_ALLOC(z->w, "a Lanczos iteration");
  TRY_ALLOC(z->projection, "a Lanczos iteration");
  TRY_ALLOC(z->small, "a Lanczos iteration");
  TRY_ALLOC(z->small_values, "a Lanczos iteration");
  start(z);
  TRY(iterate(z, ret_value, ret_converged, err));
done:
  if (z != NULL) {
    mem_free(z->basis);
    mem_free(z->w);
    mem_free(z->projection);
    mem_free(z->small);
    mem_free(z->small_values);
  }
  mem_free(z);
  return status;
}

uint64_t lanczos_bytes(size_t n) {
  uint64_t small = MOST * MOST + 4 * (MOST + 1);
  return ((MOST + 2) * (uint64_t)n + small) * sizeof(double) + eigen_bytes(MOST, 1) + sizeof(lanczos);
}
