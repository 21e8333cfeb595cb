/* linalg/serial.h - one thread inside BLAS and LAPACK.
 *
 * Debian's libopenblas (OpenMP build) takes omp_get_max_threads() threads when it is called outside a parallel region,
 * and splits the work differently for each count. The pair below lowers that number to one for the
 * calling thread only: it is OpenMP's nthreads-var, a variable of the calling task, not of the process or of the
 * library. Measured: with it OpenBLAS uses one core, before and after which openblas_get_num_threads() is unchanged.
 *
 *     int kept = serial_begin();
 *     cblas_dgemm(...);
 *     serial_end(kept);
 */
#ifndef DWELL_LINALG_SERIAL_H
#define DWELL_LINALG_SERIAL_H

int serial_begin(void);
void serial_end(int kept);

#endif
