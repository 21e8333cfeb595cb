/* mechanism/output.c - softmax over a vocabulary, in tiles. */
#include "mechanism/output.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

enum { TILE = 512 };  /* tokens of the vocabulary at a time; fixed, so that bits do not depend on the threads */
enum { BATCH = 256 }; /* states at a time: what is held does not grow with the text */

/* Of one state and one tile: the largest score, sum of exp(score - largest), and, of two sets of states, the sum of
 * exp(score - largest) (score - other score). */
typedef struct part {
  double largest, sum, difference;
} part;

typedef struct pass {
  const source_output *o;
  size_t n, tiles;
  const double *y, *opt_z; /* [n, width] */
  const int64_t *opt_next; /* [n] */
  double *next_score;      /* [n], of opt_next */
  size_t top;              /* highest scores kept of a tile */
  size_t *top_tokens;      /* [tiles, n, top] */
  double *top_scores;
  part *parts; /* [tiles, n] */
  part *other; /* [tiles, n] of opt_z */
  double *scratch;
  size_t room; /* of a thread's scratch */
} pass;

static part sum_scores(size_t count, const double *scores, const double *opt_other, double *work) {
  part p = {.largest = -INFINITY};
  for (size_t v = 0; v < count; v++) p.largest = fmax(p.largest, scores[v]);
  for (size_t v = 0; v < count; v++) work[v] = scores[v] - p.largest;
  vmath_exp_f64(count, work, work);
  for (size_t v = 0; v < count; v++) p.sum += work[v];
  for (size_t v = 0; opt_other != NULL && v < count; v++) p.difference += work[v] * (scores[v] - opt_other[v]);
  return p;
}

/* Puts a score in its place among the highest so far, which begin with -infinity. */
static void keep_top(size_t top, double score, size_t token, double *scores, size_t *tokens) {
  size_t at = top;
  while (at > 0 && score > scores[at - 1]) at--;
  if (at == top) return;
  memmove(scores + at + 1, scores + at, (top - 1 - at) * sizeof *scores);
  memmove(tokens + at + 1, tokens + at, (top - 1 - at) * sizeof *tokens);
  scores[at] = score, tokens[at] = token;
}

static void start_top(size_t top, double *scores, size_t *tokens) {
  for (size_t k = 0; k < top; k++) scores[k] = -INFINITY, tokens[k] = SIZE_MAX;
}

/* One state's scores for the tokens [first, first + count). */
static void take_row(const pass *p, size_t tile, size_t i, size_t first, size_t count, const double *scores,
                     const double *opt_other, double *work) {
  size_t at = tile * p->n + i;
  p->parts[at] = sum_scores(count, scores, opt_other, work);
  if (opt_other != NULL) p->other[at] = sum_scores(count, opt_other, NULL, work);
  if (p->opt_next != NULL && p->opt_next[i] >= 0 && (size_t)p->opt_next[i] - first < count)
    p->next_score[i] = scores[(size_t)p->opt_next[i] - first];
  if (p->top == 0) return;
  start_top(p->top, p->top_scores + at * p->top, p->top_tokens + at * p->top);
  for (size_t v = 0; v < count; v++)
    keep_top(p->top, scores[v], first + v, p->top_scores + at * p->top, p->top_tokens + at * p->top);
}

static dwell_status run_tile(void *arg, size_t tile, int worker, dwell_error *err) {
  const pass *p = arg;
  size_t d = p->o->width, first = tile * TILE, left = p->o->vocabulary - first, count = left < TILE ? left : TILE;
  double *rows = p->scratch + (size_t)worker * p->room, *scores = rows + TILE * d, *other = scores + BATCH * TILE;
  double *work = other + (p->opt_z != NULL ? BATCH * TILE : 0);
  dwell_status status = p->o->rows(p->o->self, first, count, rows, err);
  if (status != DWELL_OK) return status;
  gemm_f64(false, true, p->n, count, d, 1, p->y, d, rows, d, 0, scores, count);
  if (p->opt_z != NULL) gemm_f64(false, true, p->n, count, d, 1, p->opt_z, d, rows, d, 0, other, count);
  for (size_t i = 0; i < p->n; i++) {
    take_row(p, tile, i, first, count, scores + i * count, p->opt_z != NULL ? other + i * count : NULL, work);
  }
  return DWELL_OK;
}

/* ---- joining tiles ---- */

static part join(const part *parts, size_t stride, size_t tiles) {
  part all = {.largest = -INFINITY};
  for (size_t t = 0; t < tiles; t++) all.largest = fmax(all.largest, parts[t * stride].largest);
  for (size_t t = 0; t < tiles; t++) {
    double scale = exp(parts[t * stride].largest - all.largest);
    all.sum += scale * parts[t * stride].sum;
    all.difference += scale * parts[t * stride].difference;
  }
  return all;
}

/* ln of the sum of exp(score) over the vocabulary. */
static double log_sum(const part *all) { return all->largest + log(all->sum); }

/* ---- running ---- */

static size_t tiles_of(size_t vocabulary) { return (vocabulary + TILE - 1) / TILE; }

static void free_pass(pass *p) {
  mem_free(p->next_score);
  mem_free(p->top_tokens);
  mem_free(p->top_scores);
  mem_free(p->parts);
  mem_free(p->other);
  mem_free(p->scratch);
}

