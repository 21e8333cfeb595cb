/* flow/attention.c - fused pair sums over blocks.
 *
 * Three ways to the same sums. On the two-sphere many tokens at moderate beta are summed by harmonics (modes.h), all
 * but those that see near ones only. Else, in few dimensions direct loops run on coordinate differences (pairs.h). In
 * many, tiles of cosines come from matrix products, and only pairs so close that 1 - G has lost its digits are redone
 * by differences.
 *
 * The last two make each weight once for both tokens of a pair. Tokens are cut into blocks; a pair of blocks adds to
 * the sums of both. rounds.h says in which order, which depends on n alone. So do the bits.
 *
 * Several processes (base/ranks.h) share the pairs of each round. Before it the sums of a block go to the process that
 * its pair falls to, which for most blocks is where they are: from one round to the next a block moves by one place.
 * Where weights are not mirrored, rows are divided instead. */
#include "flow/attention.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/threads.h"
#include "flow/kernel.h"
#include "flow/modes.h"
#include "flow/pairs.h"
#include "flow/rounds.h"
#include "flow/tiles_f32.h"
#include "linalg/panels.h"

enum {
  ROWS = 64,        /* rows that a thread takes at once where each has weights of its own */
  LEAST = 64,       /* tokens of a block of the direct loops; */
  MOST = 256,       /* so many and their sums, 14 kB in 3 dimensions, fit into the first cache */
  PARTS = 16,       /* blocks that are enough to share between threads */
  MANY = 512,       /* tokens from which harmonics may be faster */
  PAGE = 512,       /* doubles, see stride_of */
  SPREAD = 72,      /* doubles: 9 cache lines */
  TILE = 96,        /* largest side of a tile of cosines, whole panels: 74 KB, twice in the second cache */
  SINGLE_SELF = 96, /* side of tiles in single precision along the diagonal, where half of a tile is for nothing */
  BLOCKS = 64,      /* blocks at most, half as many threads or processes find work, */
  LARGE = 4096,     /* unless all would be larger than this */
  SERIAL = 1 << 19  /* multiply-adds, 0.2 ms, below which a thread gains less than a wait for it may cost */
};

/* Scratch of one thread for tiles of cosines. */
typedef struct tile_scratch {
  double cosines[TILE * TILE]; /* turned into weights in place */
  unsigned char close_row[TILE * TILE], close_key[TILE * TILE];
} tile_scratch;

#define LOG2_E 0x1.71547652b82fep0

struct pass;

struct flow_work {
  size_t n, d, padded; /* padded: n rounded up to whole lanes */
  bool direct;         /* sums by direct loops; else by tiles */
  const dwell_context *ctx;
  size_t *bounds;            /* [ranks + 1] tokens of each process */
  ranks_move *moves;         /* several processes: [most_moves] */
  rounds_progress *progress; /* [blocks] */
  double *mass;              /* [padded], zeros at the end */
  size_t block;              /* tokens of a block */
  size_t stride;             /* direct: from one coordinate to the next */
  double *keys;              /* direct: [width, stride] transposed tokens, filled up with zeros */
  double *sums;              /* direct: [1 + width, stride] weights and pulls, behind the keys */
  modes *modes;              /* direct: on the two-sphere, for many tokens; else NULL */
  size_t *again;             /* direct, with modes: [n] tokens whose sums are made over pairs after all */
  double *across;            /* tiles: x transposed, [d, n] in panels */
  double *heavy;             /* tiles: m_j x_j, [n, d] in panels */
  double *close;             /* tiles: [n, d] sums over close pairs, of rows that have_close */
  double *far;               /* tiles: [n] weights of the pairs left to the product */
  bool *has_close;           /* tiles: [n] */
  double *maximum;           /* tiles: [n] largest exponents, if they are subtracted */
  tile_scratch *tiles;       /* [workers] */
  tiles_f32 *single;         /* tiles in single precision: instead of what is only for tiles, but far; else NULL */
};

/* One evaluation. */
typedef struct pass {
  const flow_system *system;
  const double *x;
  double *shift, *z;
  flow_work *work;
  double factor, offset; /* exponent = factor |x_j - x_i|^2 + offset = beta G - |beta| */
  double near;           /* pairs with 1 - G below this are summed by differences */
  bool maximum;          /* rows may lie far below scale 1: subtract each row's own maximum */
  double scale;          /* taken off every exponent; then a token's weight with itself is not part of the sums */
  double unit, own;      /* e^scale; a token's weight with itself, without its mass */
  double alike;          /* the mass of all tokens, or 0 if they differ */
  pairs direct;
  const pairs_kernels *kernels;
  const rounds_play *play; /* several processes: what is played, */
  size_t round;            /* and how far */
  size_t first, end;       /* tokens whose sums this process finishes; rows that it makes */
} pass;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t round_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

static size_t blocks_of(size_t n, size_t block) { return (n + block - 1) / block; }

/* Tokens of a block: `side` unless there would be too many blocks, in whole units. */
static size_t block_of(size_t n, size_t side, size_t unit) {
  size_t blocks = blocks_of(n, side), most = n / LARGE > BLOCKS ? n / LARGE : BLOCKS;
  if (blocks > most) blocks = most;
  return round_up(blocks_of(n, blocks), unit);
}

