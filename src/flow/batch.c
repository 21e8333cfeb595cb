/* flow/batch.c - sixteen systems side by side: who has which lane, what happened in a step, what merges, who is done.
 *
 * Systems wait in a row. First all are run while they have up to n tokens; one that has merged to what a smaller block
 * holds is put back and goes on there. */
#include "flow/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "flow/batch_kernel.h"
#include "flow/dopri.h"

/* A system that has no lane at the moment; its tokens, once it has begun, are rows 0..tokens-1 of x, k and mass. */
typedef struct berth {
  size_t tokens;
  bool begun;
  double t, beta;
  double above; /* pairs above the level */
  dopri_controller control;
  float *x, *k, *mass; /* [n, d], [n, d], [n] */
  float *cosine;       /* [tokens (tokens - 1) / 2] of rows 1 and 0, 2 and 0, 2 and 1, ... */
} berth;

typedef struct lane {
  bool used, cleared;
  size_t system, tokens;
  bool begun;
  double t, above;
  dopri_controller control;
} lane;

typedef struct batch {
  const batch_options *options;
  const batch_host *host;
  size_t count, largest; /* systems; tokens of the first block */
  berth *berths;         /* [count] */
  float *store;          /* what the berths point into */
  batch_block block;
  const batch_kernels *kernels;
  float *memory;                 /* what the block points into */
  double *start;                 /* [n, d] of the system that comes on board next, if it has not begun */
  unsigned char *first, *second; /* [pairs] */
  unsigned short *pair_of;       /* [n, n] the pair of two rows */
  batch_events events;
  unsigned short *event_memory;    /* what the events point into */
  float *gap[2], *slope[2];        /* [crossing_count] of pairs that cross, at the beginning and the end of the step */
  unsigned short *crossing, *near; /* [lanes, pairs] places among the events that cross; pairs that are near */
  size_t crossing_count[BATCH_LANES], near_count[BATCH_LANES];
  batch_passages passages;
  double *times, *changes; /* [pairs] of the pairs of one lane that cross */
  double *doubles;         /* what these point into */
  lane lanes[BATCH_LANES];
  double close; /* 1 - cosine of tokens that merge */
  batch_counts counts;
} batch;

/* Between arrays whose sizes are powers of two, so that the same place of all is not in one set of the cache. */
enum { PAD = 9 * BATCH_LANES };

static size_t round_up(size_t n) { return (n + BATCH_TILE - 1) / BATCH_TILE * BATCH_TILE; }

/* Sizes of blocks, descending: n, then three quarters of it and so on, in whole tiles; 0 behind the last. */
static size_t smaller_block(size_t tokens) {
  size_t tiles = tokens / BATCH_TILE, less = tiles > 4 ? tiles * 3 / 4 : tiles - 1;
  return less * BATCH_TILE;
}

/* ---- memory ---- */

static void destroy(batch *b) {
  mem_free(b->berths);
  mem_free(b->store);
  mem_free(b->memory);
  mem_free(b->start);
  mem_free(b->first);
  mem_free(b->pair_of);
  mem_free(b->event_memory);
  mem_free(b->crossing);
  mem_free(b->doubles);
}

