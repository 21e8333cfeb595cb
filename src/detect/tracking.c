/* detect/tracking.c - which cluster of one state is which of the next: births, deaths, merges, splits.
 *
 * In a merge the cluster with the larger overlap goes on, in a split the larger piece does; a cluster that is missing
 * for one state only was never gone. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detectors.h"

enum { NONE = -1 };

static const char *const kind_names[] = {"birth", "death", "merge", "split", "resume"};

const char *track_kind_name(track_kind kind) { return kind_names[kind]; }

/* ---- one state, and how it overlaps another ---- */

/* The clusters of one state. */
typedef struct clustering {
  const int32_t *labels; /* [n] */
  size_t count;
  size_t *size; /* [count] */
  int32_t *id;  /* [count] identities, NONE until known */
} clustering;

typedef struct tracker {
  size_t n;
  size_t state;
  clustering before, now, gone;   /* gone: the state before `before` */
  bool *faded;                    /* [gone.count] had no heir in `before`; may be found again in `now` */
  size_t *overlap, *gone_overlap; /* [before.count, now.count], [gone.count, now.count] */
  size_t *heir, *best_now;        /* [before.count] SIZE_MAX: none */
  size_t *best_before;            /* [now.count] */
  tracking *out;
  size_t event_room, life_room;
} tracker;

static double score(const clustering *a, const clustering *b, const size_t *overlap, size_t p, size_t q) {
  size_t common = overlap[p * b->count + q];
  return (double)common + (double)common / (double)(a->size[p] + b->size[q] - common) / 2;
}

static double jaccard(const clustering *a, const clustering *b, const size_t *overlap, size_t p, size_t q) {
  size_t common = overlap[p * b->count + q];
  return (double)common / (double)(a->size[p] + b->size[q] - common);
}

static void count_overlap(size_t n, const clustering *a, const clustering *b, size_t *ret_overlap) {
  memset(ret_overlap, 0, a->count * b->count * sizeof *ret_overlap);
  if (a->count == 0) return; /* also before the first state: no labels */
  for (size_t i = 0; i < n; i++) {
    if (a->labels[i] >= 0 && b->labels[i] >= 0) {
      ret_overlap[(size_t)a->labels[i] * b->count + (size_t)b->labels[i]]++;
    }
  }
}

static void clustering_free(clustering *c) {
  mem_free(c->size);
  mem_free(c->id);
  *c = (clustering){0};
}

/* Labels are checked before: -1 .. n-1. */
static dwell_status clustering_of(const int32_t *labels, size_t n, clustering *ret, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret = (clustering){.labels = labels};
  for (size_t i = 0; i < n; i++) {
    if (labels[i] >= 0 && (size_t)labels[i] >= ret->count) ret->count = (size_t)labels[i] + 1;
  }
  ret->size = MEM_ZERO(size_t, ret->count);
  ret->id = MEM_NEW(int32_t, ret->count);
  TRY_ALLOC(ret->size, "the clusters");
  TRY_ALLOC(ret->id, "the clusters");
  for (size_t q = 0; q < ret->count; q++) ret->id[q] = NONE;
  for (size_t i = 0; i < n; i++) {
    if (labels[i] >= 0) ret->size[labels[i]]++;
  }
done:
  return status;
}

/* ---- the output ---- */

static dwell_status add_event(tracker *t, size_t state, track_kind kind, int32_t id, int32_t other, dwell_error *err) {
  tracking *out = t->out;
  track_event *room = mem_room(out->events, out->event_count, &t->event_room, 64, sizeof *room);
  if (room == NULL) return error_no_memory(err, "the events");
  out->events = room;
  out->events[out->event_count++] = (track_event){state, kind, id, other};
  return DWELL_OK;
}

/* A new identity for cluster q. Those of the first state were not seen to be born. */
static dwell_status begin(tracker *t, size_t q, track_kind kind, int32_t from, dwell_error *err) {
  tracking *out = t->out;
  track_life *room = mem_room(out->lives, out->life_count, &t->life_room, 64, sizeof *room);
  if (room == NULL) return error_no_memory(err, "the identities");
  out->lives = room;
  out->lives[out->life_count] = (track_life){t->state, t->state};
  int32_t id = (int32_t)out->life_count++;
  t->now.id[q] = id;
  if (t->state == 0) return DWELL_OK;
  return add_event(t, t->state, kind, id, from == NONE ? id : from, err);
}

/* ---- one step ---- */

