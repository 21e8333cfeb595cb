/* study/flow_starts.c - flows from many starts: integrated, and measured start by start. */
#include "study/flow_starts.h"

#include <dwell/flow.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "detect/detect.h"
#include "null/null.h"

enum { FRAMES = STARTS_FRAMES, GRID = STARTS_STATES };
static const double FLOOR_OF_MEAN = 4e-15;

static double *frame_of(const flow_starts *p, size_t start, size_t frame) {
  return p->x + (start * FRAMES + frame) * p->n * p->d;
}

/* ---- integrating ---- */

static dwell_status keep(void *self, const dwell_frame *frame, const dwell_cloud *cloud, dwell_error *err) {
  flow_starts *p = self;
  (void)err;
  memcpy(frame_of(p, frame->replica, frame->state), cloud->data, p->n * p->d * sizeof(double));
  p->log_time[frame->state] = frame->log_time;
  return DWELL_OK;
}

static void add_scaled(size_t count, const double *x, double step, const double *by, double *ret) {
  for (size_t e = 0; e < count; e++) ret[e] = x[e] + step * by[e];
}

/* Velocity of V = -I: minus the mean of the others by attention, along the sphere. */
static void velocity_away(size_t n, size_t d, double beta, const double *x, double *ret) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0, along = 0, *v = ret + i * d;
    memset(v, 0, d * sizeof *v);
    for (size_t j = 0; j < n; j++) {
      double dot = 0;
      for (size_t k = 0; k < d; k++) dot += x[i * d + k] * x[j * d + k];
      double weight = exp(beta * (dot - 1));
      sum += weight;
      for (size_t k = 0; k < d; k++) v[k] -= weight * x[j * d + k];
    }
    for (size_t k = 0; k < d; k++) v[k] /= sum, along += v[k] * x[i * d + k];
    for (size_t k = 0; k < d; k++) v[k] -= along * x[i * d + k];
  }
}

static void normalise_rows(size_t n, size_t d, double *x) {
  for (size_t i = 0; i < n; i++) {
    double square = 0;
    for (size_t k = 0; k < d; k++) square += x[i * d + k] * x[i * d + k];
    for (size_t k = 0; k < d; k++) x[i * d + k] /= sqrt(square);
  }
}

/* One classical Runge-Kutta step; room [5, n, d]. */
static void step_away(size_t n, size_t d, double beta, double h, double *x, double *room) {
  size_t count = n * d;
  double *k[4] = {room, room + count, room + 2 * count, room + 3 * count}, *y = room + 4 * count;
  velocity_away(n, d, beta, x, k[0]);
  for (int s = 1; s < 4; s++) {
    add_scaled(count, x, s < 3 ? h / 2 : h, k[s - 1], y);
    velocity_away(n, d, beta, y, k[s]);
  }
  for (size_t e = 0; e < count; e++) x[e] += h / 6 * (k[0][e] + 2 * k[1][e] + 2 * k[2][e] + k[3][e]);
  normalise_rows(n, d, x);
}

/* Steps of at most .1: the fastest rate of SA is 1 per unit of time and direction, so the error per step is 1e-6. */
static dwell_status run_away(void *arg, size_t start, int worker, dwell_error *err) {
  flow_starts *p = arg;
  (void)worker;
  double *room = mem_alloc(5 * p->n * p->d, sizeof(double));
  if (room == NULL) return error_no_memory(err, "a step");
  for (size_t f = 1; f < FRAMES; f++) {
    double *x = frame_of(p, start, f), from = exp(p->log_time[f - 1]), span = exp(p->log_time[f]) - from;
    size_t steps = (size_t)ceil(span / 0.1);
    memcpy(x, frame_of(p, start, f - 1), p->n * p->d * sizeof *x);
    for (size_t k = 0; k < steps; k++) step_away(p->n, p->d, p->beta, span / (double)steps, x, room);
  }
  mem_free(room);
  return DWELL_OK;
}