/* p: o, y and what is asked for. Room for batches. */
static dwell_status make_room(pass *p, const dwell_context *ctx, dwell_error *err) {
  size_t d = p->o->width, cells, kept, all;
  dwell_status status = DWELL_OK;
  p->tiles = tiles_of(p->o->vocabulary);
  p->room = TILE * (d + BATCH * (p->opt_z != NULL ? 2u : 1u) + 1);
  bool fits = size_mul(p->tiles, BATCH, &cells) && size_mul(cells, p->top, &kept) &&
              size_mul((size_t)threads_count(ctx), p->room, &all);
  if (!fits) return error_no_memory(err, "the scores of tokens");
  p->next_score = MEM_NEW(double, BATCH), p->parts = MEM_NEW(part, cells), p->scratch = MEM_NEW(double, all);
  p->top_tokens = MEM_NEW(size_t, kept), p->top_scores = MEM_NEW(double, kept);
  if (p->opt_z != NULL) TRY_ALLOC(p->other = MEM_NEW(part, cells), "the scores of tokens");
  bool there = p->next_score && p->parts && p->scratch && p->top_tokens && p->top_scores;
  if (!there) TRY(error_no_memory(err, "the scores of tokens"));
done:
  return status;
}

/* What is to be done with the tiles of a batch, whose first state is `first`. */
typedef void (*finish_batch)(const pass *p, size_t first, void *arg);

static dwell_status run(const dwell_context *ctx, pass *p, size_t n, finish_batch finish, void *arg, dwell_error *err) {
  const pass whole = *p;
  size_t d = p->o->width;
  dwell_status status = make_room(p, ctx, err);
  for (size_t first = 0; status == DWELL_OK && first < n; first += BATCH) {
    p->n = n - first < BATCH ? n - first : BATCH;
    p->y = whole.y + first * d;
    if (whole.opt_z != NULL) p->opt_z = whole.opt_z + first * d;
    if (whole.opt_next != NULL) p->opt_next = whole.opt_next + first;
    status = threads_for(ctx, p->tiles, run_tile, p, err);
    if (status == DWELL_OK) finish(p, first, arg);
  }
  free_pass(p);
  return status;
}

static void finish_nll(const pass *p, size_t first, void *arg) {
  double *nll = arg;
  for (size_t i = 0; i < p->n; i++) {
    part all = join(p->parts + i, p->n, p->tiles);
    nll[first + i] = p->opt_next[i] < 0 ? NAN : log_sum(&all) - p->next_score[i];
  }
}

dwell_status output_nll(const dwell_context *ctx, const source_output *o, size_t n, const double *y,
                        const int64_t *next, double *ret_nll, dwell_error *err) {
  pass p = {.o = o, .y = y, .opt_next = next};
  for (size_t i = 0; i < n; i++) {
    if (next[i] < 0 || (size_t)next[i] < o->vocabulary) continue;
    return error_set(err, DWELL_BAD_INPUT, "token %zu has id %lld, but there are %zu", i, (long long)next[i],
                     o->vocabulary);
  }
  return run(ctx, &p, n, finish_nll, ret_nll, err);
}

/* sum p (a - b) - ln sum exp a + ln sum exp b; rounding may leave less than 0. */
static void finish_kl(const pass *p, size_t first, void *arg) {
  double *kl = arg;
  for (size_t i = 0; i < p->n; i++) {
    part a = join(p->parts + i, p->n, p->tiles), b = join(p->other + i, p->n, p->tiles);
    kl[first + i] = fmax(0, a.difference / a.sum - log_sum(&a) + log_sum(&b));
  }
}

dwell_status output_kl(const dwell_context *ctx, const source_output *o, size_t n, const double *y, const double *z,
                       double *ret_kl, dwell_error *err) {
  pass p = {.o = o, .y = y, .opt_z = z};
  return run(ctx, &p, n, finish_kl, ret_kl, err);
}

typedef struct top_result {
  size_t k, *tokens;
  double *p;
} top_result;

static void finish_top(const pass *p, size_t first, void *arg) {
  const top_result *r = arg;
  for (size_t i = 0; i < p->n; i++) {
    part all = join(p->parts + i, p->n, p->tiles);
    double scores[OUTPUT_MOST_TOP];
    size_t *tokens = r->tokens + (first + i) * r->k;
    start_top(r->k, scores, tokens);
    for (size_t t = 0; t < p->tiles; t++) {
      size_t at = (t * p->n + i) * r->k;
      for (size_t k = 0; k < r->k; k++) keep_top(r->k, p->top_scores[at + k], p->top_tokens[at + k], scores, tokens);
    }
    for (size_t k = 0; k < r->k; k++) r->p[(first + i) * r->k + k] = exp(scores[k] - log_sum(&all));
  }
}

dwell_status output_top(const dwell_context *ctx, const source_output *o, size_t n, const double *y, size_t k,
                        size_t *ret_tokens, double *ret_p, dwell_error *err) {
  pass p = {.o = o, .y = y, .top = k < OUTPUT_MOST_TOP ? k : OUTPUT_MOST_TOP};
  top_result result = {p.top, ret_tokens, ret_p};
  return run(ctx, &p, n, finish_top, &result, err);
}

uint64_t output_bytes(size_t n, size_t width, size_t vocabulary, int threads) {
  uint64_t tiles = tiles_of(vocabulary), cells = tiles * BATCH, room = TILE * ((uint64_t)width + 2 * BATCH + 1);
  uint64_t states = 4 * (uint64_t)n * width;
  return cells * (2 * sizeof(part) + 16) + 8 * (uint64_t)threads * room + 8 * states;
}
