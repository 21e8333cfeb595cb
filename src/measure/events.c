/* measure/events.c - runs the detectors on every replica and fills events.csv: one row per thing that happened. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "measure/attribution.h"
#include "measure/detected.h"
#include "trajectory/source.h"

/* The table while rows are added. */
typedef struct events {
  const measurement *s;
  const detected *d;
  table *t;
  size_t column; /* of "kind": after "replica" where there are several */
  strbuf detail; /* of the row to come */
} events;

/* `first` and `last` are states of the replica, counted from 0; value and null_p may be NaN: empty. */
static dwell_status add_row(events *e, const char *kind, size_t first, size_t last, double number, double p,
                            dwell_error *err) {
  size_t row, k = e->column, from = e->s->t->first_state;
  dwell_status status = DWELL_OK;
  TRY(table_add_row(e->t, &row, err));
  if (k > 0) table_set_number(e->t, row, 0, (double)e->d->replica);
  TRY(table_set_text(e->t, row, k, kind, err));
  table_set_number(e->t, row, k + 1, (double)(from + first));
  table_set_number(e->t, row, k + 2, (double)(from + last));
  table_set_number(e->t, row, k + 3, number);
  table_set_number(e->t, row, k + 4, p);
  if (e->detail.failed) TRY(error_no_memory(err, "the events"));
  TRY(table_set_text(e->t, row, k + 5, e->detail.data != NULL ? e->detail.data : "", err));
done:
  strbuf_free(&e->detail);
  return status;
}

/* Token k of a set as "12:piece", controls as codes; particles have a number only. */
static void add_token(events *e, const measured_set *set, size_t k) {
  const dwell_trajectory *t = dwell_source_trajectory(e->s->source);
  char shown[64];
  strbuf_printf(&e->detail, "%zu", set->rows[k]);
  if (t->pieces == NULL) return;
  str_display(shown, sizeof shown, t->pieces[set->rows[k]], strlen(t->pieces[set->rows[k]]));
  strbuf_printf(&e->detail, ":%s", shown);
}

/* ---- clusters ---- */

/* Tokens of an identity at a state: how many, and the first few. */
static void add_members(events *e, size_t state, int32_t id) {
  enum { SHOWN = 12 };
  const measured_set *set = &e->s->sets[e->d->set];
  const int32_t *ids = e->d->tracks.ids + state * set->count;
  size_t count = 0, shown = 0;
  for (size_t i = 0; i < set->count; i++) count += ids[i] == id;
  strbuf_printf(&e->detail, " tokens=%zu", count);
  for (size_t i = 0; i < set->count && shown < SHOWN; i++) {
    if (ids[i] != id) continue;
    strbuf_puts(&e->detail, shown++ == 0 ? " (" : " ");
    add_token(e, set, i);
  }
  if (shown > 0) strbuf_puts(&e->detail, shown < count ? " ...)" : ")");
}

/* One row per identity: from its first state to its last, value its lifespan. */
static dwell_status add_lives(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const tracking *t = &e->d->tracks;
  for (size_t k = 0; status == DWELL_OK && k < t->life_count; k++) {
    const track_life *life = &t->lives[k];
    strbuf_printf(&e->detail, "id=%zu", k);
    if (life->born == 0) strbuf_puts(&e->detail, " there from the start");
    if (life->last + 1 == e->d->states) strbuf_puts(&e->detail, " there at the end");
    add_members(e, life->born, (int32_t)k);
    status = add_row(e, "cluster", life->born, life->last, (double)(life->last - life->born + 1), NAN, err);
  }
  return status;
}

static dwell_status add_tracks(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const tracking *t = &e->d->tracks;
  for (size_t k = 0; status == DWELL_OK && k < t->event_count; k++) {
    const track_event *event = &t->events[k];
    bool ends = event->kind == TRACK_DEATH || event->kind == TRACK_MERGE;
    strbuf_printf(&e->detail, "id=%ld", (long)event->id);
    if (event->kind == TRACK_MERGE) strbuf_printf(&e->detail, " into=%ld", (long)event->other);
    if (event->kind == TRACK_SPLIT) strbuf_printf(&e->detail, " from=%ld", (long)event->other);
    if (event->kind == TRACK_MERGE && !detected_lasting_merge(e->d, event)) strbuf_puts(&e->detail, " brief");
    add_members(e, ends ? t->lives[event->id].last : event->state, event->id);
    double p = e->d->no_track_null == NULL ? e->d->track_p[event->kind] : NAN;
    status = add_row(e, track_kind_name(event->kind), event->state, event->state, (double)event->id, p, err);
  }
  return status;
}

