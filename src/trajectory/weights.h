/* trajectory/weights.h - a view of the attention matrices of one block, head by head, whatever the checkpoint's layout.
 *
 * A source that has weights (a model) fills it with those that its forward pass uses: of a random twin the random ones,
 * of an intervention the changed ones. Everything is in double; W x is the convention: rows of `query`, `key` and
 * `value` are what one unit of a head reads, a row of `output` is what that unit writes. */
#ifndef DWELL_TRAJECTORY_WEIGHTS_H
#define DWELL_TRAJECTORY_WEIGHTS_H

#include <dwell/trajectory.h>

typedef struct dwell_weights {
  size_t d, head_size;
  size_t heads, kv_heads;              /* kv_heads: of keys and values; divides heads */
  const double *query, *output;        /* [heads, head_size, d]: W_Q, and the transpose of W_O */
  const double *key, *value;           /* [kv_heads, head_size, d] */
  const double *query_bias;            /* [heads, head_size], 0 where there is none */
  const double *key_bias, *value_bias; /* [kv_heads, head_size] */
  const double *output_bias;           /* [d] */
  const double *opt_gain, *opt_bias;   /* [d] of the norm that attention reads through; NULL: it reads the state */
  bool centred_in, centred_out;        /* a mean over the d coordinates is taken out before, after (LayerNorm) */
  bool shared;                         /* all blocks have these weights */
  bool rotary;                         /* queries and keys are turned by their positions */
  double score_scale;                  /* 1 / sqrt(head_size) in most models */
  double *storage;
} dwell_weights;

/* The head of keys and values that head h reads. */
static inline size_t dwell_weights_group(const dwell_weights *w, size_t h) { return h / (w->heads / w->kv_heads); }
/* Rows [head_size, d] of head h. */
static inline const double *dwell_weights_rows(const dwell_weights *w, const double *matrix, size_t h) {
  return matrix + h * w->head_size * w->d;
}

void dwell_weights_free(dwell_weights *w);

bool source_has_weights(const dwell_source *source);
/* The weights of a block as the source's own run uses them; block as the source counts (0..L-1 of the model). May be
 * called while the source runs. Release with dwell_weights_free, also after a failure. Errors: those of reading;
 * DWELL_USAGE where the source has none. */
dwell_status source_weights(const dwell_source *source, const dwell_context *ctx, size_t block,
                            dwell_weights *ret_weights, dwell_error *err);
uint64_t source_weights_bytes(const dwell_source *source);

#endif
