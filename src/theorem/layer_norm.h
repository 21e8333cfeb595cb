/* theorem/layer_norm.h - the common starts of theorem T30: with and without a norm, by one head or several. */
#ifndef DWELL_THEOREM_LAYER_NORM_H
#define DWELL_THEOREM_LAYER_NORM_H

#include <dwell/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAYER_NORM_MOST_TIMES = 32, LAYER_NORM_MOST_HEADS = 8 };

/* 32 uniform tokens in three dimensions, Q = K = V = I, beta = 1: groups linked within .02 at `count` ascending times,
 * of the tokens under sa (norm) or of z = e^{-t} x under the flow without a norm. ret_groups [count]. Errors: of the
 * flow. */
dwell_status layer_norm_groups(bool norm, uint32_t start, size_t count, const double *times, double *ret_groups,
                               const dwell_context *opt_ctx, dwell_error *err);

/* Nested heads, the first ones of one set for each start: B_h = 2 Gaussian / sqrt(d), V_h = I / H, or Gaussian /
 * sqrt(d H) where values are random. 32 tokens in 16 dimensions from uniform directions, with a norm or without (then
 * by fixed steps): mean cosine of directions at `count` ascending times. ret_cosine [count], opt_length: the median
 * length of a token at the last of them. Errors: of the flow. */
typedef struct layer_norm_arm {
  size_t heads; /* 1..LAYER_NORM_MOST_HEADS */
  bool random_values, norm;
} layer_norm_arm;
dwell_status layer_norm_cosines(const layer_norm_arm *arm, uint32_t start, size_t count, const double *times,
                                double *ret_cosine, double *opt_length, const dwell_context *opt_ctx, dwell_error *err);

#endif