/* ---- plateaus ---- */

static dwell_status add_plateaus(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const plateaus *p = &e->d->plateaus;
  for (size_t k = 0; status == DWELL_OK && k < p->count; k++) {
    const plateau *at = &p->items[k];
    double null_p = at->kind == PLATEAU_INTERIOR && p->p.undefined == NULL ? p->p.number : NAN;
    strbuf_printf(&e->detail, "%s", plateau_kind_name(at->kind));
    if (at->trivial != NULL) strbuf_printf(&e->detail, "; no evidence: %s", at->trivial);
    status = add_row(e, "plateau", at->first, at->last + 1, (double)(at->last - at->first + 1), null_p, err);
  }
  return status;
}

/* ---- energies ---- */

static void add_share(events *e, const char *of, value share) {
  if (share.undefined == NULL) strbuf_printf(&e->detail, " %s=%.3g", of, share.number);
}

static void add_pairs(events *e, const energy_parts *parts) {
  const measured_set *set = &e->s->sets[SET_SELECTION];
  add_share(e, "massive", parts->massive);
  add_share(e, "special", parts->special);
  add_share(e, "same_id", parts->same_id);
  for (size_t k = 0; k < parts->count; k++) {
    strbuf_puts(&e->detail, k == 0 ? "; " : ", ");
    add_token(e, set, parts->worst[k].i);
    strbuf_puts(&e->detail, " & ");
    add_token(e, set, parts->worst[k].j);
    strbuf_printf(&e->detail, " %.3g", parts->worst[k].change);
  }
}

/* What of the block makes the energy fall, where that was measured: every part's share, the part that carries most of
 * the fall, and of the heads the one that does. */
static void add_block_parts(events *e, const detected_energy *energy, size_t b) {
  const measurement *s = e->s;
  size_t frame = e->d->first + b + 1, head;
  energy_part most = measurement_carrier(s, frame, energy->column, &head);
  if (most == ENERGY_PARTS) return;
  strbuf_printf(&e->detail, " by=%s", energy_part_name(most));
  for (energy_part part = 0; part < ENERGY_PARTS; part++) {
    value share = measurement_share(s, frame, energy->column, part);
    strbuf_printf(&e->detail, " %s=%.3g", energy_part_name(part), share.number);
  }
  if (head == SIZE_MAX) return;
  strbuf_printf(&e->detail, " head %zu=%.3g", head, measurement_head_share(s, frame, energy->column, head).number);
}

static dwell_status add_falls(events *e, const detected_energy *energy, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t b = 0; status == DWELL_OK && b + 1 < e->d->states; b++) {
    double change = energy_step(energy->energy, energy->floor, b);
    if (change >= 0) continue;
    strbuf_puts(&e->detail, energy->column);
    add_block_parts(e, energy, b);
    if (energy->parts != NULL) add_pairs(e, &energy->parts[b]);
    status = add_row(e, "energy_drop", b, b + 1, change, NAN, err);
  }
  return status;
}

/* ---- times ---- */

/* The first state at or after a time. */
static size_t state_at(const detected *d, double log_time) {
  size_t l = 0;
  while (l + 1 < d->states && d->log_time[l] < log_time) l++;
  return l;
}

static dwell_status add_stairs(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const detected *d = e->d;
  for (size_t k = 0; status == DWELL_OK && k < d->stairs.count; k++) {
    const stair *at = &d->stairs.stairs[k];
    double log_ratio = at->log_exit - at->log_enter;
    strbuf_printf(&e->detail, "components=%zu ln_enter=%.6g ln_exit=%.6g ln_ratio=%.6g%s", at->level, at->log_enter,
                  at->log_exit, log_ratio, at->censored ? " censored" : "");
    status = add_row(e, "stair", state_at(d, at->log_enter), state_at(d, at->log_exit), exp(log_ratio), NAN, err);
  }
  return status;
}