dwell_status flow_starts_make(const dwell_context *ctx, const flow_starts_setting *s, flow_starts *ret,
                              dwell_error *err) {
  dwell_flow_options flow = dwell_flow_options_default();
  dwell_source *source = NULL;
  dwell_status status = DWELL_OK;
  flow.flow = s->flow, flow.n = s->n, flow.d = s->d, flow.beta = s->away ? 0 : s->beta, flow.replicas = s->count;
  flow.rtol = 1e-8, flow.until = s->until, flow.frames = FRAMES, flow.log_times = true;
  *ret = (flow_starts){.count = s->count, .n = s->n, .d = s->d, .draws = s->draws, .beta = s->beta, .away = s->away};
  size_t one, all;
  bool fits = size_mul(s->n, s->d, &one) && size_mul(s->count * FRAMES, one, &all);
  ret->x = fits ? MEM_NEW(double, all) : NULL, ret->log_time = MEM_NEW(double, FRAMES);
  TRY_ALLOC(ret->x, "the states of a flow");
  TRY_ALLOC(ret->log_time, "the times of a flow");
  TRY(dwell_flow_open(&flow, ctx, &source, err));
  TRY(dwell_source_run(source, ctx, &(dwell_sink){.self = ret, .on_state = keep}, err));
  if (s->away)
    TRY(threads_for(ctx, s->count, run_away, ret, err)); /* from the same starts, over the states of beta = 0 */
done:
  dwell_source_destroy(source);
  return status;
}

void flow_starts_free(flow_starts *p) {
  mem_free(p->x);
  mem_free(p->log_time);
  *p = (flow_starts){0};
}

/* ---- which states ---- */

void flow_starts_equal_steps(size_t frames, const double *tau, size_t states, size_t *ret_frames) {
  for (size_t s = 0; s < states; s++) {
    double at = tau[frames - 1] * (double)s / (double)(states - 1);
    size_t best = 0;
    for (size_t f = 1; f < frames; f++) {
      if (fabs(tau[f] - at) < fabs(tau[best] - at)) best = f;
    }
    ret_frames[s] = best;
  }
}

static double mean_angle(size_t n, size_t d, const double *x, const double *y) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double square = 0;
    for (size_t k = 0; k < d; k++) square += (x[i * d + k] - y[i * d + k]) * (x[i * d + k] - y[i * d + k]);
    sum += 2 * asin(fmin(1, sqrt(square) / 2)) / (double)n;
  }
  return sum;
}

/* GRID frames on an equal grid in the cumulated mean angle; the nearest ones. */
static void choose_frames(const flow_starts *p, size_t start, size_t ret_frames[GRID]) {
  double tau[FRAMES] = {0};
  for (size_t f = 1; f < FRAMES; f++)
    tau[f] = tau[f - 1] + mean_angle(p->n, p->d, frame_of(p, start, f - 1), frame_of(p, start, f));
  flow_starts_equal_steps(FRAMES, tau, GRID, ret_frames);
}

/* ---- measuring one start ---- */

typedef struct state_test {
  geometry *g;
  void *prepared; /* NULL: no null here */
  double t, mean, p, count;
} state_test;

typedef struct visit {
  const flow_starts *p;
  start_numbers *ret;
} visit;

static double column(const char *what, const char *name, geometry *g, double beta, dwell_status *status,
                     dwell_error *err) {
  const instrument *i = instrument_find(what);
  const instrument_setting setting = {.epsilon = 1e-15, .beta = beta};
  value values[32];
  size_t at = 0;
  while (strcmp(i->columns[at].name, name) != 0) at++;
  if (*status == DWELL_OK) *status = i->state(g, RAW, &setting, values, err);
  return *status == DWELL_OK && values[at].undefined == NULL ? values[at].number : NAN;
}

static dwell_status open_frame(const flow_starts *p, size_t start, size_t frame, geometry **ret, dwell_error *err) {
  size_t rows[STARTS_PARTICLES];
  for (size_t i = 0; i < p->n; i++) rows[i] = i;
  return geometry_create(frame_of(p, start, frame), p->d, rows, p->n, ret, err);
}

