/* linalg/eigen.c - eigenvalues of dense symmetric matrices by LAPACK's dsyevd (divide and conquer), of general ones by
 * dgeev.
 *
 * Measured (order 512, one Zen 4 core): 11.6 ms values, 31 ms with vectors. A padded leading dimension saves 2-7 % at
 * powers of two, the other triangle 6 %: not worth a copy of the matrix. */
#include "linalg/eigen.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"
#include "linalg/serial.h"
#include "linalg/tridiagonal.h"

/* Fortran: every argument by address; the lengths of the character arguments follow, hidden, at the end. */
extern void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *values,
                    double *work, const int *work_size, int *int_work, const int *int_work_size, int *info,
                    size_t job_length, size_t triangle_length);

extern void dsytrd_(const char *triangle, const int *n, double *a, const int *lda, double *diagonal, double *off,
                    double *tau, double *work, const int *work_size, int *info, size_t triangle_length);

extern void dstedc_(const char *job, const int *n, double *diagonal, double *off, double *vectors, const int *ld,
                    double *work, const int *work_size, int *int_work, const int *int_work_size, int *info,
                    size_t job_length);

extern void dgeev_(const char *left, const char *right, const int *n, double *a, const int *lda, double *real,
                   double *imaginary, double *left_vectors, const int *ld_left, double *right_vectors,
                   const int *ld_right, double *work, const int *work_size, int *info, size_t left_length,
                   size_t right_length);

/* dsyevd counts its work space, 2 n^2 numbers with vectors, in an int. */
enum { MOST_ROWS = 32000 };

/* Columns that dsytrd reduces at a time: with less work space than n * PANEL it falls back to slower code. */
enum { PANEL = 64 };

static size_t work_count(size_t n, bool vectors) {
  size_t blocked = 2 * n + PANEL * n, least = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1;
  return blocked > least ? blocked : least;
}

static size_t int_work_count(size_t n, bool vectors) { return vectors ? 3 + 5 * n : 1; }

enum { REFLECTORS = 32 }; /* that are applied together */

size_t eigen_bytes(size_t n, int with_vectors) {
  if (n > MOST_ROWS) return SIZE_MAX;
  size_t reflectors = with_vectors ? REFLECTORS * (3 * n + REFLECTORS) : 0;
  return (work_count(n, with_vectors) + reflectors) * sizeof(double) + int_work_count(n, with_vectors) * sizeof(int);
}

/* LAPACK's answer to NaN is an arbitrary matrix or an endless iteration: refuse it by name. */
static dwell_status check_finite(size_t n, const double *a, bool triangle, dwell_error *err) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < (triangle ? i + 1 : n); j++) {
      if (!isfinite(a[i * n + j])) {
        return error_set(err, DWELL_FAILED, "entry (%zu, %zu) of the %zu x %zu matrix is not finite", i, j, n, n);
      }
    }
  }
  return DWELL_OK;
}

static dwell_status check_order(size_t n, dwell_error *err) {
  if (n <= MOST_ROWS) return DWELL_OK;
  return error_set(err, DWELL_UNSUPPORTED, "eigenvalues of a matrix of order %zu (at most %d)", n, MOST_ROWS);
}

/* Row-major lower triangle = column-major upper triangle, hence "U". Eigenvector k lands in column k, our row k. */
static dwell_status solve(size_t n, double *a, double *values, bool vectors, dwell_error *err) {
  if (n == 0) return DWELL_OK;
  if (n > MOST_ROWS) return check_order(n, err);
  dwell_status status = DWELL_OK;
  int order = (int)n, info = 0;
  int work_size = (int)work_count(n, vectors), int_work_size = (int)int_work_count(n, vectors);
  double *work = MEM_NEW(double, (size_t)work_size);
  int *int_work = MEM_NEW(int, (size_t)int_work_size);
  TRY_ALLOC(work, "work space of an eigenvalue problem");
  TRY_ALLOC(int_work, "work space of an eigenvalue problem");
  TRY(check_finite(n, a, true, err));
  int kept = serial_begin();
  dsyevd_(vectors ? "V" : "N", "U", &order, a, &order, values, work, &work_size, int_work, &int_work_size, &info, 1, 1);
  serial_end(kept);
  if (info != 0) {
    status = error_set(err, DWELL_FAILED, "the eigenvalues of a %zu x %zu matrix did not converge (dsyevd: info %d)", n,
                       n, info);
  }
done:
  mem_free(work);
  mem_free(int_work);
  return status;
}

