/* flow/integrate.h - one system from its start through the requested times. */
#ifndef DWELL_FLOW_INTEGRATE_H
#define DWELL_FLOW_INTEGRATE_H

#include "flow/certificate.h"
#include "flow/flow.h"
#include "flow/history.h"
#include "flow/restart.h"

typedef struct flow_plan {
  const flow *family;
  flow_system system;
  dwell_integrator integrator;
  double step;         /* rk4, euler, layer */
  double rtol;         /* rk45 */
  const double *times; /* [count] strictly ascending, >= 0 */
  size_t count;
  /* The log clock (rk45 only): states at the logarithms of times [count], ascending, -INFINITY for t = 0; `times` is
   * not read. With merge > 0 tokens closer than that become one of their summed mass. It goes to the last of log_times,
   * or (until_merged > 0) until so many clusters are left, or to log_end; then log_times may be NULL. */
  bool log_clock;
  const double *log_times;
  double merge;
  size_t until_merged;
  double log_end;
  /* Flows of densities. */
  struct flow_density {
    enum { DENSITY_TOKENS, DENSITY_MODE, DENSITY_VON_MISES } start; /* TOKENS: that of x, smoothed */
    size_t order;
    double amount;
    size_t modes;
  } density;
  /* Noise sqrt(2 / kappa) dW of the integrator geometric; 0: none. Its numbers belong to (seed, replica, step), steps
   * counted from first_step on. */
  double kappa;
  uint64_t seed;
  uint32_t replica;
  size_t first_step;
} flow_plan;

/* Who asked, and who is to be told. */
typedef struct integrate_host {
  const dwell_context *ctx;     /* interruption; may be NULL */
  const dwell_context *threads; /* threads inside one evaluation; NULL: one */
  /* Called after each step with t / T; may be NULL. */
  void (*progress)(void *self, double fraction);
  /* State `index` (of plan->times), x [n, d] unit rows, valid during the call. */
  dwell_status (*emit)(void *self, size_t index, const double *x, dwell_error *err);
  void *self;
  flow_history *opt_history; /* log clock: mergers and plateaus are added */
  double *opt_density;       /* flows of densities: [count, density_size] coefficients of every state */
  restart *opt_restart;      /* plain clock: saved to and gone on from */
  /* Log clock: filled by a run without states (plan->count 0), read by one that makes states and nothing else: its
   * certificate tells of the steps that it took. */
  struct flow_marks *opt_marks;
} integrate_host;

/* rk45: Dormand-Prince 5(4) on the ambient vectors, projected after each step. The field is constant along rays, so the
 * last stage of a step is the first of the next under projection too. The error of a token is that of its tangential
 * part, at most rtol per step; the step is also capped at 3 / flow.rate (the stability limit of the method on the
 * negative axis is 3.3, flows.md 4). States between steps come from a quintic that interpolates end values, end slopes
 * and two slopes inside, normalised: local error of sixth order like the step's.
 *
 * rk4, euler: ceil(T / H - 1e-9) steps of H, the last one shortened; a state between grid times comes from a shorter
 * step out of the grid point before it and leaves the grid alone. layer: x <- normalise(x + ETA A(x)); times must be
 * whole multiples of ETA. geometric: flow/geometric.h; with noise, times must be whole multiples of H.
 *
 * The log clock is rk45 in s, where dt = e^{-M} time_unit ds with an M that is fixed for each step: the largest
 * exponent beta (G_ij - 1) between two clusters at its beginning. The field is asked for velocities in that unit
 * (flow_system.scaled), so nothing underflows, and ln t is all that is kept of time. With merging, a token's error per
 * step is at most rtol times the distance to its nearest neighbour (but not below the rounding of coordinates), so that
 * the moments of meeting, found on the quintic, are as exact as the rest.
 *
 * x [n, d] is the start and is overwritten. *ret_certificate is filled also on failure. Errors: DWELL_FAILED with the
 * time reached (step below rounding, velocity not finite), DWELL_INTERRUPTED, DWELL_NO_MEMORY, or what emit returns. */
dwell_status integrate(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                       dwell_error *err);

/* Bytes that integrate() takes.
 *
 * Where d > n and the family is isotropic (flow.h) everything happens in n coordinates; states are turned back into d
 * as they are emitted. */
uint64_t integrate_bytes(const flow_plan *plan, int threads);

#endif