/* From one coordinate to the next. A load waits for a store to another place with the same twelve low bits of its
 * address: rows of coordinates and sums are kept from lying so. */
static size_t stride_of(size_t padded) { return (padded + PAGE - 1 - SPREAD) / PAGE * PAGE + SPREAD; }

static bool has_modes(size_t n, size_t d) { return d == 3 && n >= MANY; }

_Static_assert((int)ATTENTION_DIRECT <= (int)PAIRS_MAX_D, "loops over pairs have room");
static bool is_direct(size_t d, bool single) { return d <= (single ? ATTENTION_DIRECT_SINGLE : ATTENTION_DIRECT); }

uint64_t flow_work_bytes(size_t n, size_t d, bool single, int threads) {
  size_t padded = round_up(n, KERNEL_LANES), workers = (size_t)threads;
  uint64_t harmonics = has_modes(n, d) ? modes_bytes(n) + n * sizeof(size_t) : 0;
  if (is_direct(d, single))
    return harmonics + sizeof(double) * (uint64_t)((2 * pairs_width(d) + 1) * stride_of(padded) + padded);
  if (single) return tiles_f32_bytes(n, d, workers) + sizeof(double) * 2 * padded;
  uint64_t panels = panels_elements(d, n, sizeof(double)) + panels_elements(n, d, sizeof(double));
  return sizeof(double) * (panels + n * d + padded + 2 * n) + n * sizeof(bool) + workers * sizeof(tile_scratch);
}

static bool allocate_modes(flow_work *w) {
  if (!has_modes(w->n, w->d)) return true;
  w->again = MEM_NEW(size_t, w->n);
  return w->again != NULL && modes_create(w->n, w->ctx, &w->modes, NULL) == DWELL_OK;
}

static bool allocate_direct(flow_work *w, size_t workers) {
  (void)workers;
  size_t side = w->n <= MOST ? MOST : w->n / PARTS < LEAST ? LEAST : smaller(w->n / PARTS, MOST);
  w->block = block_of(w->n, side, KERNEL_LANES);
  w->stride = stride_of(w->padded);
  w->keys = mem_zero(w->stride, (2 * pairs_width(w->d) + 1) * sizeof(double));
  w->sums = w->keys == NULL ? NULL : w->keys + pairs_width(w->d) * w->stride;
  return w->keys != NULL && allocate_modes(w);
}

static bool allocate_single(flow_work *w, size_t workers) {
  w->block = block_of(w->n, TILES_F32_SIDE, PANEL_F32);
  w->far = MEM_NEW(double, w->n);
  w->single = tiles_f32_create(w->n, w->d, workers);
  return w->far != NULL && w->single != NULL;
}

static bool allocate_tiles(flow_work *w, size_t workers) {
  size_t across = panels_elements(w->d, w->n, sizeof(double)), heavy = panels_elements(w->n, w->d, sizeof(double));
  w->block = block_of(w->n, TILE, 2 * PANEL_F64);
  w->across = across > 0 ? MEM_NEW(double, across) : NULL;
  w->heavy = heavy > 0 ? MEM_NEW(double, heavy) : NULL;
  w->close = mem_alloc(w->n, w->d * sizeof(double));
  w->far = MEM_NEW(double, w->padded);
  w->has_close = MEM_NEW(bool, w->n);
  w->maximum = MEM_NEW(double, w->n);
  w->tiles = MEM_NEW(tile_scratch, workers);
  return w->across != NULL && w->heavy != NULL && w->close != NULL && w->far != NULL && w->has_close != NULL &&
         w->maximum != NULL && w->tiles != NULL;
}

enum { PIECES = 1 + PAIRS_MAX_D }; /* arrays that the sums of a block lie in, at most */

static bool allocate_blocks(flow_work *w) {
  size_t blocks = blocks_of(w->n, w->block);
  w->progress = MEM_NEW(rounds_progress, blocks);
  if (w->progress == NULL) return false;
  if (ranks_count(w->ctx) > 1) w->moves = mem_alloc(blocks, PIECES * sizeof(ranks_move));
  return ranks_count(w->ctx) == 1 || w->moves != NULL;
}

dwell_status flow_work_create(size_t n, size_t d, bool single, const dwell_context *ctx, flow_work **ret_work,
                              dwell_error *err) {
  flow_work *work = MEM_ZERO(flow_work, 1);
  if (work == NULL) return error_no_memory(err, "scratch of the flow");
  work->n = n;
  work->d = d;
  work->padded = round_up(n, KERNEL_LANES);
  work->direct = is_direct(d, single);
  work->ctx = n * n < (work->direct ? 4 * SERIAL / (d + 4) : SERIAL / d) ? NULL : ctx;
  work->mass = MEM_ZERO(double, work->padded);
  work->bounds = MEM_NEW(size_t, ranks_count(work->ctx) + 1);
  size_t workers = (size_t)threads_count(work->ctx);
  bool (*allocate)(flow_work *, size_t) = work->direct ? allocate_direct : single ? allocate_single : allocate_tiles;
  if (work->mass == NULL || work->bounds == NULL || !allocate(work, workers) || !allocate_blocks(work)) {
    flow_work_destroy(work);
    return error_no_memory(err, "scratch of the flow");
  }
  *ret_work = work;
  return DWELL_OK;
}

