/* measure/principal.c - the cloud of every state in three dimensions: directions of the tokens less their mean, on the
 * three axes along which all states together spread most. One basis for all states, so that a token that moves in the
 * picture has moved. */
#include "measure/principal.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/geometry.h"
#include "geometry/pairwise.h"
#include "linalg/leading.h"
#include "linalg/matvec.h"
#include "linalg/panels.h"

enum { AXES = 3, TILE = 128, TOKENS = 2 * PANELS_ROWS, MOST_POINTS = 1 << 21 };
enum { MOST_DIMENSIONS = 4096 }; /* the spread [d, d] is one matrix: 134 MB */

/* Products are in f32, which the axes of a picture need no more than: of tokens less their mean, so that what is small
 * beside the mean keeps its digits. */
typedef struct principal {
  const measurement *s;
  size_t frame;        /* that is at work */
  double *u;           /* [n, d] directions of its tokens; 0 for a token without one */
  double *mean;        /* [d] of the measured ones, in `means` */
  float *centred;      /* [m, d] the measured ones less their mean */
  float *packed;       /* the same in panels */
  double *squares;     /* [n] of their lengths */
  double *along;       /* [n, AXES] coordinates of all tokens */
  double *means;       /* [states, d] */
  double *totals;      /* [states] sums of `squares` */
  float *spread;       /* [d, d] sum over the states of centred^T centred, lower triangle */
  double *whole;       /* [d, d] the same, both triangles */
  double *axes;        /* [AXES, d] */
  double values[AXES]; /* not used beyond the sign of the largest */
  float *points;       /* [states, n, AXES] */
  double *share;       /* [states, AXES] */
} principal;

static bool wanted(const plan *p, const dwell_trajectory *t) {
  return p->wants_geometry && t->d >= AXES && t->d <= MOST_DIMENSIONS && !(t->on_sphere && t->d == AXES) &&
         t->n <= MOST_POINTS / t->states;
}

uint64_t principal_bytes(const plan *p, const dwell_trajectory *t) {
  return wanted(p, t) ? (uint64_t)t->states * (t->n * AXES * sizeof(float) + AXES * sizeof(double)) : 0;
}

uint64_t principal_stage_bytes(const plan *p, const dwell_trajectory *t) {
  if (!wanted(p, t)) return 0;
  uint64_t n = t->n, d = t->d, panels = panels_elements(t->n, t->d, sizeof(float));
  uint64_t doubles = d * d + n * d + n * (AXES + 1) + (uint64_t)t->states * (d + 1) + AXES * d;
  return doubles * sizeof(double) + (d * d + n * d + panels) * sizeof(float) + leading_bytes(t->d);
}

static size_t stripes(size_t count, size_t width) { return (count + width - 1) / width; }
static size_t stripe(size_t count, size_t width, size_t item) {
  size_t left = count - item * width;
  return left < width ? left : width;
}

/* Of a token; one whose length has no inverse in a double is made longer first. */
static void make_unit(size_t d, double *u) {
  const double longer = 0x1p200;
  double length = geometry_norm(d, u);
  if (length > 0 && isinf(1 / length)) {
    for (size_t k = 0; k < d; k++) u[k] *= longer;
    length = geometry_norm(d, u);
  }
  double unit = length > 0 ? 1 / length : 0;
  for (size_t k = 0; k < d; k++) u[k] *= unit;
}

/* Directions of some tokens. */
static dwell_status unit_item(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, first = item * TOKENS, count = stripe(p->s->t->n, TOKENS, item);
  double *u = p->u + first * d;
  (void)worker;
  dwell_status status = spool_read_rows(p->s->states, p->frame, first, count, u, err);
  for (size_t i = 0; status == DWELL_OK && i < count; i++) make_unit(d, u + i * d);
  return status;
}

