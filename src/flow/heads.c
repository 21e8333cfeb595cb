/* flow/heads.c - sums over heads, tile by tile. */
#include "flow/heads.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/threads.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

enum {
  ROWS = 32,        /* of a tile; a multiple of nothing in particular, so large that products are worth it */
  SERIAL = 1 << 20, /* multiply-adds of a head below which threads are not woken */
  VECTORS = 5       /* [n] arrays of flow_work */
};

struct flow_work {
  size_t n, d, width, value_width, heads;
  const dwell_context *ctx;
  double *query, *key; /* [n, width] */
  double *value;       /* [n, value_width] */
  double *potential;   /* [heads, 2, n] */
  double *norm;        /* [n] */
  double *energy;      /* [n] of each token */
  double *total;       /* [n] largest sum of weights so far */
  size_t *ties;        /* [n] */
  size_t *bounds;      /* [ranks + 1] tokens of each process */
  double *tiles;       /* [workers, ROWS, n + 3 d + widths] */
  size_t tile;         /* doubles of one worker */
};

typedef struct sizes {
  size_t width, value_width, heads, tile;
} sizes;

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static sizes sizes_of(size_t n, size_t d, const flow_layer *layer) {
  sizes s = {d, d, 1, 0};
  if (layer != NULL) {
    s.width = larger(larger(layer->rank, layer->hidden), d);
    s.value_width = larger(layer->value_rank, d);
    s.heads = layer->heads;
  }
  s.tile = ROWS * (n + 2 * d + s.width + s.value_width);
  return s;
}

uint64_t heads_work_bytes(size_t n, size_t d, const flow_layer *opt_layer, int threads) {
  sizes s = sizes_of(n, d, opt_layer);
  uint64_t doubles = (uint64_t)n * (2 * s.width + s.value_width + 2 * s.heads + VECTORS);
  return sizeof(double) * (doubles + (uint64_t)threads * s.tile);
}

dwell_status heads_work_create(const flow_system *system, const dwell_context *ctx, flow_work **ret_work,
                               dwell_error *err) {
  size_t n = system->n, d = system->d;
  sizes s = sizes_of(n, d, system->layer);
  flow_work *w = MEM_ZERO(flow_work, 1);
  *ret_work = w;
  if (w == NULL) return error_no_memory(err, "scratch of the flow");
  *w = (flow_work){.n = n, .d = d, .width = s.width, .value_width = s.value_width, .heads = s.heads, .tile = s.tile};
  w->ctx = n * n < SERIAL / d ? NULL : ctx;
  w->query = mem_alloc(n, s.width * sizeof(double));
  w->key = mem_alloc(n, s.width * sizeof(double));
  w->value = mem_alloc(n, s.value_width * sizeof(double));
  w->potential = mem_zero(n, 2 * s.heads * sizeof(double));
  w->norm = MEM_NEW(double, n);
  w->energy = MEM_NEW(double, n);
  w->total = MEM_NEW(double, n);
  w->ties = MEM_NEW(size_t, n);
  w->bounds = MEM_NEW(size_t, ranks_count(w->ctx) + 1);
  w->tiles = mem_alloc((size_t)threads_count(w->ctx), s.tile * sizeof(double));
  if (w->query && w->key && w->value && w->potential && w->norm && w->energy && w->total && w->ties && w->bounds &&
      w->tiles)
    return DWELL_OK;
  heads_work_destroy(w);
  *ret_work = NULL;
  return error_no_memory(err, "scratch of the flow");
}

void heads_work_destroy(flow_work *w) {
  if (w == NULL) return;
  mem_free(w->query);
  mem_free(w->key);
  mem_free(w->value);
  mem_free(w->potential);
  mem_free(w->norm);
  mem_free(w->energy);
  mem_free(w->total);
  mem_free(w->ties);
  mem_free(w->bounds);
  mem_free(w->tiles);
  mem_free(w);
}

/* ---- one head ---- */

typedef struct pass {
  head_call call;
  const head_rule *rule;
  flow_drift *drift;
  const double *value; /* [n, value_width] what weights are put on */
  size_t value_width;
  double log_scale; /* energies are divided by e^log_scale */
  void (*use)(const head_call *c, size_t i, double *scores);
} pass;

