/* mechanism/mechanism.h - instruments that read a network's weights: what they are given, and the list of them. */
#ifndef DWELL_MECHANISM_MECHANISM_H
#define DWELL_MECHANISM_MECHANISM_H

#include "mechanism/circuit_null.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A head, and random ones of its shape for either of its products (no draws: none were asked for). */
typedef struct mechanism_head {
  const dwell_weights *weights;
  size_t head;
  const circuit_null *ov, *qk;
} mechanism_head;

/* A block: its weights, what its heads do together, and the states at its own two ends. */
typedef struct mechanism_block {
  const dwell_weights *weights;
  const double *sum;            /* [d, d] the OV maps of all heads added up */
  size_t n;                     /* measured tokens */
  const double *before, *after; /* [n, d] states b and b + 1 of block b; NULL: there is no text */
} mechanism_block;

/* The sum of the heads' OV maps, folded as each of them is, into ret_sum [d, d]: y = M x. */
dwell_status mechanism_sum(const dwell_weights *w, double *ret_sum, dwell_error *err);

/* Memory of an instrument of blocks at most, for a stream of width d. */
uint64_t mechanism_block_bytes(size_t n, size_t d);

extern const instrument instrument_ov, instrument_qk, instrument_ov_sum, instrument_subspace, instrument_sign,
    instrument_peer_wv;

const instrument *const *mechanism_registry(size_t *ret_count);

#endif
