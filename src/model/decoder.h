/* model/decoder.h - what GPT-2 and its kin share: the block whose norms stand before the sublayers, and its variants.
 */
#ifndef DWELL_MODEL_DECODER_H
#define DWELL_MODEL_DECODER_H

#include "model/pass.h"

/* Where an architecture lists the tensors of a block. Biases of norms follow their weights. */
typedef struct decoder_slots {
  size_t norm1, qkv, qkv_bias, project, project_bias, norm2;
  pass_mlp_slots mlp;
} decoder_slots;

/* One block. x += attention(N1(x)), then x += mlp(N2(x)); if the shape is `parallel`, x += attention(N1(x)) +
 * mlp(N2(x)); if it is `post_norm`, x = N1(x + attention(x)), then x = N2(x + mlp(x)). Parts are what the sublayers put
 * out. */
dwell_status decoder_block(model_pass *p, const decoder_slots *slots, dwell_error *err);

/* The final norm, whose weight is the outer slot `weight`, of p->x into p->y. */
dwell_status decoder_final_norm(model_pass *p, size_t weight, dwell_error *err);

#endif