void flow_work_destroy(flow_work *work) {
  if (work == NULL) return;
  mem_free(work->mass);
  mem_free(work->bounds);
  mem_free(work->moves);
  mem_free(work->progress);
  mem_free(work->keys);
  modes_destroy(work->modes);
  mem_free(work->again);
  mem_free(work->across);
  mem_free(work->heavy);
  mem_free(work->close);
  mem_free(work->far);
  mem_free(work->has_close);
  mem_free(work->maximum);
  mem_free(work->tiles);
  tiles_f32_destroy(work->single);
  mem_free(work);
}

/* Z of a row whose sum of scaled weights with other tokens is `others`. */
static double scaled_z(const pass *p, size_t i, double others) { return p->work->mass[i] + p->unit * others; }

static size_t visible(const pass *p, size_t i) { return p->system->causal ? i + 1 : p->system->n; }

/* ---- blocks ---- */

static size_t block_end(const pass *p, size_t block) { return smaller((block + 1) * p->work->block, p->system->n); }

/* Weights that are the same for both tokens of a pair. */
static bool is_mirrored(const pass *p) { return !p->system->causal && !p->maximum; }

/* ---- processes ---- */

enum { HOME = SIZE_MAX }; /* for a round: before the first one and after the last */

static size_t blocks_here(const pass *p) { return blocks_of(p->system->n, p->work->block); }

/* The process that has the sums of a block in a round. */
static size_t keeper(const pass *p, size_t block, size_t round) {
  size_t items = rounds_items(blocks_here(p)), circle = rounds_circle(blocks_here(p));
  if (round == HOME) return ranks_doer(p->work->ctx, block, blocks_here(p));
  size_t ahead = (block + circle - round % circle) % circle;
  size_t item = block == circle ? 0 : smaller(ahead, circle - ahead);
  return ranks_doer(p->work->ctx, item, items);
}

/* Where the sums of a block lie; returns how many pieces. */
static size_t pieces_of(const pass *p, size_t block, ranks_move *ret) {
  const flow_work *w = p->work;
  size_t first = block * w->block, count = block_end(p, block) - first, d = w->d, pieces = 0;
  if (w->direct) {
    for (size_t k = 0; k <= p->direct.width; k++)
      ret[pieces++] = (ranks_move){.bytes = count * sizeof(double), .data = w->sums + k * w->stride + first};
    return pieces;
  }
  ret[pieces++] = (ranks_move){.bytes = count * sizeof(double), .data = w->far + first};
  if (w->single != NULL) {
    ret[pieces++] = (ranks_move){.bytes = count * d * sizeof(float), .data = tiles_f32_pulls(w->single, first)};
    return pieces;
  }
  ret[pieces++] = (ranks_move){.bytes = count * sizeof(bool), .data = w->has_close + first};
  ret[pieces++] = (ranks_move){.bytes = count * sizeof(double), .data = p->z + first};
  ret[pieces++] = (ranks_move){.bytes = count * d * sizeof(double), .data = p->shift + first * d};
  ret[pieces++] = (ranks_move){.bytes = count * d * sizeof(double), .data = w->close + first * d};
  return pieces;
}

/* From the processes of one round to those of another. `mine`: how this process fared. */
static dwell_status carry(const pass *p, dwell_status mine, size_t from, size_t to, dwell_error *err) {
  const dwell_context *ctx = p->work->ctx;
  size_t count = 0;
  if (ranks_count(ctx) == 1) return mine;
  for (size_t block = 0; block < blocks_here(p); block++) {
    size_t before = keeper(p, block, from), after = keeper(p, block, to);
    size_t pieces = before != after ? pieces_of(p, block, p->work->moves + count) : 0;
    for (size_t k = 0; k < pieces; k++, count++) p->work->moves[count].from = before, p->work->moves[count].to = after;
  }
  return ctx->ranks->move(ctx->ranks->self, mine, count, p->work->moves, err);
}

/* Tokens that each process finishes: whole blocks at home or, where rows are divided, whole tiles of rows. */
static void divide(pass *p) {
  flow_work *w = p->work;
  const dwell_context *ctx = w->ctx;
  size_t blocks = blocks_here(p), count = ranks_count(ctx);
  if (is_mirrored(p)) {
    for (size_t r = 0; r <= count; r++) w->bounds[r] = ranks_first_item(ctx, r, blocks) * w->block;
  } else {
    size_t side = w->direct ? ROWS : TILE, block = w->direct ? round_up(w->n, ROWS) : w->block;
    size_t tiles = blocks_of(block, side), last = blocks_of(w->n, block) - 1;
    ranks_divide(ctx, last * tiles + blocks_of(w->n - last * block, side), p->system->causal, w->bounds);
    for (size_t r = 0; r <= count; r++) w->bounds[r] = w->bounds[r] / tiles * block + w->bounds[r] % tiles * side;
  }
  for (size_t r = 0; r <= count; r++) w->bounds[r] = smaller(w->bounds[r], w->n);
  p->first = ranks_first(ctx, w->bounds), p->end = ranks_end(ctx, w->bounds);
}

