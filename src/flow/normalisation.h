/* flow/normalisation.h - where a network's norm sits: how the attention vector A_i at the directions x becomes motion.
 *
 * A token is h = r x with |x| = 1. All schemes move x by P_x A / s (arXiv:2510.22026):
 *
 *   post         s = 1          r stays 1
 *   pre          s = r          r' = <x, A>
 *   mix:TAU      post until time TAU, then pre
 *   peri         s = r |A|      r' = <x, A> / |A|
 *   ngpt[:ALPHA] s = |A|/ALPHA  r stays 1
 *   sqrt         s = sqrt(1+t)  r stays 1: post in the clock 2 (sqrt(1+t) - 1)
 *
 * and as layers of step ETA:
 *
 *   post  x <- N(x + ETA A)      pre   h <- h + ETA A        peri  h <- h + ETA N(A)
 *   ngpt  x <- N(x + ETA ALPHA (N(A) - x))                   sqrt  x <- N(x + ETA A / sqrt(1+t))
 *
 * What lengths do is left to whoever integrates (flow/segments.h). */
#ifndef DWELL_FLOW_NORMALISATION_H
#define DWELL_FLOW_NORMALISATION_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum normalisation_scheme {
  NORMALISATION_POST,
  NORMALISATION_PRE,
  NORMALISATION_MIX,
  NORMALISATION_PERI,
  NORMALISATION_NGPT,
  NORMALISATION_SQRT
} normalisation_scheme;

typedef struct normalisation {
  normalisation_scheme scheme;
  double parameter; /* TAU or ALPHA */
} normalisation;

/* "post", "mix:3", ...; DWELL_USAGE with words. */
dwell_status normalisation_parse(const char *text, normalisation *ret, dwell_error *err);
const char *normalisation_name(normalisation_scheme scheme);

/* Do lengths move? Then the state is h [n, d] itself and not directions. Mix before TAU is post, after it pre. */
bool normalisation_is_radial(const normalisation *z);

/* v [n, d] is P_x A and becomes the motion of x; radial[i] = <x_i, A_i>; ret_scale[i] = 1 / s_i. Of the schemes that
 * are not radial. */
void normalisation_apply(const normalisation *z, size_t n, size_t d, const double *radial, double *v,
                         double *ret_scale);
/* One layer: x [n, d] unit rows, a [n, d] the attention vectors, destroyed. DWELL_FAILED if a direction is lost. */
dwell_status normalisation_layer(const normalisation *z, size_t n, size_t d, double eta, double *a, double *x,
                                 dwell_error *err);
/* The motion of h for the schemes that are radial: a [n, d] stays (pre) or is normalised (peri). */
void normalisation_motion(const normalisation *z, size_t n, size_t d, double *a);

#endif
