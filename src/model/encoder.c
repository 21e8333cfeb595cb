/* model/encoder.c - what BERT and ALBERT share: embeddings, post-norm block, config fields. */
#include "model/encoder.h"

#include "base/error.h"

dwell_status encoder_configure(const config *c, const char *default_activation, size_t default_width,
                               size_t default_heads, size_t default_inner, model_shape *ret_shape, dwell_error *err) {
  model_shape *s = ret_shape;
  dwell_status status = DWELL_OK;
  TRY(config_size(c, CONFIG_NAMES("num_hidden_layers"), 12, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_size"), default_width, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("num_attention_heads"), default_heads, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("intermediate_size"), default_inner, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 512, MODEL_MAX_CONTEXT, &s->context, err));
  TRY(config_size(c, CONFIG_NAMES("type_vocab_size"), 2, MODEL_MAX_CONTEXT, &s->types, err));
  TRY(config_epsilon(c, "layer_norm_eps", 1e-12, &s->epsilon, err));
  TRY(model_configure_activation(c, "hidden_act", default_activation, &s->activation, err));
  TRY(config_flag(c, "tie_word_embeddings", true, &s->tied_words, err));
  TRY(config_refuse(c, "is_decoder", "false", err));
  TRY(config_refuse(c, "add_cross_attention", "false", err));
  s->scale_scores = true;
done:
  return status;
}

dwell_status encoder_embed(model_pass *p, void *ret_rows, void *scratch, dwell_error *err) {
  size_t width = p->model->shape.embedding;
  dwell_status status = DWELL_OK;
  TRY(pass_words(p, ENCODER_WORDS, ret_rows, err));
  TRY(pass_rows(p, ENCODER_TYPES, 1, scratch, err));
  p->ops->add_row(p->n, width, ret_rows, scratch);
  TRY(pass_rows(p, ENCODER_POSITIONS, p->n, scratch, err));
  p->ops->add(p->n * width, ret_rows, scratch);
  TRY(pass_norm(p, &p->model->outer, ENCODER_NORM, width, ret_rows, NULL, false, ret_rows, err));
done:
  return status;
}

dwell_status encoder_block(model_pass *p, dwell_error *err) {
  const weight_group *g = &p->model->block;
  const model_shape *s = &p->model->shape;
  void *context;
  dwell_status status = DWELL_OK;
  TRY(pass_linear(p, g, ENCODER_QUERY, ENCODER_QUERY_BIAS, ACTIVATION_NONE, p->x, p->wide, err));
  TRY(pass_attention(p, &context, err));
  TRY(pass_linear(p, g, ENCODER_PROJECT, ENCODER_PROJECT_BIAS, ACTIVATION_NONE, context, p->y, err));
  TRY(pass_part(p, "attn", p->y, err));
  TRY(pass_norm(p, g, ENCODER_NORM1, s->width, p->x, p->y, false, p->x, err));
  TRY(pass_linear(p, g, ENCODER_UP, ENCODER_UP_BIAS, s->activation, p->x, p->wide, err));
  TRY(pass_linear(p, g, ENCODER_DOWN, ENCODER_DOWN_BIAS, ACTIVATION_NONE, p->wide, p->y, err));
  TRY(pass_part(p, "mlp", p->y, err));
  TRY(pass_norm(p, g, ENCODER_NORM2, s->width, p->x, p->y, false, p->x, err));
done:
  return status;
}
