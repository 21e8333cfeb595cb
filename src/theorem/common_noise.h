/* theorem/common_noise.h - noise that all tokens share, of T27: dX = P_X o (s dM X) with one Gaussian matrix M. */
#ifndef DWELL_THEOREM_COMMON_NOISE_H
#define DWELL_THEOREM_COMMON_NOISE_H

#include "theorem/theorem.h"

/* Drift of ln |sin| of the angle of two tokens, from t = 4 to 16, without attention. value: d, pairs. Two rows: the
 * drift, and the share of pairs that end together rather than opposite. */
dwell_status common_noise_gap(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err);
/* With the attention of sa between the two, d = 3, t = 40: share of pairs that end opposite. value: s^2, beta, pairs,
 * share in the table, pairs there. */
dwell_status common_noise_opposite(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                   dwell_error *err);
/* One rotation shared by all tokens after each of 100 steps of sa: largest difference of the cosines from those without
 * it. */
dwell_status common_noise_rotation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                   dwell_error *err);

#endif
