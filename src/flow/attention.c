/* flow/attention.c - fused pair sums over tiles.
 *
 * Two ways to the same sums. In few dimensions each row runs over the keys with direct loops on coordinate
 * differences. In many, tiles of cosines come from matrix products, and only pairs so close that 1 - G has lost its
 * digits are redone by differences. */
#include "flow/attention.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "flow/kernel.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

enum {
  ROWS = 64,       /* rows of a tile, the unit of work of a thread */
  CHUNK = 512,     /* keys whose weights are held at once by the direct loops: 4 KB, a part of the first cache */
  KEYS = 256,      /* keys of a tile of cosines: 64 x 256 doubles, a part of the second cache */
  SERIAL = 1 << 16 /* multiply-adds below which waking threads costs more than it saves */
};

struct flow_work {
  size_t n, d, padded; /* padded: n rounded up to whole lanes */
  const dwell_context *ctx;
  double *keys;    /* direct: [d, padded] transposed tokens, zeros at the end */
  double *mass;    /* [padded], zeros at the end */
  double *scratch; /* [workers, scratch_size] */
  size_t scratch_size;
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
} pass;

static size_t round_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

static size_t scratch_size(size_t d) {
  return d <= ATTENTION_DIRECT ? CHUNK : round_up(ROWS * (KEYS + d + 4), KERNEL_LANES);
}

uint64_t flow_work_bytes(size_t n, size_t d, int threads) {
  size_t padded = round_up(n, KERNEL_LANES);
  size_t keys = d <= ATTENTION_DIRECT ? d * padded : 0;
  return sizeof(double) * (uint64_t)(keys + padded + scratch_size(d) * (size_t)threads);
}

dwell_status flow_work_create(size_t n, size_t d, const dwell_context *ctx, flow_work **ret_work, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_work *work = MEM_ZERO(flow_work, 1);
  if (work == NULL) return error_no_memory(err, "scratch of the flow");
  work->n = n;
  work->d = d;
  work->padded = round_up(n, KERNEL_LANES);
  work->ctx = n * n < SERIAL / d ? NULL : ctx;
  work->scratch_size = scratch_size(d);
  size_t key_count = 0;
  if (d <= ATTENTION_DIRECT && !size_mul(work->padded, d, &key_count)) TRY_ALLOC(NULL, "scratch of the flow");
  work->keys = MEM_ZERO(double, key_count);
  TRY_ALLOC(work->keys, "scratch of the flow");
  work->mass = MEM_ZERO(double, work->padded);
  TRY_ALLOC(work->mass, "scratch of the flow");
  work->scratch = mem_alloc((size_t)threads_count(work->ctx), work->scratch_size * sizeof(double));
  TRY_ALLOC(work->scratch, "scratch of the flow");
  *ret_work = work;
done:
  if (status != DWELL_OK) flow_work_destroy(work);
  return status;
}

void flow_work_destroy(flow_work *work) {
  if (work == NULL) return;
  mem_free(work->keys);
  mem_free(work->mass);
  mem_free(work->scratch);
  mem_free(work);
}

static size_t visible(const pass *p, size_t i) { return p->system->causal ? i + 1 : p->system->n; }

/* ---- direct loops ---- */

/* The largest exponent of row i over keys that have mass; -INFINITY if there is none. The exponent is monotone in the
 * squared distance: the nearest key has it for beta >= 0, the farthest for beta < 0. */
static double direct_maximum(const pass *p, size_t i, double *buffer) {
  const flow_work *w = p->work;
  double sign = p->factor <= 0 ? -1 : 1, best = -INFINITY;
  for (size_t first = 0, end = visible(p, i); first < end; first += CHUNK) {
    size_t count = end - first < CHUNK ? end - first : CHUNK;
    kernel_exponents(w->d, round_up(count, KERNEL_LANES), w->keys + first, w->padded, p->x + i * w->d, 1, 0, buffer);
    for (size_t j = 0; j < count; j++)
      if (w->mass[first + j] > 0 && sign * buffer[j] > best) best = sign * buffer[j];
  }
  return best == -INFINITY ? best : p->factor * (sign * best) + p->offset;
}

