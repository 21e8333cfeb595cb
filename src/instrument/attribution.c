/* instrument/attribution.c - columns of what the parts of a block do to the energy. The numbers do not come from the
 * states at its two ends, as those of other instruments do, but from its way between them: mechanism/attribution.h,
 * measure/attribution.c. */
#include <math.h>

#include "instrument/instruments.h"

enum { BETAS = 5 };

/* 8 nodes and more of n^2 with an exponential each, and two products a temperature; the path's inner products. */
static double flops(size_t n, size_t d) {
  double pairs = (double)n * (double)n;
  return BETAS * (4 * pairs * (double)d + 8 * 40 * pairs) + 6 * pairs * (double)d;
}

static double head_flops(size_t n, size_t d) { return (2 + 2 * BETAS) * (double)n * (double)d; }

#define FOR_BETAS(name, meaning)                                                        \
  {name "_b0.1", "1", -INFINITY, INFINITY, meaning ", beta = 0.1"},                     \
      {name "_b1", "1", -INFINITY, INFINITY, meaning ", beta = 1"},                     \
      {name "_b2", "1", -INFINITY, INFINITY, meaning ", beta = 2"},                     \
      {name "_b5", "1", -INFINITY, INFINITY, meaning ", beta = 5"}, {                   \
    name "_calibrated", "1", -INFINITY, INFINITY, meaning ", beta = the calibrated one" \
  }

static const instrument_column columns[] = {
    FOR_BETAS("dE_attn", "share of the heads in the change of the energy"),
    FOR_BETAS("dE_bias", "share of the bias of the attention's output map"),
    FOR_BETAS("dE_mlp", "share of the MLP"),
    FOR_BETAS("dE_norm", "share of the norms that stand after the sublayers"),
    FOR_BETAS("dE_rounding", "share of what the sum of the heads is off the stream by rounding"),
    FOR_BETAS("dE_defect", "sum of the five shares less the change: the error of quadrature"),
};

const instrument instrument_attribution = {
    .name = "attribution",
    .summary = "which part of a block changes the energy: heads, bias, MLP, norms",
    .source = "Aumann and Shapley 1974, Values of non-atomic games; docs/instruments.md 3.4",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .from_parts = true,
    .flops = flops,
    .optional = true,
};

static const instrument_column head_columns[] = {
    FOR_BETAS("dE_head", "share of the head in the change of the energy over its block"),
};

const instrument instrument_head_attribution = {
    .name = "head_attribution",
    .summary = "which head of a block changes the energy",
    .source = "Aumann and Shapley 1974, Values of non-atomic games; docs/instruments.md 3.4",
    .scope = PER_HEAD,
    .columns = head_columns,
    .column_count = COUNT_OF(head_columns),
    .from_parts = true,
    .flops = head_flops,
    .optional = true,
};
