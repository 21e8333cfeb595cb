/* flow/hardmax.c - attention at beta = infinity: a token goes to the key of the largest score, never to itself. */
#include <math.h>

#include "flow/families.h"
#include "flow/heads.h"

/* Scores closer than this to the largest are ties: a few roundings of a score of size 1. Scores here have beta = 1. */
static const double tie = 1e-13;

static void scores(const head_call *c, size_t first, size_t rows, double *ret_scores) {
  flow_system one = *c->system;
  head_call call = *c;
  one.beta = 1;
  call.system = &one;
  heads_dot_scores(&call, first, rows, ret_scores);
}

static bool is_candidate(const head_call *c, size_t i, size_t j) { return j != i && c->system->masses[j] > 0; }

/* A row without another token in sight goes to itself: it rests. */
static size_t rest(size_t i, size_t count, double *row) {
  for (size_t j = 0; j < count; j++) row[j] = j == i;
  return 0;
}

/* Weight 1 on the key that the rule chooses; `mean`: on all ties, by their masses. */
static size_t weigh(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log) {
  const flow_system *s = c->system;
  double top = -INFINITY, mass = 0;
  size_t ties = 0, chosen = 0;
  *ret_sum = 1, *ret_log = 0;
  for (size_t j = 0; j < count; j++)
    if (is_candidate(c, i, j)) top = fmax(top, row[j]);
  if (top == -INFINITY) return rest(i, count, row);
  double least = top - tie * fmax(1, fabs(top));
  for (size_t j = 0; j < count; j++) {
    if (!is_candidate(c, i, j) || row[j] < least) {
      row[j] = 0;
      continue;
    }
    if (ties == 0 || s->rule == FLOW_RULE_LAST) chosen = j;
    mass += row[j] = s->masses[j];
    ties++;
  }
  for (size_t j = 0; j < count; j++) row[j] = s->rule == FLOW_RULE_MEAN ? row[j] / mass : (double)(j == chosen);
  return ties > 1;
}

static const head_rule rule = {.scores = scores, .weigh = weigh};

static dwell_status drift(const flow_system *s, const double *x, flow_drift *ret, flow_work *work, dwell_error *err) {
  return heads_sum(s, &rule, x, ret, work, err);
}

static const char *const parameters[] = {"rule: mean, first or last among equal scores",
                                         "qkv: Q, K, V of one or many heads and layers", NULL};

const flow flow_hardmax = {
    .name = "hardmax",
    .summary = "attention at beta = infinity: each token goes to the other token of the largest score",
    .source = "survey arXiv:2512.01868; Alcalde, Fantuzzi, Zuazua, arXiv:2407.01602",
    .parameters = parameters,
    .drift = drift,
    .attends = true,
    .time_unit = heads_time_unit,
    .flops = heads_flops,
};
