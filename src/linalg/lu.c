/* linalg/lu.c - general systems by LAPACK's dgetrf and dgetrs. */
#include "linalg/lu.h"

#include <math.h>

#include "linalg/serial.h"

/* Fortran: every argument by address; the length of the character argument follows, hidden, at the end. */
extern void dgetrf_(const int *rows, const int *columns, double *a, const int *lda, int *pivots, int *info);
extern void dgetrs_(const char *transposed, const int *n, const int *columns, const double *a, const int *lda,
                    const int *pivots, double *b, const int *ldb, int *info, size_t transposed_length);

enum { MOST = 46340 }; /* n^2 fits an int */

/* Row-major = the transpose in column-major, hence "T". */
bool lu_solve(size_t n, double *a, size_t count, double *b, int *pivots) {
  if (n == 0) return true;
  if (n > MOST || count > MOST) return false;
  int order = (int)n, columns = (int)count, info = 0, kept = serial_begin();
  dgetrf_(&order, &order, a, &order, pivots, &info);
  if (info == 0) dgetrs_("T", &order, &columns, a, &order, pivots, b, &order, &info, 1);
  serial_end(kept);
  bool good = info == 0;
  for (size_t e = 0; e < n * count && good; e++) good = isfinite(b[e]);
  return good;
}
