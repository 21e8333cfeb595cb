/* null/row_permutation.c - each row of an attention matrix keeps its weights, but not where they go. The weight on
 * token 0 (the sink) and on the token itself stay, and so does the mask. */
#include <string.h>

#include "null/nulls.h"

/* Copies of a constant size, which take no call. */
static void swap_f32(unsigned char *row, size_t a, size_t b) {
  unsigned char held[4];
  memcpy(held, row + a * 4, 4);
  memcpy(row + a * 4, row + b * 4, 4);
  memcpy(row + b * 4, held, 4);
}

static void swap_f64(unsigned char *row, size_t a, size_t b) {
  unsigned char held[8];
  memcpy(held, row + a * 8, 8);
  memcpy(row + a * 8, row + b * 8, 8);
  memcpy(row + b * 8, held, 8);
}

/* Key number q of those of row i that move: all but 0 and i. */
static size_t moving_key(size_t i, size_t q) { return i > 0 && q + 1 >= i ? q + 2 : q + 1; }

/* Fisher and Yates; one counter gives four numbers, each of bias below n / 2^32. */
static void permute_row(const random_stream *s, size_t i, size_t count, unsigned char *row, size_t size) {
  uint32_t bits[4];
  for (size_t q = 1; q < count; q++) {
    if (q == 1 || q % 4 == 0) random_bits(s, (uint32_t)i, (uint32_t)(q / 4), bits);
    size_t other = (size_t)(((uint64_t)bits[q % 4] * (q + 1)) >> 32);
    if (size == 4) swap_f32(row, moving_key(i, q), moving_key(i, other));
    else swap_f64(row, moving_key(i, q), moving_key(i, other));
  }
}

static void permute_head(uint64_t seed, size_t draw, size_t n, dwell_dtype dtype, bool causal, const void *attention,
                         void *ret_attention) {
  random_stream s = {.seed = seed, .purpose = RANDOM_HEAD_ROWS, .replica = (uint32_t)draw};
  size_t size = (size_t)dtype;
  memcpy(ret_attention, attention, n * n * size);
  for (size_t i = 0; i < n; i++) {
    size_t allowed = causal ? i + 1 : n, fixed = i > 0 ? 2 : 1;
    if (allowed > fixed) permute_row(&s, i, allowed - fixed, (unsigned char *)ret_attention + i * n * size, size);
  }
}

static double flops(size_t n) { return 10 * (double)n * (double)n; }

const null_model null_row_permutation = {
    .name = "row_permutation",
    .summary = "the weights of each row of a head permuted among its keys",
    .source = "docs/instruments.md 5.4",
    .holds = "each row's weights (so its entropy), the weight on token 0 and on itself, the mask",
    .destroys = "who attends to whom",
    .how = "sampled, by the instrument (fiedler)",
    .permute_head = permute_head,
    .flops = flops,
    .bytes = null_no_bytes,
};
