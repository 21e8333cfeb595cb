/* linalg/selfcheck.h - do the installed BLAS and our own panels compute what they should on this machine? Kernels are
 * picked by CPU at run time, and a wrong one has been shipped before; nothing else would notice. gemm_selfcheck
 * (gemm.h) runs it on the real functions; tests run it on functions with a fault. */
#ifndef DWELL_LINALG_SELFCHECK_H
#define DWELL_LINALG_SELFCHECK_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Signatures as in gemm.h and eigen.h. */
typedef struct selfcheck_functions {
  void (*f32)(bool bt, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
              size_t ldc);
  void (*f64)(bool at, bool bt, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
              const double *b, size_t ldb, double beta, double *c, size_t ldc);
  dwell_status (*values)(size_t n, double *a, double *ret_values, dwell_error *err);
  void (*square)(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg);
} selfcheck_functions;

/* DWELL_CHECK_FAILED names the library, its kernel, the product and the first wrong entry. */
dwell_status selfcheck_run(const selfcheck_functions *functions, bool quick, dwell_error *err);

#endif
