/* model/decoder.c - what GPT-2 and its kin share: the block. */
#include "model/decoder.h"

#include "base/error.h"

typedef struct embedding_slots {
  size_t words, positions, mapping;
} embedding_slots;

static dwell_status embed(model_pass *p, const void *slots, dwell_error *err) {
  const embedding_slots *at = slots;
  const model_shape *s = &p->model->shape;
  const weight_group *g = &p->layout->outer;
  bool mapped = s->parts & PART_MAPPING;
  dwell_status status = DWELL_OK;
  pass_matrix words = {p->wide, s->embedding};
  TRY(pass_words(p, at->words, mapped ? p->wide : p->x, err));
  if (mapped) TRY(pass_linear(p, g, at->mapping, PASS_NO_SLOT, ACTIVATION_NONE, words, pass_x(p), err));
  TRY(pass_rows(p, at->positions, s->first_position + p->first, p->rows, p->y, err));
  p->ops->add(p->rows * s->width, p->x, p->y);
done:
  return status;
}

dwell_status decoder_embed(model_pass *p, size_t words, size_t positions, size_t mapping, dwell_error *err) {
  const embedding_slots slots = {words, positions, mapping};
  return pass_windows(p, embed, &slots, err);
}

/* ---- stages: each of one window ---- */

static dwell_status norm(model_pass *p, size_t weight, const void *r, bool keep_sum, pass_matrix y, dwell_error *err) {
  return pass_norm(p, &p->layout->block, weight, p->model->shape.width, p->x, r, keep_sum, y, err);
}

static dwell_status attend_normed(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  dwell_status status = norm(p, at->norm1, NULL, false, pass_y(p), err);
  return status == DWELL_OK ? pass_qkv(p, at->qkv, at->qkv_bias, pass_y(p), err) : status;
}

static dwell_status attend_plain(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return pass_qkv(p, at->qkv, at->qkv_bias, pass_x(p), err);
}

static dwell_status project(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return pass_linear(p, &p->layout->block, at->project, at->project_bias, ACTIVATION_NONE, pass_context(p), pass_y(p),
                     err);
}

/* x += y; y = mlp(N2(x)). */
static dwell_status mlp_normed(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  dwell_status status = norm(p, at->norm2, p->y, true, pass_y(p), err);
  return status == DWELL_OK ? pass_mlp(p, &at->mlp, pass_y(p), pass_y(p), err) : status;
}

/* y = mlp(N2(x)) and x += y as it was: both sublayers read the same x. N2(x) lies behind the inner layer. */
static dwell_status mlp_parallel(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  const model_shape *s = &p->model->shape;
  pass_matrix normed = pass_wide(p, s->inner * (s->gated ? 2 : 1));
  dwell_status status = norm(p, at->norm2, NULL, false, normed, err);
  if (status != DWELL_OK) return status;
  pass_add(p);
  return pass_mlp(p, &at->mlp, normed, pass_y(p), err);
}

static dwell_status mlp_plain(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return pass_mlp(p, &at->mlp, pass_x(p), pass_y(p), err);
}

static dwell_status add(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots, (void)err;
  pass_add(p);
  return DWELL_OK;
}

/* x = N(x + y). */
static dwell_status norm1_sum(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return norm(p, at->norm1, p->y, false, pass_x(p), err);
}

static dwell_status norm2_sum(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return norm(p, at->norm2, p->y, false, pass_x(p), err);
}

/* ---- legs ---- */

static dwell_status leg_attention(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return pass_leg_attention(p, at->project, at->project_bias, err);
}

static dwell_status keep_context(model_pass *p, const void *slots, dwell_error *err) {
  (void)slots, (void)err;
  pass_keep_context(p);
  return DWELL_OK;
}

static dwell_status leg_both(model_pass *p, const void *slots, dwell_error *err) {
  const decoder_slots *at = slots;
  return pass_leg_both(p, at->project, at->project_bias, err);
}

/* ---- blocks ---- */

static const pass_stage before[] = {
    {attend_normed, NULL}, {NULL, NULL}, {project, leg_attention}, {mlp_normed, pass_leg_mlp}, {add, NULL}};
static const pass_stage parallel[] = {
    {attend_normed, NULL}, {NULL, NULL}, {project, keep_context}, {mlp_parallel, NULL}, {add, leg_both}};
static const pass_stage after[] = {{attend_plain, NULL},      {NULL, NULL},
                                   {project, leg_attention},  {norm1_sum, pass_leg_norm},
                                   {mlp_plain, pass_leg_mlp}, {norm2_sum, pass_leg_norm}};

#define COUNT(stages) (sizeof(stages) / sizeof *(stages))

dwell_status decoder_block(model_pass *p, const decoder_slots *slots, dwell_error *err) {
  const model_shape *s = &p->model->shape;
  if (s->post_norm) return pass_block(p, after, COUNT(after), slots, err);
  dwell_status status = pass_first_norm(p, slots->norm1, err);
  if (status != DWELL_OK) return status;
  return s->parallel ? pass_block(p, parallel, COUNT(parallel), slots, err)
                     : pass_block(p, before, COUNT(before), slots, err);
}
