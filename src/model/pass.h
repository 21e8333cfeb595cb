/* model/pass.h - one forward pass in progress, and the steps that architectures are made of. */
#ifndef DWELL_MODEL_PASS_H
#define DWELL_MODEL_PASS_H

#include "linalg/panels.h"
#include "model/model.h"

enum {
  PASS_TILE =
      OPS_MOST_QUERIES, /* queries of one attention tile: their scores stay in the first cache level or near it */
  PASS_LINE = 16        /* numbers that fill a cache line, or two lines of f64 */
};
#define PASS_NO_SLOT ((size_t)-1) /* in place of a slot */

struct model_pass {
  const dwell_model *model;
  weight_provider provider; /* of the weights: the model's, or random ones */
  const dwell_context *ctx;
  const dwell_sink *sink;
  const ops *ops;
  const model_layout *layout; /* of the weights below */
  void *const *opt_kept;      /* all blocks, or NULL: each is read into the place of the one before it */
  const int64_t *ids;         /* [n] */
  size_t n;                   /* tokens */
  size_t first, rows;         /* the tokens that this pass or window of it works on */
  size_t b;                   /* block being run */
  size_t early_end;           /* blocks below it may be begun before the state at their input has been handed out */
  bool begun;                 /* block b has been begun so: its queries, keys and values are there */
  bool quiet;                 /* it lies before the first state asked for: neither heads nor parts go to the sink */

  /* Buffers of n rows, in a window from its first row on; two of width d and one wide one suffice: the MLP's inner
   * layer takes the place of qkv and context, which are dead by then. */
  void *common; /* holds x, y, wide, packs and scores */
  void *x;      /* [n, d] the stream: state b */
  void *y;      /* [n, d] */
  void *wide;   /* [n, wide_columns]: qkv, then context [heads * head_size] */
  size_t wide_columns;
  void *outer_values, *block_values; /* weights of the outer group; of one block, unless all are kept */
  const void *block_now;             /* weights of block b */
  void *packs;           /* [2][kv_heads] keys and values in panels, for the attention of even and odd blocks */
  void *scores;          /* [threads][tile, n] */
  void *heads;           /* [threads][n, n] if the sink wants heads, else NULL */
  void *cosines, *sines; /* [n, rotary size / 2] of rotary positions, else NULL */
  void *relative;        /* [heads, 2 n - 1] added to the scores, by key - query + n - 1 (mpnet), else NULL */
  struct {               /* if the sink wants parts (parts.c), else NULL */
    void *end;           /* [n, d] the end of the leg */
    void *part;          /* [n, d] what a head or a norm moves */
    void *context;       /* [n, queries] kept for later where attention and MLP stand side by side */
  } parts;
};

/* Bytes of all that, with heads; kept: without blocks, which are there already. */
uint64_t pass_bytes(const dwell_model *model, bool kept, size_t n, dwell_dtype dtype, int threads);

/* Numbers of the keys and values of a head in panels; of the biases of a head by relative position. */
size_t pass_packed_elements(const model_shape *s, size_t n, size_t size);
size_t pass_relative_columns(const model_shape *s, size_t n);

/* Sets up a pass: allocates, and reads the outer weights. model, ids, sink and what the provider stands on must outlive
 * it. opt_kept: the blocks in this type, or NULL. pass_close also after a failure. */
dwell_status pass_open(const dwell_model *model, const weight_provider *provider, void *const *opt_kept,
                       const dwell_context *ctx, const dwell_sink *sink, dwell_dtype dtype, const int64_t *ids,
                       size_t n, model_pass *ret_pass, dwell_error *err);
void pass_close(model_pass *p);

/* Reads the weights of block `b` and makes it the block being run. more: the next one will be run too, so it may be
 * read from the disk meanwhile. */
dwell_status pass_load_block(model_pass *p, size_t b, bool more, dwell_error *err);
/* The weights of block b, which must have been read; NULL: not yet. */
const void *pass_block_weights(const model_pass *p, size_t b);

/* Memory of a slot that is held, and an element of a buffer. */
const void *pass_weight(const model_pass *p, const weight_group *group, size_t slot);
void *pass_at(const model_pass *p, void *buffer, size_t element);

/* Rows of a buffer of the pass: row i, which belongs to token first + i, begins at element i * ld. */
typedef struct pass_matrix {
  void *data;
  size_t ld;
} pass_matrix;
pass_matrix pass_x(const model_pass *p);
pass_matrix pass_y(const model_pass *p);
/* From `column` of the wide buffer on. */
pass_matrix pass_wide(const model_pass *p, size_t column);

/* y[rows, out] = activation(x[rows, in] W + bias), sizes from the slot; slots joined to `weight` count with it; an
 * absent bias is none. */