/* Does this process finish tokens of [first, end), or token i? */
static bool has_own(const pass *p, size_t first, size_t end) { return first < p->end && p->first < end; }
static bool is_own(const pass *p, size_t i) { return has_own(p, i, i + 1); }

static dwell_status meet_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  size_t blocks = blocks_here(p), a, b;
  item += ranks_first_item(p->work->ctx, ranks_own(p->work->ctx), rounds_items(blocks));
  rounds_pair(blocks, p->round, item, &a, &b);
  if (a < blocks && b < blocks) p->play->meet(p, a, b, worker);
  return DWELL_OK;
}

/* All rounds. A process that failed (`status`) takes part in what is carried only. */
static dwell_status tournament(pass *p, dwell_status status, dwell_error *err) {
  const dwell_context *ctx = p->work->ctx;
  size_t items = rounds_items(blocks_here(p)), rounds = rounds_count(blocks_here(p)), own = ranks_own(ctx);
  size_t own_items = ranks_first_item(ctx, own + 1, items) - ranks_first_item(ctx, own, items);
  /* everybody is here, or has failed before: from now on all take part in what is carried */
  if (rounds > 0) status = ranks_exchange(ctx, status, p->work->bounds, 0, NULL, err);
  if (status != DWELL_OK) return status;
  for (p->round = 0; p->round < rounds; p->round++) {
    status = carry(p, status, p->round > 0 ? p->round - 1 : HOME, p->round, err);
    if (status == DWELL_OK) status = threads_for(ctx, own_items, meet_item, p, err);
  }
  return rounds > 0 ? carry(p, status, p->round - 1, HOME, err) : status;
}

/* Blocks by themselves, in pairs, and what is made of their sums. */
static dwell_status play_rounds(pass *p, const rounds_play *play, dwell_error *err) {
  const dwell_context *ctx = p->work->ctx;
  if (ranks_count(ctx) == 1) return rounds_run(ctx, play, p->work->progress, err);
  p->play = play;
  dwell_status status = threads_for(ctx, play->blocks, play->first, p, err);
  status = tournament(p, status, err);
  return status == DWELL_OK ? threads_for(ctx, play->blocks, play->last, p, err) : status;
}

/* ---- direct loops ---- */

/* The largest exponent of row i over keys that have mass; -INFINITY if there is none. The exponent is monotone in the
 * squared distance: the nearest key has it for beta >= 0, the farthest for beta < 0. */
static double direct_maximum(const pass *p, size_t i) {
  const flow_work *w = p->work;
  double sign = p->factor <= 0 ? -1 : 1, best = -INFINITY;
  for (size_t j = 0, end = visible(p, i); j < end; j++) {
    double square = 0;
    for (size_t k = 0; k < w->d; k++) {
      double difference = w->keys[k * w->stride + j] - w->keys[k * w->stride + i];
      square += difference * difference;
    }
    if (w->mass[j] > 0 && sign * square > best) best = sign * square;
  }
  return best == -INFINITY ? best : p->factor * (sign * best) + p->offset;
}

/* Sums of row i over other tokens, in units of e^maximum, to its velocity. */
static void direct_settle(const pass *p, size_t i, double maximum) {
  const flow_work *w = p->work;
  double mass = p->alike > 0 ? p->alike : 1, others = mass * w->sums[i];
  double own = w->mass[i] > 0 ? w->mass[i] * (maximum == 0 ? p->own : exp(p->offset - maximum)) : 0;
  double z = p->system->scaled ? scaled_z(p, i, others) : own + others;
  double inverse = z >= DBL_MIN ? mass / z : 0;
  p->z[i] = p->system->scaled ? z : z * exp(maximum);
  for (size_t k = 0; k < w->d; k++) p->shift[i * w->d + k] = inverse * w->sums[(1 + k) * w->stride + i];
}

static void direct_clear(const pass *p, size_t first, size_t end) {
  const flow_work *w = p->work;
  for (size_t k = 0; k <= p->direct.width; k++)
    memset(w->sums + k * w->stride + first, 0, (end - first) * sizeof(double));
}

/* A row with weights of its own. */
static void direct_row(const pass *p, size_t i) {
  double maximum = p->maximum ? direct_maximum(p, i) : p->scale;
  pairs direct = p->direct;
  direct.masses = p->work->mass;
  direct.shift = LOG2_E * (p->offset - maximum);
  direct_clear(p, i, i + 1);
  if (maximum > -INFINITY) p->kernels->row(&direct, i, visible(p, i), p->work->sums);
  direct_settle(p, i, maximum > -INFINITY && !p->system->scaled ? maximum : 0);
}

static dwell_status direct_rows(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  size_t first = p->first + item * ROWS;
  for (size_t i = first; i < smaller(first + ROWS, p->end); i++) direct_row(p, i);
  return DWELL_OK;
}

