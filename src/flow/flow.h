/* flow/flow.h - what one family of dynamics implements, and the registry of families. */
#ifndef DWELL_FLOW_FLOW_H
#define DWELL_FLOW_FLOW_H

#include <dwell/flow.h>

/* One system at one moment. */
typedef struct flow_system {
  size_t n, d;
  double beta;
  const double *masses; /* [n], sum 1 */
  bool causal;
} flow_system;

/* Scratch and threads of one evaluation; replicas running side by side each have their own with ctx == NULL. */
typedef struct flow_work flow_work;

typedef struct flow {
  const char *name, *summary, *source; /* source: paper and equation */
  const char *const *parameters;       /* "beta: inverse temperature", ... NULL-terminated */
  /* The unprojected attention vector A_i [n,d] and the normaliser Z_i [n] (sum_j m_j e^{beta (G_ij - 1)}) at unit tokens
   * x [n,d]. velocity = P_x(A). Never forms an n x n matrix: memory O(tile x n). */
  dwell_status (*attention)(const flow_system *system, const double *x, double *ret_a, double *opt_z,
                            flow_work *work, dwell_error *err);
  /* dE/dt = sum_i weight_i |v_i|^2 for E = (1/2 beta) sum_ij m_i m_j e^{beta(G_ij-1)}, or NULL if no such law
   * (theory 2.2). */
  void (*energy_weights)(const flow_system *system, const double *z, double *ret_weight);
  double (*flops)(size_t n, size_t d);
} flow;

const flow *const *flow_registry(size_t *ret_count);
const flow *flow_find(const char *name);

#endif
