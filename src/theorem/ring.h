/* theorem/ring.h - the linear response of a flow about the uniform state of the circle. */
#ifndef DWELL_THEOREM_RING_H
#define DWELL_THEOREM_RING_H

#include "theorem/particles.h"

/* Growth rate of mode k <= 100: 512 equally spaced tokens are displaced by +-1e-5 sin(k theta) along the circle, and
 * the difference of the two velocities is projected on sin(k theta). Errors: as particles_velocity. */
dwell_status ring_rate(const char *name, double beta, size_t k, double *ret_rate, dwell_error *err);

/* Maxima of sum_j e^{beta cos(theta - theta_j)} over the circle, on a grid of 4096 angles. p in two dimensions. */
size_t ring_modes(const particles *p, double beta);

#endif
