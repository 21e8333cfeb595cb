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

enum { AXES = 3, TILE = 128, MOST_POINTS = 1 << 21 };
enum { MOST_DIMENSIONS = 4096 }; /* the spread [d, d] is one matrix: 134 MB */

typedef struct principal {
  const measurement *s;
  double *x, *u;       /* [n, d] a state; its measured tokens, unit and centred [m, d] */
  double *packed;      /* the latter in panels */
  double *means;       /* [states, d] of the unit tokens */
  double *totals;      /* [states] squares of the centred ones */
  double *spread;      /* [d, d] sum of u^T u over the states */
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
  uint64_t state = (uint64_t)t->n * t->d, panels = panels_elements(t->n, t->d, sizeof(double));
  uint64_t means = (uint64_t)t->states * (t->d + 1);
  return ((uint64_t)t->d * t->d + 2 * state + panels + means + AXES * t->d) * sizeof(double) + leading_bytes(t->d);
}

/* Directions of the tokens `rows` less their mean into u [count, d]; a token without a direction counts as 0. */
static void centre(size_t d, const size_t *rows, size_t count, const double *x, double *u, double *ret_mean) {
  memset(ret_mean, 0, d * sizeof *ret_mean);
  for (size_t i = 0; i < count; i++) {
    const double *from = x + rows[i] * d;
    double length = geometry_norm(d, from), unit = length > 0 ? 1 / length : 0;
    for (size_t k = 0; k < d; k++) u[i * d + k] = unit * from[k], ret_mean[k] += u[i * d + k];
  }
  for (size_t k = 0; k < d; k++) ret_mean[k] /= (double)count;
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < d; k++) u[i * d + k] -= ret_mean[k];
  }
}

/* Rows of the lower triangle of the spread, a tile of them. */
static dwell_status add_tile(void *arg, size_t item, int worker, dwell_error *err) {
  const principal *p = arg;
  size_t d = p->s->t->d, m = p->s->row_count, first = item * TILE, rows = d - first < TILE ? d - first : TILE;
  (void)worker, (void)err;
  panels_multiply_turned_f64(rows, m, first + rows, p->u + first, d, p->packed, m, p->spread + first * d, d, true);
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
  for (size_t f = 0; f < s->frames; f++) {
    if (!is_own(s, f)) continue;
    TRY(spool_read(s->states, f, p->x, err));
    centre(d, s->rows, m, p->x, p->u, p->means + state * d);
    p->totals[state++] = pairwise_dot(m * d, p->u, p->u);
    panels_pack_f64(m, d, false, 0, 0, m, d, p->u, d, p->packed);
    TRY(threads_for(s->ctx, (d + TILE - 1) / TILE, add_tile, p, err));
  }
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < i; j++) p->spread[j * d + i] = p->spread[i * d + j];
  }
done:
  return status;
}

/* Every token of a state on the axes, and the share of the measured ones' variance that each axis has. */
static void project(const principal *p, size_t state) {
  const measurement *s = p->s;
  size_t d = s->t->d;
  double middle[AXES], sums[AXES], on[AXES] = {0};
  matvec(AXES, d, p->axes, d, p->means + state * d, middle);
  for (size_t i = 0, k = 0; i < s->t->n; i++) {
    const double *from = p->x + i * d;
    double length = geometry_norm(d, from), unit = length > 0 ? 1 / length : 0;
    bool measured = k < s->row_count && s->rows[k] == i;
    k += measured;
    for (size_t j = 0; j < d; j++) p->u[j] = unit * from[j]; /* the product of what is huge with an axis may overflow */
    matvec(AXES, d, p->axes, d, p->u, sums);
    for (size_t a = 0; a < AXES; a++) {
      double along = sums[a] - middle[a];
      p->points[(state * s->t->n + i) * AXES + a] = unit > 0 ? (float)along : 0;
      if (measured) on[a] += along * along;
    }
  }
  double total = p->totals[state];
  for (size_t a = 0; a < AXES; a++) p->share[state * AXES + a] = total > 0 ? fmin(1, on[a] / total) : 0;
}

static dwell_status project_all(principal *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t f = 0, state = 0; f < p->s->frames; f++) {
    if (!is_own(p->s, f)) continue;
    TRY(spool_read(p->s->states, f, p->x, err));
    project(p, state++);
  }
done:
  return status;
}

static dwell_status make_room(principal *p, dwell_error *err) {
  const dwell_trajectory *t = p->s->t;
  dwell_status status = DWELL_OK;
  p->x = mem_alloc(t->n, t->d * sizeof(double)), p->u = mem_alloc(p->s->row_count, t->d * sizeof(double));
  p->packed = mem_alloc(panels_elements(p->s->row_count, t->d, sizeof(double)), sizeof(double));
  p->means = mem_alloc(t->states, t->d * sizeof(double)), p->totals = MEM_NEW(double, t->states);
  p->spread = mem_zero(t->d, t->d * sizeof(double)), p->axes = mem_alloc(AXES, t->d * sizeof(double));
  p->points = mem_zero(t->states, t->n * AXES * sizeof(float));
  p->share = mem_zero(t->states, AXES * sizeof(double));
  TRY_ALLOC(p->x, "the axes of the cloud");
  TRY_ALLOC(p->u, "the axes of the cloud");
  TRY_ALLOC(p->packed, "the axes of the cloud");
  TRY_ALLOC(p->means, "the axes of the cloud");
  TRY_ALLOC(p->totals, "the axes of the cloud");
  TRY_ALLOC(p->spread, "the axes of the cloud");
  TRY_ALLOC(p->axes, "the axes of the cloud");
  TRY_ALLOC(p->points, "the cloud in three dimensions");
  TRY_ALLOC(p->share, "the cloud in three dimensions");
done:
  return status;
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
  TRY(leading_vectors(s->t->d, p.spread, AXES, p.values, p.axes, err));
  if (!(p.values[0] > 0)) goto done; /* every state is a point */
  TRY(project_all(&p, err));
  TRY(keep(s, &p, err));
done:
  mem_free(p.x), mem_free(p.u), mem_free(p.packed), mem_free(p.means), mem_free(p.totals), mem_free(p.spread);
  mem_free(p.axes);
  mem_free(p.points), mem_free(p.share);
  s->run->seconds.instruments += clock_seconds() - started;
  return status;
}
