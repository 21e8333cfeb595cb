/* trajectory/taps.h - places where a state can be read: dwell's name, TransformerLens', Hugging Face's. */
#ifndef DWELL_TRAJECTORY_TAPS_H
#define DWELL_TRAJECTORY_TAPS_H

#include <stddef.h>

typedef struct tap {
  const char *name;             /* "block.b.resid" */
  const char *transformer_lens; /* "blocks.{b}.hook_resid_post" */
  const char *hugging_face;     /* "hidden_states[b+1]" */
  const char *meaning;
} tap;

const tap *taps_all(size_t *ret_count);

#endif