static dwell_status direct_block(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  size_t first = item * p->work->block, end = block_end(p, item);
  if (!is_own(p, first)) return DWELL_OK;
  direct_clear(p, first, round_up(end, KERNEL_LANES));
  p->kernels->between(&p->direct, first, end, first, end, p->work->sums);
  return DWELL_OK;
}

static void direct_meet(const void *arg, size_t a, size_t b, int worker) {
  (void)worker;
  const pass *p = arg;
  size_t block = p->work->block;
  p->kernels->between(&p->direct, a * block, block_end(p, a), b * block, block_end(p, b), p->work->sums);
}

static dwell_status direct_finish(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  for (size_t i = item * p->work->block; i < block_end(p, item) && is_own(p, i); i++) direct_settle(p, i, 0);
  return DWELL_OK;
}

static dwell_status sum_by_pairs(pass *p, dwell_error *err) {
  flow_work *w = p->work;
  size_t blocks = blocks_of(w->n, w->block);
  if (!is_mirrored(p)) return threads_for(w->ctx, blocks_of(p->end - p->first, ROWS), direct_rows, p, err);
  return play_rounds(p, &(rounds_play){blocks, direct_block, direct_meet, direct_finish, p}, err);
}

/* ---- harmonics ---- */

/* Sums over harmonics are off by some 1e-16 of a weight of 1, those over pairs by that part of weights times distances.
 * Where what a token sees is nearer than this (sum of weights times mean squared distance), pairs are taken: a cluster
 * that contracts is left to them. Tokens spread evenly have 1 / beta^2. */
#define SPREAD_ENOUGH 0.005

/* Sums over harmonics of token i to its velocity; false: not precise enough. */
static bool modes_settle(const pass *p, size_t i) {
  const flow_work *w = p->work;
  const double *x = p->x + i * w->d;
  double z = w->sums[i], inward = 0;
  if (!(z > SPREAD_ENOUGH / 4)) return false; /* |x_j - x_i|^2 <= 4 */
  for (size_t k = 0; k < w->d; k++) {
    double shift = (w->sums[(1 + k) * w->stride + i] - z * x[k]) / z;
    p->shift[i * w->d + k] = shift;
    inward -= x[k] * shift; /* half the mean squared distance */
  }
  p->z[i] = z;
  return 2 * inward * z >= SPREAD_ENOUGH;
}

static dwell_status row_again(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  direct_row(p, p->work->again[item]);
  return DWELL_OK;
}

/* *ret_done false: too many tokens ask for pairs. */
static dwell_status sum_by_modes(pass *p, bool *ret_done, dwell_error *err) {
  flow_work *w = p->work;
  size_t count = 0;
  *ret_done = false;
  dwell_status status = modes_sums(w->modes, w->keys, w->stride, w->mass, w->sums, err);
  for (size_t i = 0; i < w->n && status == DWELL_OK; i++)
    if (!modes_settle(p, i)) w->again[count++] = i;
  if (status != DWELL_OK || count > w->n / 8) return status;
  *ret_done = true;
  p->alike = 0;
  return threads_for(w->ctx, count, row_again, p, err);
}

static dwell_status sum_directly(pass *p, dwell_error *err) {
  flow_work *w = p->work;
  double factor = LOG2_E * p->factor, shift = LOG2_E * (p->offset - p->scale);
  bool plain = shift == 0 && 4 * fabs(factor) < 990; /* |x_i - x_j|^2 <= 4 */
  /* farther than any token, so that it weighs less, or where it can do no harm and must not be that far */
  double filling = plain || factor > 0 ? 0 : 3;
  for (size_t k = 0; k < w->d; k++)
    for (size_t j = 0; j < w->padded; j++) w->keys[k * w->stride + j] = j < w->n ? p->x[j * w->d + k] : filling;
  double alike = pairs_alike(w->d, plain) && w->n == w->padded && is_mirrored(p) ? p->alike : 0;
  p->direct = (pairs){.width = pairs_width(w->d),
                      .stride = w->stride,
                      .tokens = w->keys,
                      .masses = alike > 0 ? NULL : w->mass,
                      .factor = factor,
                      .shift = shift,
                      .ceiling = p->maximum ? 1000 : 1024, /* keys without mass may lie above the maximum */
                      .plain = plain};
  p->kernels = pairs_kernels_of(NULL);
  bool done = false;
  dwell_status status = DWELL_OK;
  bool smooth = p->system->beta * p->system->beta <= 1 / SPREAD_ENOUGH;
  if (w->modes != NULL && smooth && is_mirrored(p) && !p->system->scaled && modes_prepare(w->modes, p->system->beta))
    status = sum_by_modes(p, &done, err);
  p->alike = alike;
  return status == DWELL_OK && !done ? sum_by_pairs(p, err) : status;
}

/* ---- tiles of cosines ---- */

/* Weights of `rows` tokens from `first` on with `keys` tokens from `key` on. */
typedef struct tile {
  size_t first, rows, key, keys;
  size_t stride; /* keys, filled up to whole lanes */
  bool fresh;    /* the first tile of its rows: sums are set, not added to */
  bool mirrored; /* the weights also act on the keys, by the rows */
  tile_scratch *scratch;
} tile;

