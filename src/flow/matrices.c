/* flow/matrices.c - attention matrices, one head after the other. */
#include "flow/matrices.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "flow/field.h"
#include "flow/heads.h"

size_t matrices_heads(const flow_schedule *schedule, const flow_plan *plan) {
  if (!plan->family->attends) return 0;
  return schedule->weights != NULL ? weights_layer(schedule->weights, 0, schedule->heads).heads : 1;
}

uint64_t matrices_bytes(const flow_schedule *schedule, const flow_plan *plan, int threads) {
  const flow_system *s = &plan->system;
  uint64_t square = (uint64_t)s->n * s->n * (sizeof(double) + sizeof(float)), tokens = (uint64_t)s->n * s->d;
  if (matrices_heads(schedule, plan) == 0) return 0;
  return square + 2 * tokens * sizeof(double) + heads_work_bytes(s->n, s->d, s->layer, threads);
}

/* One delivery. */
typedef struct delivery {
  const matrices *m;
  const dwell_sink *sink;
  size_t replica, block;
  float *narrow; /* [n, n], or NULL for f64 */
} delivery;

static dwell_status deliver(void *self, size_t head, const double *matrix, dwell_error *err) {
  const delivery *d = self;
  size_t n = d->m->plan->system.n;
  for (size_t e = 0; e < n * n && d->narrow != NULL; e++) d->narrow[e] = (float)matrix[e];
  const void *values = d->narrow != NULL ? (const void *)d->narrow : matrix;
  return d->sink->on_head(d->sink->self, d->replica, d->block, head, values, err);
}

dwell_status matrices_push(const matrices *m, const dwell_sink *sink, size_t replica, size_t block, double t,
                           const double *x, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_layer layer;
  flow_system s = segments_law(m->schedule, m->plan, t, &layer);
  delivery d = {.m = m, .sink = sink, .replica = replica, .block = block};
  dwell_context threads = {.threads = threads_count(m->ctx)}; /* every process makes all of it */
  flow_work *work = NULL;
  size_t cloud = s.n * s.d;
  double *unit = MEM_NEW(double, 2 * cloud + s.n), *matrix = mem_alloc(s.n, s.n * sizeof(double));
  TRY_ALLOC(unit, "the attention of the flow");
  TRY_ALLOC(matrix, "the attention of the flow");
  if (m->dtype == DWELL_F32) d.narrow = mem_alloc(s.n, s.n * sizeof(float));
  if (m->dtype == DWELL_F32) TRY_ALLOC(d.narrow, "the attention of the flow");
  TRY(heads_work_create(&s, &threads, &work, err));
  field_normalise(s.n, s.d, x, unit);
  flow_drift drift = {.pull = unit + cloud, .along = unit + 2 * cloud, .matrix = matrix, .use = deliver, .self = &d};
  TRY(m->plan->family->drift(&s, unit, &drift, work, err));
done:
  heads_work_destroy(work);
  mem_free(unit);
  mem_free(matrix);
  mem_free(d.narrow);
  return status;
}
