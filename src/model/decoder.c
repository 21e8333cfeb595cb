/* model/decoder.c - what GPT-2 and its kin share: the block. */
#include "model/decoder.h"

#include "base/error.h"

dwell_status decoder_embed(model_pass *p, size_t words, size_t positions, size_t mapping, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  bool mapped = s->parts & PART_MAPPING;
  dwell_status status = DWELL_OK;
  TRY(pass_words(p, words, mapped ? p->wide : p->x, err));
  if (mapped) TRY(pass_linear(p, &p->layout->outer, mapping, PASS_NO_SLOT, ACTIVATION_NONE, p->wide, p->x, err));
  TRY(pass_rows(p, positions, s->first_position, p->n, p->y, err));
  p->ops->add(p->n * s->width, p->x, p->y);
done:
  return status;
}

/* The attention of `from` into p->y; the heads' context is returned. */
static dwell_status attend(model_pass *p, const decoder_slots *at, const void *from, void **ret_context,
                           dwell_error *err) {
  const weight_group *g = &p->layout->block;
  dwell_status status = DWELL_OK;
  TRY(pass_linear(p, g, at->qkv, at->qkv_bias, ACTIVATION_NONE, from, p->wide, err));
  TRY(pass_attention(p, ret_context, err));
  TRY(pass_linear(p, g, at->project, at->project_bias, ACTIVATION_NONE, *ret_context, p->y, err));
done:
  return status;
}

static dwell_status norm(model_pass *p, size_t weight, const void *r, bool keep_sum, void *y, dwell_error *err) {
  return pass_norm(p, &p->layout->block, weight, p->model->shape.width, p->x, r, keep_sum, y, err);
}

static dwell_status before(model_pass *p, const decoder_slots *at, dwell_error *err) {
  void *context;
  dwell_status status = DWELL_OK;
  TRY(norm(p, at->norm1, NULL, false, p->y, err));
  TRY(attend(p, at, p->y, &context, err));
  TRY(pass_leg_attention(p, context, at->project, at->project_bias, err));
  TRY(norm(p, at->norm2, p->y, true, p->y, err));
  TRY(pass_mlp(p, &at->mlp, p->y, p->y, err));
  TRY(pass_leg_mlp(p, err));
  p->ops->add(p->n * p->model->shape.width, p->x, p->y);
done:
  return status;
}

/* x stays as it was until both sublayers are known; the MLP's input lies behind its inner layer. */
static dwell_status parallel(model_pass *p, const decoder_slots *at, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  void *context, *z = pass_at(p, p->wide, p->n * s->inner * (s->gated ? 2 : 1));
  dwell_status status = DWELL_OK;
  TRY(norm(p, at->norm1, NULL, false, p->y, err));
  TRY(attend(p, at, p->y, &context, err));
  pass_keep_context(p, context);
  TRY(norm(p, at->norm2, NULL, false, z, err));
  TRY(pass_mlp(p, &at->mlp, z, z, err));
  p->ops->add(p->n * s->width, p->x, p->y);
  p->ops->add(p->n * s->width, p->x, z);
  TRY(pass_leg_both(p, z, at->project, at->project_bias, err));
done:
  return status;
}

static dwell_status after(model_pass *p, const decoder_slots *at, dwell_error *err) {
  void *context;
  dwell_status status = DWELL_OK;
  TRY(attend(p, at, p->x, &context, err));
  TRY(pass_leg_attention(p, context, at->project, at->project_bias, err));
  TRY(norm(p, at->norm1, p->y, false, p->x, err));
  TRY(pass_leg_norm(p, err));
  TRY(pass_mlp(p, &at->mlp, p->x, p->y, err));
  TRY(pass_leg_mlp(p, err));
  TRY(norm(p, at->norm2, p->y, false, p->x, err));
  TRY(pass_leg_norm(p, err));
done:
  return status;
}

dwell_status decoder_block(model_pass *p, const decoder_slots *slots, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  if (s->post_norm) return after(p, slots, err);
  dwell_status status = pass_first_norm(p, slots->norm1, err);
  if (status != DWELL_OK) return status;
  return s->parallel ? parallel(p, slots, err) : before(p, slots, err);
}
