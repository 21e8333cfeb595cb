/* flow/batch.c - eight systems side by side: who has which lane, what happened in a step, what merges, who is done.
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

/* A system that has no lane at the moment; its tokens are rows 0..tokens-1 of x, k and mass. */
typedef struct berth {
  size_t tokens;
  bool begun; /* k is there */
  double t, beta;
  double above; /* pairs above the level */
  dopri_controller control;
  double *x, *k, *mass; /* [n, d], [n, d], [n] */
} berth;

/* Pairs that go through the level, and when. */
typedef struct crossing {
  double t, pairs;
} crossing;

typedef struct lane {
  bool used;
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
  double *store;         /* what the berths point into */
  batch_block block;
  double *memory;                /* what the block points into */
  unsigned char *first, *second; /* [pairs] */
  unsigned short *pair_of;       /* [n, n] the pair of two rows */
  unsigned short *events;        /* [event_count] pairs to which something happened in a step */
  size_t event_count;
  double *slope[2];    /* [event_count] of their cosines, at the beginning and the end of it */
  crossing *crossings; /* of one system in one step */
  size_t crossing_count;
  lane lanes[BATCH_LANES];
  double close; /* cosine of tokens that merge */
  batch_counts counts;
} batch;

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
  mem_free(b->first);
  mem_free(b->pair_of);
  mem_free(b->second);
  mem_free(b->events);
  mem_free(b->crossings);
}

static dwell_status create(const batch_options *o, size_t count, const batch_host *host, batch *b, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = round_up(o->n), pairs = n * (n - 1) / 2, one = o->n * o->d, each = 2 * one + o->n;
  *b = (batch){.options = o, .host = host, .count = count, .largest = n, .close = 1 - o->merge * o->merge / 2};
  b->berths = MEM_ZERO(berth, count);
  b->store = mem_alloc(count, each * sizeof(double));
  b->memory = mem_alloc((4 + ORBIT_STAGES) * n * o->d + 2 * n + 5 * pairs, BATCH_LANES * sizeof(double));
  b->first = MEM_NEW(unsigned char, pairs);
  b->pair_of = MEM_NEW(unsigned short, n *n);
  b->second = MEM_NEW(unsigned char, pairs);
  b->events = MEM_NEW(unsigned short, pairs);
  b->crossings = MEM_NEW(crossing, pairs);
  if (!b->berths || !b->store || !b->memory || !b->first || !b->second || !b->pair_of || !b->events || !b->crossings)
    TRY_ALLOC(NULL, "systems side by side");
  for (size_t s = 0; s < count; s++) {
    double *at = b->store + s * each;
    b->berths[s] = (berth){.x = at, .k = at + one, .mass = at + 2 * one};
  }
done:
  return status;
}

/* An empty block for so many tokens. */
static void layout(batch *b, size_t n) {
  size_t d = b->options->d, pairs = n * (n - 1) / 2, rows = n * d * BATCH_LANES;
  batch_block *k = &b->block;
  double *at = b->memory;
  *k = (batch_block){.n = n, .d = d, .pairs = pairs};
  double **of_rows[] = {&k->x, &k->y, &k->heavy, &k->stage};
  for (size_t i = 0; i < 4; i++) *of_rows[i] = at, at += rows;
  for (size_t m = 0; m < ORBIT_STAGES; m++) k->k[m] = at, at += rows;
  double **of_pairs[] = {&k->cosine, &k->ahead, &k->weight, &b->slope[0], &b->slope[1]};
  for (size_t i = 0; i < 5; i++) *of_pairs[i] = at, at += pairs * BATCH_LANES;
  k->mass = at;
  k->total = at + n * BATCH_LANES;
  memset(b->memory, 0, (size_t)(k->total + n * BATCH_LANES - b->memory) * sizeof(double));
  memset(b->lanes, 0, sizeof b->lanes);
  batch_pairs(n, b->first, b->second);
  for (size_t p = 0; p < pairs; p++)
    b->pair_of[b->first[p] * n + b->second[p]] = b->pair_of[b->second[p] * n + b->first[p]] = (unsigned short)p;
}

/* ---- lanes ---- */

static double *at_row(const batch *b, double *rows, size_t l, size_t i) {
  return rows + i * b->options->d * BATCH_LANES + l;
}