static size_t tiles_of(size_t n) { return (n + ROWS - 1) / ROWS; }
static size_t rows_of(size_t n, size_t item) { return n - item * ROWS < ROWS ? n - item * ROWS : ROWS; }

/* to [rows, width] = x map^T + bias */
static void features(const pass *p, size_t first, size_t rows, const double *map, const double *bias, size_t width,
                     double *to) {
  size_t d = p->call.system->d;
  double *at = to + first * width;
  gemm_f64(false, true, rows, width, d, 1, p->call.x + first * d, d, map, d, 0, at, width);
  for (size_t r = 0; r < rows && bias != NULL; r++)
    for (size_t k = 0; k < width; k++) at[r * width + k] += bias[k];
}

static dwell_status features_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  const flow_layer *l = p->call.layer;
  flow_work *w = p->call.work;
  size_t first = item * ROWS, rows = rows_of(w->n, item), h = p->call.head, width = p->call.width, d = w->d;
  if (p->call.query != p->call.x) {
    const double *q = p->rule->additive ? l->add_query : l->query, *k = p->rule->additive ? l->add_key : l->key;
    bool bias = !p->rule->additive && l->query_bias != NULL;
    features(p, first, rows, q + h * width * d, bias ? l->query_bias + h * width : NULL, width, w->query);
    features(p, first, rows, k + h * width * d, bias ? l->key_bias + h * width : NULL, width, w->key);
  }
  if (p->value != p->call.x) features(p, first, rows, l->read + h * p->value_width * d, NULL, p->value_width, w->value);
  return DWELL_OK;
}

/* 2 m_i z_i B mean_i beta of the energy sum_ij m_i m_j e^{s_ij}, B symmetric; `mean` [rows, d] is made here. */
static void add_gradient(const pass *p, size_t first, size_t rows, const double *weights, const double *factor,
                         double *mean) {
  const flow_system *s = p->call.system;
  const flow_layer *l = p->call.layer;
  size_t n = s->n, d = s->d, rank = l->rank;
  double *through = mean + ROWS * d, *gradient = p->drift->gradient + first * d;
  gemm_f64(false, false, rows, d, n, 1, weights, n, p->call.x, d, 0, mean, d);
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < d; k++) mean[r * d + k] *= 2 * s->beta * s->masses[first + r] * factor[r];
  if (l->query == NULL) {
    for (size_t e = 0; e < rows * d; e++) gradient[e] += mean[e];
    return;
  }
  size_t at = p->call.head * rank * d;
  gemm_f64(false, true, rows, rank, d, 1, mean, d, l->key + at, d, 0, through, rank);
  gemm_f64(false, false, rows, d, rank, 1, through, rank, l->query + at, d, 1, gradient, d);
}

/* A row of the attention matrix that somebody wants to see. */
static void keep_row(const pass *p, size_t i, const double *row) {
  size_t n = p->call.system->n;
  double sum = 0, *to = p->drift->matrix + i * n;
  for (size_t j = 0; j < n; j++) sum += row[j];
  for (size_t j = 0; j < n; j++) to[j] = sum > 0 ? row[j] / sum : (double)(j == i);
}

/* Scores of the tile to weights; masked ones are 0. */
static void weigh_rows(const pass *p, size_t first, size_t rows, double *weights, double *factor) {
  const flow_system *s = p->call.system;
  flow_work *w = p->call.work;
  for (size_t r = 0; r < rows; r++) {
    size_t i = first + r, count = heads_visible(s, i);
    double sum = 0, log_divisor = 0, *row = weights + r * s->n;
    w->ties[i] += p->rule->weigh(&p->call, i, count, row, &sum, &log_divisor);
    for (size_t j = count; j < s->n; j++) row[j] = 0;
    if (p->drift->matrix != NULL) keep_row(p, i, row);
    factor[r] = exp(log_divisor - p->log_scale);
    w->energy[i] += s->masses[i] * sum * factor[r];
    w->total[i] = sum > w->total[i] ? sum : w->total[i];
  }
}

