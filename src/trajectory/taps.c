/* trajectory/taps.c - names of the places where a state can be read. */
#include "trajectory/taps.h"

static const tap taps[] = {
    {"embed", "hook_embed + hook_pos_embed", "hidden_states[0]",
     "state 0: after the embeddings (and, where the architecture has one, their LayerNorm)"},
    {"block.b.attn_out", "blocks.{b}.hook_attn_out", "output of the attention module of block b",
     "what the attention of block b adds to the stream"},
    {"block.b.resid_mid", "blocks.{b}.hook_resid_mid", "input of the second norm of block b",
     "the stream between attention and MLP of block b"},
    {"block.b.mlp_out", "blocks.{b}.hook_mlp_out", "output of the MLP module of block b",
     "what the MLP of block b adds to the stream"},
    {"block.b.resid", "blocks.{b}.hook_resid_post", "hidden_states[b+1] (the last block of GPT-2: before ln_f)",
     "state b+1: the stream after block b"},
    {"final_norm", "ln_final.hook_normalized", "hidden_states[L] of GPT-2, which is not state L",
     "the last state after the final norm; never part of the residual series"},
};

const tap *taps_all(size_t *ret_count) {
  *ret_count = sizeof taps / sizeof taps[0];
  return taps;
}
