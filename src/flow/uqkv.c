/* flow/uqkv.c - unnormalised self-attention with given queries, keys and values; the same with noise. */
#include "flow/families.h"
#include "flow/heads.h"

static const head_rule rule = {.scores = heads_dot_scores, .weigh = heads_exponential, .exponential = true};

static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  return heads_sum(s, &rule, x, ret, work, err);
}

static const char *const parameters[] = {"beta: inverse temperature, |beta| <= 700 over the norm of Q^T K",
                                         "qkv: Q, K, V of one or many heads and layers", NULL};

const flow flow_uqkv = {
    .name = "uqkv",
    .summary = "unnormalised self-attention with any Q, K, V, one or many heads, layers by turns",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, section 3.4",
    .parameters = parameters,
    .check = heads_check_exponent,
    .drift = drift,
    .attends = true,
    .time_unit = heads_exponential_unit,
    .flops = heads_flops,
};

static const char *const noisy_parameters[] = {"beta: inverse temperature", "kappa: noise sqrt(2 / kappa) dW",
                                               "qkv: Q, K, V of one or many heads and layers", NULL};

const flow flow_noisy = {
    .name = "noisy",
    .summary = "unnormalised self-attention with independent Brownian motion on the sphere",
    .source = "survey arXiv:2512.01868; Mun, Rosenzweig, arXiv:2606.05140",
    .parameters = noisy_parameters,
    .check = heads_check_exponent,
    .drift = drift,
    .attends = true,
    .noisy = true,
    .time_unit = heads_exponential_unit,
    .flops = heads_flops,
};