dwell_status eigen_values(size_t n, double *a, double *ret_values, dwell_error *err) {
  return solve(n, a, ret_values, false, err);
}

static void fix_sign(size_t n, double *vector) {
  size_t largest = 0;
  for (size_t i = 1; i < n; i++) {
    if (fabs(vector[i]) > fabs(vector[largest])) largest = i;
  }
  if (n == 0 || vector[largest] >= 0) return;
  for (size_t i = 0; i < n; i++) vector[i] = -vector[i];
}

dwell_status eigen_vectors(size_t n, double *a, double *ret_values, dwell_error *err) {
  dwell_status status = solve(n, a, ret_values, true, err);
  for (size_t k = 0; k < n && status == DWELL_OK; k++) fix_sign(n, a + k * n);
  return status;
}

/* ---- reduced to a tridiagonal matrix ---- */

struct eigen_reduced {
  size_t n;
  double *a;                    /* [n,n] row i+1: the vector of reflector i, i numbers and a 1 that is not stored */
  double *diagonal, *off, *tau; /* [n] */
};

void eigen_reduced_destroy(eigen_reduced *r) {
  if (r == NULL) return;
  mem_free(r->a), mem_free(r->diagonal);
  mem_free(r);
}

uint64_t eigen_reduced_bytes(size_t n) { return ((uint64_t)n + 3) * n * sizeof(double) + sizeof(eigen_reduced); }

dwell_status eigen_reduce(size_t n, double *a, eigen_reduced **ret_reduced, dwell_error *err) {
  dwell_status status = DWELL_OK;
  int order = (int)n, info = 0, work_size = (int)(n * PANEL);
  double *work = NULL;
  eigen_reduced *r = MEM_ZERO(eigen_reduced, 1);
  *ret_reduced = NULL;
  if (r == NULL) mem_free(a);
  TRY_ALLOC(r, "a tridiagonal matrix");
  r->n = n, r->a = a;
  TRY(check_order(n, err));
  TRY(check_finite(n, a, true, err));
  TRY_ALLOC(r->diagonal = MEM_NEW(double, 3 * n), "a tridiagonal matrix");
  TRY_ALLOC(work = MEM_NEW(double, n *PANEL), "work space of an eigenvalue problem");
  r->off = r->diagonal + n, r->tau = r->diagonal + 2 * n;
  int kept = serial_begin();
  if (n > 0) dsytrd_("U", &order, a, &order, r->diagonal, r->off, r->tau, work, &work_size, &info, 1);
  serial_end(kept);
  *ret_reduced = r;
  r = NULL;
done:
  eigen_reduced_destroy(r);
  mem_free(work);
  return status;
}

static dwell_status check_converged(size_t n, int info, const char *name, dwell_error *err) {
  if (info == 0) return DWELL_OK;
  return error_set(err, DWELL_FAILED, "the eigenvalues of a %zu x %zu matrix did not converge (%s: info %d)", n, n,
                   name, info);
}

dwell_status eigen_block_values(size_t count, const eigen_block *blocks, dwell_error *err) {
  tridiagonal matrices[TRIDIAGONAL_MOST];
  for (size_t k = 0; k < count; k++) {
    const eigen_reduced *r = blocks[k].of;
    matrices[k] = (tridiagonal){blocks[k].order, r->diagonal, r->off, blocks[k].values};
  }
  return tridiagonal_values(count, matrices, err);
}

/* v [count, width]: reflectors first .. first+count-1 as rows; t [count, count], lower triangle, so that their product,
 * the last one leftmost, is I - V^T t V (Schreiber and Van Loan 1989). */
static void gather_reflectors(const eigen_reduced *r, size_t first, size_t count, size_t width, double *v, double *t) {
  for (size_t j = 0; j < count; j++) {
    size_t i = first + j;
    double *row = v + j * width;
    memcpy(row, r->a + (i + 1) * r->n, i * sizeof *row);
    row[i] = 1;
    for (size_t k = i + 1; k < width; k++) row[k] = 0;
  }
  gemm_f64(false, true, count, count, width, 1, v, width, v, width, 0, t, count);
  for (size_t j = 0; j < count; j++) {
    double *row = t + j * count, tau = r->tau[first + j];
    for (size_t k = 0; k < j; k++) { /* -tau (v_j . V) t, of which what is left of k is not read again */
      double sum = 0;
      for (size_t l = k; l < j; l++) sum += row[l] * t[l * count + k];
      row[k] = -tau * sum;
    }
    row[j] = tau;
    for (size_t k = j + 1; k < count; k++) row[k] = 0;
  }
}

