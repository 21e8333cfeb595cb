/* linalg/lanczos.h - the largest eigenvalue of a symmetric operator that is known by its products only. */
#ifndef DWELL_LINALG_LANCZOS_H
#define DWELL_LINALG_LANCZOS_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANCZOS_MOST_STEPS = 96 };

typedef struct lanczos_problem {
  size_t n;
  void (*apply)(const void *self, const double *x, double *ret_y); /* y = A x, A symmetric */
  const void *self;
  const double *deflated; /* [n] a unit vector; the answer is that of its orthogonal complement. NULL: none */
  double tolerance;       /* absolute, of the eigenvalue */
} lanczos_problem;

/* With `deflated` an eigenvector of the largest eigenvalue this is the second largest, which may equal the largest.
 * Full reorthogonalisation, at most LANCZOS_MOST_STEPS products; the start is always the same. *ret_converged false:
 * the residual does not vouch for the tolerance (a dense solver does). n >= 2 (n >= 1 without a deflated vector).
 * Errors: DWELL_NO_MEMORY, DWELL_FAILED where a product is not finite. */
dwell_status lanczos_largest(const lanczos_problem *p, double *ret_value, bool *ret_converged, dwell_error *err);

uint64_t lanczos_bytes(size_t n);

#endif