static dwell_status add_scales(events *e, dwell_error *err) {
  const detected *d = e->d;
  const two_timescales *t = &d->in_time;
  if (t->log_ratio.undefined != NULL) return DWELL_OK;
  double end = t->censored ? d->log_time[d->states - 1] : t->log_merge.number;
  strbuf_printf(&e->detail, "groups of state %zu ln_form=%.6g", e->s->t->first_state + d->partition,
                t->log_form.number);
  if (!t->censored) strbuf_printf(&e->detail, " ln_merge=%.6g", t->log_merge.number);
  strbuf_printf(&e->detail, " ln_ratio=%.6g", t->log_ratio.number);
  if (d->in_tau.log_ratio.undefined == NULL) {
    strbuf_printf(&e->detail, " ln_ratio_tau=%.6g", d->in_tau.log_ratio.number);
  }
  if (t->censored) strbuf_puts(&e->detail, " censored");
  return add_row(e, "two_timescales", state_at(d, t->log_form.number), state_at(d, end), exp(t->log_ratio.number), NAN,
                 err);
}

static dwell_status add_collapse(events *e, dwell_error *err) {
  const collapse *c = &e->d->collapse;
  if (e->d->no_collapse != NULL || c->half_time.undefined != NULL) return DWELL_OK;
  strbuf_puts(&e->detail, "1 - ip_mean has halved");
  if (c->rate.undefined == NULL) strbuf_printf(&e->detail, "; rate=%.6g", c->rate.number);
  size_t at = state_at(e->d, log(c->half_time.number));
  return add_row(e, "collapse", 0, at, c->half_time.number, NAN, err);
}

/* What the source itself knows, at exact times between states. */
static dwell_status add_exact(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  source_records records = source_get_records(e->s->source);
  for (size_t k = 0; status == DWELL_OK && k < records.event_count; k++) {
    const source_event *at = &records.events[k];
    if (at->replica != e->d->replica) continue;
    strbuf_puts(&e->detail, at->detail);
    status = add_row(e, at->kind, state_at(e->d, at->log_first), state_at(e->d, at->log_last), at->value, NAN, err);
  }
  return status;
}

/* ---- the stage ---- */

static dwell_status add_replica(events *e, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(add_lives(e, err));
  TRY(add_tracks(e, err));
  TRY(add_plateaus(e, err));
  for (size_t k = 0; k < e->d->energy_count; k++) TRY(add_falls(e, &e->d->energies[k], err));
  TRY(add_stairs(e, err));
  TRY(add_scales(e, err));
  TRY(add_collapse(e, err));
  TRY(add_exact(e, err));
done:
  return status;
}

static dwell_status add_columns(events *e, dwell_error *err) {
  static const char *const names[] = {"replica", "kind", "first", "last", "value", "null_p", "detail"};
  dwell_status status = DWELL_OK;
  e->column = e->s->t->replicas > 1 ? 1 : 0;
  for (size_t k = 1 - e->column; status == DWELL_OK && k < sizeof names / sizeof names[0]; k++) {
    status = table_add_column(e->t, names[k], NULL, err);
  }
  return status;
}

dwell_status measurement_events(measurement *s, dwell_error *err) {
  double started = clock_seconds();
  dwell_status status = DWELL_OK;
  events e = {.s = s, .t = &s->run->events};
  jwriter w = jwriter_start_members(&s->detected, 1);
  TRY(add_columns(&e, err));
  if (!s->plan.wants_geometry) return DWELL_OK;
  jwriter_key(&w, "detected");
  jwriter_array(&w);
  for (size_t r = 0; r < s->t->replicas; r++) {
    detected d;
    e.d = &d;
    status = detected_make(s, r, &d, err);
    if (status == DWELL_OK) status = detected_look_again(s, &d, err);
    if (status == DWELL_OK) status = add_replica(&e, err);
    if (status == DWELL_OK) detected_write(s, &d, &w);
    detected_free(&d);
    if (status != DWELL_OK) goto done;
  }
  jwriter_close(&w);
  if (s->detected.failed) status = error_no_memory(err, "the events");
  s->run->seconds.instruments += clock_seconds() - started;
done:
  strbuf_free(&e.detail);
  return status;
}