static dwell_status draw_all(const null_model *null, const null_setting *setting, size_t draws,
                             const state_test *states, double *ret_drawn, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < draws; k++) {
    void *draw = NULL;
    TRY(null->begin_draw(setting, k, &draw, err));
    for (size_t s = 0; status == DWELL_OK && s < GRID; s++) {
      geometry *g = NULL;
      ret_drawn[k * GRID + s] = NAN;
      if (states[s].prepared == NULL) continue;
      status = null->surrogate(states[s].prepared, draw, &g, err);
      ret_drawn[k * GRID + s] = column("cluster", "cluster_T", g, NAN, &status, err);
      geometry_destroy(g);
    }
    null->end_draw(draw);
  }
done:
  return status;
}

static void compare(state_test *states, size_t draws, const double *drawn) {
  for (size_t s = 0; s < GRID; s++) {
    size_t above = 0;
    states[s].mean = states[s].p = NAN;
    if (states[s].prepared == NULL) continue;
    states[s].mean = 0;
    for (size_t k = 0; k < draws; k++) {
      states[s].mean += drawn[k * GRID + s] / (double)draws;
      above += drawn[k * GRID + s] >= states[s].t - 1e-12;
    }
    states[s].p = (double)(1 + above) / (double)(draws + 1);
  }
}

/* The effect over the last third of the states before the first that has none, minus the first one's. */
static double trend_of(const state_test *states) {
  size_t usable = 0;
  double sum = 0;
  while (usable < GRID && states[usable].prepared != NULL) usable++;
  if (usable < 2) return NAN;
  size_t third = usable / 3 > 0 ? usable / 3 : 1;
  for (size_t s = usable - third; s < usable; s++) sum += (states[s].t - states[s].mean) / (double)third;
  return sum - (states[0].t - states[0].mean);
}

static dwell_status test_clusters(const flow_starts *p, state_test *states, double *z, start_numbers *ret,
                                  uint64_t seed, dwell_error *err) {
  const null_model *null = null_find("gaussian_twin");
  const null_setting setting = {.seed = seed, .n = p->n};
  double *drawn = mem_alloc(p->draws * GRID, sizeof(double)), observed[GRID];
  max_t any;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(drawn, "the draws");
  for (size_t s = 0; status == DWELL_OK && s < GRID; s++) {
    const char *reason;
    states[s].t = observed[s] = column("cluster", "cluster_T", states[s].g, NAN, &status, err);
    states[s].count = column("cluster", "cluster_count", states[s].g, NAN, &status, err);
    if (status == DWELL_OK && isfinite(states[s].t))
      status = null->prepare(&setting, states[s].g, &states[s].prepared, &reason, err);
  }
  TRY(status);
  TRY(draw_all(null, &setting, p->draws, states, drawn, err));
  compare(states, p->draws, drawn);
  TRY(detect_max_t(observed, drawn, p->draws, GRID, z, &any, err));
  ret->p_any_state = any.p.undefined == NULL ? any.p.number : NAN;
  ret->trend = trend_of(states);
done:
  for (size_t s = 0; s < GRID; s++) {
    if (states[s].prepared != NULL) null->release(states[s].prepared);
  }
  mem_free(drawn);
  return status;
}

static dwell_status follow_energy(const flow_starts *p, const state_test *states, start_numbers *ret,
                                  dwell_error *err) {
  double energy[GRID], floor[GRID], low = INFINITY, high = -INFINITY, most = 0;
  energy_path found;
  dwell_status status = DWELL_OK;
  for (size_t s = 0; s < GRID; s++) {
    geometry *g = states[s].g;
    if (p->beta == 0) { /* the limit of (E - 1) / beta + 1 */
      double length = column("cloud", "mean_norm", g, NAN, &status, err);
      energy[s] = length * length, floor[s] = FLOOR_OF_MEAN;
    } else {
      energy[s] = column("energy", "energy_calibrated", g, p->beta, &status, err);
      floor[s] = column("energy", "energy_floor_calibrated", g, p->beta, &status, err);
    }
    low = fmin(low, energy[s]), high = fmax(high, energy[s]), most = fmax(most, floor[s]);
  }
  TRY(status);
  TRY(detect_violations(energy, floor, GRID, &found, err));
  ret->drawdown = found.drawdown_rel, ret->floors = (high - low) / most;
  ret->index = found.index.undefined == NULL ? found.index.number : NAN;
done:
  return status;
}

