/* flow/linear.c - linear attention: scores are weights. */
#include <math.h>

#include "flow/families.h"
#include "flow/heads.h"

/* m_j s_ij; 1 bounds their sum where Q and K do not lengthen. */
static size_t weigh(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log) {
  (void)i;
  for (size_t j = 0; j < count; j++) row[j] *= c->system->masses[j];
  *ret_sum = fabs(c->system->beta) * c->layer->form_norm;
  *ret_log = 0;
  return 0;
}

static const head_rule rule = {.scores = heads_dot_scores, .weigh = weigh};

/* With Q = K = V = I and no mask, C = sum_j m_j x_j x_j^T moves tokens by P_x (beta C x):
 * E = sum_ij m_i m_j <x_i, x_j>^2 rises at 4 sum_i m_i <C x_i, v_i>. */
static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  dwell_status status = heads_sum(s, &rule, x, ret, work, err);
  if (status != DWELL_OK || s->layer != NULL || s->causal || s->beta == 0 || ret->gradient == NULL) return status;
  ret->energy = 0;
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->d; k++) {
      double moment = ret->pull[i * s->d + k] / s->beta; /* C x_i */
      ret->energy += s->masses[i] * x[i * s->d + k] * moment;
      ret->gradient[i * s->d + k] = 4 * s->masses[i] * moment;
    }
  return DWELL_OK;
}

static const char *const parameters[] = {"beta: a factor of the scores", "qkv: Q, K, V of one or many heads and layers",
                                         NULL};

const flow flow_linear = {
    .name = "linear",
    .summary = "linear attention: the scores themselves are the weights; all tokens go to an axis, on either side",
    .source = "x' = P_x C x with C the second moments of the tokens",
    .parameters = parameters,
    .drift = drift,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
