/* mechanism/output.h - what an output layer says of states: the loss of the next token, how far two sets of states
 * differ in it, and the tokens it scores highest. The scores of n states for a whole vocabulary are never held: tiles
 * of the vocabulary are worked off by all threads and joined in a fixed order, in double throughout. */
#ifndef DWELL_MECHANISM_OUTPUT_H
#define DWELL_MECHANISM_OUTPUT_H

#include "trajectory/source.h"

/* ret_nll[i] = -ln p(next[i]) in nats, p the softmax of the scores of row i of y [n, width] (as `prepare` made it);
 * next[i] < 0: NaN. */
dwell_status output_nll(const dwell_context *ctx, const source_output *o, size_t n, const double *y,
                        const int64_t *next, double *ret_nll, dwell_error *err);

/* ret_kl[i] = sum_v p ln(p / q) in nats, p of row i of y and q of row i of z, both [n, width]. At least 0. */
dwell_status output_kl(const dwell_context *ctx, const source_output *o, size_t n, const double *y, const double *z,
                       double *ret_kl, dwell_error *err);

/* The k <= OUTPUT_MOST_TOP tokens of the highest scores of each row, the highest first, of equal ones the smaller
 * number first, and their probabilities: both [n, k]. Where the vocabulary is smaller than k the rest is SIZE_MAX and
 * 0.
 */
enum { OUTPUT_MOST_TOP = 16 };
dwell_status output_top(const dwell_context *ctx, const source_output *o, size_t n, const double *y, size_t k,
                        size_t *ret_tokens, double *ret_p, dwell_error *err);

/* Bytes that one call takes. */
uint64_t output_bytes(size_t n, size_t width, size_t vocabulary, int threads);

#endif