/* The state after the start that stands out most with two groups; SIZE_MAX: none. */
static size_t partition_of(const state_test *states, const double *z, bool significant) {
  size_t best = SIZE_MAX;
  for (size_t s = 1; s < GRID; s++) {
    if (!(states[s].count >= 2) || isnan(z[s]) || (significant && !(states[s].p <= 0.05))) continue;
    if (best == SIZE_MAX || z[s] > z[best]) best = s;
  }
  return best;
}

static dwell_status time_groups(const flow_starts *p, size_t start, geometry *partition, double *ret_log_ratio,
                                bool *ret_censored, dwell_error *err) {
  const geometry_groups *groups;
  double within[FRAMES], between[FRAMES];
  two_timescales found;
  dwell_status status = geometry_clusters(partition, &groups, err);
  for (size_t f = 0; status == DWELL_OK && f < FRAMES; f++) {
    geometry *g = NULL;
    const double *cosines;
    status = open_frame(p, start, f, &g, err);
    if (status == DWELL_OK) status = geometry_cosines(g, RAW, &cosines, err);
    if (status == DWELL_OK) detect_within_between(p->n, cosines, groups->labels, &within[f], &between[f]);
    geometry_destroy(g);
  }
  if (status == DWELL_OK) status = detect_two_timescales(within, between, p->log_time, FRAMES, &found, err);
  if (status != DWELL_OK) return status;
  *ret_log_ratio = found.log_ratio.undefined == NULL ? found.log_ratio.number : NAN;
  *ret_censored = found.censored;
  return DWELL_OK;
}

static dwell_status climb(const flow_starts *p, size_t start, double *ret_log_ratio, dwell_error *err) {
  size_t counts[FRAMES];
  staircase stairs = {0};
  dwell_status status = DWELL_OK;
  for (size_t f = 0; status == DWELL_OK && f < FRAMES; f++) {
    geometry *g = NULL;
    status = open_frame(p, start, f, &g, err);
    counts[f] = (size_t)fmax(0, column("components", "components999", g, NAN, &status, err));
    geometry_destroy(g);
  }
  if (status == DWELL_OK) status = detect_staircase(counts, p->log_time, FRAMES, &stairs, err);
  *ret_log_ratio = stairs.log_ratio;
  staircase_free(&stairs);
  return status;
}

static dwell_status measure_start(void *arg, size_t start, int worker, dwell_error *err) {
  const visit *v = arg;
  start_numbers *ret = &v->ret[start];
  state_test states[GRID] = {0};
  size_t frames[GRID];
  double z[GRID];
  dwell_status status = DWELL_OK;
  (void)worker;
  *ret = (start_numbers){.log_ratio = NAN, .log_ratio_strict = NAN};
  choose_frames(v->p, start, frames);
  for (size_t s = 0; s < GRID; s++) TRY(open_frame(v->p, start, frames[s], &states[s].g, err));
  TRY(test_clusters(v->p, states, z, ret, start, err));
  TRY(follow_energy(v->p, states, ret, err));
  TRY(climb(v->p, start, &ret->staircase, err));
  size_t loose = partition_of(states, z, false), strict = partition_of(states, z, true);
  if (loose != SIZE_MAX) TRY(time_groups(v->p, start, states[loose].g, &ret->log_ratio, &ret->censored, err));
  bool open;
  if (strict == loose) ret->log_ratio_strict = ret->log_ratio;
  else if (strict != SIZE_MAX) TRY(time_groups(v->p, start, states[strict].g, &ret->log_ratio_strict, &open, err));
done:
  for (size_t s = 0; s < GRID; s++) geometry_destroy(states[s].g);
  return status;
}

dwell_status flow_starts_measure(const dwell_context *ctx, const flow_starts *p, start_numbers *ret, dwell_error *err) {
  visit v = {p, ret};
  return threads_for(ctx, p->count, measure_start, &v, err);
}
