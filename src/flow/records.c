/* flow/records.c - mergers and plateaus for events.csv and arrays.npz; densities. */
#include "flow/records.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"

void records_free(flow_records *r) {
  for (size_t k = 0; k < r->replicas && r->histories != NULL; k++) history_clear(&r->histories[k]);
  mem_free(r->histories);
  mem_free(r->events);
  mem_free(r->log_times);
  mem_free(r->masses);
  mem_free(r->pairs);
  mem_free(r->modes);
  mem_free(r->density);
  mem_free(r->density_at);
  *r = (flow_records){0};
}

dwell_status records_begin(flow_records *r, size_t replicas, size_t n, dwell_error *err) {
  records_free(r);
  r->replicas = replicas;
  r->n = n;
  r->histories = MEM_ZERO(flow_history, replicas);
  return r->histories != NULL ? DWELL_OK : error_no_memory(err, "the mergers");
}

dwell_status records_begin_densities(flow_records *r, size_t replicas, size_t states, const meanfield *m,
                                     dwell_error *err) {
  records_free(r);
  r->replicas = replicas, r->states = states, r->size = meanfield_size(m);
  r->modes = mem_zero(replicas * states, r->size * sizeof(double));
  return r->modes != NULL ? DWELL_OK : error_no_memory(err, "the densities");
}

double *records_density(flow_records *r, size_t replica) {
  return r->modes != NULL ? r->modes + replica * r->states * r->size : NULL;
}

flow_history *records_history(flow_records *r, size_t replica) {
  return r->histories != NULL ? &r->histories[replica] : NULL;
}

/* ---- events ---- */

static dwell_status add(flow_records *r, const source_event *event, dwell_error *err) {
  source_event *list = mem_room(r->events, r->event_count, &r->event_room, 64, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the mergers");
  r->events = list;
  list[r->event_count++] = *event;
  return DWELL_OK;
}

static dwell_status add_merger(flow_records *r, size_t replica, const flow_merger *m, dwell_error *err) {
  source_event e = {"merger", replica, m->log_time, m->log_time, m->log_time, ""};
  if (m->log_time == -INFINITY) e.value = NAN;
  snprintf(e.detail, sizeof e.detail, "%zu+%zu mass=%.6g clusters=%zu%s", m->first, m->second, m->mass, m->clusters,
           m->log_time == -INFINITY ? " from the start" : "");
  return add(r, &e, err);
}

/* The value is ln of how long the clusters stayed, and NaN if they did to the end. */
static dwell_status add_plateau(flow_records *r, size_t replica, const flow_plateau *p, dwell_error *err) {
  double out = !isnan(p->log_exit) ? p->log_exit : p->ended ? p->log_end : NAN;
  source_event e = {"metastable", replica, p->log_enter, p->log_end, NAN, ""};
  int at =
      snprintf(e.detail, sizeof e.detail, "clusters=%zu energy=%.15g sum_m2=%.15g", p->clusters, p->energy, p->squares);
  if (!isnan(out) && out > p->log_enter) e.value = log_subtract(out, p->log_enter);
  if (isfinite(p->log_enter))
    at += snprintf(e.detail + at, sizeof e.detail - (size_t)at, " ln_enter=%.15g", p->log_enter);
  if (!isnan(p->log_exit)) at += snprintf(e.detail + at, sizeof e.detail - (size_t)at, " ln_exit=%.15g", p->log_exit);
  if (p->ended && isfinite(p->log_end))
    at += snprintf(e.detail + at, sizeof e.detail - (size_t)at, " ln_end=%.15g", p->log_end);
  if (!isnan(p->log_guarantee))
    snprintf(e.detail + at, sizeof e.detail - (size_t)at, " ln_least=%.6g", p->log_guarantee);
  return add(r, &e, err);
}

static dwell_status add_history(flow_records *r, size_t replica, dwell_error *err) {
  const flow_history *h = &r->histories[replica];
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < h->plateau_count; k++) {
    if (h->plateaus[k].log_end > -INFINITY) status = add_plateau(r, replica, &h->plateaus[k], err);
  }
  for (size_t k = 0; status == DWELL_OK && k < h->merger_count; k++)
    status = add_merger(r, replica, &h->mergers[k], err);
  return status;
}

