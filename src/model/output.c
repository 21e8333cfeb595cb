/* model/output.c - from a state to the scores of the next token: final norm, output layer. */
#include "model/output.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"

static size_t words_slot(const model_architecture *a) {
  size_t s = 0;
  while (!(a->outer[s].flags & SLOT_WORDS)) s++; /* every architecture has them */
  return s;
}

static bool is_tied(const model_output *o) {
  return o->opt_random != NULL ? o->model->shape.tied_words : o->model->weights.tied_output;
}

static dwell_status read_tensor(const model_output *o, const checkpoint_tensor *t, bool map, size_t first, size_t count,
                                double *ret_values, dwell_error *err) {
  if (o->opt_random == NULL)
    return checkpoint_read(o->model->weights.file, t, 0, first, count, DWELL_F64, ret_values, err);
  initialiser_output(o->opt_random, map, first, count, ret_values);
  return DWELL_OK;
}

static dwell_status rows(void *self, size_t first, size_t count, double *ret_rows, dwell_error *err) {
  const model_output *o = self;
  const weight_provider *p = &o->provider;
  size_t d = o->model->shape.embedding;
  if (!is_tied(o)) return read_tensor(o, o->model->weights.output, false, first * d, count * d, ret_rows, err);
  size_t slot = words_slot(o->model->architecture);
  return p->read(p->self, true, 0, slot, first * d, count * d, DWELL_F64, ret_rows, err);
}

/* LayerNorm or RMSNorm of the rows of x [n, d], as the forward pass has it. */
static void norm_rows(const model_shape *s, const double *gain, const double *opt_bias, size_t n, const double *x,
                      double *y) {
  size_t d = s->width;
  for (size_t i = 0; i < n; i++, x += d, y += d) {
    double mean = 0, square = 0;
    for (size_t k = 0; k < d && !s->rms; k++) mean += x[k];
    mean /= (double)d;
    for (size_t k = 0; k < d; k++) square += (x[k] - mean) * (x[k] - mean);
    double scale = 1 / sqrt(square / (double)d + s->epsilon);
    for (size_t k = 0; k < d; k++) y[k] = (x[k] - mean) * scale * gain[k] + (opt_bias != NULL ? opt_bias[k] : 0);
  }
}

static dwell_status final_norm(const model_output *o, size_t n, const double *x, double *y, dwell_error *err) {
  const model_shape *s = &o->model->shape;
  const weight_provider *p = &o->provider;
  size_t d = s->width, slot = o->model->architecture->final_norm;
  dwell_status status = DWELL_OK;
  double *gain = MEM_NEW(double, 2 * d), *bias = s->rms ? NULL : gain + d;
  TRY_ALLOC(gain, "the weights of a norm");
  TRY(p->read(p->self, true, 0, slot, 0, d, DWELL_F64, gain, err));
  if (bias != NULL) TRY(p->read(p->self, true, 0, slot + 1, 0, d, DWELL_F64, bias, err));
  norm_rows(s, gain, bias, n, x, y);
done:
  mem_free(gain);
  return status;
}

/* y [n, embedding] of x [n, width] */
static dwell_status map_rows(const model_output *o, size_t n, const double *x, double *y, dwell_error *err) {
  const model_shape *s = &o->model->shape;
  size_t in = s->width, out = s->embedding, count = in * out; /* cannot overflow: MODEL_MAX_WIDTH */
  dwell_status status = DWELL_OK;
  double *map = MEM_NEW(double, count);
  TRY_ALLOC(map, "the map before the output layer");
  TRY(read_tensor(o, o->model->weights.output_map, true, 0, count, map, err));
  gemm_f64(false, true, n, out, in, 1, x, in, map, in, 0, y, out);
done:
  mem_free(map);
  return status;
}

static dwell_status prepare(void *self, bool normed, size_t n, const double *x, double *ret_y, dwell_error *err) {
  const model_output *o = self;
  const model_shape *s = &o->model->shape;
  bool norm = !normed && (s->parts & PART_FINAL_NORM), mapped = s->parts & PART_MAPPING;
  size_t count;
  dwell_status status = DWELL_OK;
  double *between = NULL;
  if (!size_mul(n, s->width, &count)) return error_no_memory(err, "a state");
  if (norm && mapped) TRY_ALLOC(between = MEM_NEW(double, count), "a state");
  double *out = mapped ? between : ret_y;
  if (norm) TRY(final_norm(o, n, x, out, err));
  else if (!mapped) memcpy(ret_y, x, count * sizeof *x);
  if (mapped) TRY(map_rows(o, n, norm ? between : x, ret_y, err));
done:
  mem_free(between);
  return status;
}

static const char *piece(void *self, size_t number) {
  const model_output *o = self;
  return o->model->tokenizer != NULL ? tokenizer_piece(o->model->tokenizer, (int64_t)number) : NULL;
}

dwell_status model_output_get(model_output *self, source_output *ret_output, dwell_error *err) {
  const dwell_model *m = self->model;
  const model_weights *w = &m->weights;
  bool random = self->opt_random != NULL;
  const char *missing = NULL;
  if (!m->architecture->causal) {
    return error_set(err, DWELL_UNSUPPORTED, "a %s model does not predict the next token", m->architecture->name);
  }
  if (!random && !w->tied_output && w->output == NULL) missing = m->architecture->tied_name;
  if (!random && (m->shape.parts & PART_MAPPING) && w->output_map == NULL) missing = m->architecture->output_map;
  if (missing != NULL) {
    error_set(err, DWELL_UNSUPPORTED, "the checkpoint has no output layer");
    error_at_item(err, missing);
    return error_in_file(err, m->info.folder), DWELL_UNSUPPORTED;
  }
  *ret_output = (source_output){.self = self, .vocabulary = m->shape.vocabulary, .width = m->shape.embedding};
  ret_output->rows = rows, ret_output->prepare = prepare, ret_output->piece = piece;
  return DWELL_OK;
}