dwell_status pass_linear(model_pass *p, const weight_group *group, size_t weight, size_t bias,
                         ops_activation activation, pass_matrix x, pass_matrix y, dwell_error *err);

/* The block's MLP from x through p->wide into y, which may be x. Of a gated one, `up` is the gate, to which the up map
 * is joined. */
typedef struct pass_mlp_slots {
  size_t up, up_bias, down, down_bias;
} pass_mlp_slots;
dwell_status pass_mlp(model_pass *p, const pass_mlp_slots *slots, pass_matrix x, pass_matrix y, dwell_error *err);

/* y = LayerNorm(x + r) over rows of `d`, the bias being the slot after `weight`, or RMSNorm, as the shape says. r NULL:
 * of x alone; keep_sum: x becomes x + r. Rows of x and r lie without gaps. */
dwell_status pass_norm(model_pass *p, const weight_group *group, size_t weight, size_t d, void *x, const void *r,
                       bool keep_sum, pass_matrix y, dwell_error *err);

/* x += y. */
void pass_add(model_pass *p);

/* Rows of an outer table: of the id of each token of the pass or window, or `count` from `first` on (positions).
 * [rows or count, columns]. */
dwell_status pass_words(model_pass *p, size_t slot, void *ret_rows, dwell_error *err);
dwell_status pass_rows(model_pass *p, size_t slot, size_t first, size_t count, void *ret_rows, dwell_error *err);

/* Queries, keys and values of x [rows, d] into p->wide, turned by their positions where these are rotary; keys and
 * values into panels as well. */
dwell_status pass_qkv(model_pass *p, size_t weight, size_t bias, pass_matrix x, dwell_error *err);
/* Attention of all heads and tokens, once all have their queries, keys and values. Heads go to the sink if it wants
 * them. */
dwell_status pass_attention(model_pass *p, dwell_error *err);
/* The same for the tokens of a window alone, in this thread. Not of causal attention: late tokens have more to do. */
bool pass_attends_in_windows(const model_pass *p);
void pass_attend_window(const model_pass *window, int worker);
pass_matrix pass_context(const model_pass *p); /* its result, [rows, heads * head_size] */

/* The legs of a block and their parts, of all tokens, for a sink that wants them (parts.c). Slots are those of the
 * attention's output map and its bias.
 * attention: p->y is about to be added to p->x, and the context is as pass_attention left it.
 * mlp: p->y is about to be added to p->x. norm: p->x is the norm of the end of the leg before. */
bool pass_wants_legs(const model_pass *p);
dwell_status pass_leg_attention(model_pass *p, size_t weight, size_t bias, dwell_error *err);
dwell_status pass_leg_mlp(model_pass *p, const void *slots, dwell_error *err);  /* slots are not looked at */
dwell_status pass_leg_norm(model_pass *p, const void *slots, dwell_error *err); /* as a stage calls them */
/* Of attention and MLP side by side: keeps the context before the MLP takes its place; then, when both were added to
 * p->x, the leg with the MLP's output, which is in p->y. */
void pass_keep_context(model_pass *p);
dwell_status pass_leg_both(model_pass *p, size_t weight, size_t bias, dwell_error *err);
/* Their buffers, which pass_open and pass_close call for, and numbers of one token in them. */
dwell_status parts_open(model_pass *p, dwell_error *err);
void parts_close(model_pass *p);
size_t parts_columns(const model_shape *s);

/* Tells the sink of the norm that the block applies first: the block's slot of its weight. */
dwell_status pass_first_norm(model_pass *p, size_t weight, dwell_error *err);

/* ---- blocks ---- */

/* A block is a list of stages. All work on each token by itself, once the keys and values of all are known, so that a
 * thread runs a number of tokens, a window, through all stages: its rows stay in its cache, and threads wait for each
 * other at the attention only. Where the next block's weights are there already, a window goes on to its queries, keys
 * and values: the state between the blocks is not written to meanwhile. */
typedef struct pass_stage {
  /* Rows of `window`, which is like the pass but for `first`, `rows` and the buffers, in this thread. NULL: attention.
   */
  dwell_status (*step)(model_pass *window, const void *slots, dwell_error *err);
  /* NULL, or the leg that it ends or leaves things for: called for all tokens, if the sink wants legs. */
  dwell_status (*opt_leg)(model_pass *p, const void *slots, dwell_error *err);
} pass_stage;

/* Runs one step window by window, in all threads. */
dwell_status pass_windows(model_pass *p, dwell_status (*step)(model_pass *window, const void *slots, dwell_error *err),
                          const void *slots, dwell_error *err);
/* Runs `count` stages in their order; slots are handed on to them. */
dwell_status pass_block(model_pass *p, const pass_stage *stages, size_t count, const void *slots, dwell_error *err);

#endif