/* Rows x [m, ld] <- Q x, for each row. */
static dwell_status apply_reflectors(const eigen_reduced *r, size_t m, double *x, size_t ld, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = r->n, all = n > 0 ? n - 1 : 0;
  double *v = MEM_NEW(double, REFLECTORS *n), *t = MEM_NEW(double, REFLECTORS *REFLECTORS);
  double *along = MEM_NEW(double, REFLECTORS *m), *turned = MEM_NEW(double, REFLECTORS *m);
  TRY_ALLOC(v, "reflectors");
  TRY_ALLOC(t, "reflectors");
  TRY_ALLOC(along, "reflectors");
  TRY_ALLOC(turned, "reflectors");
  for (size_t first = 0; first < all; first += REFLECTORS) {
    size_t count = all - first < REFLECTORS ? all - first : REFLECTORS, width = first + count;
    gather_reflectors(r, first, count, width, v, t);
    gemm_f64(false, true, m, count, width, 1, x, ld, v, width, 0, along, count);
    gemm_f64(false, true, m, count, count, 1, along, count, t, count, 0, turned, count);
    for (size_t e = 0; e < m * count; e++) turned[e] = -turned[e];
    gemm_f64(false, false, m, width, count, 1, turned, count, v, width, 1, x, ld);
  }
done:
  mem_free(v), mem_free(t), mem_free(along), mem_free(turned);
  return status;
}

dwell_status eigen_reduced_vectors(const eigen_reduced *r, double *ret_values, double *ret_vectors, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = r->n, m = n > 0 ? n - 1 : 0, work_size = 1 + 4 * m + m * m, int_work_size = 3 + 5 * m;
  int order = (int)m, ld = (int)n, info = 0, size = (int)work_size, int_size = (int)int_work_size;
  double *off = mem_copy(r->off, n, sizeof *off), *work = MEM_NEW(double, work_size);
  int *int_work = MEM_NEW(int, int_work_size);
  TRY_ALLOC(off, "eigenvectors");
  TRY_ALLOC(work, "work space of an eigenvalue problem");
  TRY_ALLOC(int_work, "work space of an eigenvalue problem");
  if (m == 0) goto done;
  memcpy(ret_values, r->diagonal, m * sizeof *ret_values);
  int kept = serial_begin();
  dstedc_("I", &order, ret_values, off, ret_vectors, &ld, work, &size, int_work, &int_size, &info, 1);
  serial_end(kept);
  TRY(check_converged(m, info, "dstedc", err));
  for (size_t k = 0; k < m; k++) ret_vectors[k * n + m] = 0;
  TRY(apply_reflectors(r, m, ret_vectors, n, err));
done:
  mem_free(off), mem_free(work), mem_free(int_work);
  return status;
}

/* ---- general matrices ---- */

/* A matrix and its transpose have the same eigenvalues, so that the order of storage does not matter. */
dwell_status eigen_general(size_t n, double *a, double *ret_real, double *ret_imaginary, dwell_error *err) {
  if (n == 0) return DWELL_OK;
  if (n > MOST_ROWS) return check_order(n, err);
  dwell_status status = DWELL_OK;
  int order = (int)n, one = 1, info = 0, work_size = (int)n * (PANEL + 2);
  double none = 0, *work = MEM_NEW(double, (size_t)work_size);
  TRY_ALLOC(work, "work space of an eigenvalue problem");
  TRY(check_finite(n, a, false, err));
  int kept = serial_begin();
  dgeev_("N", "N", &order, a, &order, ret_real, ret_imaginary, &none, &one, &none, &one, work, &work_size, &info, 1, 1);
  serial_end(kept);
  if (info != 0) {
    status = error_set(err, DWELL_FAILED, "the eigenvalues of a %zu x %zu matrix did not converge (dgeev: info %d)", n,
                       n, info);
  }
done:
  mem_free(work);
  return status;
}
