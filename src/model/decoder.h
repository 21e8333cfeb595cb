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

/* State 0: words, mapped to the width of the stream if the shape has PART_MAPPING, plus learned positions; the outer
 * slots of the three (mapping: PASS_NO_SLOT if no shape has it). */
dwell_status decoder_embed(model_pass *p, size_t words, size_t positions, size_t mapping, dwell_error *err);

/* One block. x += attention(N1(x)), then x += mlp(N2(x)); if the shape is `parallel`, x += attention(N1(x)) +
 * mlp(N2(x)); if it is `post_norm`, x = N1(x + attention(x)), then x = N2(x + mlp(x)). */
dwell_status decoder_block(model_pass *p, const decoder_slots *slots, dwell_error *err);

#endif
