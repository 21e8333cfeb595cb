/* flow/perceptron.c - unnormalised attention and a block of neurons whose output weights are parallel to the input's.
 */
#include <math.h>

#include "base/error.h"
#include "flow/families.h"
#include "flow/heads.h"

static const head_rule rule = {.scores = heads_dot_scores, .weigh = heads_exponential, .exponential = true};

/* sigma(s), and phi(s) with phi' = 2 sigma and phi(0) = 0. */
static double respond(flow_activation activation, double s, double *ret_phi) {
  const double density = 0.39894228040143267794 * exp(-s * s / 2), below = 0.5 * erfc(-s * 0.70710678118654752440);
  switch (activation) {
    case FLOW_GELU: *ret_phi = (s * s - 1) * below + s * density + 0.5; return s * below;
    case FLOW_TANH: *ret_phi = 2 * (fabs(s) + log1p(exp(-2 * fabs(s))) - 0.69314718055994530942); return tanh(s);
    default: *ret_phi = s > 0 ? s * s : 0; return s > 0 ? s : 0;
  }
}

/* sum_j omega_j sigma(<a_j, x>) a_j; returns sum_j omega_j phi(<a_j, x>). */
static double neurons(const flow_system *s, const double *x, double *ret) {
  const flow_layer *l = s->layer;
  double potential = 0;
  for (size_t k = 0; k < s->d; k++) ret[k] = 0;
  for (size_t j = 0; j < l->neurons; j++) {
    const double *a = l->direction + j * s->d;
    double input = 0, phi;
    for (size_t k = 0; k < s->d; k++) input += a[k] * x[k];
    double out = l->strength[j] * respond(s->activation, input, &phi);
    for (size_t k = 0; k < s->d; k++) ret[k] += out * a[k];
    potential += l->strength[j] * phi;
  }
  return potential;
}

/* E = sum_ij m_i m_j e^{s_ij} + beta sum_i m_i sum_j omega_j phi(<a_j, x_i>), all divided by e^{|beta| norm}. */
static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  dwell_status status = heads_sum(s, &rule, x, ret, work, err);
  double *add = heads_scratch(work), scale = exp(-fabs(s->beta) * s->layer->form_norm);
  for (size_t i = 0; i < s->n && status == DWELL_OK; i++) {
    double potential = neurons(s, x + i * s->d, add);
    ret->energy += scale * s->beta * s->masses[i] * potential;
    for (size_t k = 0; k < s->d; k++) {
      ret->pull[i * s->d + k] += add[k];
      if (ret->gradient != NULL) ret->gradient[i * s->d + k] += 2 * s->beta * scale * s->masses[i] * add[k];
    }
  }
  return status;
}

static dwell_status check(const flow_system *s, dwell_error *err) {
  if (s->layer != NULL && s->layer->neurons > 0) return heads_check_exponent(s, err);
  error_set(err, DWELL_USAGE, "the perceptron block needs the weights a [neurons, d] and omega [neurons]");
  error_at_item(err, "qkv");
  return DWELL_USAGE;
}

static const char *const parameters[] = {"beta: inverse temperature", "qkv: a, omega, and Q, K, V if wanted",
                                         "activation: relu, gelu or tanh", NULL};

const flow flow_perceptron = {
    .name = "perceptron",
    .summary = "unnormalised attention and a perceptron block, sum_j omega_j sigma(<a_j, x>) a_j",
    .source = "arXiv:2601.21366",
    .parameters = parameters,
    .check = check,
    .drift = drift,
    .attends = true,
    .time_unit = heads_exponential_unit,
    .flops = heads_flops,
};
