/* flow/layer.h - the weights of one layer: heads with their own query, key and value maps, and what else acts on a
 * token. Everything in double and row-major; W x is the convention. */
#ifndef DWELL_FLOW_LAYER_H
#define DWELL_FLOW_LAYER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct flow_layer {
  size_t d, heads;
  size_t rank;                         /* rows of a head's query and key */
  const double *query, *key;           /* [heads, rank, d]; both NULL: the identity */
  const double *query_bias, *key_bias; /* [heads, rank]; both NULL: none */
  size_t value_rank;                   /* rows of a head's read */
  const double *read, *write; /* [heads, value_rank, d]: V_h = write_h^T read_h. write NULL: V_h = read_h, value_rank
                               * = d. Both NULL: the identity */
  const double *bias;         /* [d], added to the sum over heads; NULL: none */
  bool centred;               /* the maps read and write only what is orthogonal to (1, ..., 1) */
  bool symmetric;             /* every B_h = Q_h^T K_h is symmetric and there are no biases */
  double form_norm;           /* the largest norm of a B_h */
  double value_norm;          /* the sum of the norms of the V_h */
  size_t hidden;              /* of additive attention; 0: the file has none */
  const double *add_query, *add_key;  /* [heads, hidden, d]: W, U */
  const double *add_weight;           /* [heads, hidden]: v */
  size_t neurons;                     /* of the perceptron block; 0: none */
  const double *strength, *direction; /* [neurons], [neurons, d]: omega, a */
} flow_layer;

#endif
