/* linalg/cholesky.c - positive definite systems by LAPACK's dpotrf and dpotrs. */
#include "linalg/cholesky.h"

#include "linalg/serial.h"

/* Fortran: every argument by address; the lengths of the character arguments follow, hidden, at the end. */
extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info, size_t triangle_length);
extern void dpotrs_(const char *triangle, const int *n, const int *columns, const double *a, const int *lda, double *b,
                    const int *ldb, int *info, size_t triangle_length);

/* n^2 fits an int. */
enum { MOST_ROWS = 46340 };

/* Row-major lower triangle = column-major upper triangle, hence "U". */
bool cholesky_solve(size_t n, double *a, double *b) {
  if (n == 0) return true;
  if (n > MOST_ROWS) return false;
  int order = (int)n, one = 1, info = 0;
  int kept = serial_begin();
  dpotrf_("U", &order, a, &order, &info, 1);
  bool definite = info == 0 && a[n * n - 1] > 0; /* some versions let a NaN pass: it reaches the last pivot */
  if (definite) dpotrs_("U", &order, &one, a, &order, b, &order, &info, 1);
  serial_end(kept);
  return definite;
}