/* Some dimensions of the measured tokens' mean. */
static dwell_status mean_item(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, m = p->s->row_count, count = stripe(d, TILE, item);
  double *mean = p->mean + item * TILE;
  (void)worker, (void)err;
  memset(mean, 0, count * sizeof *mean);
  for (size_t i = 0; i < m; i++) {
    const double *u = p->u + p->s->rows[i] * d + item * TILE;
    for (size_t k = 0; k < count; k++) mean[k] += u[k];
  }
  for (size_t k = 0; k < count; k++) mean[k] /= (double)m;
  return DWELL_OK;
}

/* Some measured tokens less their mean, and their place in the panels. */
static dwell_status centre_item(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, m = p->s->row_count, first = item * TOKENS, count = stripe(m, TOKENS, item);
  (void)worker, (void)err;
  for (size_t i = first; i < first + count; i++) {
    double *u = p->u + p->s->rows[i] * d;
    for (size_t k = 0; k < d; k++) {
      u[k] -= p->mean[k];
      p->centred[i * d + k] = (float)u[k];
    }
    p->squares[i] = pairwise_dot(d, u, u);
  }
  panels_pack_f32(m, d, false, first, 0, count, d, p->centred + first * d, d, p->packed);
  return DWELL_OK;
}

/* Rows of the lower triangle of the spread, a tile of them. */
static dwell_status add_tile(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, m = p->s->row_count, first = item * TILE, rows = stripe(d, TILE, item);
  (void)worker, (void)err;
  panels_multiply_turned_f32(rows, m, first + rows, p->centred + first, d, p->packed, m, p->spread + first * d, d,
                             true);
  return DWELL_OK;
}

static bool is_own(const measurement *s, size_t frame) {
  const dwell_frame *f = spool_frame(s->states, frame);
  return f->replica == 0 && strcmp(f->tap, "resid") == 0;
}

static dwell_status sum_spreads(principal *p, dwell_error *err) {
  const measurement *s = p->s;
  size_t d = s->t->d, m = s->row_count, state = 0;
  dwell_status status = DWELL_OK;
  for (p->frame = 0; p->frame < s->frames; p->frame++) {
    if (!is_own(s, p->frame)) continue;
    p->mean = p->means + state * d;
    TRY(threads_for(s->ctx, stripes(s->t->n, TOKENS), unit_item, p, err));
    TRY(threads_for(s->ctx, stripes(d, TILE), mean_item, p, err));
    TRY(threads_for(s->ctx, stripes(m, TOKENS), centre_item, p, err));
    TRY(threads_for(s->ctx, stripes(d, TILE), add_tile, p, err));
    p->totals[state++] = pairwise_sum(m, p->squares);
  }
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j <= i; j++) p->whole[i * d + j] = p->whole[j * d + i] = (double)p->spread[i * d + j];
  }
done:
  return status;
}

/* Some tokens on the axes. */
static dwell_status project_item(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, first = item * TOKENS, count = stripe(p->s->t->n, TOKENS, item);
  double middle[AXES];
  dwell_status status = unit_item(arg, item, worker, err); /* what is huge, times an axis, may overflow */
  matvec(AXES, d, p->axes, d, p->mean, middle);
  for (size_t i = first; status == DWELL_OK && i < first + count; i++) {
    const double *u = p->u + i * d;
    double *along = p->along + i * AXES;
    matvec(AXES, d, p->axes, d, u, along);
    bool defined = geometry_norm(d, u) > 0;
    for (size_t a = 0; a < AXES; a++) along[a] = defined ? along[a] - middle[a] : 0;
  }
  return status;
}

/* The points of a state, and the share of the measured tokens' variance that each axis has. */
static void keep_state(const principal *p, size_t state) {
  const measurement *s = p->s;
  double on[AXES] = {0}, total = p->totals[state];
  for (size_t e = 0; e < s->t->n * AXES; e++) p->points[state * s->t->n * AXES + e] = (float)p->along[e];
  for (size_t i = 0; i < s->row_count; i++) {
    const double *along = p->along + s->rows[i] * AXES;
    for (size_t a = 0; a < AXES; a++) on[a] += along[a] * along[a];
  }
  for (size_t a = 0; a < AXES; a++) p->share[state * AXES + a] = total > 0 ? fmin(1, on[a] / total) : 0;
}