static void direct_row(const pass *p, size_t i, double *buffer) {
  const flow_work *w = p->work;
  const double *x = p->x + i * w->d;
  double sums[1 + KERNEL_MAX_D] = {0};
  double maximum = p->maximum ? direct_maximum(p, i, buffer) : 0;
  for (size_t first = 0, end = visible(p, i); first < end && maximum > -INFINITY; first += CHUNK) {
    size_t count = end - first < CHUNK ? end - first : CHUNK, whole = round_up(count, KERNEL_LANES);
    kernel_exponents(w->d, whole, w->keys + first, w->padded, x, p->factor, p->offset - maximum, buffer);
    vmath_exp_f64(whole, buffer, buffer);
    for (size_t j = count; j < whole; j++) buffer[j] = 0;
    if (p->maximum) /* a key without mass may lie above the maximum: inf * 0 */
      for (size_t j = 0; j < count; j++) buffer[j] = w->mass[first + j] > 0 ? buffer[j] : 0;
    kernel_accumulate(w->d, whole, w->keys + first, w->padded, x, w->mass + first, buffer, sums);
  }
  p->z[i] = sums[0] * exp(maximum);
  for (size_t k = 0; k < w->d; k++) p->shift[i * w->d + k] = sums[0] > 0 ? sums[1 + k] / sums[0] : 0;
}

static dwell_status direct_tile(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  size_t end = (item + 1) * ROWS < p->system->n ? (item + 1) * ROWS : p->system->n;
  double *buffer = p->work->scratch + (size_t)worker * p->work->scratch_size;
  for (size_t i = item * ROWS; i < end; i++) direct_row(p, i, buffer);
  return DWELL_OK;
}

/* ---- tiles of cosines ---- */

typedef struct tile {
  size_t first, rows;
  double *cosines; /* [ROWS, KEYS], turned into weights in place */
  double *close;   /* [ROWS, d] sums over close pairs */
  double *z;       /* [ROWS] all weights */
  double *far;     /* [ROWS] weights of the pairs left to the product */
  double *maximum; /* [ROWS] */
} tile;

static void tile_cosines(const pass *p, const tile *t, size_t key, size_t keys) {
  size_t d = p->system->d;
  gemm_f64(false, true, t->rows, keys, d, 1, p->x + t->first * d, d, p->x + key * d, d, 0, t->cosines, KEYS);
}