static double dot(const batch *b, double *u, size_t i, double *v, size_t j, size_t l) {
  const double *p = at_row(b, u, l, i), *q = at_row(b, v, l, j);
  double sum = 0;
  for (size_t k = 0; k < b->options->d; k++) sum += p[k * BATCH_LANES] * q[k * BATCH_LANES];
  return sum;
}

static void clear_row(const batch *b, double *rows, size_t l, size_t i) {
  double *row = at_row(b, rows, l, i);
  for (size_t k = 0; k < b->options->d; k++) row[k * BATCH_LANES] = 0;
}

/* The cosines of lane l at x. */
static void set_cosines(batch *b, size_t l) {
  double *x = b->block.x;
  for (size_t p = 0; p < b->block.pairs; p++)
    b->block.cosine[p * BATCH_LANES + l] = dot(b, x, b->first[p], x, b->second[p], l);
}

static dwell_status begin(batch *b, size_t s, dwell_error *err) {
  berth *a = &b->berths[s];
  dwell_status status = b->host->start(b->host->self, s, a->x, &a->beta, err);
  a->tokens = b->options->n;
  a->control = (dopri_controller){.h = 0, .last = 1e-4};
  for (size_t i = 0; i < a->tokens; i++) a->mass[i] = 1 / (double)a->tokens;
  return status;
}

/* System s takes lane l. Its slopes, unless it brings them, come out of a first step of length 0. */
static void board(batch *b, size_t s, size_t l) {
  const berth *a = &b->berths[s];
  size_t d = b->options->d;
  batch_block *k = &b->block;
  b->lanes[l] = (lane){true, s, a->tokens, a->begun, a->t, a->above, a->control};
  k->beta[l] = a->beta;
  for (size_t i = 0; i < k->n; i++) {
    bool there = i < a->tokens;
    k->mass[i * BATCH_LANES + l] = there ? a->mass[i] : 0;
    for (size_t e = i * d; e < (i + 1) * d; e++) {
      k->x[e * BATCH_LANES + l] = there ? a->x[e] : 0;
      k->k[0][e * BATCH_LANES + l] = there && a->begun ? a->k[e] : 0;
    }
  }
  if (a->begun) set_cosines(b, l);
}

/* Lane l is empty: its tokens are nowhere. */
static void leave(batch *b, size_t l) {
  b->lanes[l].used = false;
  b->block.h[l] = b->block.beta[l] = 0;
  for (size_t i = 0; i < b->block.n; i++) {
    b->block.mass[i * BATCH_LANES + l] = 0;
    clear_row(b, b->block.x, l, i);
    clear_row(b, b->block.k[0], l, i);
  }
}

/* The system of lane l goes back to its berth, to wait for a smaller block. */
static void unboard(batch *b, size_t l) {
  lane *v = &b->lanes[l];
  berth *a = &b->berths[v->system];
  size_t d = b->options->d, row = 0;
  a->tokens = v->tokens, a->begun = true, a->t = v->t, a->above = v->above, a->control = v->control;
  for (size_t i = 0; i < b->block.n; i++) {
    if (b->block.mass[i * BATCH_LANES + l] <= 0) continue;
    a->mass[row] = b->block.mass[i * BATCH_LANES + l];
    for (size_t k = 0; k < d; k++) {
      a->x[row * d + k] = b->block.x[(i * d + k) * BATCH_LANES + l];
      a->k[row * d + k] = b->block.k[0][(i * d + k) * BATCH_LANES + l];
    }
    row++;
  }
  leave(b, l);
}

/* ---- what a step has brought ---- */

/* Pairs of tokens that a pair of rows stands for. */
static double pairs_of(const batch *b, size_t l, size_t p) {
  double n = (double)b->options->n;
  return rint(b->block.mass[b->first[p] * BATCH_LANES + l] * b->block.mass[b->second[p] * BATCH_LANES + l] * n * n);
}

/* Where in the step, 0..1, event e goes through the level: on the cubic in ln(1 - cosine), which is nearly straight
 * where tokens approach exponentially, so that Newton's method needs a few steps. */
