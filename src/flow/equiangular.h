/* flow/equiangular.h - n equal tokens at one common cosine rho: their flow is one scalar equation, solved exactly
 * (theory 1.8; arXiv:2312.10794, theorem 6.8), and two tokens of any masses.
 *
 * In the coordinate w = ln[ ((n-1) rho + 1) / ((n-1) (1 - rho)) ], which is -inf at the simplex rho = -1/(n-1) and +inf
 * at the single cluster, the equation has no factor that vanishes at either end:
 *     sa    w' = 2n / (e^{beta (1 - rho)} + n - 1)
 *     usa   w' = 2 e^{beta rho}
 * so times are integrals of smooth positive functions, and 1 - rho keeps its relative precision however small it is.
 * Times are logarithms: at large beta they leave the range of a double. */
#ifndef DWELL_FLOW_EQUIANGULAR_H
#define DWELL_FLOW_EQUIANGULAR_H

#include <dwell/status.h>
#include <stddef.h>

typedef enum equiangular_kind {
  EQUIANGULAR_SA,
  EQUIANGULAR_USA,
  EQUIANGULAR_PAIR,  /* sa, n = 2, masses `mass` and 1 - mass: w' = 2 m2/(m1 e^{beta(1-rho)} + m2) + the same swapped */
  EQUIANGULAR_CAUSAL /* sa, n = 2, the second token sees both and the first itself: w' = 2 / (e^{beta(1-rho)} + 1) */
} equiangular_kind;

typedef struct equiangular {
  equiangular_kind kind;
  size_t n; /* >= 2 */
  double beta;
  double mass; /* PAIR: in (0, 1) */
} equiangular;

/* w from the gap 1 - rho in [0, n/(n-1)], and back. -inf and +inf at the ends. */
double equiangular_coordinate(size_t n, double gap);
double equiangular_gap(size_t n, double w);
/* n = 2: w of two tokens at angle theta in [0, pi]. */
double equiangular_angle(double theta);

/* ln of the time from w0 to w1 >= w0, both finite (relative error of the time a few 1e-14, times 1 + beta); -inf if
 * they are equal. */
double equiangular_log_time(const equiangular *e, double w0, double w1);
/* w at time e^{log_time} after w0. An infinite w0 rests. log_time = -inf: w0. */
double equiangular_reach(const equiangular *e, double w0, double log_time);
/* ln w' at w. */
double equiangular_log_rate(const equiangular *e, double w);

/* The layer map x <- normalise(x + eta A(x)) of sa on the gap: 1 - rho' from 1 - rho. Exact. */
double equiangular_layer(size_t n, double beta, double eta, double gap);
/* x <- normalise(A(x)), without the residual connection: 1 - rho' (theory 1.8 and T17). */
double equiangular_bare_layer(size_t n, double beta, double gap);

/* Normalisation schemes (arXiv:2510.22026; theory 1.7): directions obey the equation divided by a speed s, radii grow.
 */
typedef enum equiangular_scheme {
  EQUIANGULAR_POST, /* s = 1 */
  EQUIANGULAR_PRE,  /* s = r, r' = <theta, A> */
  EQUIANGULAR_PERI, /* s = r |A|, r' = <theta, A> / |A| */
  EQUIANGULAR_NGPT, /* s = |A| */
  EQUIANGULAR_SQRT  /* s = sqrt(t + 1) */
} equiangular_scheme;

/* From w0 and radius 1 through times [count] (ascending, >= 0): ret_w [count], ret_radius [count]. rtol per step.
 * Errors: as ode_solve. */
dwell_status equiangular_normalised(size_t n, double beta, equiangular_scheme scheme, double w0, double rtol,
                                    size_t count, const double *times, double *ret_w, double *ret_radius,
                                    dwell_error *err);

#endif