/* Sets the columns behind the last key. */
static void tile_fill(const tile *t, double value) {
  for (size_t r = 0; r < t->rows; r++)
    for (size_t j = t->keys; j < t->stride; j++) t->scratch->cosines[r * t->stride + j] = value;
}

static void tile_cosines(const pass *p, tile *t) {
  size_t d = p->system->d;
  double *cosines = t->scratch->cosines;
  t->stride = round_up(t->keys, PAIRS_LANES);
  panels_multiply_f64(t->rows, d, t->keys, p->x + t->first * d, d, p->work->across + t->key * d, d, cosines, t->stride,
                      false);
  tile_fill(t, 0);
}

/* Adds weights times m_j x_j over the keys to what the rows get. */
static void tile_pull_rows(const pass *p, const tile *t) {
  size_t n = p->system->n, d = p->system->d;
  panels_multiply_f64(t->rows, t->keys, d, t->scratch->cosines, t->stride, p->work->heavy + t->key * PANEL_F64, n,
                      p->shift + t->first * d, d, !t->fresh);
}

/* Adds weights times m_i x_i over the rows to what the keys get. */
static void tile_pull_keys(const pass *p, const tile *t) {
  size_t n = p->system->n, d = p->system->d;
  panels_multiply_turned_f64(t->keys, t->rows, d, t->scratch->cosines, t->stride, p->work->heavy + t->first * PANEL_F64,
                             n, p->shift + t->key * d, d, true);
}

/* Keys of this tile that its row r may see. */
static size_t tile_visible(const pass *p, const tile *t, size_t r) {
  size_t end = visible(p, t->first + r);
  return end <= t->key ? 0 : end - t->key < t->keys ? end - t->key : t->keys;
}

/* Notes which pairs are close; returns how many. */
static size_t tile_find_close(const pass *p, const tile *t) {
  double limit = 1 - p->near;
  tile_scratch *s = t->scratch;
  size_t count = 0;
  if (kernel_top(t->rows * t->stride, s->cosines) <= limit) return 0;
  for (size_t r = 0; r < t->rows; r++) {
    const double *row = s->cosines + r * t->stride;
    if (kernel_top(t->keys, row) <= limit) continue;
    for (size_t j = 0, end = tile_visible(p, t, r); j < end; j++) {
      if (row[j] <= limit) continue;
      s->close_row[count] = (unsigned char)r;
      s->close_key[count++] = (unsigned char)j;
    }
  }
  return count;
}

/* Pairs that do not count are marked: masked ones and, since they may lie above the maximum and be infinite, those of
 * keys without mass. */
static void tile_mask(const pass *p, const tile *t) {
  for (size_t r = 0; r < t->rows; r++) {
    double *row = t->scratch->cosines + r * t->stride;
    size_t allowed = tile_visible(p, t, r);
    for (size_t j = allowed; j < t->keys; j++) row[j] = 2 * PAIRS_NEVER;
    for (size_t j = 0; j < allowed && p->maximum; j++)
      if (!(p->work->mass[t->key + j] > 0)) row[j] = 2 * PAIRS_NEVER;
  }
}

static void add_close(const pass *p, size_t i, size_t other, double weight) {
  size_t d = p->system->d;
  p->z[i] += weight;
  if (i == other) return;
  if (!p->work->has_close[i]) memset(p->work->close + i * d, 0, d * sizeof(double));
  p->work->has_close[i] = true;
  kernel_pull(d, weight, p->x + i * d, p->x + other * d, p->work->close + i * d);
}

/* The weight of a close pair that counts, from differences; below 1e-304 it is none. */
static double close_weight(const pass *p, size_t i, size_t j) {
  size_t d = p->system->d;
  double square = kernel_distance(d, p->x + i * d, p->x + j * d);
  double w = exp(p->factor * square + p->offset - (p->maximum ? p->work->maximum[i] : p->scale));
  return w > 1e-304 ? w : 0;
}

/* Takes close pairs out of the tile and sums them by differences. */
static void tile_take_close(const pass *p, const tile *t, size_t closes) {
  const tile_scratch *s = t->scratch;
  for (size_t c = 0; c < closes; c++) {
    size_t i = t->first + s->close_row[c], j = t->key + s->close_key[c];
    double *cell = t->scratch->cosines + s->close_row[c] * t->stride + s->close_key[c];
    bool counts = *cell >= PAIRS_NEVER;
    *cell = 2 * PAIRS_NEVER;
    if (!counts || (i == j && p->system->scaled)) continue;
    double w = close_weight(p, i, j);
    add_close(p, i, j, w * p->work->mass[j]);
    if (t->mirrored) add_close(p, j, i, w * p->work->mass[i]);
  }
}