static dwell_status create(const batch_options *o, size_t count, const batch_host *host, batch *b, dwell_error *err) {
  enum { EVENT_ROWS = 4, DOUBLE_ROWS = 9, ROW_ARRAYS = 3 + ORBIT_STAGES, PAIR_ARRAYS = 6 };
  dwell_status status = DWELL_OK;
  size_t n = round_up(o->n), pairs = n * (n - 1) / 2, one = o->n * o->d, rows = smaller_block(n),
         each = rows * (2 * o->d + 1) + rows * (rows + 1) / 2;
  *b = (batch){.options = o, .host = host, .count = count, .largest = n, .close = o->merge * o->merge / 2};
  b->kernels = batch_kernels_of(o->opt_isa);
  b->berths = MEM_ZERO(berth, count);
  b->store = mem_alloc(count, (each + 1) * sizeof(float));
  b->memory =
      mem_alloc(ROW_ARRAYS * (n * o->d + PAD / BATCH_LANES) + 3 * n + PAIR_ARRAYS * pairs, BATCH_LANES * sizeof(float));
  b->start = MEM_NEW(double, one);
  b->first = MEM_NEW(unsigned char, 2 * pairs);
  b->pair_of = MEM_NEW(unsigned short, n *n);
  b->event_memory = MEM_NEW(unsigned short, EVENT_ROWS *(pairs + 1));
  b->crossing = MEM_NEW(unsigned short, 2 * BATCH_LANES * pairs);
  b->doubles = MEM_NEW(double, DOUBLE_ROWS *pairs);
  if (!b->berths || !b->store || !b->memory || !b->start || !b->first || !b->pair_of || !b->event_memory ||
      !b->crossing || !b->doubles)
    TRY_ALLOC(NULL, "systems side by side");
  for (size_t s = 0; s < count; s++) {
    float *at = b->store + s * each;
    b->berths[s] = (berth){.x = at, .k = at + rows * o->d, .mass = at + 2 * rows * o->d};
    b->berths[s].cosine = b->berths[s].mass + rows;
  }
  unsigned short **of_events[] = {&b->events.crossing, &b->events.crossing_lanes, &b->events.near,
                                  &b->events.near_lanes};
  for (size_t i = 0; i < EVENT_ROWS; i++) *of_events[i] = b->event_memory + i * (pairs + 1);
  batch_passages *p = &b->passages;
  double **of_doubles[] = {&p->gap,  &p->end,   &p->leave, &p->arrive, &p->rise,
                           &p->goal, &p->where, &b->times, &b->changes};
  for (size_t i = 0; i < DOUBLE_ROWS; i++) *of_doubles[i] = b->doubles + i * pairs;
  b->near = b->crossing + BATCH_LANES * pairs;
  b->second = b->first + pairs;
done:
  return status;
}

/* An empty block for so many tokens. */
static void layout(batch *b, size_t n) {
  size_t d = b->options->d, pairs = n * (n - 1) / 2, rows = n * d * BATCH_LANES;
  batch_block *k = &b->block;
  float *at = b->memory;
  *k = (batch_block){.n = n, .d = d, .pairs = pairs};
  float **of_rows[] = {&k->x, &k->y, &k->heavy};
  for (size_t i = 0; i < 3; i++) *of_rows[i] = at, at += rows + PAD;
  for (size_t m = 0; m < ORBIT_STAGES; m++) k->k[m] = at, at += rows + PAD;
  float **of_pairs[] = {&k->cosine, &k->ahead, &b->gap[0], &b->gap[1], &b->slope[0], &b->slope[1]};
  for (size_t i = 0; i < 6; i++) *of_pairs[i] = at, at += pairs * BATCH_LANES;
  k->mass = at;
  k->total = k->mass + n * BATCH_LANES;
  k->inverse = k->total + n * BATCH_LANES;
  memset(b->memory, 0, (size_t)(k->inverse + n * BATCH_LANES - b->memory) * sizeof(float));
  memset(b->lanes, 0, sizeof b->lanes);
  batch_pairs(n, b->first, b->second);
  for (size_t p = 0; p < pairs; p++)
    b->pair_of[b->first[p] * n + b->second[p]] = b->pair_of[b->second[p] * n + b->first[p]] = (unsigned short)p;
}

/* ---- lanes ---- */

static float *at_row(const batch *b, float *rows, size_t l, size_t i) {
  return rows + i * b->options->d * BATCH_LANES + l;
}

static float dot(const batch *b, float *u, size_t i, float *v, size_t j, size_t l) {
  const float *p = at_row(b, u, l, i), *q = at_row(b, v, l, j);
  float sum = 0;
  for (size_t k = 0; k < b->options->d; k++) sum += p[k * BATCH_LANES] * q[k * BATCH_LANES];
  return sum;
}

/* 1 - cosine, by differences. */
static double gap_of(const batch *b, size_t l, size_t i, size_t j) {
  const float *p = at_row(b, b->block.x, l, i), *q = at_row(b, b->block.x, l, j);
  double sum = 0;
  for (size_t k = 0; k < b->options->d; k++) {
    double apart = (double)p[k * BATCH_LANES] - (double)q[k * BATCH_LANES];
    sum += apart * apart;
  }
  return sum / 2;
}