static dwell_status project_all(principal *p, dwell_error *err) {
  const measurement *s = p->s;
  size_t state = 0;
  dwell_status status = DWELL_OK;
  for (p->frame = 0; p->frame < s->frames; p->frame++) {
    if (!is_own(s, p->frame)) continue;
    p->mean = p->means + state * s->t->d;
    TRY(threads_for(s->ctx, stripes(s->t->n, TOKENS), project_item, p, err));
    keep_state(p, state++);
  }
done:
  return status;
}

enum { ROOMS = 12 };

static void list_rooms(const principal *p, void *ret[ROOMS]) {
  void *const rooms[ROOMS] = {p->u,      p->centred, p->packed, p->squares, p->along,  p->means,
                              p->totals, p->spread,  p->whole,  p->axes,    p->points, p->share};
  memcpy(ret, rooms, sizeof rooms);
}

static dwell_status make_room(principal *p, dwell_error *err) {
  const dwell_trajectory *t = p->s->t;
  size_t m = p->s->row_count;
  dwell_status status = DWELL_OK;
  p->u = mem_alloc(t->n, t->d * sizeof(double)), p->centred = mem_alloc(m, t->d * sizeof(float));
  p->packed = mem_alloc(panels_elements(m, t->d, sizeof(float)), sizeof(float));
  p->squares = MEM_NEW(double, m), p->along = mem_alloc(t->n, AXES * sizeof(double));
  p->means = mem_alloc(t->states, t->d * sizeof(double)), p->totals = MEM_NEW(double, t->states);
  p->spread = mem_zero(t->d, t->d * sizeof(float)), p->whole = mem_alloc(t->d, t->d * sizeof(double));
  p->axes = mem_alloc(AXES, t->d * sizeof(double));
  p->points = mem_alloc(t->states, t->n * AXES * sizeof(float));
  p->share = mem_alloc(t->states, AXES * sizeof(double));
  void *rooms[ROOMS];
  list_rooms(p, rooms);
  for (size_t k = 0; k < ROOMS; k++) TRY_ALLOC(rooms[k], "the cloud in three dimensions");
done:
  return status;
}

static void release(const principal *p) {
  void *rooms[ROOMS];
  list_rooms(p, rooms);
  for (size_t k = 0; k < ROOMS; k++) mem_free(rooms[k]);
}

/* The run owns the arrays from here, also on failure. */
static dwell_status keep(measurement *s, principal *p, dwell_error *err) {
  const size_t points[3] = {s->t->states, s->t->n, AXES}, share[2] = {s->t->states, AXES};
  dwell_status status = run_add_array(s->run, "pca", NPY_FLOAT, sizeof(float), 3, points, p->points, err);
  p->points = NULL;
  if (status != DWELL_OK) return status;
  status = run_add_array(s->run, "pca_share", NPY_FLOAT, sizeof(double), 2, share, p->share, err);
  p->share = NULL;
  return status;
}

dwell_status measurement_principal(measurement *s, dwell_error *err) {
  if (!wanted(&s->plan, s->t) || s->row_count < 2) return DWELL_OK;
  principal p = {.s = s};
  double started = clock_seconds();
  dwell_status status = DWELL_OK;
  TRY(make_room(&p, err));
  TRY(sum_spreads(&p, err));
  TRY(leading_vectors(s->t->d, p.whole, AXES, p.values, p.axes, err));
  if (!(p.values[0] > 0)) goto done; /* every state is a point */
  TRY(project_all(&p, err));
  TRY(keep(s, &p, err));
done:
  release(&p);
  s->run->seconds.instruments += clock_seconds() - started;
  return status;
}
