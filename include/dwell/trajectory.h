/* dwell/trajectory.h - the one currency of dwell.
 *
 * A trajectory is a series of token clouds X_0 .. X_L (states l = 0..L) and the blocks b = 0..L-1 between them: block b
 * maps state b to state b+1. Three kinds of *source* produce one: an idealised flow, a trained model with a text, an
 * import of somebody's states. A source pushes into a *sink*.
 *
 * Order of calls. For each replica: on_state for l = 0, then for each block b: its heads (on_head), its legs with their
 * parts (on_leg, on_part), then on_state for l = b+1; a final norm, if any, as a last on_state with tap "final_norm".
 * After the last replica on_end. Heads of one block may be delivered from several threads at once; everything else
 * comes from one thread. A callback that returns anything but DWELL_OK stops the source, which returns that status.
 */
#ifndef DWELL_TRAJECTORY_H
#define DWELL_TRAJECTORY_H

#include <dwell/cloud.h>
#include <dwell/context.h>
#include <stdbool.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* What is known of a trajectory before it runs. Strings and arrays belong to the source. */
typedef struct dwell_trajectory {
  const char *kind;          /* "flow", "model" or "import" */
  const char *name;          /* flow or model name, or file */
  size_t n;                  /* tokens */
  size_t d;                  /* dimensions */
  size_t states;             /* states per replica, L+1, without the final norm */
  size_t first_state;        /* number of the first of them; 0, unless only a part was asked for */
  size_t replicas;           /* >= 1 */
  size_t heads;              /* heads per block that on_head will deliver; 0: no attention */
  bool has_final_norm;       /* a tap "final_norm" follows the last state */
  bool has_weights;          /* its source knows the weights of its blocks (models) */
  bool causal;               /* token i attends to tokens j <= i only */
  bool on_sphere;            /* states are unit vectors up to rounding (flows on the sphere) */
  bool ordered;              /* token order means something (false for particles: the twin is then drawn by rotation) */
  dwell_dtype dtype;         /* of the states pushed */
  double epsilon;            /* relative rounding error of a state: 6e-8 f32, 1e-15 f64, 5e-4 f16, 4e-3 bf16 */
  const int64_t *token_ids;  /* [n], or NULL */
  const char *const *pieces; /* [n] token strings (UTF-8), or NULL */
  const bool *special;       /* [n] true for [CLS], BOS, padding, ...; or NULL */
  const bool *keep;          /* [n] given by the import; or NULL: measure decides */
  const double *phases;      /* [phase_draws, phase_columns] radians for the twin null (import only); or NULL */
  size_t phase_draws, phase_columns;
} dwell_trajectory;

typedef struct dwell_frame {
  size_t replica;  /* 0.. */
  size_t state;    /* l; for "final_norm": the number of the last state */
  const char *tap; /* "resid" or "final_norm" */
  bool has_time;   /* flows: true */
  double time;     /* t; +INFINITY where it does not fit a double, as happens at large beta */
  double log_time; /* ln t, which always fits; -INFINITY at t = 0 */
} dwell_frame;

/* A norm as it stands before the sublayers of a block: (x - mean) / sqrt(variance + epsilon) * gain + bias, or, if
 * `rms`, x / sqrt(mean square + epsilon) * gain. */
typedef struct dwell_norm {
  bool rms;
  double epsilon;
  const double *gain, *bias; /* [d]; bias NULL: none */
} dwell_norm;

/* A straight leg of the way of a block from its state to the next one through the states that the network itself has in
 * between. It begins where the leg before ended, the first one at the block's state; the last one ends at the next
 * state. Norms before the sublayers: x + attention; + MLP. After them: x + attention; its norm; + MLP; its norm. Side
 * by side: x + attention + MLP, one leg. Its `parts` are delivered after it, one by one; they add up to the leg, to
 * rounding. */
typedef struct dwell_leg {
  const dwell_cloud *to;
  size_t parts;
} dwell_leg;

typedef enum dwell_part_kind {
  DWELL_PART_HEAD, /* what a head adds: its weighted values (their bias with them) through its rows of the output map */
  DWELL_PART_BIAS, /* the bias of the attention's output map, the same for every token */
  DWELL_PART_MLP,  /* with its biases */
  DWELL_PART_NORM  /* what a norm on the stream moves */
} dwell_part_kind;

typedef struct dwell_part {
  dwell_part_kind kind;
  size_t head; /* of DWELL_PART_HEAD; heads come in order */
  const dwell_cloud *delta;
} dwell_part;

typedef struct dwell_sink {
  void *self;
  bool wants_heads;   /* ask for on_head (costs the source a pass it may otherwise fuse away) */
  bool wants_parts;   /* ask for on_leg and on_part; only models have them */
  bool wants_earlier; /* on_state for the states before first_state too, which are no part of the trajectory: rules
                       * about a token in any state look at them */
  /* The cloud is valid during the call only. */
  dwell_status (*on_state)(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err);
  /* attention [n, n] row-major, rows sum to 1, exactly 0 where masked; dtype of the trajectory; valid during the call.
   * May be called from several threads at once, for different heads. */
  dwell_status (*on_head)(void *self, size_t replica, size_t block, size_t head, const void *attention,
                          dwell_error *err);
  /* Clouds of legs and parts are valid during the call only. */
  dwell_status (*on_leg)(void *self, size_t replica, size_t block, const dwell_leg *leg, dwell_error *err);
  dwell_status (*on_part)(void *self, size_t replica, size_t block, const dwell_part *part, dwell_error *err);
  dwell_status (*on_end)(void *self, dwell_error *err);
  /* The norm that block `block` applies first to the state it starts from: what its attention reads. Models whose norms
   * stand before the sublayers call it once a block, before its heads; others never do. Valid during the call. */
  dwell_status (*on_norm)(void *self, size_t block, const dwell_norm *norm, dwell_error *err);
} dwell_sink;

/* A source is opened by dwell_flow_open, dwell_model_open_text, dwell_import_open, ... and closed by
 * dwell_source_destroy. It may be run more than once, with the same result. */
typedef struct dwell_source dwell_source;

const dwell_trajectory *dwell_source_trajectory(const dwell_source *source);
/* Pushes the whole trajectory into `sink`. Callbacks that are NULL are skipped. */
dwell_status dwell_source_run(dwell_source *source, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err);
/* Bytes that running takes beyond what is already held (weights, scratch), for the printed bound. */
uint64_t dwell_source_bytes(const dwell_source *source, const dwell_context *ctx);
void dwell_source_destroy(dwell_source *source);

/* Somebody's states: an npz file with `states` [L+1, n, d] or state_000, state_001, ...; optional attention
 * [L, H, n, n], token_ids [n], tokens [n], keep [n], causal, phases (docs: import contract). The source holds the
 * file open and reads state by state. */
dwell_status dwell_import_open(const char *path, const dwell_context *ctx, dwell_source **ret_source, dwell_error *err);
/* The same, of which states first..last only are pushed, with the attention between them; last SIZE_MAX: to the end.
 * DWELL_USAGE where the file has no such states. */
dwell_status dwell_import_open_states(const char *path, size_t first, size_t last, const dwell_context *ctx,
                                      dwell_source **ret_source, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
