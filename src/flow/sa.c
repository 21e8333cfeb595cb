/* flow/sa.c - softmax self-attention on the sphere. */
#include <math.h>

#include "flow/attention.h"
#include "flow/families.h"

static dwell_status attention(const flow_system *s, const double *x, double *ret_pull, double *ret_along, double *ret_z,
                              flow_work *work, dwell_error *err) {
  for (size_t i = 0; i < s->n; i++) ret_along[i] = 1;
  return attention_shift(s, x, ret_pull, ret_z, work, err);
}

static void energy_weights(const flow_system *s, const double *z, double *ret_weight) {
  for (size_t i = 0; i < s->n; i++) ret_weight[i] = s->masses[i] * z[i];
}

/* Differences inside a cluster obey -(I - W) with W the attention matrix: by Gershgorin the spectrum of I - W is below
 * 2 max_i (1 - w_ii). For beta >= 0 and no mask W is similar to a positive semidefinite matrix, so it is below 1 too.
 * Tokens that see only themselves do not contract, and then long steps are stable. */
static double rate(const flow_system *s, const double *z) {
  double others = 0;
  for (size_t i = 0; i < s->n; i++) {
    double self = s->masses[i] * (s->beta < 0 ? exp(2 * s->beta) : 1);
    if (z[i] > 0) others = fmax(others, 1 - self / z[i]);
  }
  return s->beta >= 0 ? fmin(1, 2 * others) : 2 * others;
}

static double time_unit(const flow_system *s) {
  (void)s;
  return 1;
}

static double flops(size_t n, size_t d) { return (double)n * (double)n * (6 * (double)d + 25); }

static const char *const parameters[] = {"beta: inverse temperature, any finite number", NULL};

const flow flow_sa = {
    .name = "sa",
    .summary = "softmax self-attention on the sphere, Q = K = V = I",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, eq. (SA)",
    .parameters = parameters,
    .attention = attention,
    .energy_weights = energy_weights,
    .rate = rate,
    .time_unit = time_unit,
    .coalesces = true,
    .single = true,
    .scales = true,
    .averages = true,
    .metastable = true,
    .isotropic = true,
    .flops = flops,
};