static void find_partners(tracker *t) {
  const clustering *a = &t->before, *b = &t->now;
  for (size_t p = 0; p < a->count; p++) t->best_now[p] = t->heir[p] = SIZE_MAX;
  for (size_t q = 0; q < b->count; q++) t->best_before[q] = SIZE_MAX;
  for (size_t p = 0; p < a->count; p++) {
    for (size_t q = 0; q < b->count; q++) {
      if (t->overlap[p * b->count + q] == 0) continue;
      double s = score(a, b, t->overlap, p, q);
      size_t *succ = &t->best_now[p], *pred = &t->best_before[q];
      if (*succ == SIZE_MAX || s > score(a, b, t->overlap, p, *succ)) *succ = q;
      if (*pred == SIZE_MAX || s > score(a, b, t->overlap, *pred, q)) *pred = p;
    }
  }
}

static bool is_half(size_t common, size_t size) { return 2 * common >= size; }

static void inherit(tracker *t) {
  const clustering *a = &t->before, *b = &t->now;
  for (size_t p = 0; p < a->count; p++) {
    size_t q = t->best_now[p];
    if (a->id[p] == NONE || q == SIZE_MAX || t->best_before[q] != p) continue;
    size_t common = t->overlap[p * b->count + q];
    if (!is_half(common, a->size[p]) && !is_half(common, b->size[q])) continue;
    t->heir[p] = q;
    b->id[q] = a->id[p];
    t->out->lives[a->id[p]].last = t->state;
  }
}

/* The identity that faded one state ago and is found again in q, or SIZE_MAX. */
static size_t find_resumed(const tracker *t, size_t q) {
  size_t best = SIZE_MAX;
  for (size_t p = 0; p < t->gone.count; p++) {
    if (!t->faded[p] || t->gone_overlap[p * t->now.count + q] == 0) continue;
    double j = jaccard(&t->gone, &t->now, t->gone_overlap, p, q);
    if (j < 0.5) continue;
    if (best == SIZE_MAX || j > jaccard(&t->gone, &t->now, t->gone_overlap, best, q)) best = p;
  }
  return best;
}

static dwell_status name_cluster(tracker *t, size_t q, dwell_error *err) {
  size_t again = find_resumed(t, q), p = t->best_before[q];
  if (again != SIZE_MAX) {
    int32_t id = t->now.id[q] = t->gone.id[again];
    t->faded[again] = false;
    t->out->lives[id].last = t->state;
    return add_event(t, t->state, TRACK_RESUME, id, id, err);
  }
  bool piece = p != SIZE_MAX && t->heir[p] != SIZE_MAX && is_half(t->overlap[p * t->now.count + q], t->now.size[q]);
  return begin(t, q, piece ? TRACK_SPLIT : TRACK_BIRTH, piece ? t->before.id[p] : NONE, err);
}

static dwell_status bury(tracker *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t p = 0; status == DWELL_OK && p < t->gone.count; p++) {
    if (t->faded[p]) status = add_event(t, t->state - 1, TRACK_DEATH, t->gone.id[p], t->gone.id[p], err);
  }
  return status;
}

/* Clusters of `before` without heir went into another or fade; ret_faded [before.count]. */
static dwell_status end_clusters(tracker *t, bool *ret_faded, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const clustering *a = &t->before, *b = &t->now;
  for (size_t p = 0; status == DWELL_OK && p < a->count; p++) {
    size_t q = t->best_now[p];
    ret_faded[p] = false;
    if (t->heir[p] != SIZE_MAX || a->id[p] == NONE) continue;
    ret_faded[p] = q == SIZE_MAX || !is_half(t->overlap[p * b->count + q], a->size[p]);
    if (!ret_faded[p]) status = add_event(t, t->state, TRACK_MERGE, a->id[p], b->id[q], err);
  }
  return status;
}

static void release_step(tracker *t) {
  mem_free(t->overlap), mem_free(t->gone_overlap);
  mem_free(t->heir), mem_free(t->best_now), mem_free(t->best_before);
  t->overlap = t->gone_overlap = t->heir = t->best_now = t->best_before = NULL;
}

static dwell_status make_room(tracker *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t before = t->before.count, now = t->now.count;
  t->overlap = mem_alloc(before, now * sizeof(size_t));
  t->gone_overlap = mem_alloc(t->gone.count, now * sizeof(size_t));
  t->heir = MEM_NEW(size_t, before), t->best_now = MEM_NEW(size_t, before);
  t->best_before = MEM_NEW(size_t, now);
  TRY_ALLOC(t->overlap, "the overlaps");
  TRY_ALLOC(t->gone_overlap, "the overlaps");
  TRY_ALLOC(t->heir, "the overlaps");
  TRY_ALLOC(t->best_now, "the overlaps");
  TRY_ALLOC(t->best_before, "the overlaps");
done:
  return status;
}

