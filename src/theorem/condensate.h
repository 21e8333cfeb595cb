/* theorem/condensate.h - stationary densities of noisy interactions on the circle. */
#ifndef DWELL_THEOREM_CONDENSATE_H
#define DWELL_THEOREM_CONDENSATE_H

#include <stddef.h>

enum { CONDENSATE_MODES = 32 };

/* Even densities f with f ~ exp(2 strength sum_k coupling_k c_k cos k theta), c_k = <cos k theta>: the stationary
 * states of a kernel with Fourier coefficients coupling_k, strength = kappa / beta. */
typedef struct condensate {
  double strength;
  double coupling[CONDENSATE_MODES + 1]; /* [k], k >= 1 */
  double c[CONDENSATE_MODES + 1];        /* [k] */
} condensate;

/* Iterates c -> <cos k theta> from the given c until it moves by less than 1e-11 or 20000 times. Where all couplings
 * are
 * >= 0 every iteration lowers the free energy, so that the end is a minimum. */
void condensate_settle(condensate *s);
/* The stationary state with c_1 = order in (0, 1), stable or not, from the given c_k of k >= 2: finds its strength too.
 * Couplings >= 0, the first one > 0. */
void condensate_with_order(condensate *s, double order);
/* kappa times (free energy - free energy of the uniform density) at a stationary c. */
double condensate_free_energy(const condensate *s);

#endif
