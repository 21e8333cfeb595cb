/* flow/sinkhorn.c - doubly stochastic attention: weights m_j e^{s_ij + f_i + g_j} whose rows sum to 1 and whose
 * columns, weighted by the masses of the rows, sum to the masses of the columns. */
#include <math.h>

#include "base/context.h"
#include "base/error.h"
#include "flow/families.h"
#include "flow/heads.h"

enum { MOST = 20000 };

/* Rows must sum to 1 within this. */
static const double enough = 1e-14;

/* Potential of row i that makes it sum to 1, given those of the columns, into norm. */
static void row_sums(const head_call *c, size_t i, double *scores) {
  for (size_t j = 0; j < c->system->n; j++) scores[j] += c->column_potential[j];
  c->norm[i] = -heads_log_sum(c->system->masses, c->system->n, scores);
}

static const head_rule rule;

/* Scores transposed: those of the columns. */
static head_call transposed(const head_call *c) {
  head_call t = *c;
  t.query = c->key, t.key = c->query;
  t.row_potential = c->column_potential, t.column_potential = c->row_potential;
  return t;
}

/* f <- (f + what makes rows sum to 1) / 2: for a positive kernel that halves the error at least. */
static double move_half(const head_call *c) {
  double worst = 0;
  for (size_t i = 0; i < c->system->n; i++) {
    worst = fmax(worst, fabs(c->norm[i] - c->row_potential[i]));
    c->row_potential[i] = c->column_potential[i] = 0.5 * (c->row_potential[i] + c->norm[i]);
  }
  return worst;
}

static double move_whole(const head_call *c) {
  double worst = 0;
  for (size_t i = 0; i < c->system->n; i++) {
    worst = fmax(worst, fabs(c->norm[i] - c->row_potential[i]));
    c->row_potential[i] = c->norm[i];
  }
  return worst;
}

/* Starts from the potentials of the evaluation before. */
static dwell_status prepare(head_call *c, dwell_error *err) {
  bool symmetric = c->layer->symmetric && c->system->beta >= 0;
  double worst = INFINITY, scale = fabs(c->system->beta) * c->layer->form_norm;
  for (size_t round = 0; round < MOST; round++) {
    head_call turned = transposed(c);
    dwell_status status = heads_each_row(c, &rule, row_sums, err);
    if (status != DWELL_OK) return status;
    worst = symmetric ? move_half(c) : move_whole(c);
    if (!isfinite(worst)) break;
    if (worst <= enough * fmax(1, scale)) return DWELL_OK;
    if (symmetric) continue;
    status = heads_each_row(&turned, &rule, row_sums, err);
    if (status != DWELL_OK) return status;
    move_whole(&turned);
  }
  return error_set(err, DWELL_FAILED,
                   "the weights did not become doubly stochastic: rows are off by %.2g after %d rounds", worst, MOST);
}

static size_t weigh(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log) {
  for (size_t j = 0; j < count; j++) row[j] += c->row_potential[i] + c->column_potential[j];
  return heads_exponential(c, i, count, row, ret_sum, ret_log);
}

static const head_rule rule = {.scores = heads_dot_scores, .weigh = weigh, .prepare = prepare};

/* With Q = K = V = I the plan pi_ij = m_i p_ij maximises sum pi <x, y> - KL(pi | m m) / beta, whose value F =
 * -2/beta sum_i m_i f_i rises at 2 sum_i m_i <A_i, v_i>. */
static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  dwell_status status = heads_sum(s, &rule, x, ret, work, err);
  if (status != DWELL_OK || s->layer != NULL || s->beta == 0 || ret->gradient == NULL) return status;
  const double *potential = heads_potential(work);
  ret->energy = 0;
  for (size_t i = 0; i < s->n; i++) {
    ret->energy -= 2 / s->beta * s->masses[i] * potential[i];
    for (size_t k = 0; k < s->d; k++) ret->gradient[i * s->d + k] = 2 * s->masses[i] * ret->pull[i * s->d + k];
  }
  return DWELL_OK;
}

static dwell_status check(const flow_system *s, dwell_error *err) {
  if (!s->causal) return DWELL_OK;
  error_set(err, DWELL_USAGE, "under a causal mask no doubly stochastic weights exist but each token's own");
  error_at_item(err, "mask");
  return DWELL_USAGE;
}

static const char *const parameters[] = {"beta: inverse temperature", "qkv: Q, K, V of one or many heads and layers",
                                         NULL};

const flow flow_sinkhorn = {
    .name = "sinkhorn",
    .summary = "doubly stochastic attention: rows and columns of the weights are normalised",
    .source = "Sander, Ablin, Blondel, Peyre, arXiv:2110.11773",
    .parameters = parameters,
    .check = check,
    .drift = drift,
    .attends = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
