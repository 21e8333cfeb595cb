/* model/encoder.c - what BERT and its kin share: embeddings, post-norm block, config fields. */
#include "model/encoder.h"

#include "base/error.h"

/* ---- tensors ---- */

const model_slot encoder_bert_outer[ENCODER_MAPPED_COUNT] = {
    {"embeddings.word_embeddings.weight", DIM_VOCABULARY, DIM_EMBEDDING, SLOT_TABLE | SLOT_WORDS},
    {"embeddings.position_embeddings.weight", DIM_POSITIONS, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.token_type_embeddings.weight", DIM_TYPES, DIM_EMBEDDING, SLOT_TABLE},
    {"embeddings.LayerNorm.weight", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"embeddings.LayerNorm.bias", DIM_EMBEDDING, DIM_NONE, SLOT_NORM},
    {"embeddings_project.weight", DIM_WIDTH, DIM_EMBEDDING, 0, PART_MAPPING},
    {"embeddings_project.bias", DIM_WIDTH, DIM_NONE, 0, PART_MAPPING},
};

const model_slot encoder_bert_block[ENCODER_BLOCK_COUNT] = {
    {"attention.self.query.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.self.key.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.self.value.weight", DIM_WIDTH, DIM_WIDTH, SLOT_JOINED},
    {"attention.self.query.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.self.key.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.self.value.bias", DIM_WIDTH, DIM_NONE, SLOT_JOINED},
    {"attention.output.dense.weight", DIM_WIDTH, DIM_WIDTH, 0},
    {"attention.output.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"attention.output.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"attention.output.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"intermediate.dense.weight", DIM_INNER, DIM_WIDTH, 0},
    {"intermediate.dense.bias", DIM_INNER, DIM_NONE, 0},
    {"output.dense.weight", DIM_WIDTH, DIM_INNER, 0},
    {"output.dense.bias", DIM_WIDTH, DIM_NONE, 0},
    {"output.LayerNorm.weight", DIM_WIDTH, DIM_NONE, SLOT_NORM},
    {"output.LayerNorm.bias", DIM_WIDTH, DIM_NONE, SLOT_NORM},
};

/* ---- config ---- */

dwell_status encoder_refuse(const config *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(config_refuse(c, "is_decoder", "false", err));
  TRY(config_refuse(c, "add_cross_attention", "false", err));
done:
  return status;
}

dwell_status encoder_configure(const config *c, const encoder_defaults *d, model_shape *ret_shape, dwell_error *err) {
  model_shape *s = ret_shape;
  dwell_status status = DWELL_OK;
  TRY(config_size(c, CONFIG_NAMES("num_hidden_layers"), 12, MODEL_MAX_BLOCKS, &s->blocks, err));
  TRY(config_size(c, CONFIG_NAMES("hidden_size"), d->width, MODEL_MAX_WIDTH, &s->width, err));
  TRY(config_size(c, CONFIG_NAMES("num_attention_heads"), d->heads, MODEL_MAX_WIDTH, &s->heads, err));
  TRY(config_size(c, CONFIG_NAMES("intermediate_size"), d->inner, MODEL_MAX_WIDTH, &s->inner, err));
  TRY(config_size(c, CONFIG_NAMES("vocab_size"), d->vocabulary, MODEL_MAX_VOCABULARY, &s->vocabulary, err));
  TRY(config_size(c, CONFIG_NAMES("max_position_embeddings"), 512, MODEL_MAX_CONTEXT, &s->context, err));
  if (d->types) TRY(config_size(c, CONFIG_NAMES("type_vocab_size"), d->types, MODEL_MAX_CONTEXT, &s->types, err));
  TRY(config_epsilon(c, "layer_norm_eps", 1e-12, &s->epsilon, err));
  TRY(model_configure_activation(c, "hidden_act", d->activation, &s->activation, err));
  TRY(config_flag(c, "tie_word_embeddings", true, &s->tied_words, err));
  TRY(encoder_refuse(c, err));
  s->scale_scores = true;
  if (d->types) s->parts |= PART_TYPES;
done:
  return status;
}

dwell_status encoder_padded_positions(const config *c, model_shape *s, dwell_error *err) {
  s->positions = s->context;
  s->padded_positions = true;
  s->first_position = s->padding + 1; /* 0 if there is no padding token */
  if (s->first_position > 0 && s->first_position < s->positions) {
    s->context = s->positions - s->first_position;
    return DWELL_OK;
  }
  if (s->first_position == 0)
    error_set(err, DWELL_BAD_INPUT, "positions begin behind the padding token, so there must be one");
  else
    error_set(err, DWELL_BAD_INPUT, "%zu positions, of which %zu are not used, leave none", s->positions,
              s->first_position);
  error_at_item(err, "pad_token_id");
  return error_in_file(err, c->path), DWELL_BAD_INPUT;
}

/* ---- embeddings ---- */

/* Rows of the table of positions, [rows, embedding]. Where positions begin after the padding token's id, a padding
 * token has the row of that id and is not counted (transformers, create_position_ids_from_input_ids). */
static dwell_status position_rows(model_pass *p, void *ret_rows, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  dwell_status status = DWELL_OK;
  if (s->first_position == 0) return pass_rows(p, ENCODER_POSITIONS, p->first, p->rows, ret_rows, err);
  size_t next = s->first_position;
  for (size_t i = 0; i < p->first; i++) next += (size_t)p->ids[i] != s->padding;
  for (size_t i = 0; i < p->rows; i++) {
    size_t row = (size_t)p->ids[p->first + i] == s->padding ? s->padding : next++;
    TRY(pass_rows(p, ENCODER_POSITIONS, row, 1, pass_at(p, ret_rows, i * s->embedding), err));
  }
done:
  return status;
}

static dwell_status embed(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  const model_shape *s = &p->model->shape;
  const weight_group *g = &p->layout->outer;
  bool mapped = s->parts & PART_MAPPING;
  void *rows = mapped ? p->wide : p->x, *scratch = mapped ? pass_at(p, p->wide, p->rows * s->embedding) : p->y;
  dwell_status status = DWELL_OK;
  TRY(pass_words(p, ENCODER_WORDS, rows, err));
  if (s->parts & PART_TYPES) {
    TRY(pass_rows(p, ENCODER_TYPES, 0, 1, scratch, err));
    p->ops->add_row(p->rows, s->embedding, rows, scratch);
  }
  TRY(position_rows(p, scratch, err));
  p->ops->add(p->rows * s->embedding, rows, scratch);
  pass_matrix normed = {rows, s->embedding};
  TRY(pass_norm(p, g, ENCODER_NORM, s->embedding, rows, NULL, false, normed, err));
  if (mapped) TRY(pass_linear(p, g, ENCODER_MAPPING, ENCODER_MAPPING_BIAS, ACTIVATION_NONE, normed, pass_x(p), err));
done:
  return status;
}

dwell_status encoder_embed(model_pass *p, dwell_error *err) { return pass_windows(p, embed, NULL, err); }

/* ---- one block ---- */

static const pass_mlp_slots mlp = {ENCODER_UP, ENCODER_UP_BIAS, ENCODER_DOWN, ENCODER_DOWN_BIAS};

/* x = LN(x + y). */
static dwell_status norm(model_pass *p, size_t weight, dwell_error *err) {
  return pass_norm(p, &p->layout->block, weight, p->model->shape.width, p->x, p->y, false, pass_x(p), err);
}

static dwell_status before(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return pass_qkv(p, ENCODER_QUERY, ENCODER_QUERY_BIAS, pass_x(p), err);
}

static dwell_status project(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return pass_linear(p, &p->layout->block, ENCODER_PROJECT, ENCODER_PROJECT_BIAS, ACTIVATION_NONE, pass_context(p),
                     pass_y(p), err);
}

static dwell_status norm1(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return norm(p, ENCODER_NORM1, err);
}

static dwell_status inner(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return pass_mlp(p, &mlp, pass_x(p), pass_y(p), err);
}

static dwell_status norm2(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return norm(p, ENCODER_NORM2, err);
}

static dwell_status leg_attention(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots;
  return pass_leg_attention(p, ENCODER_PROJECT, ENCODER_PROJECT_BIAS, err);
}

dwell_status encoder_block(model_pass *p, dwell_error *err) {
  static const pass_stage stages[] = {{before, NULL},         {NULL, NULL},          {project, leg_attention},
                                      {norm1, pass_leg_norm}, {inner, pass_leg_mlp}, {norm2, pass_leg_norm}};
  return pass_block(p, stages, sizeof stages / sizeof *stages, NULL, err);
}