/* ---- the tree ---- */

static void fill_tree(flow_records *r, size_t replica) {
  const flow_history *h = &r->histories[replica];
  size_t count = r->n - 1, at = replica * count;
  for (size_t k = 0; k < count; k++, at++) {
    bool there = k < h->merger_count;
    r->log_times[at] = there ? h->mergers[k].log_time : NAN;
    r->masses[at] = there ? h->mergers[k].mass : NAN;
    r->pairs[2 * at] = there ? (int64_t)h->mergers[k].first : -1;
    r->pairs[2 * at + 1] = there ? (int64_t)h->mergers[k].second : -1;
  }
}

static source_array array_of(const flow_records *r, const char *name, bool pairs, const void *data) {
  source_array a = {.name = name, .integer = pairs, .data = data};
  if (r->replicas > 1) a.shape[a.rank++] = r->replicas;
  a.shape[a.rank++] = r->n - 1;
  if (pairs) a.shape[a.rank++] = 2;
  return a;
}

static dwell_status make_tree(flow_records *r, dwell_error *err) {
  size_t count = r->replicas * (r->n - 1);
  if (count == 0) return DWELL_OK;
  r->log_times = MEM_NEW(double, count);
  r->masses = MEM_NEW(double, count);
  r->pairs = mem_alloc(count, 2 * sizeof(int64_t));
  if (r->log_times == NULL || r->masses == NULL || r->pairs == NULL) return error_no_memory(err, "the tree of mergers");
  for (size_t k = 0; k < r->replicas; k++) fill_tree(r, k);
  r->arrays[0] = array_of(r, "merge_log_times", false, r->log_times);
  r->arrays[1] = array_of(r, "merge_pairs", true, r->pairs);
  r->arrays[2] = array_of(r, "merge_masses", false, r->masses);
  r->records.array_count = 3;
  return DWELL_OK;
}

/* ---- densities ---- */

static source_array density_array(const flow_records *r, const char *name, size_t width, const double *data) {
  source_array a = {.name = name, .data = data};
  if (r->replicas > 1) a.shape[a.rank++] = r->replicas;
  a.shape[a.rank++] = r->states;
  a.shape[a.rank++] = width;
  return a;
}

/* The densities on a grid of angles, or of cosines with the axis. */
static dwell_status make_densities(flow_records *r, const meanfield *m, dwell_error *err) {
  enum { GRID = 361 };
  dwell_status status = DWELL_OK;
  size_t count = r->replicas * r->states;
  r->density_at = MEM_NEW(double, GRID);
  r->density = mem_alloc(count, GRID * sizeof(double));
  if (r->density_at == NULL || r->density == NULL) TRY_ALLOC(NULL, "the densities");
  for (size_t g = 0; g < GRID; g++) {
    double angle = acos(-1) * (double)g / (GRID - 1);
    r->density_at[g] = m->d == 2 ? 2 * angle - acos(-1) : -cos(angle);
  }
  for (size_t k = 0; k < count; k++)
    TRY(meanfield_density(m, r->modes + k * r->size, GRID, r->density_at, r->density + k * GRID, err));
  r->arrays[0] = density_array(r, "density_modes", r->size, r->modes);
  r->arrays[1] = density_array(r, "density", GRID, r->density);
  r->arrays[2] = (source_array){.name = "density_at", .rank = 1, .shape = {GRID}, .data = r->density_at};
  r->records.arrays = r->arrays;
  r->records.array_count = 3;
done:
  return status;
}

dwell_status records_end(flow_records *r, const meanfield *opt_m, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (opt_m != NULL) return make_densities(r, opt_m, err);
  if (r->histories == NULL) return DWELL_OK;
  for (size_t k = 0; k < r->replicas; k++) TRY(add_history(r, k, err));
  TRY(make_tree(r, err));
  r->records.events = r->events;
  r->records.event_count = r->event_count;
  r->records.arrays = r->arrays;
done:
  return status;
}