static dwell_status rows_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  const flow_layer *l = p->call.layer;
  flow_work *w = p->call.work;
  size_t n = w->n, d = w->d, first = ranks_first(w->ctx, w->bounds) + item * ROWS;
  size_t rows = rows_of(n, first / ROWS), width = p->value_width;
  double *weights = w->tiles + (size_t)worker * w->tile, *rest = weights + ROWS * n, factor[ROWS];
  double *to = p->drift->pull + first * d;
  p->rule->scores(&p->call, first, rows, weights);
  weigh_rows(p, first, rows, weights, factor);
  if (l->write == NULL) {
    gemm_f64(false, false, rows, d, n, 1, weights, n, p->value, width, 1, to, d);
  } else {
    gemm_f64(false, false, rows, width, n, 1, weights, n, p->value, width, 0, rest, width);
    gemm_f64(false, false, rows, d, width, 1, rest, width, l->write + p->call.head * width * d, d, 1, to, d);
  }
  if (p->drift->gradient != NULL) add_gradient(p, first, rows, weights, factor, rest);
  return DWELL_OK;
}

static dwell_status use_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  flow_work *w = p->call.work;
  size_t first = item * ROWS, rows = rows_of(w->n, item);
  double *scores = w->tiles + (size_t)worker * w->tile;
  p->rule->scores(&p->call, first, rows, scores);
  for (size_t r = 0; r < rows; r++) p->use(&p->call, first + r, scores + r * w->n);
  return DWELL_OK;
}

dwell_status heads_each_row(const head_call *c, const head_rule *rule,
                            void (*use)(const head_call *c, size_t i, double *scores), dwell_error *err) {
  pass p = {.call = *c, .rule = rule, .use = use};
  return threads_for(c->work->ctx, tiles_of(c->system->n), use_item, &p, err);
}

static dwell_status sum_head(pass *p, size_t head, dwell_error *err) {
  const flow_layer *l = p->call.layer;
  flow_work *w = p->call.work;
  bool own = p->rule->additive || l->query != NULL;
  dwell_status status = DWELL_OK;
  p->call.head = head;
  p->call.width = p->rule->additive ? l->hidden : l->rank;
  p->call.query = own ? w->query : p->call.x;
  p->call.key = own ? w->key : p->call.x;
  p->call.row_potential = w->potential + 2 * head * w->n;
  p->call.column_potential = p->call.row_potential + w->n;
  p->value = l->read != NULL ? w->value : p->call.x;
  p->value_width = l->read != NULL ? l->value_rank : w->d;
  if (own || l->read != NULL) TRY(threads_for(w->ctx, tiles_of(w->n), features_item, p, err));
  if (p->rule->prepare != NULL) TRY(p->rule->prepare(&p->call, err));
  size_t own_rows = ranks_end(w->ctx, w->bounds) - ranks_first(w->ctx, w->bounds);
  TRY(threads_for(w->ctx, tiles_of(own_rows), rows_item, p, err));
  if (p->drift->matrix != NULL) TRY(p->drift->use(p->drift->self, head, p->drift->matrix, err));
done:
  return status;
}

static flow_layer plain_layer(size_t d) {
  return (flow_layer){
      .d = d, .heads = 1, .rank = d, .value_rank = d, .symmetric = true, .form_norm = 1, .value_norm = 1};
}

/* Tokens of each process: whole tiles. Scores against all keys are made for masked rows too. */
static void divide(flow_work *w) {
  ranks_divide(w->ctx, tiles_of(w->n), false, w->bounds);
  for (size_t r = 0; r <= ranks_count(w->ctx); r++)
    w->bounds[r] = w->bounds[r] * ROWS < w->n ? w->bounds[r] * ROWS : w->n;
}

/* What each process has made of its rows, to all. */
static dwell_status share(const flow_work *w, dwell_status mine, const flow_drift *drift, dwell_error *err) {
  const ranks_array arrays[] = {
      {drift->pull, w->d}, {w->energy, 1}, {w->total, 1}, {w->ties, 1}, {drift->gradient, w->d}};
  return ranks_exchange(w->ctx, mine, w->bounds, drift->gradient != NULL ? 5 : 4, arrays, err);
}

static void start(const flow_system *s, const flow_layer *l, flow_drift *ret, flow_work *w) {
  size_t n = s->n, d = s->d;
  for (size_t i = 0; i < n; i++) {
    ret->along[i] = w->energy[i] = w->total[i] = 0;
    w->ties[i] = 0;
    for (size_t k = 0; k < d; k++) ret->pull[i * d + k] = l->bias != NULL ? l->bias[k] : 0;
  }
  if (ret->gradient != NULL) memset(ret->gradient, 0, n * d * sizeof(double));
}

