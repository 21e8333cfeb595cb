/* flow/flow.h - what one family of dynamics implements, and the registry of families.
 *
 * Weights are kept below overflow by a common factor: everywhere here "scaled" means divided by e^{|beta|}, so that the
 * largest possible weight, e^{beta G - |beta|}, is 1 (at G = 1 for beta >= 0, at G = -1 for beta < 0). */
#ifndef DWELL_FLOW_FLOW_H
#define DWELL_FLOW_FLOW_H

#include <dwell/flow.h>

#include "flow/layer.h"
#include "flow/normalisation.h"

/* Which key hardmax attention goes to among equal scores. */
typedef enum flow_rule { FLOW_RULE_MEAN, FLOW_RULE_FIRST, FLOW_RULE_LAST } flow_rule;
/* The function of the perceptron's neurons. */
typedef enum flow_activation { FLOW_RELU, FLOW_GELU, FLOW_TANH } flow_activation;

/* One system at one moment. */
typedef struct flow_system {
  size_t n, d;
  double beta;
  const double *masses; /* [n], sum 1 */
  bool causal;
  /* Families that scale, log clock: velocities are wanted in units of e^{log_scale} / time unit, so that they are
   * numbers of ordinary size however cold the system is. z stays as it is. */
  bool scaled;
  double log_scale;
  bool single;                 /* sums over pairs in single precision (attention.h) */
  const flow_layer *layer;     /* weights; NULL: one head, Q = K = V = I */
  normalisation normalisation; /* of the schemes that are not radial: those are the caller's */
  flow_rule rule;              /* of hardmax attention */
  flow_activation activation;  /* of a perceptron */
} flow_system;

/* What a family of heads (flow/heads.h) says of one moment. */
typedef struct flow_drift {
  double *pull, *along; /* [n, d], [n] as in flow.attention */
  double *gradient;     /* [n, d] of the energy; NULL: not wanted */
  double energy;        /* NaN where it has no law for this system */
  double rate;          /* as flow.rate */
  size_t ties;          /* rows of hardmax attention without a single largest score */
  /* Wanted or NULL: [n, n] for the weights of one head, each row divided by its sum (a row without weights sees itself
   * alone); `use` gets it head by head. One process, whatever the threads. */
  double *matrix;
  dwell_status (*use)(void *self, size_t head, const double *matrix, dwell_error *err);
  void *self;
} flow_drift;

/* Scratch and threads of one evaluation; see flow/attention.h. Replicas running side by side each have their own. */
typedef struct flow_work flow_work;

struct flow_plan;
struct integrate_host;
struct certificate;

typedef struct flow {
  const char *name, *summary, *source; /* source: paper and equation */
  const char *const *parameters;       /* "beta: inverse temperature", ... NULL-terminated */
  /* What this family refuses of an otherwise valid system (DWELL_USAGE with words), or NULL. */
  dwell_status (*check)(const flow_system *system, dwell_error *err);
  /* The unprojected attention vector at unit tokens x [n,d], split as A_i = along_i x_i + pull_i so that
   * velocity_i = P_x(pull_i) keeps its relative precision where tokens nearly coincide (flows.md 5); and the scaled
   * normaliser Z_i = sum_j m_j e^{beta G_ij - |beta|}. ret_pull [n,d], ret_along [n], ret_z [n]. Never forms an n x n
   * matrix: memory O(tile x n). */
  dwell_status (*attention)(const flow_system *system, const double *x, double *ret_pull, double *ret_along,
                            double *ret_z, flow_work *work, dwell_error *err);
  /* Instead of `attention`, energy_weights and rate: families of heads. dE/dt = sum_i <gradient_i, v_i>. */
  dwell_status (*drift)(const flow_system *system, const double *x, flow_drift *ret, flow_work *work, dwell_error *err);
  bool masked;   /* defined under a causal mask */
  bool noisy;    /* needs noise */
  bool attends;  /* a family of heads whose weights are not negative: they make attention matrices */
  bool weighted; /* takes Q, K, V (all families of heads do, whatever this says) */
  /* The scaled energy E = sum_ij m_i m_j e^{beta G_ij - |beta|} obeys dE/dt = 2 beta sum_i weight_i |v_i|^2
   * (flows.md 2). NULL if there is no such law. */
  void (*energy_weights)(const flow_system *system, const double *z, double *ret_weight);
  /* A bound on the rate at which neighbouring tokens contract, which explicit steps must resolve (flows.md 4). */
  double (*rate)(const flow_system *system, const double *z);
  /* The time in which a tight cluster contracts by a factor e: the shortest time worth looking at. */
  double (*time_unit)(const flow_system *system);
  double (*log_time_unit)(const flow_system *system); /* its logarithm, where the unit may underflow; may be NULL */
  /* Without a mask, coincident tokens move as one and act as one of their summed mass: merging them is exact. */
  bool coalesces;
  bool single; /* takes flow_system.single */
  bool scales; /* takes flow_system.scaled where beta > 0 and no mass is zero */
  /* Without a mask, velocities are projections of non-negative combinations of tokens: an open hemisphere that holds
   * the tokens keeps them, and their smallest cosine with its pole never falls. */
  bool averages;
  bool metastable; /* the theorem of dynamic metastability holds (arXiv:2410.06833), in this normalisation */
  bool isotropic;  /* velocities lie in the span of the tokens and turn with them: n dimensions are enough */
  /* A family that integrates itself, because its state is not n unit vectors or because it knows better: as integrate()
   * of flow/integrate.h. It needs no attention, energy_weights or rate. NULL: the integrators of flow/orbit.h. */
  dwell_status (*solve)(const struct flow_plan *plan, const struct integrate_host *host, double *x,
                        struct certificate *ret_certificate, dwell_error *err);
  /* The state is a density, which `solve` shows as tokens: takes density starts, and noise as part of its equation. */
  bool density;
  bool off_sphere; /* states are not unit vectors; such a family has `solve` */
  /* What such a family refuses of an otherwise valid plan, masses and integrator included. May be NULL. */
  dwell_status (*check_plan)(const struct flow_plan *plan, dwell_error *err);
  double (*flops)(size_t n, size_t d); /* of one evaluation; an exponential counts 20 */
} flow;

const flow *const *flow_registry(size_t *ret_count);
/* ln of the family's time unit. */
double flow_log_unit(const flow *family, const flow_system *system);
const flow *flow_find(const char *name); /* NULL: no such flow */

#endif
