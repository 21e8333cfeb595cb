/* flow/meanfield.h - infinitely many tokens: the density's own equation, on the circle and, for densities that depend
 * on one coordinate only, on spheres of any dimension (theory 1.11).
 *
 *   circle   f_t + (f v)_theta = f_theta theta / kappa,   v = (W * f)_theta / beta       usa, W = e^{beta cos}
 *                                                         v = (ln W * f)_theta / beta    sa
 *   sphere   f(<x, e>) relative to the uniform probability; the same with the gradient and the Laplacian of S^{d-1}
 *
 * Galerkin's method in Fourier modes and in Gegenbauer polynomials: the mass is conserved to the last bit, products are
 * taken on a grid fine enough to be free of aliasing for usa. Diffusion is integrated exactly (flow/ode.h). A density
 * that becomes narrower than the modes resolve is an error in words, not an answer. */
#ifndef DWELL_FLOW_MEANFIELD_H
#define DWELL_FLOW_MEANFIELD_H

#include <stdbool.h>

#include "flow/ode.h"

typedef struct meanfield {
  size_t d;        /* 2: circle; >= 3: axisymmetric on S^{d-1} */
  double beta;     /* sa: any; usa: |beta| <= 700 */
  bool normalised; /* sa */
  double kappa;    /* noise sqrt(2 / kappa) dW; 0: none */
  size_t modes;    /* K: orders 1..K */
} meanfield;

/* What a state says of itself. */
typedef struct meanfield_facts {
  double lowest; /* smallest value of the density on the grid, relative to the uniform one: the truth is >= 0 */
  double tail;   /* largest coefficient in the last eighth of the orders, relative to the largest of all but order 0 */
} meanfield_facts;

/* Length of a state: 2 K (circle), K + 1 (sphere).
 * Circle: y[2(k-1)], y[2(k-1)+1] are the real and imaginary part of c_k = int f e^{-ik theta}, k = 1..K.
 * Sphere: y[l] = int f P_l dsigma, P_l(1) = 1, l = 0..K, the mean of P_l(<x,e>); y[0] = 1. */
size_t meanfield_size(const meanfield *m);

/* State y at the requested times; *opt_facts of the last one. Errors: as ode_solve; DWELL_FAILED too where tail exceeds
 * 1e-3 (says to take more modes, or particles); DWELL_USAGE (d, modes, beta, kappa). */
dwell_status meanfield_solve(const meanfield *m, const ode_plan *plan, const ode_host *host, double *y,
                             meanfield_facts *opt_facts, ode_outcome *ret_outcome, dwell_error *err);

/* dy/dt at y, diffusion included. */
dwell_status meanfield_slope(const meanfield *m, const double *y, double *ret_slope, dwell_error *err);

/* The same again and again, with other beta and kappa between. `m` is copied. Errors as meanfield_solve. */
typedef struct meanfield_field meanfield_field;
dwell_status meanfield_open(const meanfield *m, meanfield_field **ret_field, dwell_error *err);
void meanfield_close(meanfield_field *f); /* NULL is fine */
dwell_status meanfield_change(meanfield_field *f, double beta, double kappa, dwell_error *err);
void meanfield_field_slope(meanfield_field *f, const double *y, double *ret_slope);
/* Of a noisy usa state: kappa times (its free energy - that of the uniform density), int f ln f - (kappa / 2 beta)
 * sum_l N_l a_l y_l^2. Where the density is negative on the grid it counts as 0. NaN for sa, which has none. */
double meanfield_free_energy(meanfield_field *f, const double *y);

/* Density relative to the uniform one at `count` places (circle: angles; sphere: <x,e>). */
dwell_status meanfield_density(const meanfield *m, const double *y, size_t count, const double *at, double *ret_density,
                               dwell_error *err);

/* The state of n tokens x [n, d] (unit rows) of `masses` [n]: circle, their Fourier coefficients; sphere, the means of
 * P_l(x_1), the axis being the first coordinate's. Errors: as meanfield_density. */
dwell_status meanfield_tokens(const meanfield *m, size_t n, const double *masses, const double *x, double *ret_y,
                              dwell_error *err);

/* Are d, modes, beta and kappa what meanfield_solve takes? DWELL_USAGE. */
dwell_status meanfield_check(const meanfield *m, dwell_error *err);

/* Growth rate of order l at the uniform state: lambda_l a_l / (beta [a_0]) - lambda_l / kappa (theory T8, T14). */
double meanfield_rate(const meanfield *m, size_t l);

#endif