static void clear_row(const batch *b, float *rows, size_t l, size_t i) {
  float *row = at_row(b, rows, l, i);
  for (size_t k = 0; k < b->options->d; k++) row[k * BATCH_LANES] = 0;
}

/* Pairs of tokens that rows i and j stand for. */
static double pairs_of(const batch *b, size_t l, size_t i, size_t j) {
  return (double)b->block.mass[i * BATCH_LANES + l] * (double)b->block.mass[j * BATCH_LANES + l];
}

static bool is_above(const batch *b, size_t l, size_t pair) {
  return b->block.cosine[pair * BATCH_LANES + l] >= (float)b->options->level;
}

static void tell(batch *b, size_t l, size_t count, const double *times, const double *pairs) {
  lane *v = &b->lanes[l];
  if (count == 0) return;
  for (size_t e = 0; e < count; e++) v->above += pairs[e];
  b->host->crossings(b->host->self, v->system, count, times, pairs);
}

static dwell_status begin(batch *b, size_t s, dwell_error *err) {
  berth *a = &b->berths[s];
  dwell_status status = b->host->start(b->host->self, s, b->start, &a->beta, err);
  a->tokens = b->options->n;
  a->control = (dopri_controller){.h = 0, .last = 1e-4};
  return status;
}

/* Between the cosines of lane l, of its `tokens` rows in `rows`, and those of a berth. */
static void copy_cosines(batch *b, size_t l, size_t tokens, const unsigned char *rows, float *cosine, bool board) {
  for (size_t i = 1; i < tokens; i++)
    for (size_t j = 0; j < i; j++, cosine++) {
      float *at = &b->block.cosine[b->pair_of[rows[i] * b->block.n + rows[j]] * BATCH_LANES + l];
      if (board) *at = *cosine;
      else *cosine = *at;
    }
}

/* System s takes lane l. Its slopes and cosines, unless it brings them, come out of a first step of length 0. */
static void board(batch *b, size_t s, size_t l) {
  const berth *a = &b->berths[s];
  size_t d = b->options->d;
  batch_block *k = &b->block;
  unsigned char rows[BATCH_MOST_TOKENS];
  b->lanes[l] = (lane){true, false, s, a->tokens, a->begun, a->t, a->above, a->control};
  k->beta[l] = (float)a->beta;
  for (size_t i = 0; i < k->n; i++) {
    bool there = i < a->tokens;
    k->mass[i * BATCH_LANES + l] = !there ? 0 : a->begun ? a->mass[i] : 1;
    rows[i] = (unsigned char)i;
    for (size_t e = i * d; e < (i + 1) * d; e++) {
      k->x[e * BATCH_LANES + l] = !there ? 0 : a->begun ? a->x[e] : (float)b->start[e];
      k->k[0][e * BATCH_LANES + l] = there && a->begun ? a->k[e] : 0;
    }
  }
  for (size_t p = 0; p < k->pairs; p++) k->cosine[p * BATCH_LANES + l] = 0;
  if (a->begun) copy_cosines(b, l, a->tokens, rows, a->cosine, true);
}

/* Nobody takes lane l any more: its tokens are nowhere. */
static void clear_lane(batch *b, size_t l) {
  b->lanes[l].cleared = true;
  b->block.h[l] = b->block.beta[l] = 0;
  for (size_t i = 0; i < b->block.n; i++) {
    b->block.mass[i * BATCH_LANES + l] = 0;
    clear_row(b, b->block.x, l, i);
    clear_row(b, b->block.k[0], l, i);
  }
}

/* The system of lane l goes back to its berth, to wait for a smaller block. */
static void unboard(batch *b, size_t l) {
  const lane *v = &b->lanes[l];
  berth *a = &b->berths[v->system];
  size_t d = b->options->d, count = 0;
  unsigned char rows[BATCH_MOST_TOKENS];
  a->tokens = v->tokens, a->begun = true, a->t = v->t, a->above = v->above, a->control = v->control;
  for (size_t i = 0; i < b->block.n; i++) {
    if (b->block.mass[i * BATCH_LANES + l] <= 0) continue;
    a->mass[count] = b->block.mass[i * BATCH_LANES + l];
    for (size_t k = 0; k < d; k++) {
      a->x[count * d + k] = b->block.x[(i * d + k) * BATCH_LANES + l];
      a->k[count * d + k] = b->block.k[0][(i * d + k) * BATCH_LANES + l];
    }
    rows[count++] = (unsigned char)i;
  }
  copy_cosines(b, l, count, rows, a->cosine, false);
}

