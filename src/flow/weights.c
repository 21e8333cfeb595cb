/* flow/weights.c - layers of weights in memory: their layout, norms and symmetries, random ones, those of a model. */
#include "flow/weights.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "flow/weights_layout.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"

/* ---- layout ---- */

enum { PARTS = 13 };

/* The pointers of a layer and how many doubles each takes, in the order of storage. */
static void parts_of(flow_layer *l, const double **ret_at[PARTS], size_t ret_count[PARTS]) {
  const double **at[PARTS] = {&l->query, &l->key,       &l->query_bias, &l->key_bias,   &l->read,      &l->write,
                              &l->bias,  &l->add_query, &l->add_key,    &l->add_weight, &l->direction, &l->strength,
                              NULL};
  size_t h = l->heads, form = h * l->rank * l->d, value = h * l->value_rank * l->d, add = h * l->hidden * l->d;
  size_t count[PARTS] = {form, form, h * l->rank,   h * l->rank,       value,      value, l->d,
                         add,  add,  h * l->hidden, l->neurons * l->d, l->neurons, 0};
  memcpy(ret_at, at, sizeof at);
  memcpy(ret_count, count, sizeof count);
}

static size_t rounded(size_t count) { return (count + 7) / 8 * 8; }

/* What is asked for is marked by any pointer that is not NULL. */
dwell_status weights_allocate(dwell_flow_weights *w, dwell_error *err) {
  const double **at[PARTS];
  size_t count[PARTS], total = 0, heads = 0;
  parts_of(&w->shape, at, count);
  w->stride = 0;
  for (size_t p = 0; p + 1 < PARTS; p++) w->stride += *at[p] != NULL ? rounded(count[p]) : 0;
  if (!size_mul(w->stride, w->layers, &total) || !size_mul(w->layers, w->heads, &heads))
    return error_no_memory(err, "the weights");
  w->storage = MEM_ZERO(double, total);
  w->symmetric = MEM_ZERO(bool, heads);
  w->form = MEM_ZERO(double, heads);
  w->value = MEM_ZERO(double, heads);
  if (!w->storage || !w->symmetric || !w->form || !w->value) return error_no_memory(err, "the weights");
  double *next = w->storage;
  for (size_t p = 0; p + 1 < PARTS; p++) {
    if (*at[p] == NULL) continue;
    *at[p] = next;
    next += rounded(count[p]);
  }
  return DWELL_OK;
}

double *weights_at(dwell_flow_weights *w, size_t layer, const double *part) {
  return w->storage + (part - w->storage) + layer * w->stride;
}

flow_layer weights_layer(const dwell_flow_weights *w, size_t l, size_t heads) {
  const double **at[PARTS];
  size_t count[PARTS];
  flow_layer layer = w->shape;
  parts_of(&layer, at, count);
  for (size_t p = 0; p + 1 < PARTS; p++)
    if (*at[p] != NULL) *at[p] += l * w->stride;
  layer.heads = heads == 0 ? w->heads : heads;
  layer.symmetric = layer.query_bias == NULL && layer.key_bias == NULL;
  layer.form_norm = layer.value_norm = 0;
  for (size_t h = 0; h < layer.heads; h++) {
    layer.symmetric = layer.symmetric && w->symmetric[l * w->heads + h];
    layer.form_norm = fmax(layer.form_norm, w->form[l * w->heads + h]);
    layer.value_norm += w->value[l * w->heads + h];
  }
  return layer;
}

void dwell_flow_weights_destroy(dwell_flow_weights *w) {
  if (w == NULL) return;
  mem_free(w->storage);
  mem_free(w->symmetric);
  mem_free(w->form);
  mem_free(w->value);
  mem_free(w->name);
  mem_free(w);
}

size_t dwell_flow_weights_d(const dwell_flow_weights *w) { return w->d; }

dwell_status weights_create(const char *name, dwell_flow_weights **ret_weights, dwell_error *err) {
  dwell_flow_weights *w = MEM_ZERO(dwell_flow_weights, 1);
  *ret_weights = w;
  if (w != NULL) w->name = mem_copy(name, strlen(name) + 1, 1);
  return w != NULL && w->name != NULL ? DWELL_OK : error_no_memory(err, "the weights");
}

/* ---- norms ---- */

/* M [d, d] = A^T B of factors [rank, d]; either NULL: the identity. */
static void product(size_t rank, size_t d, const double *a, const double *b, double *ret) {
  if (a != NULL && b != NULL) {
    gemm_f64(true, false, d, d, rank, 1, a, d, b, d, 0, ret, d);
    return;
  }
  memset(ret, 0, d * d * sizeof(double));
  for (size_t i = 0; i < d && a == NULL && b == NULL; i++) ret[i * d + i] = 1;
  if (b != NULL) memcpy(ret, b, d * d * sizeof(double)); /* V_h = read_h */
}

