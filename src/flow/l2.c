/* flow/l2.c - attention by distances: scores -beta/2 |Q x_i - K x_j|^2. */
#include "flow/families.h"
#include "flow/heads.h"

/* The query's length is the same for all keys and drops out of the softmax, so it is left out. With Q = K = I the key's
 * is 1 and drops out too: this is then sa. */
static void scores(const head_call *c, size_t first, size_t rows, double *ret_scores) {
  size_t n = c->system->n, width = c->width;
  heads_dot_scores(c, first, rows, ret_scores);
  for (size_t j = 0; j < n; j++) {
    double square = 0;
    for (size_t k = 0; k < width; k++) square += c->key[j * width + k] * c->key[j * width + k];
    for (size_t r = 0; r < rows; r++) ret_scores[r * n + j] -= c->system->beta / 2 * square;
  }
}

static const head_rule rule = {.scores = scores, .weigh = heads_softmax};

static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  return heads_sum(s, &rule, x, ret, work, err);
}

static const char *const parameters[] = {"beta: twice the factor of the squared distances",
                                         "qkv: Q, K, V of one or many heads and layers", NULL};

const flow flow_l2 = {
    .name = "l2",
    .summary = "attention by squared distances, softmax of -beta/2 |Q x_i - K x_j|^2",
    .source = "Castin, Ablin, Peyre, arXiv:2501.18322 (beta = 2c)",
    .parameters = parameters,
    .drift = drift,
    .attends = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