static double squared_distance(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/* Weights of row r against keys [key, key+count); sums of close pairs are taken here and their weights cleared. */
static void tile_row(const pass *p, const tile *t, size_t r, size_t key, size_t count) {
  size_t i = t->first + r, d = p->system->d, close[KEYS], closes = 0;
  double *row = t->cosines + r * KEYS, anchor = p->system->beta < 0 ? -1 : 1;
  const double *mass = p->work->mass + key, *x = p->x + i * d;
  size_t allowed = visible(p, i) <= key ? 0 : visible(p, i) - key < count ? visible(p, i) - key : count;
  double limit = 1 - p->near, top = -2;
  for (size_t j = 0; j < allowed; j++) top = row[j] > top ? row[j] : top;
  if (top > limit)
    for (size_t j = 0; j < allowed; j++)
      if (row[j] > limit) close[closes++] = j;
  kernel_scale(allowed, p->system->beta, anchor, t->maximum[r], row);
  for (size_t c = 0; c < closes; c++)
    row[close[c]] = p->factor * squared_distance(d, p->x + (key + close[c]) * d, x) + p->offset - t->maximum[r];
  vmath_exp_f64(allowed, row, row);
  for (size_t j = allowed; j < count; j++) row[j] = 0;
  if (p->maximum)
    for (size_t j = 0; j < allowed; j++) row[j] = mass[j] > 0 ? row[j] : 0;
  for (size_t c = 0; c < closes; c++) {
    double w = row[close[c]] * mass[close[c]];
    const double *other = p->x + (key + close[c]) * d;
    row[close[c]] = 0;
    t->z[r] += w;
    for (size_t k = 0; k < d; k++) t->close[r * d + k] += w * (other[k] - x[k]);
  }
  double sum = kernel_weigh(allowed, mass, row);
  t->far[r] += sum;
  t->z[r] += sum;
}

static size_t tile_end(const pass *p, const tile *t) { return p->system->causal ? t->first + t->rows : p->system->n; }

static void tile_maxima(const pass *p, const tile *t) {
  for (size_t r = 0; r < t->rows; r++) t->maximum[r] = p->maximum ? -INFINITY : 0;
  if (!p->maximum) return;
  double anchor = p->system->beta < 0 ? -1 : 1;
  for (size_t key = 0; key < tile_end(p, t); key += KEYS) {
    size_t count = tile_end(p, t) - key < KEYS ? tile_end(p, t) - key : KEYS;
    tile_cosines(p, t, key, count);
    for (size_t r = 0; r < t->rows; r++)
      for (size_t j = 0; j < count && key + j < visible(p, t->first + r); j++) {
        double e = p->system->beta * (t->cosines[r * KEYS + j] - anchor);
        if (p->work->mass[key + j] > 0 && e > t->maximum[r]) t->maximum[r] = e;
      }
  }
}

static void tile_finish(const pass *p, const tile *t) {
  size_t d = p->system->d;
  for (size_t r = 0; r < t->rows; r++) {
    const double *x = p->x + (t->first + r) * d;
    double *shift = p->shift + (t->first + r) * d;
    for (size_t k = 0; k < d; k++) {
      double sum = shift[k] - t->far[r] * x[k] + t->close[r * d + k];
      shift[k] = t->z[r] > 0 ? sum / t->z[r] : 0;
    }
    p->z[t->first + r] = t->z[r] * exp(t->maximum[r]);
  }
}

static dwell_status product_tile(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const pass *p = arg;
  size_t d = p->system->d, n = p->system->n;
  double *scratch = p->work->scratch + (size_t)worker * p->work->scratch_size;
  tile t = {.first = item * ROWS, .cosines = scratch, .close = scratch + ROWS * KEYS};
  t.rows = n - t.first < ROWS ? n - t.first : ROWS;
  t.z = t.close + ROWS * d;
  t.far = t.z + ROWS;
  t.maximum = t.far + ROWS;
  memset(t.close, 0, ROWS * (d + 2) * sizeof(double));
  tile_maxima(p, &t);
  for (size_t key = 0; key < tile_end(p, &t); key += KEYS) {
    size_t count = tile_end(p, &t) - key < KEYS ? tile_end(p, &t) - key : KEYS;
    tile_cosines(p, &t, key, count);
    for (size_t r = 0; r < t.rows; r++) tile_row(p, &t, r, key, count);
    gemm_f64(false, false, t.rows, d, count, 1, t.cosines, KEYS, p->x + key * d, d, key > 0, p->shift + t.first * d, d);
  }
  tile_finish(p, &t);
  return DWELL_OK;
}

/* ---- both ---- */

/* The Gram route knows 1 - G to 1e-16 and so distances to 1e-16 / distance, exponents to beta 1e-16. Close pairs are
 * those where that is too little: 1 - G < 1e-8 (theory 4.4), and at large beta every pair whose weight matters. */
static double near_limit(double beta) { return beta > 1e4 ? fmin(0.01, fmax(1e-8, 50 / beta)) : 1e-8; }

/* A row's own weight is m_i at scale 1 when beta >= 0; without it (no mass, or beta < 0) a row may underflow. */
static bool needs_maximum(const flow_system *s) {
  if (fabs(s->beta) <= 300) return false; /* e^{-600} is still a normal number */
  if (s->beta < 0) return true;
  for (size_t j = 0; j < s->n; j++)
    if (s->masses[j] <= 0) return true;
  return false;
}

dwell_status attention_shift(const flow_system *system, const double *x, double *ret_shift, double *ret_z,
                             flow_work *work, dwell_error *err) {
  double beta = system->beta;
  pass p = {
      system, x, ret_shift, ret_z, work, -0.5 * beta, beta < 0 ? 2 * beta : 0, near_limit(beta), needs_maximum(system)};
  memcpy(work->mass, system->masses, system->n * sizeof(double));
  bool direct = system->d <= ATTENTION_DIRECT;
  if (direct)
    for (size_t k = 0; k < work->d; k++)
      for (size_t j = 0; j < work->n; j++) work->keys[k * work->padded + j] = x[j * work->d + k];
  size_t tiles = (system->n + ROWS - 1) / ROWS;
  return threads_for(work->ctx, tiles, direct ? direct_tile : product_tile, &p, err);
}