/* Cosines to weights and their sums. */
static void tile_weigh(const pass *p, const tile *t, bool all) {
  flow_work *w = p->work;
  double beta = p->system->beta, shifts[TILE];
  bool plain = all && p->scale == 0 && 2 * LOG2_E * fabs(beta) < 990;
  if (!plain) tile_fill(t, 2 * PAIRS_NEVER);
  for (size_t r = 0; r < t->rows && p->maximum; r++) shifts[r] = -LOG2_E * w->maximum[t->first + r];
  pairs_kernels_of(NULL)->tile(&(pairs_tile){
      .rows = t->rows,
      .keys = t->stride,
      .factor = LOG2_E * beta,
      .anchor = beta < 0 ? -1 : 1,
      .shift = -LOG2_E * p->scale,
      .opt_shifts = p->maximum ? shifts : NULL,
      .ceiling = 1024,
      .plain = plain,
      .own = w->mass + t->first,
      .masses = w->mass + t->key,
      .tile = t->scratch->cosines,
      .sums = w->far + t->first,
      .opt_columns = t->mirrored ? w->far + t->key : NULL,
  });
}

/* Adds what this tile does to the sums of its rows and, if mirrored, of its keys. */
static void tile_add(const pass *p, tile *t) {
  flow_work *w = p->work;
  if (t->fresh)
    for (size_t i = t->first; i < t->first + t->rows; i++) w->far[i] = p->z[i] = 0, w->has_close[i] = false;
  tile_cosines(p, t);
  size_t closes = tile_find_close(p, t);
  bool masked = p->system->causal || p->maximum;
  if (masked) tile_mask(p, t);
  tile_take_close(p, t, closes);
  tile_weigh(p, t, !masked && closes == 0);
  tile_pull_rows(p, t);
  if (t->mirrored) tile_pull_keys(p, t);
}

/* Fills in the largest exponent of each row of the tile over keys [0, end) that have mass; -INFINITY without any. */
static void tile_maxima(const pass *p, tile *t, size_t end) {
  double beta = p->system->beta, anchor = beta < 0 ? -1 : 1, *maximum = p->work->maximum + t->first;
  for (size_t r = 0; r < t->rows; r++) maximum[r] = -INFINITY;
  for (t->key = 0; t->key < end; t->key += TILE) {
    t->keys = smaller(TILE, end - t->key);
    tile_cosines(p, t);
    for (size_t r = 0; r < t->rows; r++)
      for (size_t j = 0, allowed = tile_visible(p, t, r); j < allowed; j++) {
        double e = beta * (t->scratch->cosines[r * t->stride + j] - anchor);
        if (p->work->mass[t->key + j] > 0 && e > maximum[r]) maximum[r] = e;
      }
  }
}

/* Rows [first, end) over keys [key, key_end). */
static void add_rectangle(const pass *p, size_t first, size_t end, size_t key, size_t key_end, bool mirrored,
                          tile_scratch *scratch) {
  tile t = {.mirrored = mirrored, .scratch = scratch};
  for (t.first = first; t.first < end; t.first += TILE) {
    t.rows = smaller(TILE, end - t.first);
    if (!mirrored && !is_own(p, t.first)) continue;
    size_t last = p->system->causal ? smaller(key_end, t.first + t.rows) : key_end;
    if (p->maximum) tile_maxima(p, &t, last);
    for (t.key = key; t.key < last; t.key += TILE) {
      t.keys = smaller(TILE, last - t.key);
      t.fresh = !mirrored && t.key == key;
      tile_add(p, &t);
    }
  }
}

/* The pairs inside a block or, if weights are not mirrored, everything that acts on it. */
static dwell_status block_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  /* with a mask the last block sees most: it goes first */
  size_t block = p->system->causal ? blocks_of(p->system->n, p->work->block) - 1 - item : item;
  size_t first = block * p->work->block, end = block_end(p, block);
  if (!has_own(p, first, end)) return DWELL_OK;
  add_rectangle(p, first, end, is_mirrored(p) ? first : 0, is_mirrored(p) ? end : p->system->n, false,
                p->work->tiles + worker);
  return DWELL_OK;
}

static void tile_meet(const void *arg, size_t a, size_t b, int worker) {
  const pass *p = arg;
  add_rectangle(p, a * p->work->block, block_end(p, a), b * p->work->block, block_end(p, b), true,
                p->work->tiles + worker);
}

static dwell_status finish_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  size_t d = p->system->d;
  for (size_t i = item * p->work->block; i < block_end(p, item); i++) {
    if (!is_own(p, i)) continue;
    const double *close = p->work->has_close[i] ? p->work->close + i * d : NULL;
    double far = p->work->far[i];
    p->z[i] += far;
    if (p->system->scaled) p->z[i] = scaled_z(p, i, p->z[i]);
    kernel_settle(d, far, p->z[i] >= DBL_MIN ? 1 / p->z[i] : 0, p->x + i * d, close, p->shift + i * d);
    if (p->maximum) p->z[i] *= exp(p->work->maximum[i]);
  }
  return DWELL_OK;
}

/* Lays out the tokens of a block as operands of the products. */
static dwell_status pack_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  size_t n = p->system->n, d = p->system->d, first = item * p->work->block, rows = block_end(p, item) - first;
  double *heavy = p->work->heavy;
  panels_pack_f64(d, n, true, first, 0, rows, d, p->x + first * d, d, p->work->across);
  panels_pack_f64(n, d, false, first, 0, rows, d, p->x + first * d, d, heavy);
  for (size_t k = 0; k < d; k += PANEL_F64)
    for (size_t i = first; i < first + rows; i++)
      for (size_t c = 0; c < PANEL_F64; c++) heavy[k * n + i * PANEL_F64 + c] *= p->work->mass[i];
  return DWELL_OK;
}