/* ---- what a step has brought ---- */

/* Events lane by lane. */
static void sort_events(batch *b) {
  const batch_events *v = &b->events;
  memset(b->crossing_count, 0, sizeof b->crossing_count);
  memset(b->near_count, 0, sizeof b->near_count);
  for (size_t e = 0; e < v->crossing_count; e++)
    for (unsigned lanes = v->crossing_lanes[e]; lanes != 0; lanes &= lanes - 1) {
      size_t l = (size_t)__builtin_ctz(lanes);
      b->crossing[l * b->block.pairs + b->crossing_count[l]++] = (unsigned short)e;
    }
  for (size_t e = 0; e < v->near_count; e++)
    for (unsigned lanes = v->near_lanes[e]; lanes != 0; lanes &= lanes - 1) {
      size_t l = (size_t)__builtin_ctz(lanes);
      b->near[l * b->block.pairs + b->near_count[l]++] = v->near[e];
    }
}

/* Pairs of lane l that the step has taken through the level, and when. */
static void tell_passages(batch *b, size_t l) {
  const double least = 1e-10, h = (double)b->block.h[l];
  const batch_passages *p = &b->passages;
  size_t count = b->crossing_count[l];
  for (size_t e = 0; e < count; e++) {
    size_t event = b->crossing[l * b->block.pairs + e], at = event * BATCH_LANES + l, pair = b->events.crossing[event];
    double pairs = pairs_of(b, l, b->first[pair], b->second[pair]);
    p->gap[e] = fmax(b->gap[0][at], least), p->leave[e] = h * b->slope[0][at];
    p->end[e] = fmax(b->gap[1][at], least), p->arrive[e] = h * b->slope[1][at];
    b->changes[e] = is_above(b, l, pair) ? -pairs : pairs;
  }
  b->kernels->passages(count, 1 - b->options->level, &b->passages);
  for (size_t e = 0; e < count; e++) b->times[e] = b->lanes[l].t + h * p->where[e];
  tell(b, l, count, b->times, b->changes);
}

/* Pairs that are above from the start. */
static void tell_start(batch *b, size_t l) {
  size_t count = 0;
  for (size_t p = 0; p < b->block.pairs; p++) {
    if (b->block.ahead[p * BATCH_LANES + l] < (float)b->options->level) continue;
    b->times[count] = 0;
    b->changes[count++] = pairs_of(b, l, b->first[p], b->second[p]);
  }
  tell(b, l, count, b->times, b->changes);
}

/* Row i of lane l becomes share row_i + rest row_j. */
static void blend_rows(const batch *b, float *rows, size_t l, size_t i, size_t j, float share, float rest) {
  float *p = at_row(b, rows, l, i), *q = at_row(b, rows, l, j);
  for (size_t k = 0; k < b->options->d; k++) {
    p[k * BATCH_LANES] = share * p[k * BATCH_LANES] + rest * q[k * BATCH_LANES];
    q[k * BATCH_LANES] = 0;
  }
}

/* The rows of token j go to token i: their barycentre, with their mean slope, right to second order in the distance.
 * Returns what the barycentre is to be multiplied by. */
static float blend(batch *b, size_t l, size_t i, size_t j, float share) {
  batch_block *k = &b->block;
  blend_rows(b, k->x, l, i, j, share, 1 - share);
  blend_rows(b, k->k[0], l, i, j, share, 1 - share);
  float *x = at_row(b, k->x, l, i), *v = at_row(b, k->k[0], l, i), scale = 1 / sqrtf(dot(b, k->x, i, k->x, i, l));
  for (size_t e = 0; e < b->options->d; e++) x[e * BATCH_LANES] *= scale;
  float radial = dot(b, k->x, i, k->k[0], i, l);
  for (size_t e = 0; e < b->options->d; e++) v[e * BATCH_LANES] -= radial * x[e * BATCH_LANES];
  return scale;
}