/* Symmetric to rounding: a product of `rank` terms. */
static bool is_symmetric(size_t d, const double *m) {
  double largest = 0, worst = 0;
  for (size_t i = 0; i < d * d; i++) largest = fmax(largest, fabs(m[i]));
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++) worst = fmax(worst, fabs(m[i * d + j] - m[j * d + i]));
  return worst <= 1e-14 * largest;
}

typedef struct norm_scratch {
  double *m, *square, *product, *values; /* [d, d] three times, [2 d] */
} norm_scratch;

/* The largest singular value of m = a^T b, which is in s->m: of m by the eigenvalues of m^T m, or of factors [rank, d]
 * with rank < d by those of (a a^T)(b b^T), which are the same but for zeros. */
static dwell_status spectral_norm(size_t rank, size_t d, const double *a, const double *b, norm_scratch *s,
                                  double *ret_norm, dwell_error *err) {
  double top = 0;
  if (a == NULL || b == NULL || rank >= d) {
    gemm_f64(true, false, d, d, d, 1, s->m, d, s->m, d, 0, s->square, d);
    dwell_status status = eigen_values(d, s->square, s->values, err);
    *ret_norm = status == DWELL_OK ? sqrt(fmax(0, s->values[d - 1])) : NAN;
    return status;
  }
  gemm_f64(false, true, rank, rank, d, 1, a, d, a, d, 0, s->m, rank);
  gemm_f64(false, true, rank, rank, d, 1, b, d, b, d, 0, s->square, rank);
  gemm_f64(false, false, rank, rank, rank, 1, s->m, rank, s->square, rank, 0, s->product, rank);
  dwell_status status = eigen_general(rank, s->product, s->values, s->values + d, err);
  for (size_t k = 0; k < rank && status == DWELL_OK; k++) top = fmax(top, s->values[k]);
  *ret_norm = sqrt(top);
  return status;
}

/* Norms and symmetry of one head of a layer. */
static dwell_status measure_head(dwell_flow_weights *w, const flow_layer *l, size_t item, norm_scratch *s,
                                 dwell_error *err) {
  size_t d = w->d, h = item % w->heads, form = h * l->rank * d, value = h * l->value_rank * d;
  const double *q = l->query != NULL ? l->query + form : NULL, *k = l->key != NULL ? l->key + form : NULL;
  const double *read = l->read != NULL ? l->read + value : NULL, *write = l->write != NULL ? l->write + value : NULL;
  product(l->rank, d, q, k, s->m);
  w->symmetric[item] = is_symmetric(d, s->m);
  dwell_status status = spectral_norm(l->rank, d, q, k, s, &w->form[item], err);
  if (status != DWELL_OK) return status;
  if (write == NULL || l->value_rank >= d) product(l->value_rank, d, write, read, s->m);
  return spectral_norm(l->value_rank, d, write, read, s, &w->value[item], err);
}

dwell_status weights_finish(dwell_flow_weights *w, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t d = w->d;
  double *scratch = mem_alloc(d, (3 * d + 2) * sizeof(double));
  TRY_ALLOC(scratch, "norms of the weights");
  norm_scratch s = {scratch, scratch + d * d, scratch + 2 * d * d, scratch + 3 * d * d};
  for (size_t l = 0; l < w->layers; l++) {
    flow_layer layer = weights_layer(w, l, 0);
    for (size_t h = 0; h < w->heads; h++) TRY(measure_head(w, &layer, l * w->heads + h, &s, err));
  }
done:
  mem_free(scratch);
  return status;
}

/* ---- random weights ---- */

static const double wanted = 0; /* marks a part that is to be allocated */

dwell_status dwell_flow_weights_draw(size_t layers, size_t heads, size_t d, uint64_t seed,
                                     dwell_flow_weights **ret_weights, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_weights *w = NULL;
  size_t count = 0;
  if (layers < 1 || heads < 1 || d < 1 || !size_mul(d, d, &count) || !size_mul(count, 3 * layers, &count) ||
      !size_mul(count, heads, &count) || count > UINT32_MAX)
    TRY(error_set(err, DWELL_USAGE, "that many random weights cannot be drawn"));
  TRY(weights_create("gaussian", &w, err));
  w->d = d, w->layers = layers, w->heads = heads, w->seed = seed;
  w->shape = (flow_layer){.d = d, .heads = heads, .rank = d, .value_rank = d};
  w->shape.query = w->shape.key = w->shape.read = &wanted;
  TRY(weights_allocate(w, err));
  const double *parts[3] = {w->shape.query, w->shape.key, w->shape.read};
  random_stream stream = {seed, RANDOM_FLOW_WEIGHTS, 0};
  double scale = 1 / sqrt((double)d);
  for (size_t l = 0; l < layers; l++)
    for (size_t p = 0; p < 3; p++) {
      double *to = weights_at(w, l, parts[p]);
      uint32_t first = (uint32_t)(l * 3 + p);
      for (size_t e = 0; e < heads * d * d; e++) to[e] = scale * random_normal(&stream, first, (uint32_t)e);
    }
  TRY(weights_finish(w, err));
done:
  if (status != DWELL_OK) {
    dwell_flow_weights_destroy(w);
    w = NULL;
  }
  *ret_weights = w;
  return status;
}

