/* null/gaussian_factors.c - of maps, not of states: drawn once for all heads by mechanism/circuit_null.c. */
#include "null/nulls.h"

const null_model null_gaussian_factors = {
    .name = "gaussian_factors",
    .summary = "heads of the same shape with Gaussian weights",
    .source = "docs/instruments.md 7.1",
    .holds = "width, size of the heads, the mean that LayerNorm takes out, the Frobenius norm",
    .destroys = "what was learned",
    .how = "sampled, by the instruments (ov, qk, ov_sum): 99 heads for all",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
