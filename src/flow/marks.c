/* flow/marks.c - moments at which a run of the log clock can be taken up again. */
#include "flow/marks.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { MOST = 512, FEWEST = 16, EVERY = 64 /* steps */ };

static const uint64_t most_bytes = UINT64_C(32) << 20;

static uint64_t mark_bytes(size_t n, size_t d) {
  uint64_t token = 2 * sizeof(double) * (uint64_t)d + clusters_bytes(1);
  return sizeof(flow_mark) + n * token;
}

static size_t room_of(size_t n, size_t d) {
  uint64_t fit = most_bytes / mark_bytes(n, d);
  return fit > MOST ? MOST : fit < FEWEST ? 0 : (size_t)fit;
}

uint64_t marks_bytes(size_t n, size_t d) {
  size_t room = room_of(n, d);
  return room > 0 ? (room + 1) * mark_bytes(n, d) : 0;
}

dwell_status marks_create(size_t n, size_t d, flow_marks *ret_marks, dwell_error *err) {
  *ret_marks = (flow_marks){.room = room_of(n, d), .apart = 1e-3};
  if (ret_marks->room == 0) return DWELL_OK;
  ret_marks->list = MEM_ZERO(flow_mark, ret_marks->room);
  return ret_marks->list != NULL ? DWELL_OK : error_no_memory(err, "the marks of a run");
}

static void forget(flow_mark *mark) {
  clusters_destroy(&mark->clusters);
  mem_free(mark->x);
  *mark = (flow_mark){0};
}

void marks_destroy(flow_marks *m) {
  for (size_t k = 0; k < m->count; k++) forget(&m->list[k]);
  forget(&m->latest);
  mem_free(m->list);
  *m = (flow_marks){0};
}

/* Leaves half of the marks at most; the first and the last stay. */
static void thin(flow_marks *m) {
  while (m->count > m->room / 2) {
    size_t kept = 1;
    m->apart *= 2;
    for (size_t k = 1; k < m->count; k++) {
      bool needed = k + 1 == m->count || !(m->list[k + 1].t - m->list[kept - 1].t < m->apart);
      flow_mark mark = m->list[k];
      m->list[k] = (flow_mark){0};
      if (needed) m->list[kept++] = mark;
      else forget(&mark);
    }
    m->count = kept;
  }
}

dwell_status marks_offer(flow_marks *m, double after, const orbit *o, const dopri_controller *control,
                         const clusters *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool near = m->count > 0 && after - m->list[m->count - 1].t < m->apart;
  if (m->room == 0 || (near && ++m->since < EVERY)) return DWELL_OK;
  if (!near && m->count == m->room) thin(m);
  flow_mark mark = {.t = o->t, .control = *control, .facts = o->facts, .log_scale = o->field.system.log_scale};
  mark.x = mem_alloc(2 * o->size, sizeof(double));
  TRY_ALLOC(mark.x, "the marks of a run");
  TRY(clusters_create(c->tokens, c->d, c->masses, &mark.clusters, err));
  clusters_copy(c, &mark.clusters);
  memcpy(mark.x, o->x, o->size * sizeof(double));
  memcpy(mark.x + o->size, o->k[0], o->size * sizeof(double));
  if (near) forget(&m->latest);
  *(near ? &m->latest : &m->list[m->count++]) = mark;
  m->since = 0;
done:
  if (status != DWELL_OK) forget(&mark);
  return status;
}

const flow_mark *marks_before(const flow_marks *m, double log_time) {
  size_t low = 0, high = m->count; /* marks before `low` are not later, those from `high` on are */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (m->list[middle].t <= log_time) low = middle + 1;
    else high = middle;
  }
  const flow_mark *found = low > 0 ? &m->list[low - 1] : NULL, *latest = &m->latest;
  return latest->x != NULL && latest->t <= log_time && (found == NULL || latest->t >= found->t) ? latest : found;
}