/* ---- of a model ---- */

dwell_status weights_begin(const dwell_weights *view, size_t layers, const char *name, dwell_flow_weights **ret_weights,
                           dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_weights *w = NULL;
  TRY(weights_create(name, &w, err));
  w->d = view->d, w->layers = layers, w->heads = view->heads, w->rotary = view->rotary;
  w->shape = (flow_layer){.d = view->d,
                          .heads = view->heads,
                          .rank = view->head_size,
                          .value_rank = view->head_size,
                          .centred = view->centred_in};
  flow_layer *s = &w->shape;
  s->query = s->key = s->query_bias = s->key_bias = s->read = s->write = s->bias = &wanted;
  TRY(weights_allocate(w, err));
done:
  if (status != DWELL_OK) {
    dwell_flow_weights_destroy(w);
    w = NULL;
  }
  *ret_weights = w;
  return status;
}

/* ret [d] = scale * row diag(gain) C; returns <row, bias>. */
static double fold_row(const dwell_weights *v, const double *row, double scale, double *ret) {
  double sum = 0, constant = 0;
  for (size_t k = 0; k < v->d; k++) {
    ret[k] = scale * row[k] * (v->opt_gain != NULL ? v->opt_gain[k] : 1);
    sum += ret[k];
    if (v->opt_bias != NULL) constant += row[k] * v->opt_bias[k];
  }
  for (size_t k = 0; k < v->d && v->centred_in; k++) ret[k] -= sum / (double)v->d;
  return constant;
}

static void fold_head(dwell_flow_weights *w, size_t l, size_t h, const dwell_weights *v) {
  size_t d = v->d, size = v->head_size, group = dwell_weights_group(v, h);
  double s = sqrt(v->score_scale), length = sqrt((double)d), *bias = weights_at(w, l, w->shape.bias);
  const double *q = dwell_weights_rows(v, v->query, h), *k = dwell_weights_rows(v, v->key, group);
  const double *value = dwell_weights_rows(v, v->value, group), *output = dwell_weights_rows(v, v->output, h);
  for (size_t r = 0; r < size; r++) {
    size_t unit = h * size + r, shared = group * size + r;
    double *write = weights_at(w, l, w->shape.write) + unit * d;
    weights_at(w, l, w->shape.query_bias)[unit] =
        s * (fold_row(v, q + r * d, s * length, weights_at(w, l, w->shape.query) + unit * d) + v->query_bias[unit]);
    weights_at(w, l, w->shape.key_bias)[unit] =
        s * (fold_row(v, k + r * d, s * length, weights_at(w, l, w->shape.key) + unit * d) + v->key_bias[shared]);
    double constant = fold_row(v, value + r * d, length, weights_at(w, l, w->shape.read) + unit * d);
    memcpy(write, output + r * d, d * sizeof(double));
    for (size_t e = 0; e < d; e++) bias[e] += (constant + v->value_bias[shared]) * write[e];
  }
}

static void centre(size_t d, double *row) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += row[k];
  for (size_t k = 0; k < d; k++) row[k] -= sum / (double)d;
}

dwell_status weights_fill(dwell_flow_weights *w, size_t l, const dwell_weights *view, dwell_error *err) {
  if (view->d != w->d || view->heads != w->heads || view->head_size != w->shape.rank ||
      view->centred_in != w->shape.centred)
    return error_set(err, DWELL_UNSUPPORTED, "the blocks of this model differ in shape");
  double *bias = weights_at(w, l, w->shape.bias), *write = weights_at(w, l, w->shape.write);
  memcpy(bias, view->output_bias, w->d * sizeof(double));
  for (size_t h = 0; h < w->heads; h++) fold_head(w, l, h, view);
  if (!w->shape.centred) return DWELL_OK;
  centre(w->d, bias);
  for (size_t unit = 0; unit < w->heads * w->shape.value_rank; unit++) centre(w->d, write + unit * w->d);
  return DWELL_OK;
}

/* ---- for the manifest ---- */

void weights_write(const dwell_flow_weights *w, size_t heads, jwriter *out) {
  jwriter_put_string(out, "weights", w->name);
  jwriter_put_int(out, "layers", (int64_t)w->layers);
  jwriter_put_int(out, "heads", (int64_t)(heads == 0 ? w->heads : heads));
  if (w->rotary) jwriter_put_string(out, "positions", "left out");
}
