/* flow/heads.h - sums over heads of attention whose scores, weights and values are a family's own:
 *
 *   A_i = sum_h V_h sum_j p^h_ij x_j + bias
 *
 * A family says what the scores s_ij of a head are and how a row of them becomes weights p_ij; the rest is here. Rows
 * are made in tiles of ROWS x n, so that no n x n matrix exists. Bits do not depend on the number of threads. */
#ifndef DWELL_FLOW_HEADS_H
#define DWELL_FLOW_HEADS_H

#include "flow/flow.h"

/* One head at one moment. */
typedef struct head_call {
  const flow_system *system;
  const flow_layer *layer; /* never NULL */
  size_t head;
  const double *x;           /* [n, d] */
  const double *query, *key; /* [n, width]: what the family's features made */
  size_t width;
  double *row_potential, *column_potential; /* [n], of families with `prepare`; kept from one evaluation to the next */
  double *norm;                             /* [n] scratch of `prepare` */
  flow_work *work;
} head_call;

typedef struct head_rule {
  /* Scores of rows [first, first + rows) with all keys, [rows, n]. */
  void (*scores)(const head_call *c, size_t first, size_t rows, double *ret_scores);
  /* Row i over keys [0, count): scores become weights, masses included. *ret_sum: their sum; *ret_log: if they were
   * divided by a number, its logarithm, else 0. Returns ties of the row. */
  size_t (*weigh)(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log);
  /* Called once per head before its rows, or NULL. */
  dwell_status (*prepare)(head_call *c, dwell_error *err);
  bool additive;    /* queries and keys come from W and U, not from Q and K */
  bool exponential; /* weights are m_j e^{s_ij}, up to a factor of the row: E = sum_ij m_i m_j e^{s_ij} has a law */
} head_rule;

/* A(x) into ret->pull (ret->along is set to 0), with what goes with it. */
dwell_status heads_sum(const flow_system *system, const head_rule *rule, const double *x, flow_drift *ret,
                       flow_work *work, dwell_error *err);

dwell_status heads_work_create(const flow_system *system, const dwell_context *ctx, flow_work **ret_work,
                               dwell_error *err);
void heads_work_destroy(flow_work *work);
uint64_t heads_work_bytes(size_t n, size_t d, const flow_layer *opt_layer, int threads);

/* For `prepare`: calls `use` with the scores of every row, in parallel over tiles. */
dwell_status heads_each_row(const head_call *c, const head_rule *rule,
                            void (*use)(const head_call *c, size_t i, double *scores), dwell_error *err);

/* Keys that row i sees. */
static inline size_t heads_visible(const flow_system *s, size_t i) { return s->causal ? i + 1 : s->n; }

/* ---- what several families share ---- */

/* beta <Q x_i, K x_j> */
void heads_dot_scores(const head_call *c, size_t first, size_t rows, double *ret_scores);
/* m_j e^{s_ij} / sum, and m_j e^{s_ij}. */
size_t heads_softmax(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log);
size_t heads_exponential(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log);
/* Time units, cost and checks. */
double heads_time_unit(const flow_system *s);
double heads_exponential_unit(const flow_system *s);
double heads_flops(size_t n, size_t d);
dwell_status heads_check_exponent(const flow_system *s, dwell_error *err); /* |beta| norm <= 700 */
/* [n] row potentials of the first head; [width >= d] free between evaluations. */
const double *heads_potential(const flow_work *work);
double *heads_scratch(flow_work *work);
/* log of sum_j m_j e^{s_j}; the row is overwritten. -INFINITY without mass. */
double heads_log_sum(const double *masses, size_t count, double *row);

#endif