/* Token j of lane l joins token i. Pairs with third ones that this takes over the level are told. */
static void join(batch *b, size_t l, size_t i, size_t j) {
  batch_block *k = &b->block;
  float mi = k->mass[i * BATCH_LANES + l], mj = k->mass[j * BATCH_LANES + l], share = mi / (mi + mj);
  float scale = blend(b, l, i, j, share), level = (float)b->options->level;
  double change = 0;
  for (size_t r = 0; r < k->n; r++) {
    if (r == i || r == j) continue;
    float *one = &k->cosine[b->pair_of[i * k->n + r] * BATCH_LANES + l];
    float *two = &k->cosine[b->pair_of[j * k->n + r] * BATCH_LANES + l];
    float both = (share * *one + (1 - share) * *two) * scale;
    if ((*one >= level) != (both >= level)) change += (both >= level ? 1 : -1) * pairs_of(b, l, i, r);
    if ((*two >= level) != (both >= level)) change += (both >= level ? 1 : -1) * pairs_of(b, l, j, r);
    *one = both, *two = 0;
  }
  k->cosine[b->pair_of[i * k->n + j] * BATCH_LANES + l] = 0;
  k->mass[i * BATCH_LANES + l] = mi + mj;
  k->mass[j * BATCH_LANES + l] = 0;
  b->lanes[l].tokens--;
  if (change != 0) tell(b, l, 1, &b->lanes[l].t, &change);
}

/* Merges tokens of lane l that are close at the new state. */
static void merge(batch *b, size_t l) {
  const batch_block *k = &b->block;
  for (size_t e = 0; e < b->near_count[l]; e++) {
    size_t p = b->near[l * k->pairs + e], i = b->first[p], j = b->second[p];
    if (k->mass[i * BATCH_LANES + l] <= 0 || k->mass[j * BATCH_LANES + l] <= 0) continue;
    if (gap_of(b, l, i, j) <= b->close) join(b, l, i, j);
  }
}

/* A step of lane l was not good: what the block has as its end is its beginning again. */
static void take_back(batch *b, size_t l) {
  batch_block *k = &b->block;
  for (size_t e = 0; e < k->n * k->d; e++) {
    k->y[e * BATCH_LANES + l] = k->x[e * BATCH_LANES + l];
    k->k[ORBIT_STAGES - 1][e * BATCH_LANES + l] = k->k[0][e * BATCH_LANES + l];
  }
  for (size_t p = 0; p < k->pairs; p++) k->ahead[p * BATCH_LANES + l] = k->cosine[p * BATCH_LANES + l];
}

/* The length of the first step: the error of a step starts as the fifth power of it. */
static double first_step(const batch *b) { return 0.4 * pow(b->options->rtol / 1e-4, 0.2); }

/* Slopes contract at a rate of up to 1, and steps of more than 3.3 would not be stable; the error would find that out
 * at the price of rejections, and so it would that a slow beginning does not last. */
static const double longest = 3, growth = 2.5;

static void accept(batch *b, size_t l, double error) {
  lane *v = &b->lanes[l];
  double h = (double)b->block.h[l], end = b->options->until;
  v->control.h = v->begun ? fmin(longest, h * fmin(growth, dopri_growth(&v->control, error))) : first_step(b);
  v->control.last = fmax(error, 1e-4);
  v->control.rejected = false;
  v->begun = true;
  v->t = end - v->t - h < 1e-6 * end ? end : v->t + h; /* a rest would be left by rounding */
  b->counts.steps += h > 0;
}

static dwell_status reject(batch *b, size_t l, double error, dwell_error *err) {
  lane *v = &b->lanes[l];
  v->control.h = (double)b->block.h[l] * (isfinite(error) ? dopri_growth(&(dopri_controller){0, 1, true}, error) : 0.1);
  v->control.rejected = true;
  b->counts.rejected++;
  take_back(b, l);
  if (v->control.h < 1e-7)
    return error_set(err, DWELL_FAILED, "the step needed for rtol %g vanished", b->options->rtol);
  return DWELL_OK;
}

