/* theorem/hardmax.h - attention on the line, of theorem T28. */
#ifndef DWELL_THEOREM_HARDMAX_H
#define DWELL_THEOREM_HARDMAX_H

#include <stddef.h>

typedef struct hardmax_line {
  size_t n;
  double beta;
} hardmax_line;

/* z_i' = sum_j softmax_j(beta z_i z_j) (z_j - z_i); arg: a hardmax_line. For numerics_rk4. */
void hardmax_attract(double t, const double *z, double *ret_v, const void *arg);

/* Time in which the middle of (-1, delta, 1) reaches 1/2. */
double hardmax_leaves(double beta, double delta);

/* Largest |z_2 - 2 (1 - e^-t)| over t <= 4 from (-1, 0, 2). */
double hardmax_distance(double beta);

#endif