static dwell_status pack_and_block(void *arg, size_t item, int worker, dwell_error *err) {
  dwell_status status = pack_item(arg, item, worker, err);
  return status == DWELL_OK ? block_item(arg, item, worker, err) : status;
}

static dwell_status sum_by_tiles(pass *p, dwell_error *err) {
  size_t blocks = blocks_of(p->system->n, p->work->block);
  if (is_mirrored(p)) return play_rounds(p, &(rounds_play){blocks, pack_and_block, tile_meet, finish_item, p}, err);
  dwell_status status = threads_for(p->work->ctx, blocks, pack_item, p, err);
  if (status == DWELL_OK) status = threads_for(p->work->ctx, blocks, block_item, p, err);
  return status == DWELL_OK ? threads_for(p->work->ctx, blocks, finish_item, p, err) : status;
}

/* ---- tiles in single precision ---- */

/* Tokens [first, end) with [key, key_end), which are the same or have none in common. */
static void add_single(const pass *p, size_t first, size_t end, size_t key, size_t key_end, size_t side, int worker) {
  flow_work *w = p->work;
  for (size_t i = first; i < end; i += side)
    for (size_t j = first == key ? i : key; j < key_end; j += side)
      tiles_f32_add(w->single, (size_t)worker,
                    &(tiles_f32_tile){.first = i,
                                      .rows = smaller(side, end - i),
                                      .key = j,
                                      .keys = smaller(side, key_end - j),
                                      .mirrored = i != j,
                                      .sums = w->far});
}

static dwell_status single_block(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  flow_work *w = p->work;
  size_t first = item * w->block, end = block_end(p, item);
  tiles_f32_load(w->single, first, end - first, p->x, w->mass);
  if (!is_own(p, first)) return DWELL_OK;
  memset(w->far + first, 0, (end - first) * sizeof(double));
  add_single(p, first, end, first, end, SINGLE_SELF, worker);
  return DWELL_OK;
}

static void single_meet(const void *arg, size_t a, size_t b, int worker) {
  const pass *p = arg;
  size_t block = p->work->block;
  add_single(p, a * block, block_end(p, a), b * block, block_end(p, b), TILES_F32_SIDE, worker);
}

static dwell_status single_finish(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const pass *p = arg;
  size_t d = p->system->d;
  for (size_t i = item * p->work->block; i < block_end(p, item) && is_own(p, i); i++) {
    p->z[i] = p->work->far[i];
    tiles_f32_settle(p->work->single, i, p->z[i], p->x + i * d, p->shift + i * d);
  }
  return DWELL_OK;
}

static dwell_status sum_by_single(pass *p, dwell_error *err) {
  size_t blocks = blocks_of(p->system->n, p->work->block);
  tiles_f32_begin(p->work->single, p->system->beta, p->x);
  return play_rounds(p, &(rounds_play){blocks, single_block, single_meet, single_finish, p}, err);
}

/* ---- both ---- */

/* The Gram route knows 1 - G to 1e-16 and so distances to 1e-16 / distance, exponents to beta 1e-16. Close pairs are
 * those where that is too little: 1 - G < 1e-8 (flows.md 5), and at large beta every pair whose weight matters. */
static double near_limit(double beta) { return beta > 1e4 ? fmin(0.01, fmax(1e-8, 50 / beta)) : 1e-8; }

/* A row's own weight is m_i at scale 1 when beta >= 0; without it (no mass, or beta < 0) a row may underflow. */
static bool needs_maximum(const flow_system *s) {
  if (fabs(s->beta) <= 300) return false; /* e^{-600} is still a normal number */
  if (s->beta < 0) return true;
  for (size_t j = 0; j < s->n; j++)
    if (s->masses[j] <= 0) return true;
  return false;
}

/* 0: masses differ. */
static double common_mass(const flow_system *s) {
  size_t j = 1;
  while (j < s->n && s->masses[j] == s->masses[0]) j++;
  return j == s->n ? s->masses[0] : 0;
}

dwell_status attention_shift(const flow_system *system, const double *x, double *ret_shift, double *ret_z,
                             flow_work *work, dwell_error *err) {
  double beta = system->beta;
  pass p = {.system = system,
            .x = x,
            .shift = ret_shift,
            .z = ret_z,
            .work = work,
            .factor = -0.5 * beta,
            .offset = beta < 0 ? 2 * beta : 0,
            .near = near_limit(beta),
            .maximum = !system->scaled && needs_maximum(system),
            .scale = system->scaled ? system->log_scale : 0,
            .alike = common_mass(system)};
  p.unit = exp(p.scale), p.own = exp(p.offset);
  memcpy(work->mass, system->masses, system->n * sizeof(double));
  divide(&p);
  dwell_status status = (work->direct ? sum_directly : work->single != NULL ? sum_by_single : sum_by_tiles)(&p, err);
  const ranks_array arrays[] = {{ret_shift, system->d}, {ret_z, 1}};
  return ranks_exchange(work->ctx, status, work->bounds, 2, arrays, err);
}
