/* figure/diagram.c - rows of phase diagrams by systems side by side. */
#include "figure/diagram.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/batch.h"
#include "flow/starts.h"

/* T(.999) is then right to 1e-4 of itself but for one start in 2000 (docs/figures.md): errors of the beginning grow on
 * the way through saddles, which is why the tolerance is ten times smaller; and pairs of a merged token are told
 * together, an error of the order of merge / sqrt(2 (1 - level)). */
static const double rtol = 1e-5, merge = 5e-5, level = 0.999;

enum { PAIRS = DIAGRAM_TOKENS * (DIAGRAM_TOKENS - 1) / 2, SEED = 2312 };

typedef struct passage {
  double t, pairs;
} passage;

typedef struct diagram {
  starts starts;
  double beta, until;
  double *change; /* [DIAGRAM_COLUMNS + 1] of the number of pairs, before each column's middle */
  double *above;  /* [starts] */
  double *half;   /* [starts] */
  passage passages[PAIRS];
} diagram;

static dwell_status start(void *self, size_t system, double *ret_x, double *ret_beta, dwell_error *err) {
  const diagram *g = self;
  *ret_beta = g->beta;
  return starts_make(&g->starts, SEED, (uint32_t)system, ret_x, err);
}

static void swap(passage *a, passage *b) {
  passage kept = *a;
  *a = *b, *b = kept;
}

/* The time at which `needed` > 0 of the pairs have come, without sorting all. */
static double time_of(passage *p, size_t count, double needed) {
  size_t low = 0, high = count;
  double pivot = 0;
  while (low < high) {
    size_t middle = low;
    double earlier = 0;
    pivot = p[low + (high - low) / 2].t;
    for (size_t i = low; i < high; i++)
      if (p[i].t < pivot) earlier += p[i].pairs, swap(&p[i], &p[middle++]);
    if (earlier >= needed) {
      high = middle;
      continue;
    }
    needed -= earlier, low = middle;
    for (size_t i = middle; i < high; i++)
      if (p[i].t <= pivot) needed -= p[i].pairs, swap(&p[i], &p[low++]);
    if (needed <= 0) break;
  }
  return pivot;
}

static void crossings(void *self, size_t system, size_t count, const double *times, const double *pairs) {
  diagram *g = self;
  double before = g->above[system], rate = DIAGRAM_COLUMNS / g->until;
  for (size_t e = 0; e < count; e++) {
    double column = ceil(times[e] * rate - 0.5);
    g->change[column < 0 ? 0 : column > DIAGRAM_COLUMNS ? DIAGRAM_COLUMNS : (size_t)column] += pairs[e];
    g->above[system] += pairs[e];
  }
  if (g->above[system] < PAIRS / 2.0 || !isnan(g->half[system])) return;
  for (size_t e = 0; e < count; e++) g->passages[e] = (passage){times[e], pairs[e]};
  g->half[system] = time_of(g->passages, count, PAIRS / 2.0 - before);
}

static void conclude(const diagram *g, size_t count, diagram_row *ret_row) {
  double sum = 0, missing = 0, pairs = 0;
  for (size_t s = 0; s < count; s++) {
    if (isnan(g->half[s])) missing++;
    else sum += g->half[s];
  }
  for (size_t c = 0; c < DIAGRAM_COLUMNS; c++) {
    pairs += g->change[c];
    ret_row->share[c] = pairs / (PAIRS * (double)count);
  }
  ret_row->never = missing / (double)count;
  ret_row->half = missing < (double)count ? sum / ((double)count - missing) : 0;
}

dwell_status diagram_compute(const dwell_context *opt_ctx, size_t d, double beta, size_t count, double until,
                             diagram_row *ret_row, dwell_error *err) {
  dwell_status status = DWELL_OK;
  diagram g = {.beta = beta, .until = until};
  batch_host host = {start, crossings, &g};
  g.change = MEM_ZERO(double, DIAGRAM_COLUMNS + 1);
  g.above = MEM_ZERO(double, count);
  g.half = MEM_NEW(double, count);
  if (g.change == NULL || g.above == NULL || g.half == NULL) TRY_ALLOC(NULL, "a phase diagram");
  for (size_t s = 0; s < count; s++) g.half[s] = NAN;
  TRY(starts_open("uniform", DIAGRAM_TOKENS, d, &g.starts, err));
  if (d > DIAGRAM_TOKENS) TRY(starts_reduce(&g.starts, err));
  batch_options options = {DIAGRAM_TOKENS, g.starts.d, until, level, rtol, merge, NULL};
  TRY(batch_run(&options, count, &host, opt_ctx, NULL, err));
  conclude(&g, count, ret_row);
done:
  starts_close(&g.starts);
  mem_free(g.change);
  mem_free(g.above);
  mem_free(g.half);
  return status;
}
