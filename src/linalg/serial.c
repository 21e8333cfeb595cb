/* linalg/serial.c - one thread inside BLAS and LAPACK. */
#include "linalg/serial.h"

#include <cblas.h>
#include <omp.h>

int serial_begin(void) {
  /* The pthread build (another choice behind Debian's libopenblas.so.0) knows nothing of OpenMP: it has one number for
   * the whole process and can only be told once and for all. */
  if (openblas_get_parallel() == OPENBLAS_THREAD && openblas_get_num_threads() != 1) openblas_set_num_threads(1);
  int kept = omp_get_max_threads();
  if (kept != 1) omp_set_num_threads(1);
  return kept;
}

void serial_end(int kept) {
  if (kept != 1) omp_set_num_threads(kept);
}
