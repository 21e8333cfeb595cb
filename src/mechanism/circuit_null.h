/* mechanism/circuit_null.h - what random maps of the same shape have: M = A B of independent Gaussian factors.
 *
 * A real head has hundreds of eigenvalues, half of them positive by chance and nearly all complex: nothing of its
 * spectrum is a finding before it is compared with this. Numbers that have a scale are compared at the head's own
 * Frobenius norm. */
#ifndef DWELL_MECHANISM_CIRCUIT_NULL_H
#define DWELL_MECHANISM_CIRCUIT_NULL_H

#include "mechanism/circuit.h"

enum { CIRCUIT_DRAWS = 99 };

/* The shape of two factors; centred: orthogonal to the vector of ones. */
typedef struct circuit_shape {
  size_t r, d;
  bool centred_a, centred_b;
} circuit_shape;

circuit_shape circuit_shape_of(const dwell_weights *w, circuit_kind kind);

typedef struct circuit_null {
  circuit_shape shape;
  size_t draws;
  double *values; /* [draws, CIRCUIT_KEYS]; those with a scale in units of the draw's Frobenius norm */
} circuit_null;

/* Draws on all threads: for a shape, not for a head, so once for a model. A draw is a pure function of (seed, shape,
 * number) and costs no more than the r x r part of a head: the factors' QR coordinates are drawn themselves (Bartlett
 * 1933). Release with circuit_null_free, also after a failure. */
dwell_status circuit_null_make(const dwell_context *ctx, const circuit_shape *shape, uint64_t seed, size_t draws,
                               circuit_null *ret_null, dwell_error *err);
void circuit_null_free(circuit_null *null);

/* Mean, population sd and p = (1 + draws that reach the observed value) / (1 + draws) of a number of a head with the
 * given values; undefined where that is, and where there are no draws. */
void circuit_null_compare(const circuit_null *null, const value values[CIRCUIT_KEYS], circuit_key key,
                          value ret_compared[3]);

#endif
