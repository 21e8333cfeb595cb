/* model/ops.h - the arithmetic of a forward pass, once in float and once in double.
 *
 * Both tables are compiled from one source, ops_real.inc, which ops_f32.c and ops_f64.c include with REAL defined: the
 * two cannot drift apart, a debugger steps through plain C, and the build needs no second set of flags. Architectures
 * hold `void *` buffers and call through the table, so they are compiled once.
 *
 * A row's bits depend on that row's operands alone: not on the number of rows, their order, or the threads. Sums inside
 * norms and softmax run in double over eight fixed lanes, the same on every instruction set. */
#ifndef DWELL_MODEL_OPS_H
#define DWELL_MODEL_OPS_H

#include <dwell/cloud.h>
#include <dwell/context.h>
#include <stdbool.h>

typedef enum ops_activation {
  ACTIVATION_NONE,
  ACTIVATION_GELU,       /* x Phi(x), by erf (Hendrycks and Gimpel 2016) */
  ACTIVATION_GELU_TANH,  /* its tanh form with sqrt(2/pi) */
  ACTIVATION_GELU_FAST,  /* the same with 0.7978845608, as old checkpoints have it */
  ACTIVATION_GELU_QUICK, /* x sigmoid(1.702 x) */
  ACTIVATION_RELU,
  ACTIVATION_SILU,
  ACTIVATION_TANH
} ops_activation;

/* The activation that transformers calls `name`; false if unknown. */
bool ops_activation_find(const char *name, ops_activation *ret_activation);

/* y[rows, out] = activation(x[rows, in] weight + bias). */
typedef struct ops_linear {
  size_t rows, in, out;
  const void *x;
  size_t ldx;
  const void *weight; /* [in, out], in panels (linalg/panels.h) */
  const void *bias;   /* [out], or NULL */
  ops_activation activation;
  void *y;
  size_t ldy;
} ops_linear;

/* y = LayerNorm(x + r) over rows of d (Ba, Kiros and Hinton 2016; the variance is the biased one); without bias,
 * RMSNorm (Zhang and Sennrich 2019). Rows of x and r lie without gaps. r may be NULL. If keep_sum, x + r is stored in
 * x. y may be x or r. */
typedef struct ops_norm {
  size_t rows, d;
  void *x;
  const void *r;
  bool keep_sum;
  const void *weight, *bias; /* [d]; bias NULL: RMSNorm */
  double epsilon;
  void *y;
  size_t ldy;
} ops_norm;

/* In every row and each of `heads` heads of head_size numbers, number i < size/2 turns with number i + size/2 by an
 * angle whose cosine and sine are given (rotary positions: rotary.h). */
typedef struct ops_rotation {
  size_t rows, heads, step;    /* step: from one head to the next */
  size_t size;                 /* numbers of a head that turn */
  const void *cosines, *sines; /* [rows, size/2] */
  void *x;
  size_t ldx;
} ops_rotation;

/* The first half of each row of 2 inner numbers becomes activation(first half) * second half (Shazeer 2020). */
typedef struct ops_gate {
  size_t rows, inner;
  ops_activation activation;
  void *x; /* [rows, 2 inner] */
  size_t ldx;
} ops_gate;

/* Keys and values of one head, laid out for its tiles: `rows` of them from `first` on at a time. */
typedef struct ops_head {
  size_t keys, head_size;
  size_t first, rows;
  const void *k, *v; /* [rows, head_size], leading dimension ld */
  size_t ld;
  void *packed_k, *packed_v; /* panels of k^T [head_size, keys] and of v [keys, head_size] */
} ops_head;

enum { OPS_MOST_QUERIES = 16 }; /* of a tile */

/* One tile of one head: weights = softmax(scale q k^T) over the keys that are allowed, out = weights v. Query `i` of
 * the tile is token first + i; it sees keys 0..first+i if causal, else all. Masked weights are exactly 0. */
typedef struct ops_tile {
  const ops_head *head;
  size_t queries, first;
  bool causal;
  double scale;
  const void *q; /* [queries, head_size], leading dimension ld as of the keys */
  void *weights; /* [queries, keys]: scratch, unless keep_weights */
  bool keep_weights;
  void *out;     /* [queries, head_size], leading dimension ld_out */
  size_t ld_out;
  const void *opt_bias; /* added to the scores: entry j - i of query i and key j, which may be negative */
} ops_tile;

typedef struct ops {
  dwell_dtype dtype;
  size_t size; /* bytes of one number */
  dwell_status (*linear)(const dwell_context *ctx, const ops_linear *l, dwell_error *err);
  dwell_status (*norm)(const dwell_context *ctx, const ops_norm *o, dwell_error *err);
  void (*head)(const ops_head *h);
  void (*tile)(const ops_tile *t);
  /* Lays a part of a matrix out in panels: linalg/panels.h. */
  void (*pack)(size_t k, size_t n, bool transposed, size_t row, size_t column, size_t rows, size_t columns,
               const void *values, size_t ld, void *packed);
  dwell_status (*rotate)(const dwell_context *ctx, const ops_rotation *o, dwell_error *err);
  dwell_status (*gate)(const dwell_context *ctx, const ops_gate *o, dwell_error *err);
  void (*store)(size_t count, const double *values, void *ret_values); /* rounded to the table's type */
  void (*load)(size_t count, const void *values, double *ret_values);
  void (*add)(size_t count, void *x, const void *r);                   /* x += r */
  void (*add_row)(size_t rows, size_t d, void *x, const void *r);      /* every row of x += r[d] */
} ops;

extern const ops ops_f32, ops_f64;

#endif
