/* flow/symmetric.h - configurations that stand still at every beta by their symmetry, and whether they are stable: n
 * equal clusters at equal angles (cosine -1 / (n - 1), the corners of a simplex in n - 1 dimensions), and n equally
 * spaced ones on the circle. */
#ifndef DWELL_FLOW_SYMMETRIC_H
#define DWELL_FLOW_SYMMETRIC_H

#include <dwell/status.h>
#include <stdbool.h>

typedef struct symmetric {
  const char *flow; /* sa or usa */
  bool ring;        /* on the circle; else a simplex */
  size_t n;         /* 2 .. SYMMETRIC_MOST */
} symmetric;

enum { SYMMETRIC_MOST = 40 };

/* The largest rate of a small disturbance, rotations left out, and how many rates are above 1e-8 of the largest in
 * size. From central differences of the velocity: good to about 1e-9 of the largest rate. Errors: DWELL_USAGE. */
dwell_status symmetric_growth(const symmetric *s, double beta, double *ret_growth, size_t *ret_unstable,
                              dwell_error *err);

/* beta between low and high where that rate changes sign, to 1e-10. DWELL_USAGE where it has one sign at both. */
dwell_status symmetric_change(const symmetric *s, double low, double high, double *ret_beta, dwell_error *err);

#endif
