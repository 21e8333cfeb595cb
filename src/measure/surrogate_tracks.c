/* measure/surrogate_tracks.c - births, deaths, merges and splits among structureless clouds: clusters of the surrogates
 * are followed as those of the data are, and counted.
 *
 * A surrogate's clusters count where it is significant among the others, as the data's do: of the data and all draws
 * each is compared with the rest. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "measure/detected.h"

/* More labels than this are not kept: many starts of large flows. A fixed number, so that what a run says does not
 * depend on the machine. */
static const uint64_t MOST_LABELS = (uint64_t)64 << 20;

plan_set measurement_followed(const measurement *s) {
  return plan_offers_types(s->t, s->options) ? SET_TYPES : SET_SELECTION;
}

static bool follows_clusters(const plan *p) {
  for (size_t i = 0; i < p->state.item_count; i++) {
    const instrument *what = p->state.items[i].what;
    if (what->array_name != NULL && strcmp(what->array_name, "labels") == 0) return p->draws > 0;
  }
  return false;
}

uint64_t measurement_track_bytes(const plan *p, uint64_t frames, uint64_t n) {
  uint64_t labels = follows_clusters(p) ? p->draws * frames * n : 0;
  return labels > MOST_LABELS ? 0 : labels;
}

dwell_status measurement_keep_tracks(measurement *s, dwell_error *err) {
  size_t n = s->sets[measurement_followed(s)].count;
  uint64_t bytes = measurement_track_bytes(&s->plan, s->frames, n);
  if (bytes == 0) return DWELL_OK;
  s->null_labels = mem_alloc((size_t)bytes, sizeof(int8_t));
  if (s->null_labels == NULL) return error_no_memory(err, "the clusters of the nulls");
  memset(s->null_labels, -1, (size_t)bytes);
  return DWELL_OK;
}

/* At most n / max(4, n/20) clusters: their numbers fit in a byte. */
dwell_status measurement_keep_surrogate(measurement *s, size_t draw, size_t frame, geometry *g, dwell_error *err) {
  const geometry_groups *groups;
  size_t n = s->sets[measurement_followed(s)].count;
  if (s->null_labels == NULL) return DWELL_OK;
  dwell_status status = geometry_clusters(g, &groups, err);
  if (status != DWELL_OK || geometry_clusters_undefined(g) != NULL) return status;
  int8_t *labels = s->null_labels + (draw * s->frames + frame) * n;
  for (size_t i = 0; i < n; i++) labels[i] = (int8_t)groups->labels[i];
  return DWELL_OK;
}

/* ---- counts ---- */

typedef struct recount {
  const measurement *s;
  const detected *d;
  size_t slot;
  size_t *counts; /* [draws, TRACK_KINDS] */
} recount;

size_t detected_events(const tracking *t, track_kind kind) {
  size_t count = 0;
  for (size_t k = 0; k < t->event_count; k++) count += t->events[k].kind == kind;
  return count;
}

static double drawn(const recount *r, size_t draw, size_t frame) {
  return r->s->null_draws[(draw * r->s->frames + frame) * r->s->plan.null_count + r->slot];
}

/* p of a draw at a frame among all other draws and the data. */
static double p_of_draw(const recount *r, size_t draw, size_t frame) {
  const measurement *s = r->s;
  const value *data = &s->state_values[frame * s->plan.state.value_count + s->plan.nulls[r->slot].value];
  double own = drawn(r, draw, frame);
  if (isnan(own) || data->undefined != NULL) return 1;
  size_t above = measurement_reaches(data->number, own);
  for (size_t k = 0; k < s->plan.draws; k++) above += k != draw && measurement_reaches(drawn(r, k, frame), own);
  return (double)(1 + above) / (double)(s->plan.draws + 1);
}

static dwell_status count_draw(void *arg, size_t draw, int worker, dwell_error *err) {
  const recount *r = arg;
  const detected *d = r->d;
  size_t n = r->s->sets[d->set].count;
  tracking t = {0};
  dwell_status status = DWELL_OK;
  (void)worker;
  int32_t *labels = mem_alloc(d->states, n * sizeof(int32_t));
  TRY_ALLOC(labels, "the clusters of the nulls");
  for (size_t l = 0; l < d->states; l++) {
    const int8_t *from = r->s->null_labels + (draw * r->s->frames + d->first + l) * n;
    bool significant = p_of_draw(r, draw, d->first + l) <= MEASUREMENT_LEVEL;
    for (size_t i = 0; i < n; i++) labels[l * n + i] = significant ? from[i] : -1;
  }
  TRY(detect_tracking(labels, d->states, n, &t, err));
  for (int k = 0; k < TRACK_KINDS; k++) r->counts[draw * TRACK_KINDS + (size_t)k] = detected_events(&t, (track_kind)k);
done:
  mem_free(labels);
  tracking_free(&t);
  return status;
}

dwell_status detected_track_null(const measurement *s, detected *d, size_t slot, dwell_error *err) {
  size_t draws = s->plan.draws;
  if (s->null_labels == NULL) return d->no_track_null = "too many labels to keep", DWELL_OK;
  recount r = {.s = s, .d = d, .slot = slot, .counts = mem_zero(draws, TRACK_KINDS * sizeof(size_t))};
  if (r.counts == NULL) return error_no_memory(err, "the clusters of the nulls");
  dwell_status status = threads_for(s->ctx, draws, count_draw, &r, err);
  for (size_t kind = 0; status == DWELL_OK && kind < TRACK_KINDS; kind++) {
    size_t sum = 0, above = 0, seen = detected_events(&d->tracks, (track_kind)kind);
    for (size_t k = 0; k < draws; k++) {
      sum += r.counts[k * TRACK_KINDS + kind];
      above += r.counts[k * TRACK_KINDS + kind] >= seen;
    }
    d->track_null_mean[kind] = (double)sum / (double)draws;
    d->track_p[kind] = (double)(1 + above) / (double)(draws + 1);
  }
  mem_free(r.counts);
  return status;
}