static dwell_status name_all(tracker *t, bool *ret_faded, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(make_room(t, err));
  count_overlap(t->n, &t->before, &t->now, t->overlap);
  count_overlap(t->n, &t->gone, &t->now, t->gone_overlap);
  find_partners(t);
  inherit(t);
  for (size_t q = 0; q < t->now.count; q++) {
    if (t->now.size[q] > 0 && t->now.id[q] == NONE) TRY(name_cluster(t, q, err));
  }
  TRY(bury(t, err));
  TRY(end_clusters(t, ret_faded, err));
done:
  return status;
}

static dwell_status step(tracker *t, const int32_t *labels, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool *faded = NULL;
  TRY(clustering_of(labels, t->n, &t->now, err));
  faded = MEM_ZERO(bool, t->before.count);
  TRY_ALLOC(faded, "the clusters");
  TRY(name_all(t, faded, err));
  for (size_t i = 0; i < t->n; i++) {
    t->out->ids[t->state * t->n + i] = labels[i] < 0 ? NONE : t->now.id[labels[i]];
  }
  clustering_free(&t->gone);
  mem_free(t->faded);
  t->gone = t->before, t->before = t->now, t->now = (clustering){0};
  t->faded = faded, faded = NULL;
done:
  mem_free(faded);
  release_step(t);
  return status;
}

/* By state; a death is known one state late. Insertion keeps the order within a state. */
static void sort_events(tracking *out) {
  for (size_t i = 1; i < out->event_count; i++) {
    track_event e = out->events[i];
    size_t at = i;
    for (; at > 0 && out->events[at - 1].state > e.state; at--) out->events[at] = out->events[at - 1];
    out->events[at] = e;
  }
}

static dwell_status check_labels(const int32_t *labels, size_t count, size_t n, dwell_error *err) {
  for (size_t i = 0; i < count; i++) {
    if (labels[i] < NONE || (labels[i] >= 0 && (size_t)labels[i] >= n))
      return error_set(err, DWELL_BAD_INPUT, "%ld is no label of %zu tokens", (long)labels[i], n);
  }
  return DWELL_OK;
}

dwell_status detect_tracking(const int32_t *labels, size_t states, size_t n, tracking *ret_tracking, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t count;
  tracker t = {.n = n, .out = ret_tracking};
  *ret_tracking = (tracking){.states = states, .n = n};
  if (!size_mul(states, n, &count)) return error_no_memory(err, "the identities");
  TRY(check_labels(labels, count, n, err));
  ret_tracking->ids = MEM_NEW(int32_t, count);
  TRY_ALLOC(ret_tracking->ids, "the identities");
  for (; t.state < states; t.state++) TRY(step(&t, labels + t.state * n, err));
  TRY(bury(&t, err)); /* what faded at the last state was not seen to resume */
  sort_events(ret_tracking);
done:
  clustering_free(&t.before), clustering_free(&t.now), clustering_free(&t.gone);
  mem_free(t.faded);
  return status;
}

void tracking_free(tracking *t) {
  mem_free(t->ids);
  mem_free(t->events);
  mem_free(t->lives);
  *t = (tracking){0};
}

/* ---- lifespans ---- */

typedef struct span {
  size_t length;
  bool ended;
} span;

/* Kaplan-Meier: at every length at which a life ended, the share of those that got so far and did not end. */
static value median_of(const span *spans, size_t count, size_t longest) {
  double alive = 1;
  for (size_t length = 1; length <= longest; length++) {
    size_t at_risk = 0, ended = 0;
    for (size_t i = 0; i < count; i++) {
      at_risk += spans[i].length >= length;
      ended += spans[i].length == length && spans[i].ended;
    }
    if (ended > 0) alive *= 1 - (double)ended / (double)at_risk;
    if (alive <= 0.5 + 1e-12) return VALUE((double)length);
  }
  return UNDEFINED("censored");
}

dwell_status detect_lifespan(const tracking *t, value *ret_median, dwell_error *err) {
  size_t count = 0;
  span *spans = MEM_NEW(span, t->life_count);
  if (spans == NULL) return error_no_memory(err, "the lifespans");
  for (size_t i = 0; i < t->life_count; i++) {
    const track_life *life = &t->lives[i];
    if (life->born > 0) spans[count++] = (span){life->last - life->born + 1, life->last + 1 < t->states};
  }
  *ret_median = count == 0 ? UNDEFINED("no births seen") : median_of(spans, count, t->states);
  mem_free(spans);
  return DWELL_OK;
}

const detector detector_tracking = {
    .name = "tracking",
    .summary = "identities of clusters through births, deaths, merges and splits",
    .source = "docs/instruments.md 6.2; lifespans: Kaplan and Meier 1958",
    .reads = "labels of the clusters at states where cluster_T is significant",
    .kinds = "birth,death,merge,split,resume",
    .false_positive = "that of the cluster test it reads: 4.5 % of structureless states at nominal 5 %",
    .rate_of = "make calibrate",
};
