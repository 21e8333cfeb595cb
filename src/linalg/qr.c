/* linalg/qr.c - the triangular factor of a matrix by LAPACK's dgeqrf (Householder). */
#include "linalg/qr.h"

#include <limits.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/serial.h"

/* Fortran: every argument by address. */
extern void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
                    const int *work_size, int *info);

/* Columns that are reduced at a time: with less work space than n * PANEL dgeqrf falls back to slower code. */
enum { PANEL = 64 };

/* Rows of a, row-major, are the columns of a Fortran matrix [d, n]; its R is the upper triangle. */
dwell_status qr_coordinates(size_t n, size_t d, double *a, double *ret_r, dwell_error *err) {
  if (n > INT_MAX / PANEL || d > INT_MAX) {
    return error_set(err, DWELL_UNSUPPORTED, "%zu vectors of length %zu are too large for LAPACK", n, d);
  }
  dwell_status status = DWELL_OK;
  int rows = (int)d, columns = (int)n, work_size = (int)(n * PANEL), info = 0;
  size_t k = d < n ? d : n;
  double *work = MEM_NEW(double, (size_t)work_size), *tau = MEM_NEW(double, k);
  TRY_ALLOC(work, "work space of a factorisation");
  TRY_ALLOC(tau, "work space of a factorisation");
  if (k == 0) goto done;
  int kept = serial_begin();
  dgeqrf_(&rows, &columns, a, &rows, tau, work, &work_size, &info);
  serial_end(kept);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < k; j++) ret_r[i * k + j] = j <= i ? a[i * d + j] : 0;
  }
done:
  mem_free(work);
  mem_free(tau);
  return status;
}