static double passage(const batch *b, size_t l, size_t e) {
  const batch_block *k = &b->block;
  size_t p = b->events[e] * (size_t)BATCH_LANES + l, at = e * BATCH_LANES + l;
  double gap = 1 - k->cosine[p], end = fmax(1 - k->ahead[p], 1e-15), rise = log(end / gap);
  double goal = log((1 - b->options->level) / gap), leave_at = -k->h[l] * b->slope[0][at] / gap;
  double arrive_at = end > 1e-12 ? -k->h[l] * b->slope[1][at] / end : rise;
  double square = 3 * rise - 2 * leave_at - arrive_at, cube = leave_at + arrive_at - 2 * rise, s = goal / rise;
  for (int i = 0; i < 6; i++) {
    double slope = leave_at + s * (2 * square + 3 * s * cube);
    double next = s - (s * (leave_at + s * (square + s * cube)) - goal) / slope;
    s = next >= 0 && next <= 1 ? next : s;
  }
  return s;
}

static void note_crossing(batch *b, size_t l, size_t p, double where) {
  double pairs = pairs_of(b, l, p);
  bool is = b->block.ahead[p * BATCH_LANES + l] >= b->options->level;
  if (pairs == 0) return;
  b->crossings[b->crossing_count++] = (crossing){b->lanes[l].t + b->block.h[l] * where, is ? pairs : -pairs};
}

static void note_events(batch *b, size_t l) {
  double level = b->options->level;
  for (size_t e = 0; e < b->event_count; e++) {
    size_t p = b->events[e], at = p * BATCH_LANES + l;
    if ((b->block.cosine[at] >= level) != (b->block.ahead[at] >= level)) note_crossing(b, l, p, passage(b, l, e));
  }
}

/* Pairs that are above from the start. */
static void note_start(batch *b, size_t l) {
  for (size_t p = 0; p < b->block.pairs; p++)
    if (b->block.ahead[p * BATCH_LANES + l] >= b->options->level) note_crossing(b, l, p, 0);
}

static int earlier(const void *a, const void *b) {
  const crossing *p = a, *q = b;
  return p->t < q->t ? -1 : p->t > q->t;
}

static void tell_crossings(batch *b, size_t l) {
  lane *v = &b->lanes[l];
  b->crossing_count = 0;
  (v->begun ? note_events : note_start)(b, l);
  qsort(b->crossings, b->crossing_count, sizeof *b->crossings, earlier);
  for (size_t e = 0; e < b->crossing_count; e++) {
    v->above += b->crossings[e].pairs;
    b->host->crossing(b->host->self, v->system, b->crossings[e].t, b->crossings[e].pairs);
  }
}

/* Row i of lane l becomes `row` = (m_i row_i + m_j row_j) scale. */
static void blend_rows(const batch *b, double *rows, size_t l, size_t i, size_t j, double mi, double mj, double scale) {
  double *p = at_row(b, rows, l, i), *q = at_row(b, rows, l, j);
  for (size_t k = 0; k < b->options->d; k++) {
    p[k * BATCH_LANES] = (mi * p[k * BATCH_LANES] + mj * q[k * BATCH_LANES]) * scale;
    q[k * BATCH_LANES] = 0;
  }
}

/* Token j of lane l joins token i at their barycentre, with their mean slope: right to second order in the distance. */
static void join(batch *b, size_t l, size_t i, size_t j) {
  batch_block *k = &b->block;
  double mi = k->mass[i * BATCH_LANES + l], mj = k->mass[j * BATCH_LANES + l], all = mi + mj;
  blend_rows(b, k->x, l, i, j, mi, mj, 1 / all);
  double norm = sqrt(dot(b, k->x, i, k->x, i, l));
  double *x = at_row(b, k->x, l, i), *v = at_row(b, k->k[0], l, i);
  for (size_t e = 0; e < b->options->d; e++) x[e * BATCH_LANES] /= norm;
  blend_rows(b, k->k[0], l, i, j, mi, mj, 1 / all);
  double radial = dot(b, k->x, i, k->k[0], i, l);
  for (size_t e = 0; e < b->options->d; e++) v[e * BATCH_LANES] -= radial * x[e * BATCH_LANES];
  k->mass[i * BATCH_LANES + l] = all;
  k->mass[j * BATCH_LANES + l] = 0;
  b->lanes[l].tokens--;
  for (size_t r = 0; r < k->n; r++) {
    if (r != i) k->cosine[b->pair_of[i * k->n + r] * BATCH_LANES + l] = dot(b, k->x, i, k->x, r, l);
    if (r != j) k->cosine[b->pair_of[j * k->n + r] * BATCH_LANES + l] = 0;
  }
}

