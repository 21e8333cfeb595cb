/* mechanism/circuit.h - what the product of a head's two maps does, without ever forming it.
 *
 * M = A B, d x d, of rank r = head_size: OV (what a head writes of what it reads) or QK (the form whose values are its
 * scores). W_V -> R W_V, W_O -> W_O R^-1 changes neither the network nor M, while it changes everything about W_V
 * alone; so numbers are taken of M only. Each comes from products of r x r or 2r x 2r: the non-zero eigenvalues of AB
 * are those of BA, and M looks the same in an orthonormal basis of the 2r vectors that span its rows and columns. */
#ifndef DWELL_MECHANISM_CIRCUIT_H
#define DWELL_MECHANISM_CIRCUIT_H

#include "instrument/instrument.h"
#include "trajectory/weights.h"

typedef enum circuit_key {
  CIRCUIT_RADIUS, /* largest modulus of an eigenvalue */
  CIRCUIT_TRACE,
  CIRCUIT_MAX_RE, /* largest and smallest real part of the r eigenvalues of BA */
  CIRCUIT_MIN_RE,
  CIRCUIT_NORM,      /* largest singular value */
  CIRCUIT_FRO,       /* Frobenius norm */
  CIRCUIT_SYM_SHARE, /* |S|^2 / |M|^2 of S = (M + M^T) / 2, Frobenius: 1 symmetric, 0 antisymmetric */
  CIRCUIT_ATTRACT,   /* sum over positive mu of mu^2 / sum of mu^2, mu the eigenvalues of S */
  CIRCUIT_HENRICI,   /* sqrt(1 - sum |lambda|^2 / |M|^2): 0 if M is normal */
  CIRCUIT_KEYS
} circuit_key;

/* Which product of a head: a map, or a form (x, y) -> x M y, of which eigenvalues say nothing. */
typedef enum circuit_kind { CIRCUIT_OV, CIRCUIT_QK } circuit_kind;

/* Of M = A B, A's columns and B's rows being a[r,d] and b[r,d] row-major. Undefined: shares of M = 0 ("zero_map"),
 * `attract` of M without a symmetric part ("antisymmetric"), of a form what rests on eigenvalues of M ("form"). Errors:
 * DWELL_NO_MEMORY, DWELL_FAILED (not finite). */
dwell_status circuit_measure(circuit_kind kind, size_t r, size_t d, const double *a, const double *b,
                             value ret_values[CIRCUIT_KEYS], dwell_error *err);
/* The same of any M[d,d], by its own eigenvalues: for the sum over the heads of a block. `m` is left as it is. */
dwell_status circuit_measure_dense(size_t d, const double *m, value ret_values[CIRCUIT_KEYS], dwell_error *err);

/* a and b [head_size, d] of a head, with what the norms before and behind them do: the gain multiplies what is read,
 * and the mean over coordinates is taken out (LayerNorm) of what is read and of what is written. QK: both read, and the
 * scale of scores is in a. */
void circuit_factors(const dwell_weights *w, circuit_kind kind, size_t head, double *ret_a, double *ret_b);

/* The same numbers of a head. */
dwell_status circuit_of_head(const dwell_weights *w, circuit_kind kind, size_t head, value ret_values[CIRCUIT_KEYS],
                             dwell_error *err);

uint64_t circuit_bytes(size_t r, size_t d);
double circuit_flops(size_t r, size_t d);

/* Takes the mean over its coordinates out of a vector. */
void circuit_centre(size_t d, double *x);

#endif