static void swap(float **a, float **b) {
  float *kept = *a;
  *a = *b, *b = kept;
}

/* Lanes that are done or fit a smaller block are left. */
static void sort_out(batch *b, size_t l, size_t smaller) {
  const lane *v = &b->lanes[l];
  double n = (double)b->options->n;
  if (v->t >= b->options->until || v->tokens < 2 || v->above >= n * (n - 1) / 2) {
    b->berths[v->system].tokens = 0;
    b->lanes[l].used = false;
  } else if (v->tokens <= smaller) {
    unboard(b, l);
    b->lanes[l].used = false;
  }
}

/* Cosines of close tokens are right to this; their distance is looked at again. */
static const double nearness = 2e-7;

static dwell_status step(batch *b, size_t smaller, dwell_error *err) {
  dwell_status status = DWELL_OK;
  batch_block *k = &b->block;
  for (size_t l = 0; l < BATCH_LANES; l++) {
    lane *v = &b->lanes[l];
    k->h[l] = v->used && v->begun ? (float)fmin(v->control.h, b->options->until - v->t) : 0;
  }
  b->kernels->step(k);
  b->kernels->events(k, (float)b->options->level, (float)(1 - b->close - nearness), &b->events);
  b->kernels->gaps(k, k->x, k->k[0], &b->events, b->first, b->second, b->gap[0], b->slope[0]);
  b->kernels->gaps(k, k->y, k->k[ORBIT_STAGES - 1], &b->events, b->first, b->second, b->gap[1], b->slope[1]);
  sort_events(b);
  for (size_t l = 0; l < BATCH_LANES; l++) {
    lane *v = &b->lanes[l];
    double error = (double)k->error[l] / b->options->rtol;
    if (!v->used) continue;
    if (!(error <= 1)) {
      TRY(reject(b, l, error, err));
      continue;
    }
    (v->begun ? tell_passages : tell_start)(b, l);
    accept(b, l, error);
  }
  swap(&k->x, &k->y);
  swap(&k->k[0], &k->k[ORBIT_STAGES - 1]);
  swap(&k->cosine, &k->ahead);
  for (size_t l = 0; l < BATCH_LANES; l++) {
    if (!b->lanes[l].used) continue;
    merge(b, l);
    sort_out(b, l, smaller);
  }
done:
  return status;
}

/* ---- the row of systems ---- */

/* The next system from *at on that has to be run in a block of this size. */
static dwell_status next_system(batch *b, size_t *at, size_t size, bool *ret_found, dwell_error *err) {
  for (*ret_found = false; *at < b->count && !*ret_found; (*at)++) {
    if (size == b->largest) {
      dwell_status status = begin(b, *at, err);
      if (status != DWELL_OK) return status;
    }
    *ret_found = b->berths[*at].tokens > smaller_block(size);
  }
  return DWELL_OK;
}

/* All systems whose tokens need a block of this size. */
static dwell_status run_size(batch *b, size_t size, const dwell_context *ctx, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t at = 0, smaller = smaller_block(size);
  layout(b, size);
  for (;;) {
    bool any = false, found = true;
    for (size_t l = 0; l < BATCH_LANES; l++) {
      if (!b->lanes[l].used && found) TRY(next_system(b, &at, size, &found, err));
      if (!b->lanes[l].used && found) board(b, at - 1, l);
      else if (!b->lanes[l].used && !b->lanes[l].cleared) clear_lane(b, l);
      any |= b->lanes[l].used;
    }
    if (!any) break;
    TRY(context_interrupted(ctx, err));
    TRY(step(b, smaller, err));
  }
done:
  return status;
}

dwell_status batch_run(const batch_options *o, size_t count, const batch_host *host, const dwell_context *opt_ctx,
                       batch_counts *opt_counts, dwell_error *err) {
  batch b;
  dwell_status status = create(o, count, host, &b, err);
  for (size_t size = b.largest; size > 0 && status == DWELL_OK; size = smaller_block(size))
    status = run_size(&b, size, opt_ctx, err);
  if (opt_counts != NULL) *opt_counts = b.counts;
  destroy(&b);
  return status;
}
