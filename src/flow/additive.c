/* flow/additive.c - additive attention: scores beta <v, tanh(W x_i + U x_j)>. */
#include "base/error.h"
#include "flow/families.h"
#include "flow/heads.h"
#include "linalg/vmath.h"

enum { CHUNK = 256 };

static void scores(const head_call *c, size_t first, size_t rows, double *ret_scores) {
  size_t n = c->system->n, hidden = c->width;
  const double *weight = c->layer->add_weight + c->head * hidden;
  double unit[CHUNK];
  for (size_t r = 0; r < rows; r++) {
    const double *q = c->query + (first + r) * hidden;
    for (size_t j = 0; j < n; j++) {
      const double *k = c->key + j * hidden;
      double sum = 0;
      for (size_t from = 0; from < hidden; from += CHUNK) {
        size_t count = hidden - from < CHUNK ? hidden - from : CHUNK;
        for (size_t u = 0; u < count; u++) unit[u] = q[from + u] + k[from + u];
        vmath_tanh_f64(count, unit, unit);
        for (size_t u = 0; u < count; u++) sum += weight[from + u] * unit[u];
      }
      ret_scores[r * n + j] = c->system->beta * sum;
    }
  }
}

static const head_rule rule = {.scores = scores, .weigh = heads_softmax, .additive = true};

static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  return heads_sum(s, &rule, x, ret, work, err);
}

static dwell_status check(const flow_system *s, dwell_error *err) {
  if (s->layer != NULL && s->layer->hidden > 0) return DWELL_OK;
  error_set(err, DWELL_USAGE, "additive attention needs the weights W, U [hidden, d] and v [hidden]");
  error_at_item(err, "qkv");
  return DWELL_USAGE;
}

static const char *const parameters[] = {"beta: inverse temperature",
                                         "qkv: W, U, v, and V, of one or many heads and layers", NULL};

const flow flow_additive = {
    .name = "additive",
    .summary = "additive attention, softmax of beta <v, tanh(W x_i + U x_j)>",
    .source = "Bahdanau, Cho, Bengio, arXiv:1409.0473, as a particle flow",
    .parameters = parameters,
    .check = check,
    .drift = drift,
    .attends = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
