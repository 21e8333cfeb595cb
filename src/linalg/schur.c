/* linalg/schur.c - the real Schur form by LAPACK's dgees. */
#include "linalg/schur.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/serial.h"

/* Fortran: every argument by address; the lengths of the character arguments follow, hidden, at the end. */
extern void dgees_(const char *job, const char *sort, int (*select)(const double *, const double *), const int *n,
                   double *a, const int *lda, int *sorted, double *real, double *imaginary, double *vectors,
                   const int *ld_vectors, double *work, const int *work_size, int *bool_work, int *info,
                   size_t job_length, size_t sort_length);

/* n^2 is well within an int; columns that dgehrd reduces at a time. */
enum { MOST_ROWS = 32000, PANEL = 64 };

static void transpose(size_t n, double *a) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      double kept = a[i * n + j];
      a[i * n + j] = a[j * n + i], a[j * n + i] = kept;
    }
  }
}

dwell_status schur_form(size_t n, double *a, dwell_error *err) {
  if (n == 0) return DWELL_OK;
  if (n > MOST_ROWS) {
    return error_set(err, DWELL_UNSUPPORTED, "the Schur form of a matrix of order %zu (at most %d)", n, MOST_ROWS);
  }
  for (size_t i = 0; i < n * n; i++) { /* LAPACK's answer to NaN is an endless iteration */
    if (!isfinite(a[i])) return error_set(err, DWELL_FAILED, "an entry of a %zu x %zu matrix is not finite", n, n);
  }
  int order = (int)n, one = 1, sorted = 0, unused = 0, info = 0, work_size = (int)n * (PANEL + 2);
  double none = 0, *work = MEM_NEW(double, (size_t)work_size + 2 * n);
  if (work == NULL) return error_no_memory(err, "work space of a Schur form");
  transpose(n, a); /* Fortran's order of storage */
  int kept = serial_begin();
  dgees_("N", "N", NULL, &order, a, &order, &sorted, work, work + n, &none, &one, work + 2 * n, &work_size, &unused,
         &info, 1, 1);
  serial_end(kept);
  transpose(n, a);
  mem_free(work);
  if (info == 0) return DWELL_OK;
  return error_set(err, DWELL_FAILED, "the Schur form of a %zu x %zu matrix did not converge (dgees: info %d)", n, n,
                   info);
}
