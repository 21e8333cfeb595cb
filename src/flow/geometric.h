/* flow/geometric.h - noise on the sphere: dX = b dt + sqrt(2 / kappa) dW with W Brownian motion on the sphere, by
 * geodesic steps (geometric Euler-Maruyama; weak order 1). */
#ifndef DWELL_FLOW_GEOMETRIC_H
#define DWELL_FLOW_GEOMETRIC_H

#include "flow/orbit.h"

/* ret_x = Exp_x(h b + spread P_x xi) = cos|v| x + sin|v| v / |v|: b tangent at the unit vector x, xi any. ret_x may be
 * xi. */
void geometric_move(size_t d, const double *x, double h, const double *b, double spread, const double *xi,
                    double *ret_x);

/* One step of length h from o->x, with the slope o->k[0] there, into ret_x: spread sqrt(2 h / kappa), normal xi keyed
 * by (seed, replica, step, particle, coordinate). kappa = 0: no noise. */
dwell_status geometric_step(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err);

#endif
