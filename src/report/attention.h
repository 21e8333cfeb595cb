/* report/attention.h - small maps of the attention of every head, as the page embeds them. */
#ifndef DWELL_REPORT_ATTENTION_H
#define DWELL_REPORT_ATTENTION_H

#include <stdint.h>

#include "report/view.h"

/* `attention_map` of arrays.npz, with `factor` runs of tokens put together where all maps would be too much for a page:
 * shares of keys add up, queries are averaged (runs differ by a token at most). */
typedef struct attention {
  size_t blocks, heads, side; /* 0 blocks: the run has none */
  size_t runs, factor;        /* of the array; runs per cell */
  size_t tokens;
  unsigned char
      *bytes; /* [blocks, heads, side, side] 255 times the square root of a share: small ones are told apart */
} attention;

/* Close it also after an error. */
dwell_status attention_open(const view *v, attention *ret_attention, dwell_error *err);
void attention_close(attention *a);

#endif