/* Pairs of lane l that the step has brought close, among the events, which are those of all lanes: ret_pairs, their
 * number is returned. */
static size_t close_pairs(const batch *b, size_t l, unsigned short *ret_pairs) {
  size_t count = 0;
  for (size_t e = 0; e < b->event_count; e++) {
    ret_pairs[count] = b->events[e];
    count += b->block.cosine[(size_t)b->events[e] * BATCH_LANES + l] > b->close;
  }
  return count;
}

/* Merges tokens of lane l that are close at the new state. A pair that comes close only because one of it has joined a
 * third waits for the next step: whether it is among the events now is up to the other lanes. */
static void merge(batch *b, size_t l) {
  batch_block *k = &b->block;
  unsigned short pairs[BATCH_MOST_TOKENS * (BATCH_MOST_TOKENS - 1) / 2 + 1];
  for (size_t e = 0, count = close_pairs(b, l, pairs); e < count; e++) {
    size_t p = pairs[e], i = b->first[p], j = b->second[p];
    if (k->cosine[p * BATCH_LANES + l] <= b->close) continue;
    if (k->mass[i * BATCH_LANES + l] <= 0 || k->mass[j * BATCH_LANES + l] <= 0) continue;
    join(b, l, i, j);
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
  double h = b->block.h[l];
  v->control.h = v->begun ? fmin(longest, h * fmin(growth, dopri_growth(&v->control, error))) : first_step(b);
  v->control.last = fmax(error, 1e-4);
  v->control.rejected = false;
  v->begun = true;
  v->t += h;
  b->counts.steps += h > 0;
}

static dwell_status reject(batch *b, size_t l, double error, dwell_error *err) {
  lane *v = &b->lanes[l];
  v->control.h = b->block.h[l] * (isfinite(error) ? dopri_growth(&(dopri_controller){0, 1, true}, error) : 0.1);
  v->control.rejected = true;
  b->counts.rejected++;
  take_back(b, l);
  if (v->control.h < 1e-13)
    return error_set(err, DWELL_FAILED, "the step needed for rtol %g vanished", b->options->rtol);
  return DWELL_OK;
}

static void swap(double **a, double **b) {
  double *kept = *a;
  *a = *b, *b = kept;
}

/* Lanes that are done or fit a smaller block are left. */
static void sort_out(batch *b, size_t l, size_t smaller) {
  const lane *v = &b->lanes[l];
  double n = (double)b->options->n;
  if (v->t >= b->options->until || v->tokens < 2 || v->above >= n * (n - 1) / 2) {
    b->berths[v->system].tokens = 0;
    leave(b, l);
  } else if (v->tokens <= smaller) {
    unboard(b, l);
  }
}

static dwell_status step(batch *b, size_t smaller, dwell_error *err) {
  dwell_status status = DWELL_OK;
  batch_block *k = &b->block;
  for (size_t l = 0; l < BATCH_LANES; l++) {
    lane *v = &b->lanes[l];
    k->h[l] = v->used && v->begun ? fmin(v->control.h, b->options->until - v->t) : 0;
  }
  const batch_kernels *kernels = batch_kernels_of(b->options->opt_isa);
  kernels->step(k);
  b->event_count = kernels->events(k, b->options->level, b->close, b->events);
  kernels->slopes(k, k->x, k->k[0], b->events, b->first, b->second, b->event_count, b->slope[0]);
  kernels->slopes(k, k->y, k->k[ORBIT_STAGES - 1], b->events, b->first, b->second, b->event_count, b->slope[1]);
  for (size_t l = 0; l < BATCH_LANES; l++) {
    lane *v = &b->lanes[l];
    double error = k->error[l] / b->options->rtol;
    if (!v->used) continue;
    if (!(error <= 1)) {
      TRY(reject(b, l, error, err));
      continue;
    }
    tell_crossings(b, l);
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
