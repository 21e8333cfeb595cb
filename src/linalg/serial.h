/* linalg/serial.h - one thread inside BLAS, LAPACK and oneDNN.
 *
 * Debian's libopenblas (OpenMP build) and libdnnl both take omp_get_max_threads() threads when they are called outside
 * a parallel region, and split the work differently for each count. The pair below lowers that number to one for the
 * calling thread only: it is OpenMP's nthreads-var, a variable of the calling task, not of the process or of the
 * library. Measured: with it both use one core, before and after which openblas_get_num_threads() is unchanged.
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