dwell_status heads_sum(const flow_system *system, const head_rule *rule, const double *x, flow_drift *ret,
                       flow_work *work, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_layer plain = plain_layer(system->d);
  const flow_layer *l = system->layer != NULL ? system->layer : &plain;
  flow_drift drift = *ret;
  bool law = rule->exponential && l->symmetric && !system->causal;
  if (!law) drift.gradient = NULL;
  pass p = {.call = {.system = system, .layer = l, .x = x, .norm = work->norm, .work = work},
            .rule = rule,
            .drift = &drift,
            .log_scale = law ? fabs(system->beta) * l->form_norm : 0};
  start(system, l, &drift, work);
  divide(work);
  for (size_t h = 0; h < l->heads && status == DWELL_OK; h++) status = sum_head(&p, h, err);
  TRY(share(work, status, &drift, err));
  ret->energy = law ? 0 : NAN;
  ret->ties = 0;
  double most = 0;
  for (size_t i = 0; i < system->n; i++) {
    if (law) ret->energy += work->energy[i];
    ret->ties += work->ties[i];
    most = fmax(most, work->total[i]);
  }
  /* near tokens are pulled together at most at the rate of the sum of weights times that of the values, twice */
  ret->rate = 2 * most * l->value_norm;
done:
  return status;
}

/* ---- what several families share ---- */

void heads_dot_scores(const head_call *c, size_t first, size_t rows, double *ret_scores) {
  size_t n = c->system->n, width = c->width;
  gemm_f64(false, true, rows, n, width, c->system->beta, c->query + first * width, width, c->key, width, 0, ret_scores,
           n);
}

static double top_of(const double *masses, size_t count, const double *row) {
  double top = -INFINITY;
  for (size_t j = 0; j < count; j++)
    if (masses[j] > 0 && row[j] > top) top = row[j];
  return top;
}

/* row[j] = m_j e^{row[j] - top}; returns the sum. */
static double exponentiate(const double *masses, size_t count, double top, double *row) {
  double sum = 0;
  for (size_t j = 0; j < count; j++) row[j] = masses[j] > 0 ? row[j] - top : -INFINITY;
  vmath_exp_f64(count, row, row);
  for (size_t j = 0; j < count; j++) sum += row[j] *= masses[j];
  return sum;
}

double heads_log_sum(const double *masses, size_t count, double *row) {
  double top = top_of(masses, count, row);
  return top > -INFINITY ? top + log(exponentiate(masses, count, top, row)) : top;
}

size_t heads_softmax(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log) {
  (void)i;
  const double *masses = c->system->masses;
  double top = top_of(masses, count, row), sum = exponentiate(masses, count, top, row);
  for (size_t j = 0; j < count; j++) row[j] /= sum;
  *ret_sum = 1;
  *ret_log = top + log(sum);
  return 0;
}

size_t heads_exponential(const head_call *c, size_t i, size_t count, double *row, double *ret_sum, double *ret_log) {
  (void)i;
  *ret_sum = exponentiate(c->system->masses, count, 0, row);
  *ret_log = 0;
  return 0;
}

double heads_time_unit(const flow_system *s) {
  double norm = s->layer != NULL ? s->layer->value_norm : 1;
  return norm > 1 ? 1 / norm : 1;
}

static double exponent(const flow_system *s) { return fabs(s->beta) * (s->layer != NULL ? s->layer->form_norm : 1); }

double heads_exponential_unit(const flow_system *s) { return heads_time_unit(s) * exp(-exponent(s)); }

double heads_flops(size_t n, size_t d) { return (double)n * (double)n * (4 * (double)d + 25); }

dwell_status heads_check_exponent(const flow_system *s, dwell_error *err) {
  if (exponent(s) <= 700) return DWELL_OK;
  error_set(err, DWELL_USAGE, "weights reach e^%g, which is beyond a double", exponent(s));
  error_at_item(err, "beta");
  return error_remedy(err, "Use a smaller beta, or a flow with softmax (qkv)");
}

const double *heads_potential(const flow_work *w) { return w->potential; }

double *heads_scratch(flow_work *w) { return w->tiles; }
