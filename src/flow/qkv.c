/* flow/qkv.c - softmax self-attention with given queries, keys and values, one or many heads. */
#include "flow/families.h"
#include "flow/heads.h"

static const head_rule rule = {.scores = heads_dot_scores, .weigh = heads_softmax, .exponential = true};

static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  return heads_sum(s, &rule, x, ret, work, err);
}

static const char *const parameters[] = {"beta: inverse temperature", "qkv: Q, K, V of one or many heads and layers",
                                         NULL};

const flow flow_qkv = {
    .name = "qkv",
    .summary = "softmax self-attention with any Q, K, V, one or many heads, layers by turns",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, eqs. (2.5), (2.6)",
    .parameters = parameters,
    .drift = drift,
    .attends = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};

/* The same under a mask: not a gradient flow of one energy, but token k climbs its own, which the tokens before it make
 * (arXiv:2411.04990). */
static const char *const causal_parameters[] = {"beta: inverse temperature", "qkv: Q, K, V", NULL};

const flow flow_csa = {
    .name = "csa",
    .summary = "causal softmax self-attention with any Q, K, V: token k sees j <= k",
    .source = "Karagodin, Polyanskiy, Rigollet, arXiv:2411.04990, eq. (CSA)",
    .parameters = causal_parameters,
    .drift = drift,
    .attends = true,
    .masked = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
