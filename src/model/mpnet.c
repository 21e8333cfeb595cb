/* model/mpnet.c - MPNet (Song et al. 2020): RoBERTa's positions, and a learned bias of the scores by relative position,
 * the same in all blocks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/encoder.h"

enum { RELATIVE = ENCODER_OUTER_COUNT, OUTER_COUNT };
static const model_slot outer[OUTER_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_WIDTH, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_POSITIONS, DIM_WIDTH, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_WIDTH, SLOT_TABLE, PART_TYPES},
    {"embeddings.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"encoder.relative_attention_bias.weight", DIM_BUCKETS, DIM_HEADS, SLOT_RAW},
};

static const model_slot block[ENCODER_BLOCK_COUNT] = {
    {"attention.attn.q.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.attn.k.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.attn.v.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.attn.q.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.attn.k.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.attn.v.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.attn.o.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.attn.o.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attention.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"intermediate.dense.weight", DIM_INNER, DIM_WIDTH, 0},
    {"intermediate.dense.bias", DIM_INNER, DIM_NONE, 0},
    {"output.dense.weight", DIM_WIDTH, DIM_INNER, 0},
    {"output.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"output.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"output.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  static const encoder_defaults defaults = {768, 12, 3072, 30527, 0, "gelu"};
  enum { FEWEST_BUCKETS = 4, MOST_BUCKETS = 1 << 12 };
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, &defaults, s, err));
  TRY(encoder_padded_positions(c, s, err));
  TRY(config_size(c, CONFIG_NAMES("relative_attention_num_buckets"), 32, MOST_BUCKETS, &s->buckets, err));
  if (s->buckets < FEWEST_BUCKETS || s->buckets % 4 != 0) {
    status = error_set(err, DWELL_BAD_INPUT, "must be a multiple of 4");
    error_at_item(err, "relative_attention_num_buckets");
    error_in_file(err, c->path);
  }
done:
  return status;
}

/* The bucket of a key `offset` tokens behind the query (Raffel et al. 2020, T5): half of the buckets for each side,
 * half of those one token wide, the rest growing to 128 tokens. In float, as torch computes it: at exact powers the
 * truncation depends on it. */
static size_t bucket_of(ptrdiff_t offset, size_t buckets) {
  const float farthest = 128;
  size_t half = buckets / 2, exact = half / 2, distance = (size_t)labs(offset), side = offset > 0 ? half : 0;
  if (distance < exact) return side + distance;
  float ratio = logf((float)distance / (float)exact) / (float)log((double)farthest / (double)exact);
  size_t bucket = exact + (size_t)(ratio * (float)(half - exact));
  return side + (bucket < half ? bucket : half - 1);
}

static void fill_relative(model_pass *p) {
  const model_shape *s = &p->model->shape;
  const char *table = pass_weight(p, &p->layout->outer, RELATIVE); /* [buckets, heads] */
  size_t columns = 2 * p->n - 1, size = p->ops->size;
  for (size_t k = 0; k < columns; k++) {
    size_t bucket = bucket_of((ptrdiff_t)k - (ptrdiff_t)(p->n - 1), s->buckets);
    for (size_t h = 0; h < s->heads; h++) {
      memcpy(pass_at(p, p->relative, h * columns + k), table + (bucket * s->heads + h) * size, size);
    }
  }
}

static dwell_status embed(model_pass *p, dwell_error *err) {
  fill_relative(p);
  return encoder_embed(p, err);
}

const model_architecture model_mpnet = {
    .name = "mpnet",
    .summary = "MPNet: RoBERTa's positions and a bias of the scores by relative position",
    .source = "Song et al. 2020, MPNet: masked and permuted pre-training for language understanding",
    .model_types = CONFIG_NAMES("mpnet"),
    .prefixes = CONFIG_NAMES("mpnet.", ""),
    .anchor = "encoder.relative_attention_bias.weight",
    .block_format = "encoder.layer.%zu.",
    .tied_name = "lm_head.decoder.weight",
    .deviation = "initializer_range",
    .padding = 1,
    .out_in = true,
    .outer = outer,
    .block = block,
    .outer_count = OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
