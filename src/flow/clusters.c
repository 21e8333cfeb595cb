/* flow/clusters.c - merging rows of a system. */
#include "flow/clusters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/kernel.h"

dwell_status clusters_create(size_t n, size_t d, const double *masses, clusters *ret_clusters, dwell_error *err) {
  clusters c = {.tokens = n, .d = d, .count = n, .nodes = n};
  c.of = MEM_NEW(size_t, n);
  c.masses = MEM_NEW(double, n);
  c.node = MEM_NEW(size_t, n);
  *ret_clusters = c;
  if (c.of == NULL || c.masses == NULL || c.node == NULL) {
    clusters_destroy(ret_clusters);
    return error_no_memory(err, "the clusters");
  }
  for (size_t i = 0; i < n; i++) {
    c.of[i] = c.node[i] = i;
    c.masses[i] = masses[i];
  }
  return DWELL_OK;
}

void clusters_destroy(clusters *c) {
  mem_free(c->of);
  mem_free(c->masses);
  mem_free(c->node);
  *c = (clusters){0};
}

uint64_t clusters_bytes(size_t n) { return n * (2 * sizeof(size_t) + sizeof(double)); }

void clusters_copy(const clusters *from, clusters *to) {
  memcpy(to->of, from->of, from->tokens * sizeof *to->of);
  memcpy(to->masses, from->masses, from->count * sizeof *to->masses);
  memcpy(to->node, from->node, from->count * sizeof *to->node);
  to->count = from->count, to->nodes = from->nodes;
}

/* Earlier meetings first; at the same moment by rows, so that the order depends on nothing else. */
static int earlier(const void *a, const void *b) {
  const clusters_meeting *p = a, *q = b;
  if (p->theta != q->theta) return p->theta < q->theta ? -1 : 1;
  if (p->first != q->first) return p->first < q->first ? -1 : 1;
  return (p->second > q->second) - (p->second < q->second);
}

static size_t root(size_t *up, size_t row) {
  while (up[row] != row) row = up[row] = up[up[row]];
  return row;
}

/* Joins two roots; the smaller row stays, at the barycentre of both. */
static void join(clusters *c, size_t *up, double *x, size_t a, size_t b) {
  size_t keep = a < b ? a : b, gone = a < b ? b : a;
  up[gone] = keep;
  double total = c->masses[a] + c->masses[b], part = total > 0 ? c->masses[gone] / total : 0.5;
  for (size_t k = 0; k < c->d; k++) x[keep * c->d + k] += part * (x[gone * c->d + k] - x[keep * c->d + k]);
  c->masses[keep] = total;
  c->node[keep] = c->nodes++;
  c->count--;
}

/* Rows of roots move up to the front, in their order. */
static void close_ranks(clusters *c, size_t *up, double *x, size_t before) {
  size_t next = 0;
  for (size_t i = 0; i < c->tokens; i++) c->of[i] = root(up, c->of[i]);
  for (size_t row = 0; row < before; row++) {
    if (up[row] != row) continue;
    memmove(x + next * c->d, x + row * c->d, c->d * sizeof(double));
    c->masses[next] = c->masses[row];
    c->node[next] = c->node[row];
    up[row] = next++; /* from here on the new place; rows before are done with */
  }
  for (size_t i = 0; i < c->tokens; i++) c->of[i] = up[c->of[i]];
}

dwell_status clusters_merge(clusters *c, double *x, clusters_meeting *meetings, size_t count,
                            double (*log_time)(const void *arg, double theta), const void *arg, flow_history *history,
                            dwell_error *err) {
  size_t before = c->count, *up = MEM_NEW(size_t, before);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(up, "the clusters");
  for (size_t row = 0; row < before; row++) up[row] = row;
  qsort(meetings, count, sizeof *meetings, earlier);
  for (size_t m = 0; m < count; m++) {
    size_t a = root(up, meetings[m].first), b = root(up, meetings[m].second);
    if (a == b) continue;
    flow_merger merger = {log_time(arg, meetings[m].theta), c->node[a], c->node[b], c->masses[a] + c->masses[b],
                          c->count - 1};
    join(c, up, x, a, b);
    if (history != NULL) TRY(history_add_merger(history, &merger, err));
  }
  close_ranks(c, up, x, before);
  kernel_normalise(c->count, c->d, x, x);
done:
  mem_free(up);
  return status;
}

void clusters_expand(const clusters *c, const double *x, double *ret_x) {
  for (size_t i = 0; i < c->tokens; i++) memcpy(ret_x + i * c->d, x + c->of[i] * c->d, c->d * sizeof(double));
}
