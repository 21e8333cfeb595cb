/* model/roberta.c - RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020): BERT whose positions count from behind
 * the padding token's id. */
#include "base/error.h"
#include "model/encoder.h"

static dwell_status configure(const config *c, model_shape *s, dwell_error *err) {
  static const encoder_defaults defaults = {768, 12, 3072, 50265, 2, "gelu"};
  dwell_status status = DWELL_OK;
  TRY(encoder_configure(c, &defaults, s, err));
  TRY(encoder_padded_positions(c, s, err));
done:
  return status;
}

const model_architecture model_roberta = {
    .name = "roberta",
    .summary = "RoBERTa, XLM-R, CamemBERT: BERT with positions that begin at 2",
    .source = "Liu et al. 2019, RoBERTa: a robustly optimized BERT pretraining approach",
    .model_types = CONFIG_NAMES("roberta", "xlm-roberta", "camembert"),
    .prefixes = CONFIG_NAMES("roberta.", ""),
    .anchor = "embeddings.position_embeddings.weight",
    .block_format = "encoder.layer.%zu.",
    .tied_name = "lm_head.decoder.weight",
    .deviation = "initializer_range",
    .padding = 1,
    .out_in = true,
    .outer = encoder_bert_outer,
    .block = encoder_bert_block,
    .outer_count = ENCODER_OUTER_COUNT,
    .block_count = ENCODER_BLOCK_COUNT,
    .configure = configure,
    .embed = encoder_embed,
    .attention = ENCODER_ATTENTION,
    .block_step = encoder_block,
};
