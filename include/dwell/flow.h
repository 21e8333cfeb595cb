/* dwell/flow.h - idealised dynamics of tokens: transformers as interacting particles on the sphere
 * (Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794). */
#ifndef DWELL_FLOW_H
#define DWELL_FLOW_H

#include <dwell/trajectory.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum dwell_integrator {
  DWELL_RK45,     /* Dormand-Prince 5(4), adaptive, projection to the sphere after each step, dense output */
  DWELL_RK4,      /* classical, fixed step */
  DWELL_EULER,    /* x <- normalise(x + H * velocity): the published scripts' map */
  DWELL_LAYER,    /* x <- normalise(x + ETA * A(x)), A not projected: what a post-norm layer does; other normalisations
                   * have layers of their own */
  DWELL_GEOMETRIC /* geodesic Euler steps x <- Exp_x(H * velocity + noise): geometric Euler-Maruyama */
} dwell_integrator;

/* "rk45", "rk4", "euler", "layer", "geometric", as `--integrator` takes them; NULL: no such integrator. Static storage.
 */
const char *dwell_integrator_name(dwell_integrator integrator);

typedef enum dwell_clock {
  DWELL_CLOCK_LINEAR, /* t in a double: fixed particles, times up to 1e290 */
  DWELL_CLOCK_LOG     /* ln t: any time; tokens that have met count as one */
} dwell_clock;

/* Weights of a flow: layers of heads, each with its own Q, K, V. */
typedef struct dwell_flow_weights dwell_flow_weights;

/* From an npz file with any of Q, K [rank, d] and V [d, d] (absent: the identity), each perhaps with dimensions [heads]
 * or [layers, heads] before; W, U [hidden, d] and v [hidden] of additive attention likewise; a [neurons, d] and omega
 * [neurons] of a perceptron, perhaps with [layers] before. Errors: DWELL_BAD_INPUT, DWELL_NO_MEMORY, DWELL_FAILED. */
dwell_status dwell_flow_weights_read(const char *path, dwell_flow_weights **ret_weights, dwell_error *err);
/* Independent Gaussian Q, K, V [d, d] with variance 1/d. */
dwell_status dwell_flow_weights_draw(size_t layers, size_t heads, size_t d, uint64_t seed,
                                     dwell_flow_weights **ret_weights, dwell_error *err);
void dwell_flow_weights_destroy(dwell_flow_weights *weights); /* legal on NULL */
size_t dwell_flow_weights_d(const dwell_flow_weights *weights);

/* How a flow is run. Start from dwell_flow_options_default(). Strings and arrays are copied by dwell_flow_open. */
typedef struct dwell_flow_options {
  const char *flow;     /* registry name: "sa", "usa", "qkv", ... */
  size_t n, d;          /* particles, dimensions; ignored where `init` is a file */
  double beta;          /* inverse temperature, finite; may be negative */
  const char *init;     /* uniform | orthogonal | equiangular:RHO | caps:K,EPS | FILE.npy ([n,d], normalised here);
                         * flows whose states are not unit vectors: also box:R | gaussian:S, and files as they are;
                         * flows of densities: also mode:K,A | vonmises:C */
  const double *masses; /* [n] >= 0, rescaled to sum 1; NULL: 1/n each. With a file, n must be its rows */
  bool causal;          /* token i sees j <= i only */
  size_t replicas;      /* independent starts from the same seed, >= 1 */
  dwell_integrator integrator;
  double step;         /* H or ETA of rk4, euler, layer */
  double rtol;         /* relative tolerance of rk45 per step, in [1e-14, 1e-2] */
  double until;        /* final time T (layer: a whole number of layers x ETA), > 0, <= 1e290 */
  size_t frames;       /* equally spaced states incl. both ends, >= 2; used if times == NULL. layer: the nearest
                        * layers, each once */
  bool log_times;      /* frames: first at t = 0, the others spaced equally in ln t, from a hundredth of the
                        * flow's unit of time (sa: 1, usa: e^-|beta|) or T / 1000 if that is less */
  const double *times; /* [times_count] strictly ascending, >= 0: exactly these states (`until` is not read;
                        * layer: multiples of ETA) */
  size_t times_count;
  dwell_dtype dtype; /* of the states pushed; the integration is always double */
  /* DWELL_F32: sums over pairs of sa and usa are made in single precision, where there are so many dimensions that it
   * pays. Velocities of sa are then off by up to 1e-7 (1 + |beta|) (flows.md 5), which is the least rtol; for |beta| <=
   * 40, without mask and log clock. */
  dwell_dtype precision;
  /* The log clock (rk45, no mask). Asked for by `clock`, and by any of the three below it. Its frames are spaced in
   * ln t as with log_times, unless `times` are given or only merging was asked for. */
  dwell_clock clock;
  double until_log;    /* final ln t instead of `until`; NaN: not asked for */
  size_t until_merged; /* end when so many clusters are left, each replica at its own time; 0: at the final time. With
                        * until_log too: there at the latest */
  double merge;        /* tokens closer than this distance become one of their summed mass; 0: 1e-7 / sqrt(beta) with
                        * the log clock, else never; DWELL_MERGE_OFF: never */
  /* Where d > n: states are [n, n], in a basis of the span of the tokens, so that any d costs what d = n does. Cosines
   * are distributed as in d dimensions; the start is another draw than without. */
  bool reduce;
  const dwell_flow_weights *weights; /* not copied: they outlive the source. NULL: one head, Q = K = V = I */
  size_t heads;                      /* the first so many heads of the weights; 0: all */
  double layer_time; /* how long a layer holds, after the last comes the first; 0: a layer of the map, else 1 */
  const double *betas, *beta_times; /* [beta_count]: beta is betas[k] from beta_times[k] (the first 0) on; 0: `beta` */
  size_t beta_count;
  const char *normalisation; /* post | pre | mix:TAU | peri | ngpt[:ALPHA] | sqrt (flows.md 10) */
  double kappa;              /* noise sqrt(2 / kappa) dW; 0: none. Needs the integrator geometric, but of densities */
  size_t modes;              /* orders of a density (meanfield), at most 1000; 0: 64 */
  const char *rule;          /* of hardmax among equal scores: mean | first | last */
  const char *activation;    /* of the perceptron: relu | gelu | tanh */
  /* Every checkpoint_seconds the state is saved in `checkpoint`, a folder that exists, and a run with the same options
   * goes on from there with the same bits: one law from beginning to end, the linear clock. NULL: never */
  const char *checkpoint;
  double checkpoint_seconds;
} dwell_flow_options;

#define DWELL_MERGE_OFF (-1.0)

/* sa, n = 32, d = 3, beta = 4, uniform start, T = 20, 101 frames, rk45 at 1e-10, all in f64, one replica. */
dwell_flow_options dwell_flow_options_default(void);

/* Checks the options, makes the starts. Errors: DWELL_USAGE, DWELL_BAD_INPUT (file), DWELL_NO_MEMORY. */
dwell_status dwell_flow_open(const dwell_flow_options *options, const dwell_context *ctx, dwell_source **ret_source,
                             dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
