/* linalg/leading.c - a restarted block Krylov iteration: from a few vectors V the basis [V, AV, AAV, ...], in it the
 * best approximations (Rayleigh and Ritz), and again from these. */
#include "linalg/leading.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"

enum { BLOCK = 8, DEPTH = 12, BASIS = BLOCK * DEPTH, RESTARTS = 40 };
static const double RESIDUAL = 1e-10; /* of the largest eigenvalue */

typedef struct krylov {
  size_t n;
  const double *a;
  double *q, *aq;           /* [BASIS, n] an orthonormal basis, and A times it */
  double *start;            /* [BLOCK, n] */
  double *small;            /* [BASIS, BASIS] */
  double values[BASIS];     /* ascending */
  double projection[BASIS]; /* of a row on the rows before it */
} krylov;

static double dot(size_t n, const double *x, const double *y) {
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += x[k] * y[k];
  return sum;
}

/* Row r made orthogonal to the rows before it, twice (Parlett, The Symmetric Eigenvalue Problem, 6.9), and of length 1.
 * What vanishes gives way to random numbers: the space is invariant, any direction outside of it may follow. */
static void add_row(krylov *k, size_t r) {
  double *row = k->q + r * k->n, before = sqrt(dot(k->n, row, row));
  for (int attempt = 0; attempt < 3; attempt++) {
    for (int round = 0; round < 2 && r > 0; round++) {
      gemm_f64(false, true, 1, r, k->n, 1, row, k->n, k->q, k->n, 0, k->projection, r);
      gemm_f64(false, false, 1, k->n, r, -1, k->projection, r, k->q, k->n, 1, row, k->n);
    }
    double length = sqrt(dot(k->n, row, row));
    if (length > 1e-10 * before && length > 0) {
      for (size_t i = 0; i < k->n; i++) row[i] /= length;
      return;
    }
    random_stream s = {.purpose = RANDOM_LANCZOS, .replica = (uint32_t)attempt + 1};
    for (size_t i = 0; i < k->n; i++) row[i] = random_normal(&s, (uint32_t)r, (uint32_t)i);
    before = sqrt(dot(k->n, row, row));
  }
}

static void grow(krylov *k) {
  memcpy(k->q, k->start, BLOCK * k->n * sizeof *k->q);
  for (size_t b = 0; b < DEPTH; b++) {
    double *rows = k->q + b * BLOCK * k->n, *image = k->aq + b * BLOCK * k->n;
    for (size_t r = 0; r < BLOCK; r++) add_row(k, b * BLOCK + r);
    gemm_f64(false, false, BLOCK, k->n, k->n, 1, rows, k->n, k->a, k->n, 0, image, k->n);
    if (b + 1 < DEPTH) memcpy(rows + BLOCK * k->n, image, BLOCK * k->n * sizeof *image);
  }
}

/* The best BLOCK vectors of the space into k->start, by descending value; *ret_residual the largest of the first
 * `count`, relative to the largest value. */
static dwell_status extract(krylov *k, size_t count, double *ret_residual, dwell_error *err) {
  gemm_f64(false, true, BASIS, BASIS, k->n, 1, k->q, k->n, k->aq, k->n, 0, k->small, BASIS);
  dwell_status status = eigen_vectors(BASIS, k->small, k->values, err);
  if (status != DWELL_OK) return status;
  double worst = 0, largest = fabs(k->values[BASIS - 1]), *image = k->q; /* the basis is not needed any more after V */
  for (size_t v = 0; v < BLOCK; v++) {
    gemm_f64(false, false, 1, k->n, BASIS, 1, k->small + (BASIS - 1 - v) * BASIS, BASIS, k->q, k->n, 0,
             k->start + v * k->n, k->n);
  }
  for (size_t v = 0; v < count; v++) {
    const double *y = k->start + v * k->n;
    gemm_f64(false, false, 1, k->n, BASIS, 1, k->small + (BASIS - 1 - v) * BASIS, BASIS, k->aq, k->n, 0, image, k->n);
    for (size_t i = 0; i < k->n; i++) image[i] -= k->values[BASIS - 1 - v] * y[i];
    worst = fmax(worst, sqrt(dot(k->n, image, image)));
  }
  *ret_residual = largest > 0 ? worst / largest : 0;
  return DWELL_OK;
}

static void fix_sign(size_t n, double *v) {
  size_t at = 0;
  for (size_t i = 1; i < n; i++) {
    if (fabs(v[i]) > fabs(v[at])) at = i;
  }
  bool turn = v[at] < 0;
  for (size_t i = 0; turn && i < n; i++) v[i] = -v[i];
}

static dwell_status by_lapack(size_t n, const double *a, size_t count, double *ret_values, double *ret_vectors,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  double values[BASIS], *all = mem_copy(a, n * n, sizeof *a);
  TRY_ALLOC(all, "eigenvectors");
  TRY(eigen_vectors(n, all, values, err));
  for (size_t v = 0; v < count; v++) {
    ret_values[v] = values[n - 1 - v];
    memcpy(ret_vectors + v * n, all + (n - 1 - v) * n, n * sizeof *all);
  }
done:
  mem_free(all);
  return status;
}

uint64_t leading_bytes(size_t n) {
  if (n <= BASIS) return n * n * sizeof(double) + eigen_bytes(n, 1);
  return (uint64_t)(2 * BASIS + BLOCK) * n * sizeof(double) + BASIS * BASIS * sizeof(double) + eigen_bytes(BASIS, 1) +
         sizeof(krylov);
}

dwell_status leading_vectors(size_t n, const double *a, size_t count, double *ret_values, double *ret_vectors,
                             dwell_error *err) {
  if (n <= BASIS) return by_lapack(n, a, count, ret_values, ret_vectors, err);
  dwell_status status = DWELL_OK;
  krylov *k = MEM_ZERO(krylov, 1);
  TRY_ALLOC(k, "eigenvectors");
  k->n = n, k->a = a;
  k->q = mem_alloc(BASIS, n * sizeof(double)), k->aq = mem_alloc(BASIS, n * sizeof(double));
  k->start = mem_alloc(BLOCK, n * sizeof(double)), k->small = MEM_NEW(double, (size_t)BASIS * BASIS);
  TRY_ALLOC(k->q, "eigenvectors");
  TRY_ALLOC(k->aq, "eigenvectors");
  TRY_ALLOC(k->start, "eigenvectors");
  TRY_ALLOC(k->small, "eigenvectors");
  random_stream s = {.purpose = RANDOM_LANCZOS};
  for (size_t r = 0; r < BLOCK; r++) {
    for (size_t i = 0; i < n; i++) k->start[r * n + i] = random_normal(&s, (uint32_t)r, (uint32_t)i);
  }
  double residual = INFINITY;
  for (size_t round = 0; round < RESTARTS && residual > RESIDUAL; round++) {
    grow(k);
    TRY(extract(k, count, &residual, err));
  }
  for (size_t v = 0; v < count; v++) {
    ret_values[v] = k->values[BASIS - 1 - v];
    memcpy(ret_vectors + v * n, k->start + v * n, n * sizeof(double));
    fix_sign(n, ret_vectors + v * n);
  }
done:
  if (k != NULL) mem_free(k->q), mem_free(k->aq), mem_free(k->start), mem_free(k->small);
  mem_free(k);
  return status;
}
