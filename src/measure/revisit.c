/* measure/revisit.c - states that the detectors look at a second time: which pairs of tokens a fall of the energy is
 * made of, and how the groups of one state lie at all others. Which steps and which groups these are is known only
 * after all states were measured and the nulls drawn; cosines are made again from the spool, for one or two states per
 * thread. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "measure/detected.h"

typedef struct visit {
  const measurement *s;
  detected *d;
  bool *massive, *special; /* [measured tokens]; special NULL: not known */
  int64_t *ids;            /* NULL: not known */
  bool alone;              /* one state at a time, by all threads */
} visit;

static dwell_status open_state(const visit *v, const measured_set *set, size_t frame, geometry **ret_geometry,
                               const double **ret_cosines, dwell_error *err) {
  const measurement *s = v->s;
  dwell_status status = DWELL_OK;
  double *x = mem_alloc(s->t->n, s->t->d * sizeof(double));
  TRY_ALLOC(x, "a state");
  TRY(spool_read(s->states, frame, x, err));
  const dwell_cloud cloud = {.n = s->t->n, .d = s->t->d, .dtype = DWELL_F64, .data = x};
  TRY(geometry_create_cloud(v->alone ? s->ctx : NULL, &cloud, set->rows, set->count, ret_geometry, err));
  TRY(geometry_cosines(*ret_geometry, RAW, ret_cosines, err));
done:
  mem_free(x);
  return status;
}

/* ---- the groups of one state, at every state ---- */

static dwell_status spread_at(void *arg, size_t l, int worker, dwell_error *err) {
  const visit *v = arg;
  detected *d = v->d;
  const measured_set *set = &v->s->sets[d->set];
  geometry *g = NULL;
  const double *cosines;
  (void)worker;
  dwell_status status = open_state(v, set, d->first + l, &g, &cosines, err);
  const int32_t *groups = d->labels + d->partition * set->count;
  if (status == DWELL_OK) detect_within_between(set->count, cosines, groups, &d->within[l], &d->between[l]);
  geometry_destroy(g);
  return status;
}

static dwell_status watch_groups(visit *v, dwell_error *err) {
  detected *d = v->d;
  dwell_status status = DWELL_OK;
  d->in_time.log_ratio = d->in_tau.log_ratio = UNDEFINED("no_formation");
  if (d->partition == SIZE_MAX) return DWELL_OK;
  d->within = MEM_NEW(double, d->states), d->between = MEM_NEW(double, d->states);
  TRY_ALLOC(d->within, "the groups");
  TRY_ALLOC(d->between, "the groups");
  TRY(threads_for(v->s->ctx, d->states, spread_at, v, err));
  TRY(detect_two_timescales(d->within, d->between, d->log_time, d->states, &d->in_time, err));
  if (d->log_tau == NULL) d->in_tau.log_ratio = UNDEFINED("angle_mean was not measured");
  else TRY(detect_two_timescales(d->within, d->between, d->log_tau, d->states, &d->in_tau, err));
done:
  return status;
}

/* ---- the pairs of tokens of a fall ---- */

static bool falls(const detected_energy *e, size_t b) { return energy_step(e->energy, e->floor, b) < 0; }

static bool any_falls(const detected *d, size_t b) {
  for (size_t k = 0; k < d->energy_count; k++) {
    if (falls(&d->energies[k], b)) return true;
  }
  return false;
}

static dwell_status pairs_at(void *arg, size_t b, int worker, dwell_error *err) {
  const visit *v = arg;
  detected *d = v->d;
  const measured_set *set = &v->s->sets[SET_SELECTION];
  geometry *before = NULL, *after = NULL;
  const double *was, *is;
  dwell_status status = DWELL_OK;
  (void)worker;
  if (!any_falls(d, b)) return DWELL_OK;
  TRY(open_state(v, set, d->first + b, &before, &was, err));
  TRY(open_state(v, set, d->first + b + 1, &after, &is, err));
  for (size_t k = 0; k < d->energy_count; k++) {
    const detected_energy *e = &d->energies[k];
    if (!falls(e, b)) continue;
    TRY(detect_drop_pairs(set->count, was, is, e->beta, v->massive, v->special, v->ids, &e->parts[b], err));
  }
done:
  geometry_destroy(before);
  geometry_destroy(after);
  return status;
}

/* What is known of the measured tokens. */
static dwell_status know_tokens(visit *v, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const measurement *s = v->s;
  const dwell_trajectory *t = dwell_source_trajectory(s->source);
  const measured_set *set = &s->sets[SET_SELECTION];
  v->massive = MEM_NEW(bool, set->count);
  TRY_ALLOC(v->massive, "the tokens");
  if (t->special != NULL) TRY_ALLOC(v->special = MEM_NEW(bool, set->count), "the tokens");
  if (t->token_ids != NULL) TRY_ALLOC(v->ids = MEM_NEW(int64_t, set->count), "the tokens");
  for (size_t k = 0; k < set->count; k++) {
    v->massive[k] = s->selection.massive[set->rows[k]];
    if (v->special != NULL) v->special[k] = t->special[set->rows[k]];
    if (v->ids != NULL) v->ids[k] = t->token_ids[set->rows[k]];
  }
done:
  return status;
}

static dwell_status localise_falls(visit *v, dwell_error *err) {
  dwell_status status = DWELL_OK;
  detected *d = v->d;
  if (strcmp(v->s->t->kind, "flow") == 0 || d->states < 2) return DWELL_OK;
  for (size_t k = 0; k < d->energy_count; k++) {
    d->energies[k].parts = MEM_ZERO(energy_parts, d->states - 1);
    TRY_ALLOC(d->energies[k].parts, "the falls of the energy");
  }
  TRY(know_tokens(v, err));
  size_t steps = d->states - 1, fallen = 0;
  for (size_t b = 0; b < steps; b++) fallen += any_falls(d, b);
  v->alone = fallen < (size_t)threads_count(v->s->ctx);
  for (size_t b = 0; v->alone && b < steps; b++) TRY(pairs_at(v, b, 0, err));
  if (!v->alone) TRY(threads_for(v->s->ctx, steps, pairs_at, v, err));
done:
  return status;
}

dwell_status detected_look_again(const measurement *s, detected *d, dwell_error *err) {
  visit v = {.s = s, .d = d};
  dwell_status status = watch_groups(&v, err);
  if (status == DWELL_OK) status = localise_falls(&v, err);
  mem_free(v.massive);
  mem_free(v.special);
  mem_free(v.ids);
  return status;
}
